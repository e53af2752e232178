"""Publishing, end to end: what lies under the stable keys, and that nothing is ever paid for it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.clouds import BUCKET, PERMANENT, REGION, CloudProject, cloud
from tests.conftest import SETTINGS, Folder
from tests.s3 import S3Server, s3_store

KEYS = SETTINGS.replace("format: mp3", "format: mp3, publish: 'music/${asset.path}.${format}'")


@pytest.fixture
def published(project: Folder) -> Folder:
    project.settings(KEYS)
    return project


def lies(project: Folder) -> dict[str, bytes]:
    """Key → content of what was published."""
    bucket = project.root / ".mpsjobs" / "store" / "local-1250000000"
    files = [file for file in bucket.rglob("*") if file.is_file()]
    keys = {file.relative_to(bucket).as_posix(): file for file in files}
    return {
        key: file.read_bytes()
        for key, file in keys.items()
        if key.split("/")[0] not in {"takes", "receipts", "references"}
    }


def state_of(project: Folder) -> Any:
    return json.loads((project.root / "mpsjobs.state.json").read_text(encoding="utf-8"))


def takes(project: Folder, address: str) -> dict[int, bytes]:
    """Number → content of the takes of an asset."""
    state = state_of(project)
    bucket = project.root / ".mpsjobs" / "store" / "local-1250000000"
    pool = state["takes"][state["assets"][address]["fingerprint"]]
    return {take["take"]: (bucket / take["outputs"][0]["key"]).read_bytes() for take in pool["takes"]}


def apply(project: Folder, *arguments: str) -> Any:
    """Apply, and its summary."""
    ran = project("apply", "--auto-approve", "--json", *arguments)
    assert ran.code == 0, ran.out + ran.err
    assert project("plan", "--detailed-exitcode").code == 0
    return ran.events()[-1]


def test_what_is_generated_lies_under_its_key_and_the_outputs_say_so(published: Folder) -> None:
    duet = "{prompt: Two, model: Mureka, version: song_9, format: null, additional_parameters: {n: 2}}"
    published.write(a=f"group: level1\nassets: {{menu: Warm, duet: {duet}}}\n")
    assert apply(published)["published"] == 2
    found = lies(published)
    assert set(found) == {"music/level1/menu.mp3", "music/level1/duet.mp3", "music/level1/duet-2.mp3"}
    assert found["music/level1/menu.mp3"] == takes(published, "level1.menu")[1]
    assert found["music/level1/duet.mp3"] == takes(published, "level1.duet")[1]
    (told,) = published("output", "--json").json()["outputs"]["level1.menu"]["published"]
    assert (told["key"], told["take"]) == ("music/level1/menu.mp3", 1)
    shown = published("state", "show", "level1.menu").out
    assert "music/level1/menu.mp3" in shown
    assert "published    music/level1/menu.mp3 (take 1)" in published("show", "level1.menu").out


def test_publishing_what_is_there_already_is_free(project: Folder) -> None:
    project.write(a="assets: {menu: Warm}\n")
    apply(project)
    bill = project.bill()
    project.settings(KEYS)
    assert project.kinds() == {"menu": "update"}
    apply(project)
    assert set(lies(project)) == {"music/menu.mp3"}
    assert project.bill() == bill


def test_another_pick_is_published_for_free(published: Folder) -> None:
    published.write(a="assets: {menu: {prompt: Warm, takes: 2}}\n")
    apply(published)
    bill, made = published.bill(), takes(published, "menu")
    assert lies(published) == {"music/menu.mp3": made[1]}
    published.write(a="assets: {menu: {prompt: Warm, takes: 2, pick: 2}}\n")
    plan = published("plan")
    assert '~ publish = "music/menu.mp3 (take [-1-]{+2+})"' in plan.out
    assert "1 to update. Nothing to pay." in plan.out
    apply(published)
    assert lies(published) == {"music/menu.mp3": made[2]}
    assert published.bill() == bill


def test_a_rename_publishes_under_the_new_key_and_the_old_one_can_still_be_read(published: Folder) -> None:
    published.write(a="assets: {menu: Warm}\n")
    apply(published)
    bill, (content,) = published.bill(), lies(published).values()
    published.write(a="assets: {intro: Warm}\n")
    assert "1 to move. Nothing to pay." in published("plan").out
    summary = apply(published)
    assert (summary["submitted"], summary["published"]) == (0, 1)
    assert lies(published) == {"music/menu.mp3": content, "music/intro.mp3": content}
    assert published.bill() == bill
    state = state_of(published)
    assert [each["key"] for each in state["superseded"].values()] == ["music/menu.mp3"]
    assert [each["key"] for each in state["assets"]["intro"]["published"]] == ["music/intro.mp3"]


def test_a_new_sound_takes_the_key_over_only_when_its_take_is_there(published: Folder) -> None:
    published.write(a="assets: {menu: Warm}\n")
    apply(published)
    before = lies(published)
    published.write(a="assets: {menu: Cold}\n")
    assert published("apply", "--auto-approve", "--detach").code == 0
    assert lies(published) == before
    assert published("wait").code == 0
    assert lies(published) == {"music/menu.mp3": takes(published, "menu")[1]} != before
    published.write(a="assets: {menu: Warm}\n")
    assert published.kinds() == {"menu": "restore"}
    bill = published.bill()
    apply(published)
    assert lies(published) == before
    assert published.bill() == bill


def test_a_refused_sound_leaves_what_is_published(published: Folder) -> None:
    published.write(a="assets: {menu: Warm}\n")
    apply(published)
    before = lies(published)
    published.write(a="assets: {menu: mpsblockedword}\n")
    assert published("apply", "--auto-approve").code == 3
    assert lies(published) == before
    assert [each["key"] for each in state_of(published)["assets"]["menu"]["published"]] == ["music/menu.mp3"]


def test_retired_and_unpublished_assets_leave_their_objects_readable(published: Folder) -> None:
    published.write(a="assets: {menu: Warm, boss: Dark}\n")
    apply(published)
    before, bill = lies(published), published.bill()
    published.write(a="assets: {menu: {prompt: Warm, publish: null}}\n")
    assert published.kinds() == {"menu": "update", "boss": "retire"}
    apply(published)
    assert lies(published) == before
    state = state_of(published)
    assert {each["key"] for each in state["superseded"].values()} == set(before)
    assert state["assets"]["menu"]["published"] is None
    published.write(a="assets: {menu: Warm, boss: Dark}\n")
    apply(published)
    assert state_of(published)["superseded"] == {}
    assert published.bill() == bill


def test_only_what_is_picked_is_published_where_that_is_wanted(published: Folder) -> None:
    published.write(a="assets: {menu: {prompt: Warm, publish_when: picked}}\n")
    apply(published)
    assert lies(published) == {}
    assert "take 1 is published when it is picked" in published("plan").out
    published.write(a="assets: {menu: {prompt: Warm, publish_when: picked, pick: 1}}\n")
    apply(published)
    assert lies(published) == {"music/menu.mp3": takes(published, "menu")[1]}


def test_once_a_take_was_picked_no_new_one_is_published_unheard(published: Folder) -> None:
    published.write(a="assets: {menu: Warm}\n")
    apply(published)
    before = lies(published)
    published.write(a="assets: {menu: {prompt: Warm, pick: 1}}\n")
    apply(published)
    published.write(a="assets: {menu: Cold}\n")
    apply(published)
    assert lies(published) == before
    assert "take 1 of before stays under its key" in " ".join(published("plan").out.split())
    published.write(a="assets: {menu: {prompt: Cold, pick: 1}}\n")
    apply(published)
    assert lies(published) == {"music/menu.mp3": takes(published, "menu")[1]} != before


def test_two_assets_that_swap_their_keys_end_up_right(published: Folder) -> None:
    published.write(a="assets: {a: {prompt: A, publish: x.mp3}, b: {prompt: B, publish: y.mp3}}\n")
    apply(published)
    before = lies(published)
    published.write(a="assets: {a: {prompt: A, publish: y.mp3}, b: {prompt: B, publish: x.mp3}}\n")
    apply(published)
    assert lies(published) == {"x.mp3": before["y.mp3"], "y.mp3": before["x.mp3"]}


def test_a_key_that_was_lent_to_another_asset_gets_its_own_take_back(published: Folder) -> None:
    waits = "{prompt: A, publish: %s.mp3, publish_when: picked%s}"
    published.write(a=f"assets: {{a: {waits % ('x', ', pick: 1')}, b: {{prompt: B, publish: y.mp3}}}}\n")
    apply(published)
    own = lies(published)["x.mp3"]
    published.write(a=f"assets: {{a: {waits % ('z', '')}, b: {{prompt: B, publish: x.mp3}}}}\n")
    apply(published)
    assert lies(published)["x.mp3"] != own
    published.write(a=f"assets: {{a: {waits % ('x', ', pick: 1')}, b: {{prompt: B, publish: y.mp3}}}}\n")
    apply(published)
    assert lies(published)["x.mp3"] == own


def test_one_key_that_cannot_be_written_keeps_no_other_from_being_published(published: Folder) -> None:
    blocked = published.root / ".mpsjobs" / "store" / "local-1250000000" / "blocked"
    blocked.parent.mkdir(parents=True)
    blocked.write_bytes(b"a file, not a folder")
    published.write(a="assets: {a: {prompt: A, publish: blocked/a.mp3}, b: B}\n")
    ran = published("apply", "--auto-approve")
    assert ran.code == 3
    assert "a: failed: NotPublished: take 1 is there and cannot be published" in ran.err
    assert {"music/b.mp3"} < set(lies(published))
    bill = published.bill()
    assert len(bill) == 2
    assert published.kinds() == {"a": "update", "b": "keep"}
    blocked.unlink()
    apply(published)
    assert set(lies(published)) == {"blocked/a.mp3", "music/b.mp3"}
    assert published.bill() == bill


def test_an_output_that_was_changed_in_the_store_is_not_published(published: Folder) -> None:
    published.settings(SETTINGS)
    published.write(a="assets: {menu: Warm}\n")
    apply(published)
    bucket = published.root / ".mpsjobs" / "store" / "local-1250000000"
    (output,) = (bucket / "takes").rglob("*.mp3")
    output.write_bytes(b"something else")
    published.settings(KEYS.replace("download: audio/\n", ""))
    ran = published("apply", "--auto-approve")
    assert ran.code == 3
    assert "is not what was recorded" in ran.err
    assert lies(published) == {}


def test_a_saved_plan_publishes_what_it_says(published: Folder) -> None:
    published.settings(SETTINGS)
    published.write(a="assets: {menu: Warm}\n")
    apply(published)
    published.settings(KEYS)
    file = str(published.root / "saved.plan")
    assert published("plan", "--out", file).code == 0
    published.settings(KEYS.replace("music/", "sounds/"))
    ran = published("apply", file)
    assert ran.code == 1
    assert "its published key has changed" in ran.err
    published.settings(KEYS)
    assert published("apply", file).code == 0
    assert set(lies(published)) == {"music/menu.mp3"}
    assert published("apply", file).code == 0


def test_what_assets_have_left_is_deleted_only_by_gc_published_and_only_what_is_ours(
    published: Folder,
) -> None:
    published.write(a="assets: {a: A, b: B, c: C, d: D}\n")
    apply(published)
    published.settings(KEYS.replace("music/", "sounds/"))
    apply(published)
    bucket = published.root / ".mpsjobs" / "store" / "local-1250000000"
    (bucket / "music" / "b.mp3").write_bytes(b"somebody else's")
    (bucket / "music" / "c.mp3").unlink()
    published.write(a="assets: {a: A, b: B, c: C, d: {prompt: D, publish: music/d.mp3}}\n")
    apply(published)  # so music/d.mp3 is in use again, and sounds/d.mp3 is not
    before, bill = lies(published), published.bill()
    now = ("gc", "--published", "--older-than", "0s")
    assert published("gc", "--published", "--auto-approve").out == "There is nothing to delete.\n"
    assert "--auto-approve" in published(*now).err
    dry = published(*now, "--dry-run", "--json").json()
    assert [each["key"] for each in dry["published"]] == [
        "music/a.mp3",
        "music/b.mp3",
        "music/c.mp3",
        "sounds/d.mp3",
    ]
    assert dry["deleted"] is None
    assert lies(published) == before
    ran = published(*now, "--auto-approve", "--json").json()
    assert ran["deleted"] == ["music/a.mp3", "music/c.mp3", "sounds/d.mp3"]
    assert ran["left_alone"] == ["music/b.mp3"]
    assert set(lies(published)) == {"music/b.mp3", "music/d.mp3", *(f"sounds/{name}.mp3" for name in "abc")}
    assert published(*now, "--auto-approve").out == "There is nothing to delete.\n"
    assert set(published.kinds().values()) == {"keep"}
    assert published.bill() == bill
    assert "left under local-1250000000/music/a.mp3 is gone" in published("history", "a").out


def test_gc_published_leaves_what_another_environment_publishes(published: Folder) -> None:
    published.settings(KEYS + "environments: {dev: {}}\n")
    published.write(a="assets: {a: A}\n")
    apply(published)
    assert published("--env", "dev", "apply", "--auto-approve").code == 0
    published.settings(KEYS.replace("music/", "sounds/") + "environments: {dev: {}}\n")
    apply(published)
    now = ("gc", "--published", "--older-than", "0s", "--auto-approve")
    assert published(*now).out == "There is nothing to delete.\n"
    assert published("--env", "dev", "apply", "--auto-approve").code == 0
    assert published(*now).out.endswith("0 objects deleted.\n"), "dev has put its own there"
    assert published("--env", "dev", *now).out.endswith("1 object deleted.\n")
    assert set(lies(published)) == {"sounds/a.mp3"}


def test_published_in_a_bucket_the_objects_say_where_they_come_from(
    tmp_path: Path, s3_server: S3Server
) -> None:
    project = CloudProject(tmp_path / "project", PERMANENT)
    project.root.mkdir()
    project.specs("assets: {menu: {prompt: Warm, takes: 2}}\n")
    with cloud(tmp_path / "cloud", s3_server, PERMANENT) as emulator:
        settings = emulator.settings().replace(
            "format: mp3", "format: mp3, publish: 'music/${asset.path}.${format}'"
        )
        project.settings(settings)
        project.apply()
        bill = emulator.bill()
        client = s3_store(s3_server.url)._client(REGION)

        def take_at(key: str) -> tuple[str, str, str]:
            head = client.head_object(Bucket=BUCKET, Key=key)
            marks = head["Metadata"]
            assert head["ContentType"] == "audio/mpeg"
            assert marks["fingerprint"].startswith("f1:")
            assert marks["task-id"] in bill
            assert len(marks["sha256"]) == 64
            return marks["address"], marks["take"], marks["attempt-id"]

        first = take_at("audio/music/menu.mp3")
        assert first[:2] == ("menu", "1")
        project.specs("assets: {intro: {prompt: Warm, takes: 2, pick: 2}}\n")
        assert project.kinds() == {"move"}
        project.apply()
        assert take_at("audio/music/intro.mp3")[:2] == ("intro", "2")
        assert take_at("audio/music/menu.mp3") == first
        assert project.kinds() == {"keep"}
        assert emulator.bill() == bill
        (told,) = project("output", "--json").json()["outputs"]["intro"]["published"]
        assert emulator.objects()[told["key"]][0] > 0
        assert (told["bucket"], told["region"], told["take"]) == (BUCKET, REGION, 2)
