"""Listening has consequences: pick, reject and approve, from the command line to what a build hears; and never a word lost in a file."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mpsjobs.cli.schema import printed_schema
from mpsjobs.deciding import Verdict
from mpsjobs.project import Project
from tests.cli.test_documents import check
from tests.conftest import SETTINGS, Folder

SPEC = """\
# the menus
assets:
  menu: {prompt: Warm, takes: 2}   # two to choose from
  boss:
    prompt: Dark
    pick: 1   # the director's
"""


@pytest.fixture
def applied(project: Folder) -> Folder:
    project.settings(SETTINGS.replace("format: mp3", "format: mp3, publish: 'music/${asset.path}.${format}'"))
    project.write(music=SPEC)
    assert project("apply", "--auto-approve").code == 0
    return project


def picks(project: Folder) -> str:
    file = project.root / "mpsjobs.picks.yaml"
    return file.read_text() if file.exists() else ""


def state(project: Folder) -> Any:
    return json.loads((project.root / "mpsjobs.state.json").read_text())


def takes(project: Folder, address: str) -> list[Any]:
    found = state(project)
    return list(found["takes"][found["assets"][address]["fingerprint"]]["takes"])


def ok(project: Folder, *arguments: str) -> str:
    ran = project(*arguments)
    assert ran.code == 0, ran.out + ran.err
    return ran.out


def test_from_a_pick_to_a_rejection_and_back(applied: Folder) -> None:
    bill = applied.bill()
    shown = ok(applied, "pick", "menu", "2")
    assert "+menu: {take: 2, fingerprint:" in shown
    assert "menu: take 2 is picked." in shown
    assert "Next: commit mpsjobs.picks.yaml" in shown
    assert applied.kinds() == {"boss": "keep", "menu": "update"}
    ok(applied, "apply", "--auto-approve")
    assert state(applied)["assets"]["menu"]["pick"] == 2
    assert state(applied)["assets"]["menu"]["published"][0]["take"] == 2
    assert applied.bill() == bill
    assert "decided already" in ok(applied, "pick", "menu", "2")

    ok(applied, "reject", "menu", "2")
    plan = applied("plan", "--json").json()
    assert (plan["summary"]["generate"], plan["summary"]["generations"]) == (1, 1)
    ok(applied, "apply", "--auto-approve")
    assert [each["rejected"] for each in takes(applied, "menu")] == [False, True, False]
    assert len(applied.bill()) == len(bill) + 1
    assert applied("plan", "--detailed-exitcode").code == 0
    refused = applied("pick", "menu", "2")
    assert refused.code == 1
    assert "mpsjobs reject --undo menu 2" in refused.err

    ok(applied, "reject", "--undo", "menu", "2")
    assert applied.kinds() == {"boss": "keep", "menu": "update"}
    ok(applied, "apply", "--auto-approve")
    assert not any(each["rejected"] for each in takes(applied, "menu"))
    told = ok(applied, "history", "menu")
    assert "take 2 rejected: it is never used again" in told
    assert "take 2 may be used again" in told


def test_those_who_decide_at_the_same_time_lose_nothing_of_each_other(applied: Folder) -> None:
    with ThreadPoolExecutor(
        4
    ) as threads:  # each with a project of its own, as two pages and a command have it
        for turn in range(3):
            verdicts = [Verdict(address, approved=turn != 1) for address in ("menu", "boss")]
            list(threads.map(lambda each: Project.open(applied.root).decide([each]), verdicts * 2))
            assert picks(applied).count("approved: true") == (0 if turn == 1 else 2)


def test_an_approved_asset_is_regenerated_only_after_a_yes(applied: Folder) -> None:
    assert "menu: take 1 is approved." in ok(applied, "approve", "menu")
    ok(applied, "apply", "--auto-approve")
    applied.write(music=SPEC.replace("Warm", "Cold"))
    refused = applied("apply", "--auto-approve")
    assert refused.code == 1
    assert "menu is approved, and would be regenerated" in refused.err
    assert "--allow-regenerate menu" in refused.err
    bill = applied.bill()
    saved = str(applied.root / "saved.plan")
    ok(applied, "plan", "--allow-regenerate", "menu", "--out", saved)
    ok(applied, "apply", saved)
    assert len(applied.bill()) == len(bill) + 2
    told = applied("plan")
    assert "notice[E1204]: What was decided about menu was about another sound" in told.err
    assert "mpsjobs pick menu NUMBER" in told.err
    ok(applied, "pick", "menu", "2")
    assert "E1204" not in applied("plan").err
    assert "approved" not in picks(applied)


def test_a_pick_in_a_spec_is_changed_there_with_all_comments_kept(applied: Folder) -> None:
    applied.write(music=SPEC.replace("prompt: Dark\n", "prompt: Dark\n    takes: 2\n"))
    ok(applied, "apply", "--auto-approve")
    before = (applied.root / "specs" / "music.yaml").read_text()
    shown = ok(applied, "pick", "boss", "2")
    assert "boss: its spec has the pick." in shown
    assert (applied.root / "specs" / "music.yaml").read_text() == before.replace("pick: 1 ", "pick: 2 ")
    assert picks(applied) == ""
    ok(applied, "approve", "boss")
    assert "boss: {take: 2," in picks(applied)
    ok(applied, "pick", "boss", "1")
    assert (applied.root / "specs" / "music.yaml").read_text() == before
    assert "boss: {take: 1," in picks(applied)
    assert applied("plan", "--detailed-exitcode").code == 0
    refused = applied("pick", "--undo", "boss")
    assert "Remove it there." in refused.err
    shared = "presets: {first: {pick: 1}}\nassets: {a: {preset: first, prompt: x}, b: {preset: first, prompt: y}}\n"
    applied.write(more=shared.replace("pick: 1", "pick: 1, takes: 2"))
    ok(applied, "apply", "--auto-approve")
    refused = applied("pick", "a", "2")
    assert "The pick of a is shared with other assets" in refused.err


def exported(project: Folder, **more: Any) -> dict[str, Any]:
    """As the listening page would export it: take 2 of menu is picked and approved, take 1 rejected."""
    record, (first, second) = state(project)["assets"]["menu"], takes(project, "menu")
    choice = {
        "address": "menu",
        "fingerprint": record["fingerprint"],
        "take": 2,
        "sha256": second["outputs"][0]["sha256"],
        "approved": True,
        "rejected": [{"take": 1, "sha256": first["outputs"][0]["sha256"]}],
    }
    return choice | more


def given(project: Folder, *choices: dict[str, Any]) -> str:
    file: Path = project.root / "picks.json"
    file.write_text(json.dumps({"format_version": 1, "decisions": choices}, indent=1))
    return str(file)


def test_decisions_of_an_exported_page_are_taken_over(applied: Folder) -> None:
    ran = applied("pick", "--from", given(applied, exported(applied)), "--json")
    assert ran.code == 0, ran.err
    Draft202012Validator(json.loads(printed_schema("picks"))).validate(
        json.loads((applied.root / "picks.json").read_text())
    )
    check("decided", ran.json())
    (made,) = ran.json()["decisions"]
    assert made["after"]["take"] == 2
    assert made["after"]["approved"]
    assert [each["take"] for each in made["after"]["rejected"]] == [1]
    ok(applied, "apply", "--auto-approve")
    assert state(applied)["assets"]["menu"]["pick"] == 2
    assert [each["rejected"] for each in takes(applied, "menu")] == [True, False, False]


def test_decisions_that_no_longer_fit_are_refused_all_at_once_and_nothing_is_written(applied: Folder) -> None:
    good = exported(applied)
    file = given(
        applied,
        good,
        exported(applied, fingerprint="f1:" + "0" * 32),
        exported(applied, sha256="0" * 64),
        exported(applied, take=7),
        exported(applied, address="menue"),
    )
    ran = applied("pick", "--from", file)
    assert ran.code == 1
    for words in ("has another sound now", "is another recording", "has no take 7", 'Did you mean "menu"?'):
        assert words in ran.err
    assert picks(applied) == ""
    for broken in ({"take": 1}, {"address": 1}, {"colour": "red"}):
        ran = applied("pick", "--from", given(applied, broken))
        assert ran.code == 1
        assert "picks.json:" in ran.err
    del good["sha256"]
    assert "is incomplete" in applied("pick", "--from", given(applied, good)).err
    assert picks(applied) == ""


def test_globs_and_a_look_before(applied: Folder) -> None:
    ran = applied("pick", "*", "1", "--dry-run")
    assert "menu: take 1 is picked." in ran.out
    assert "Nothing was written." in ran.out
    assert picks(applied) == ""
    assert "boss has no take 2" in applied("pick", "*", "2").err
    assert picks(applied) == ""
    assert applied("pick", "menu").code == 1
    assert applied("reject", "menu", "7").code == 1
    assert 'Did you mean "menu"?' in applied("approve", "menue").err
