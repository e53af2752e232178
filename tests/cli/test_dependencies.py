"""Assets made from other assets: what is sent when, what is paid, and what is remembered."""

import json
from pathlib import Path
from typing import Any
from urllib.request import url2pathname, urlopen

import numpy as np
import soundfile

from tests.conftest import SETTINGS, Folder

SPEC = """\
assets:
  theme: A theme
  cover: {prompt: A cover, reference_audio: {asset: theme}}
  medley: {prompt: A medley, reference_audio: [{asset: theme}, {asset: cover}]}
"""


def state(project: Folder) -> Any:
    return json.loads((project.root / "mpsjobs.state.json").read_text())


def takes_of(project: Folder, address: str) -> list[Any]:
    found = state(project)
    takes: list[Any] = found["takes"][found["assets"][address]["fingerprint"]]["takes"]
    return takes


def prompts(project: Folder) -> list[str]:
    return [task["request"]["Prompt"] for task in project.ledger()]


def audio_urls(project: Folder) -> dict[str, list[str]]:
    return {
        task["request"]["Prompt"]: [info["AudioUrl"] for info in task["request"].get("AudioInfos", [])]
        for task in project.ledger()
    }


def apply(project: Folder, *more: str, code: int = 0) -> str:
    ran = project("apply", "--auto-approve", *more)
    assert ran.code == code, ran.err
    return ran.out + ran.err


def test_each_is_sent_once_after_what_it_is_made_from_with_a_url_to_that_very_file(project: Folder) -> None:
    project.write(music=SPEC)
    apply(project)
    assert prompts(project) == ["A theme", "A cover", "A medley"]
    urls = audio_urls(project)
    theme, cover = (takes_of(project, address)[0] for address in ("theme", "cover"))
    assert [
        Path(url2pathname(url.removeprefix("file:"))).as_posix().endswith(take["outputs"][0]["key"])
        for url, take in zip(urls["A medley"], (theme, cover), strict=True)
    ] == [True, True]
    with urlopen(urls["A cover"][0], timeout=10) as answer:
        assert len(answer.read()) == theme["outputs"][0]["size"]


def test_a_take_tells_what_it_was_made_from_and_never_by_a_url(project: Folder) -> None:
    project.write(music=SPEC)
    apply(project)
    theme, cover, medley = (takes_of(project, address)[0] for address in ("theme", "cover", "medley"))
    known = state(project)["assets"]
    as_input = {
        "asset": "theme",
        "fingerprint": known["theme"]["fingerprint"],
        "take": 1,
        "sha256": theme["outputs"][0]["sha256"],
    }
    assert cover["inputs"] == [as_input]
    assert [each["asset"] for each in medley["inputs"]] == ["theme", "cover"]
    assert theme["inputs"] == []
    shown = project("state", "show", "cover", "--json").json()
    assert shown["takes"][0]["inputs"] == [as_input]
    assert "medley#1 was made from theme#1, cover#1" in project("show", "medley").out
    assert "file:" not in json.dumps(state(project))
    assert project("plan", "--detailed-exitcode").code == 0


def test_a_changed_theme_makes_new_covers_and_a_renamed_one_does_not(project: Folder) -> None:
    project.write(music=SPEC)
    apply(project)
    project.write(music=SPEC.replace("theme:", "motif:").replace("asset: theme", "asset: motif"))
    assert project.kinds() == {"motif": "move", "cover": "keep", "medley": "keep"}
    project.write(music=SPEC.replace("A theme", "Another theme"))
    plan = project("plan", "--json").json()
    assert {c["address"]: c["kind"] for c in plan["changes"]} == dict.fromkeys(
        ("theme", "cover", "medley"), "regenerate"
    )
    cover, medley, _ = plan["changes"]
    assert cover["message"] == "depends on theme"
    assert medley["message"] == "depends on theme, cover"
    assert [reason["path"] for reason in cover["reasons"]] == ["reference_audio"]
    assert (cover["depends_on"], medley["depends_on"]) == (["theme"], ["theme", "cover"])
    apply(project)
    assert len(project.bill()) == 6
    project.write(music=SPEC)
    assert project.kinds() == dict.fromkeys(("theme", "cover", "medley"), "restore")


