"""Environments and promotion on the embedded emulator: what is made in one is copied to another, and paid for once."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from mpsjobs.model.ports import ObjectRef
from tests.cli.clouds import PERMANENT, REGION, a_project, cloud
from tests.conftest import SETTINGS, Folder
from tests.s3 import S3Server, s3_store

ENVIRONMENTS = f"""{SETTINGS}environments:
  dev: {{}}
  prod: {{reuse_from: [dev], store: {{prefix: game}}}}
  shop: {{reuse_from: [prod, dev], policy: {{generate: false}}}}
"""
ONE = "assets: {a: Warm theme}\n"


@pytest.fixture
def two(project: Folder) -> Folder:
    project.settings(ENVIRONMENTS)
    project.write(music="assets:\n  a: Warm theme\n  b: {prompt: Dark drums, takes: 3, pick: 2}\n")
    return project


def apply(project: Folder, environment: str, *more: str) -> int:
    return project("apply", "--env", environment, "--auto-approve", *more).code


def state(project: Folder, environment: str) -> dict[str, Any]:
    text = (project.root / f"mpsjobs.{environment}.state.json").read_text()
    document: dict[str, Any] = json.loads(text)
    return document


def takes(project: Folder, environment: str) -> list[dict[str, Any]]:
    return [take for pool in state(project, environment)["takes"].values() for take in pool["takes"]]


def used(project: Folder, environment: str, address: str) -> int:
    outputs = project("output", "--env", environment, "--json").json()["outputs"]
    return int(outputs[address]["take"])


def plan(project: Folder, environment: str) -> dict[str, Any]:
    document: dict[str, Any] = project("plan", "--env", environment, "--json").json()
    return document


def test_what_dev_has_made_is_copied_to_prod_and_not_paid_for_again(two: Folder) -> None:
    assert apply(two, "dev") == 0
    bill = two.bill()
    assert len(bill) == 4
    planned = plan(two, "prod")
    assert {change["kind"] for change in planned["changes"]} == {"restore"}
    assert planned["summary"]["generations"] == 0
    assert not planned["risks"]
    assert apply(two, "prod") == 0
    assert two.bill() == bill
    assert {each["kind"] for each in plan(two, "prod")["changes"]} == {"keep"}
    assert {record["status"] for record in state(two, "prod")["assets"].values()} == {"ready"}
    there = {(take["attempt_id"], take["take"], take["task_id"]) for take in takes(two, "dev")}
    assert {(t["origin_attempt"], t["take"], t["task_id"]) for t in takes(two, "prod")} == there
    assert {take["origin_environment"] for take in takes(two, "prod")} == {"dev"}


def test_copies_lie_in_places_of_their_own_and_sound_the_same(two: Folder) -> None:
    apply(two, "dev")
    apply(two, "prod")
    for name in ("a.mp3", "b.mp3"):
        assert (two.root / "audio/prod" / name).read_bytes() == (two.root / "audio/dev" / name).read_bytes()
    store = two.root / ".mpsjobs/store/local-1250000000"
    for take in takes(two, "prod"):
        for output in take["outputs"]:
            assert output["key"].startswith(f"game/takes/{take['attempt_id']}/")
            assert (store / output["key"]).stat().st_size == output["size"]


def test_a_pick_in_the_specs_is_the_same_take_in_both(two: Folder) -> None:
    apply(two, "dev")
    apply(two, "prod")
    assert used(two, "dev", "b") == used(two, "prod", "b") == 2


def test_the_take_that_dev_uses_is_used_where_nobody_picks_one(two: Folder) -> None:
    apply(two, "dev")
    two.write(music="assets:\n  b: {prompt: Dark drums, takes: 3}\n")  # the pick is dev's own affair
    apply(two, "prod")
    assert len(takes(two, "prod")) == 3
    assert used(two, "prod", "b") == 2
    assert two("plan", "--env", "prod", "--detailed-exitcode").code == 0
    two.write(music="assets:\n  b: {prompt: Dark drums, takes: 3, pick: 1}\n")
    apply(two, "prod")
    assert used(two, "prod", "b") == 1


def test_a_picked_take_is_copied_even_when_there_are_enough(two: Folder) -> None:
    two.write(music=ONE)
    apply(two, "dev")
    apply(two, "prod")
    two.write(music="assets: {a: {prompt: Warm theme, takes: 2, pick: 2}}\n")
    apply(two, "dev")
    two.write(music="assets: {a: {prompt: Warm theme, pick: 2}}\n")
    bill = two.bill()
    assert apply(two, "prod") == 0
    assert (used(two, "prod", "a"), two.bill()) == (2, bill)


def test_where_only_some_takes_are_ready_the_rest_is_bought(two: Folder) -> None:
    two.write(music=ONE)
    apply(two, "dev")
    two.write(music="assets: {a: {prompt: Warm theme, takes: 3}, c: {prompt: Warm theme, takes: 2}}\n")
    (first, second) = plan(two, "prod")["changes"]
    assert (first["kind"], first["generations"]) == ("generate", 2)
    assert first["message"] == "copied from dev, free: take 1"
    assert second["generations"] == 0
    assert apply(two, "prod") == 0
    assert len(two.bill()) == 3
    assert sorted(take["take"] for take in takes(two, "prod")) == [1, 2, 3]
    assert {each["kind"] for each in plan(two, "prod")["changes"]} == {"keep"}


def test_assets_of_one_sound_share_the_copy(two: Folder) -> None:
    two.write(music="assets: {a: Warm theme, b: Warm theme}\n")
    apply(two, "dev")
    assert [each["kind"] for each in plan(two, "prod")["changes"]] == ["restore", "restore"]
    assert apply(two, "prod") == 0
    assert len(takes(two, "prod")) == 1
    assert (two.root / "audio/prod/b.mp3").is_file()


def test_what_is_made_from_a_copy_is_bought_after_it_has_come(two: Folder) -> None:
    two.write(music=ONE)
    apply(two, "dev")
    two.write(music="assets: {a: Warm theme, b: {prompt: Cover, reference_audio: {asset: a}}}\n")
    planned = plan(two, "prod")
    assert [(each["kind"], each["generations"]) for each in planned["changes"]] == [
        ("restore", 0),
        ("generate", 1),
    ]
    assert apply(two, "prod") == 0
    assert len(two.bill()) == 2
    (cover,) = (take for take in takes(two, "prod") if take["origin_attempt"] is None)
    (theme,) = (take for take in takes(two, "prod") if take["origin_attempt"])
    assert [each["sha256"] for each in cover["inputs"]] == [each["sha256"] for each in theme["outputs"]]
    assert apply(two, "dev") == 0
    assert len(two.bill()) == 3
    assert not plan(two, "shop")["summary"]["generations"]


def test_a_copy_that_fails_keeps_back_what_would_be_made_from_it(two: Folder) -> None:
    two.write(music=ONE)
    apply(two, "dev")
    (output,) = takes(two, "dev")[0]["outputs"]
    (two.root / ".mpsjobs/store/local-1250000000" / output["key"]).unlink()
    two.write(music="assets: {a: Warm theme, b: {prompt: Cover, reference_audio: {asset: a}}}\n")
    assert apply(two, "prod") == 3
    assert len(two.bill()) == 1


def test_a_copy_of_a_copy_is_one_take_of_one_task(two: Folder) -> None:
    two.write(music="assets: {a: {prompt: Warm theme, takes: 2}}\n")
    apply(two, "dev")
    apply(two, "prod")
    assert apply(two, "shop") == 0
    assert {take["origin_environment"] for take in takes(two, "shop")} == {"prod"}
    roots = {take["attempt_id"] for take in takes(two, "dev")}
    assert {take["origin_attempt"] for take in takes(two, "shop")} == roots
    assert len(two.bill()) == 2


def test_an_environment_that_buys_nothing_refuses_in_the_plan_and_says_where_from(two: Folder) -> None:
    apply(two, "dev")
    two.write(more="assets: {c: Something new}\n")
    ran = two("plan", "--env", "shop")
    assert ran.code == 1
    assert "1 asset would have to be bought" in ran.err
    assert "Not ready in prod or dev: c." in ran.err
    assert "mpsjobs --env prod apply" in ran.err
    assert apply(two, "shop") == 1
    assert len(two.bill()) == 4
    (two.root / "specs/more.yaml").unlink()
    assert apply(two, "shop") == 0
    assert len(two.bill()) == 4


def test_what_dev_is_making_just_now_is_a_risk(two: Folder) -> None:
    two.write(music=ONE)
    two.settings(ENVIRONMENTS.replace("speed: 1000", "speed: 1"))
    assert apply(two, "dev", "--detach") == 0
    planned = plan(two, "prod")
    assert [(change["address"], change["kind"]) for change in planned["changes"]] == [("a", "generate")]
    assert [risk["summary"] for risk in planned["risks"]] == [
        "dev is generating it now; wait for that and plan again, or it is bought twice"
    ]


def test_a_take_that_was_rejected_or_is_gone_there_is_not_silently_bought(two: Folder) -> None:
    two.write(music=ONE)
    apply(two, "dev")
    (output,) = takes(two, "dev")[0]["outputs"]
    (two.root / ".mpsjobs/store/local-1250000000" / output["key"]).write_bytes(b"something else")
    ran = two("apply", "--env", "prod", "--auto-approve")
    assert ran.code == 3
    assert "NotCopied" in ran.err
    assert "is not what was recorded" in ran.err
    assert len(two.bill()) == 1


def test_a_new_take_is_bought_where_replacement_is_asked_for(two: Folder) -> None:
    two.write(music=ONE)
    apply(two, "dev")
    apply(two, "prod")
    assert apply(two, "prod", "--replace", "a") == 0
    assert len(two.bill()) == 2
    assert used(two, "prod", "a") == 2
    assert used(two, "dev", "a") == 1


def test_each_environment_has_a_state_of_its_own_and_the_base_one_too(two: Folder) -> None:
    two.write(music=ONE)
    apply(two, "dev")
    assert two("state", "list", "--env", "dev").out.startswith("ADDRESS")
    assert not two("state", "list").out
    assert not two("state", "list", "--env", "prod").out
    assert apply(two, "default") == 0
    assert (two.root / "mpsjobs.state.json").is_file()
    assert len(two.bill()) == 2


def test_a_lost_state_is_rebuilt_with_its_copies_and_not_with_those_of_others(two: Folder) -> None:
    apply(two, "dev")
    apply(two, "prod")
    before = takes(two, "prod")
    for file in two.root.glob("mpsjobs.prod.state.json*"):
        file.unlink()
    assert two("state", "rebuild", "--env", "prod").code == 0
    assert takes(two, "prod") == before
    assert apply(two, "prod") == 0
    assert {each["kind"] for each in plan(two, "prod")["changes"]} == {"keep"}
    assert len(two.bill()) == 4
    assert used(two, "prod", "b") == 2


def test_a_saved_plan_is_refused_in_another_environment(two: Folder, tmp_path: Path) -> None:
    file = str(tmp_path / "plan")
    assert two("plan", "--env", "dev", "--out", file).code == 0
    ran = two("apply", "--env", "prod", "--auto-approve", file)
    assert ran.code == 1
    assert "It was made for dev; this is prod." in ran.err
    assert not two.bill()
    assert two("apply", "--env", "dev", "--auto-approve", file).code == 0


def test_an_environment_is_named_before_or_after_the_command_or_by_a_variable(
    two: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (
        ("--env", "dev", "plan"),
        ("plan", "--env", "dev"),
        ("--env", "prod", "plan", "--env", "dev"),
    ):
        assert "(environment dev, emulator)" in two(*words).out
    monkeypatch.setenv("MPSJOBS_ENV", "dev")
    assert "(environment dev, emulator)" in two("plan").out
    assert "(environment prod, emulator)" in two("plan", "--env", "prod").out
    assert ", environment dev\n" in two("show").out
    assert two("output", "--json").json()["environment"] == "dev"
    assert two("plan", "--env", "default", "--json").json()["environment"] == "default"


def test_an_unknown_environment_is_told_with_those_that_there_are(two: Folder) -> None:
    for words in (("plan",), ("apply", "--auto-approve"), ("state", "list"), ("output",), ("validate",)):
        ran = two(*words, "--env", "prdo")
        assert ran.code == 1
        assert 'There is no environment "prdo"' in ran.err
        assert 'Did you mean "prod"?' in ran.err


def test_environments_of_another_realm_give_nothing(two: Folder) -> None:
    two.settings(ENVIRONMENTS.replace("dev: {}", "dev: {provider: {account: other}}"))
    two.write(music=ONE)
    apply(two, "dev")
    planned = plan(two, "prod")
    assert [change["kind"] for change in planned["changes"]] == ["generate"]
    assert "Nothing is copied from the environment dev" in {d["summary"] for d in planned["diagnostics"]}


def test_the_base_can_be_copied_from_so_that_a_project_grows_environments(project: Folder) -> None:
    project.write(music=ONE)
    assert project("apply", "--auto-approve").code == 0
    project.settings(f"{SETTINGS}environments: {{dev: {{reuse_from: [default]}}}}\n")
    assert apply(project, "dev") == 0
    assert len(project.bill()) == 1
    assert used(project, "dev", "a") == 1


def test_takes_are_copied_from_one_bucket_to_another(tmp_path: Path, s3_server: S3Server) -> None:
    project = a_project(tmp_path, PERMANENT)
    with cloud(tmp_path / "cloud", s3_server, PERMANENT) as emulator:
        other = "game-1250000000"
        request = urllib.request.Request(f"{s3_server.url}/{other}", method="PUT")
        urllib.request.urlopen(request, timeout=10).close()
        blocks = f"environments:\n  dev: {{}}\n  prod: {{reuse_from: [dev], store: {{bucket: {other}, prefix: live}}}}\n"
        project.settings(emulator.settings(more=blocks))
        assert project("--env", "dev", "apply", "--auto-approve").code == 0
        bill = emulator.bill()
        ran = project("--env", "prod", "apply", "--auto-approve")
        assert ran.code == 0, ran.err
        assert emulator.bill() == bill
        store = s3_store(s3_server.url)
        there = list(store.list(ObjectRef(other, REGION, "live/takes/")))
        assert len(there) == 7
    recorded = json.loads((project.root / "mpsjobs.prod.state.json").read_text())["takes"]
    outputs = [each for pool in recorded.values() for take in pool["takes"] for each in take["outputs"]]
    assert {(o["key"], o["size"], o["etag"]) for o in outputs} == {(o.ref.key, o.size, o.etag) for o in there}
    assert {o["bucket"] for o in outputs} == {other}
