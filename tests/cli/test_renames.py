"""Renames: found by their sound or said by `moved:`; nothing is paid twice, and picks go along."""

import json
from typing import Any

from tests.conftest import Folder


def state(project: Folder) -> Any:
    return json.loads((project.root / "mpsjobs.state.json").read_text())


def apply(project: Folder, *more: str, code: int = 0) -> str:
    ran = project("apply", "--auto-approve", *more)
    assert ran.code == code, ran.out + ran.err
    return ran.out + ran.err


def prompts(project: Folder) -> list[str]:
    return [task["request"]["Prompt"] for task in project.ledger()]


def change(project: Folder, address: str) -> Any:
    changes = project("plan", "--json").json()["changes"]
    return next(each for each in changes if each["address"] == address)


def test_a_renamed_asset_is_moved_and_nothing_is_submitted(project: Folder) -> None:
    project.write(music="assets: {boss: A boss, gate: {prompt: A gate, takes: 2, pick: 2}}\n")
    apply(project)
    before = state(project)["assets"]
    project.write(music="group: stage1\nassets: {boss: A boss, gate: {prompt: A gate, takes: 2, pick: 2}}\n")
    assert "2 to move. Nothing to pay." in project("plan").out
    told = apply(project)
    assert "moved from gate" in told
    assert sorted(prompts(project)) == ["A boss", "A gate", "A gate"]
    after = state(project)["assets"]
    assert after.keys() == {"stage1.boss", "stage1.gate"}
    assert {key: after["stage1.gate"][key] for key in ("fingerprint", "pick", "takes")} == {
        key: before["gate"][key] for key in ("fingerprint", "pick", "takes")
    }
    assert sorted(file.name for file in (project.root / "audio").iterdir()) == [
        "stage1.boss.mp3",
        "stage1.gate.mp3",
    ]
    assert project("plan", "--detailed-exitcode").code == 0


def test_a_move_with_another_prompt_keeps_what_is_there_until_the_new_take_is(project: Folder) -> None:
    project.write(music="assets: {boss: A boss}\n")
    apply(project)
    old = state(project)["assets"]["boss"]["fingerprint"]
    block = "moved: [{from: boss, to: stage1.boss}]\n"
    project.write(music=f"{block}assets: {{stage1.boss: mpsblockedword}}\n")
    found = change(project, "stage1.boss")
    assert (found["kind"], found["moved_from"]) == ("regenerate", "boss")
    assert [reason["path"] for reason in found["reasons"]] == ["prompt"]
    apply(project, code=3)
    assert {address: each["fingerprint"] for address, each in state(project)["assets"].items()} == {
        "stage1.boss": old
    }
    assert [file.name for file in (project.root / "audio").iterdir()] == ["stage1.boss.mp3"]
    project.write(music=f"{block}assets: {{stage1.boss: A louder boss}}\n")
    apply(project)
    assert prompts(project) == ["A boss", "A louder boss"]
    assert state(project)["assets"]["stage1.boss"]["fingerprint"] != old
    assert state(project)["retired"] == {}
    assert project("plan", "--detailed-exitcode").code == 0, "a block that has done its work may stay"


def test_moves_by_pattern_take_everything_along_also_what_has_changed(project: Folder) -> None:
    project.write(
        music="group: level1\nassets: {boss: A boss, gate: A gate, win: {prompt: A win, takes: 2}}\n"
    )
    apply(project)
    project.write(
        music="group: stage1\nassets: {boss: A boss, gate: A new gate, win: {prompt: A win, takes: 2, pick: 2}}\n"
        "moved: [{from: level1.*, to: stage1.*}]\n"
    )
    assert project.kinds() == {"stage1.boss": "move", "stage1.gate": "regenerate", "stage1.win": "move"}
    apply(project)
    assert sorted(prompts(project)) == ["A boss", "A gate", "A new gate", "A win", "A win"]
    assert state(project)["assets"].keys() == {"stage1.boss", "stage1.gate", "stage1.win"}
    assert state(project)["assets"]["stage1.win"]["pick"] == 2
    assert state(project)["retired"] == {}


def test_a_saved_plan_moves_what_it_says(project: Folder) -> None:
    project.write(music="assets: {boss: A boss}\n")
    apply(project)
    project.write(music="assets: {stage1.boss: A boss}\n")
    file = project.root / "plan.bin"
    assert project("plan", "--out", str(file)).code == 0
    assert project("apply", str(file)).code == 0
    assert state(project)["assets"].keys() == {"stage1.boss"}
    assert prompts(project) == ["A boss"]


def test_several_assets_of_one_sound_are_paired_by_name_and_the_plan_says_that_it_is_free(
    project: Folder,
) -> None:
    project.write(music="assets: {a.boss: A song, a.gate: A song}\n")
    apply(project)
    project.write(music="assets: {b.boss: A song, b.gate: A song}\n")
    changes = project("plan", "--json").json()["changes"]
    assert {each["address"]: each["moved_from"] for each in changes} == {
        "b.boss": "a.boss",
        "b.gate": "a.gate",
    }
    assert all("any pairing is free" in each["message"] for each in changes)
    apply(project)
    assert prompts(project) == ["A song"]