def test_changes_that_are_ignored_buy_nothing_whatever_else_is_free(project: Folder) -> None:
    spec = SPEC.replace("{asset: theme}}", "{asset: theme}, ignore_changes: [reference_audio, prompt]}")
    project.write(music=spec)
    apply(project)
    project.write(music=spec.replace("A theme", "Another theme").replace("A cover", "Another cover"))
    assert project.kinds() == {"theme": "regenerate", "cover": "keep", "medley": "regenerate"}
    renamed = (
        spec.replace("A cover", "Another cover")
        .replace("cover:", "encore:")
        .replace("asset: cover", "asset: encore")
    )
    project.write(music=renamed)
    assert project.kinds() == {"theme": "keep", "encore": "move", "medley": "keep"}
    apply(project)
    assert project("plan", "--detailed-exitcode").code == 0
    assert len(project.bill()) == 3
    project.write(
        music=renamed.replace("ignore_changes: [reference", "format: wav, ignore_changes: [reference")
    )
    assert project.kinds() == {"theme": "keep", "encore": "regenerate", "medley": "regenerate"}
    project.write(music=renamed)
    (change,) = (
        c
        for c in project("plan", "--replace", "encore", "--json").json()["changes"]
        if c["address"] == "encore"
    )
    assert change["fields"]["prompt"] == "Another cover"


def test_another_pick_of_the_theme_is_free_and_shown_as_a_risk(project: Folder) -> None:
    spec = SPEC.replace("theme: A theme", "theme: {prompt: A theme, takes: 2}")
    project.write(music=spec)
    apply(project)
    assert takes_of(project, "cover")[0]["inputs"][0]["take"] == 1
    project.write(music=spec.replace("takes: 2", "takes: 2, pick: 2"))
    plan = project("plan", "--json").json()
    assert plan["summary"]["generations"] == 0
    assert {risk["address"]: risk["summary"] for risk in plan["risks"]} == dict.fromkeys(
        ("cover", "medley"), "made from another take: take 1 of theme; now take 2 is used"
    )
    apply(project)
    assert len(project.bill()) == 4
    apply(project, "--replace", "cover", "--target", "cover")
    assert takes_of(project, "cover")[1]["inputs"][0]["take"] == 2


def test_the_pick_that_is_made_in_the_same_run_is_awaited(project: Folder) -> None:
    project.write(music=SPEC.replace("theme: A theme", "theme: {prompt: A theme, takes: 3, pick: 3}"))
    apply(project)
    assert takes_of(project, "cover")[0]["inputs"][0]["take"] == 3


def test_what_only_follows_is_sent_later_and_is_not_made_from_it(project: Folder) -> None:
    project.write(music="assets:\n  a: {prompt: second, depends_on: b}\n  b: first\n")
    apply(project)
    assert prompts(project) == ["first", "second"]
    assert takes_of(project, "a")[0]["inputs"] == []
    project.write(music="assets:\n  a: {prompt: second, depends_on: b}\n  b: changed\n")
    assert project.kinds() == {"a": "keep", "b": "regenerate"}


def test_what_needs_something_refused_is_not_sent_and_not_remembered(project: Folder) -> None:
    project.write(music=SPEC.replace("A theme", "mpsblockedword") + "  other: Else\n")
    told = apply(project, code=3)
    assert "not submitted: cover: waits for theme, which failed" in told
    assert (
        "not submitted: medley: waits for theme, which failed; waits for cover, which was not submitted"
        in told
    )
    assert prompts(project) == ["Else"]
    plan = project("plan", "--json").json()
    changes = {change["address"]: change for change in plan["changes"]}
    assert changes["cover"]["kind"] == "failed"
    assert changes["cover"]["message"] == "waits for theme, which has failed"
    assert plan["summary"]["generations"] == 0
    apply(project, code=3)
    project.write(music=SPEC + "  other: Else\n")
    apply(project)
    assert prompts(project) == ["Else", "A theme", "A cover", "A medley"]


def test_a_theme_that_fails_keeps_its_covers_as_they_are_until_it_is_there(project: Folder) -> None:
    project.write(music=SPEC)
    apply(project)
    cover = state(project)["assets"]["cover"]
    project.write(music=SPEC.replace("A theme", "mpsblockedword"))
    apply(project, code=3)
    assert state(project)["assets"]["cover"]["fingerprint"] == cover["fingerprint"]
    assert state(project)["assets"]["cover"]["status"] == "ready"


def test_detached_only_what_can_be_sent_is_sent_and_the_next_apply_goes_on(project: Folder) -> None:
    project.write(music=SPEC)
    told = apply(project, "--detach")
    assert "2 takes could not be submitted yet, waiting for others: apply again." in told
    assert prompts(project) == ["A theme"]
    apply(project, "--detach")
    apply(project)
    assert prompts(project) == ["A theme", "A cover", "A medley"]


def test_a_target_brings_what_it_needs(project: Folder) -> None:
    project.write(music=SPEC + "  other: Else\n")
    plan = project("plan", "--target", "cover", "--json").json()
    assert {c["address"]: c["message"] for c in plan["changes"]} == {
        "cover": None,
        "theme": "not selected, but cover needs it",
    }
    apply(project, "--target", "cover")
    assert prompts(project) == ["A theme", "A cover"]
    apply(project, "--target", "medley")
    assert len(project.bill()) == 3


def test_a_saved_plan_does_not_buy_a_need_that_it_does_not_name(project: Folder, tmp_path: Path) -> None:
    spec = "assets:\n  a: first\n  b: {prompt: second, depends_on: a}\n"
    project.write(music=spec.replace("  b: {prompt: second, depends_on: a}\n", ""))
    apply(project)
    project.write(music=spec)
    file = str(tmp_path / "plan")
    assert project("plan", "--out", file).code == 0
    project.write(music=spec.replace("first", "changed"))
    ran = project("apply", file)
    assert ran.code == 1
    assert "Saved plan is stale: a" in ran.err
    project.write(music=spec)
    assert project("apply", file).code == 0
    assert len(project.bill()) == 2


def test_the_limit_counts_all_that_follows(project: Folder) -> None:
    project.write(music=SPEC)
    ran = project("apply", "--auto-approve", "--max-generations", "2")
    assert ran.code == 1
    assert project.bill() == []
    assert project("apply", "--auto-approve", "--max-generations", "3").code == 0


def test_a_file_of_the_theme_that_is_gone_keeps_back_what_is_made_from_it_and_nothing_else(
    project: Folder,
) -> None:
    project.write(music=SPEC)
    apply(project, "--target", "theme")
    key = takes_of(project, "theme")[0]["outputs"][0]
    (project.root / ".mpsjobs" / "store" / key["bucket"] / key["key"]).unlink()
    project.write(music=SPEC + "  other: Another sound\n")
    ran = project("apply", "--auto-approve")
    assert ran.code == 3
    assert "Take 1 of theme is not in the store as it was recorded." in ran.err
    assert "mpsjobs apply --replace theme" in ran.err
    assert sorted(prompts(project)) == ["A theme", "Another sound"]
    assert project("state", "list").out.count("ready") == 2


def test_receipts_bring_back_what_takes_were_made_from(project: Folder) -> None:
    project.write(music=SPEC)
    apply(project)
    before = takes_of(project, "cover")[0]["inputs"]
    for file in project.root.glob("mpsjobs.state.json*"):
        file.unlink()
    assert project("state", "rebuild").code == 0
    assert takes_of(project, "cover")[0]["inputs"] == before
    assert project("plan", "--detailed-exitcode").code == 0


def test_the_emulator_makes_a_cover_from_the_very_file_of_its_theme(project: Folder) -> None:
    project.settings(SETTINGS.replace("audio: stub", "audio: short"))
    project.write(
        music="assets:\n  cover: {prompt: calm piano, reference_audio: {asset: theme}}\n  theme: calm piano\n"
    )
    apply(project)
    theme, cover = (soundfile.read(project.root / "audio" / f"{name}.mp3")[0] for name in ("theme", "cover"))
    count = 44_100
    alike = np.corrcoef(theme[2000:count, 0], cover[2000:count, 0])[0, 1]
    assert alike > 0.5
