"""Lifecycles: what may not be regenerated or retired, and what becomes of an asset whose block is gone."""

import json
from typing import Any

import pytest

from tests.conftest import Folder


def state(project: Folder) -> Any:
    return json.loads((project.root / "mpsjobs.state.json").read_text())


def apply(project: Folder, *more: str, code: int = 0) -> str:
    ran = project("apply", "--auto-approve", *more)
    assert ran.code == code, ran.out + ran.err
    return ran.out + ran.err


def objects(project: Folder, part: str = "/takes/") -> list[str]:
    store = project.root / ".mpsjobs" / "store"
    return [path.as_posix() for path in store.rglob("*") if path.is_file() and part in path.as_posix()]


def takes(project: Folder) -> list[Any]:
    return [take for pool in state(project)["takes"].values() for take in pool["takes"]]


def test_what_must_not_be_regenerated_stops_the_plan_at_the_line_that_says_so(project: Folder) -> None:
    guard = "defaults: {prevent_regenerate: true}\n"
    project.write(music=f"{guard}assets:\n  boss: A boss\n")
    apply(project)
    project.write(music=f"{guard}assets:\n  boss: A louder boss\n")
    ran = project("plan")
    assert ran.code == 1
    assert "boss must not be regenerated (prevent_regenerate)" in ran.err
    assert "music.yaml:1:32" in ran.err
    assert "music.yaml:3:3" in ran.err
    assert project("apply", "--auto-approve").code == 1
    project.write(music=f"{guard}assets:\n  boss: A boss\n")
    assert "asked for in place of those it has" in project("plan", "--replace", "boss").err
    assert project("apply", "--auto-approve", "--replace", "boss").code == 1
    assert len(project.bill()) == 1
    project.write(music=f"{guard}assets:\n  boss: {{prompt: A boss, takes: 2}}\n")
    apply(project)
    assert len(project.bill()) == 2, "more takes of the same sound take nothing away"
    project.write(music="assets:\n  boss: A louder boss\n")
    apply(project)
    assert len(project.bill()) == 3


def test_what_must_not_be_retired_is_guarded_by_what_was_recorded(project: Folder) -> None:
    project.write(music="assets: {boss: {prompt: A boss, prevent_retire: true}, gate: A gate}\n")
    apply(project)
    project.write(music="assets: {gate: A gate}\n")
    ran = project("plan")
    assert ran.code == 1
    assert "1 asset must not be retired (prevent_retire)" in ran.err
    assert "boss" in ran.err
    assert project("apply", "--auto-approve").code == 1
    assert project("wait").code == 0
    assert "boss" in state(project)["assets"]
    project.write(music="assets: {boss: {prompt: A boss, prevent_retire: false}, gate: A gate}\n")
    found = project("plan", "--json").json()["changes"][0]
    assert (found["kind"], found["reasons"]) == (
        "update",
        [{"path": "lifecycle.prevent_retire", "before": True, "after": None}],
    )
    apply(project)
    assert project("plan", "--detailed-exitcode").code == 0
    project.write(music="assets: {gate: A gate}\n")
    apply(project)
    assert list(state(project)["retired"]) == ["boss"]
    assert len(project.bill()) == 2


def test_a_guarded_asset_may_be_renamed(project: Folder) -> None:
    project.write(music="assets: {boss: {prompt: A boss, prevent_retire: true, prevent_regenerate: true}}\n")
    apply(project)
    project.write(
        music="assets: {gate.boss: {prompt: A boss, prevent_retire: true, prevent_regenerate: true}}\n"
    )
    assert project.kinds() == {"gate.boss": "move"}
    apply(project)
    assert state(project)["assets"]["gate.boss"]["lifecycle"] == {
        "prevent_retire": True,
        "prevent_regenerate": True,
    }


def test_a_new_lifecycle_is_recorded_once_and_for_free(project: Folder) -> None:
    project.write(music="assets: {boss: A boss}\n")
    apply(project)
    project.write(music="assets: {boss: {prompt: A boss, on_remove: forget, timeout: 2h}}\n")
    assert project.kinds() == {"boss": "update"}
    apply(project)
    assert state(project)["assets"]["boss"]["lifecycle"] == {"on_remove": "forget", "timeout": 7200.0}
    ran = project("plan", "--detailed-exitcode")
    assert (ran.code, "No changes." in ran.out) == (0, True)
    assert len(project.bill()) == 1


def test_a_removed_asset_is_forgotten_and_its_takes_come_back_for_free(project: Folder) -> None:
    project.write(music="assets: {boss: {prompt: A boss, on_remove: forget}, gate: A gate}\n")
    apply(project)
    project.write(music="assets: {gate: A gate}\n")
    assert "will be forgotten" in project("plan").out
    assert "its address is forgotten" in apply(project)
    after = state(project)
    assert (list(after["assets"]), after["retired"], len(takes(project))) == (["gate"], {}, 2)
    project.write(music="assets: {gate: A gate, back: A boss}\n")
    apply(project)
    assert len(project.bill()) == 2


DELETED = "assets: {boss: {prompt: A boss, takes: 2, on_remove: delete}, gate: A gate}\n"


def test_a_removed_asset_is_deleted_only_when_that_is_said_twice(project: Folder) -> None:
    project.write(music=DELETED)
    apply(project)
    assert len(objects(project)) == 3
    project.write(music="assets: {gate: A gate}\n")
    plan = project("plan")
    assert "boss will be deleted" in plan.out
    assert "boss: 2 takes are deleted; what is deleted can never be made again" in plan.out
    refused = apply(project, code=1)
    assert "This plan deletes 2 takes for good." in refused
    assert "--allow-delete" in refused
    assert len(objects(project)) == 3
    apply(project, "--allow-delete")
    assert len(objects(project)) == 1
    after = state(project)
    assert (list(after["assets"]), after["retired"]) == (["gate"], {})
    assert sorted(take["status"] for take in takes(project)) == ["deleted", "deleted", "done"]
    assert [file.name for file in (project.root / "audio").iterdir()] == ["gate.mp3"]
    assert project("plan", "--detailed-exitcode").code == 0
    project.write(music=DELETED)
    plan = project("plan", "--json").json()
    assert plan["summary"]["generations"] == 2, "what is deleted has to be bought again"
    apply(project)
    assert len(project.bill()) == 5
    assert [
        take["take"] for take in takes(project) if take["status"] == "done" and take["address"] == "boss"
    ] == [3, 4]


def test_a_saved_plan_deletes_what_it_says_and_never_more(project: Folder) -> None:
    project.write(music=DELETED.replace("gate: A gate", "gate: {prompt: A boss, takes: 2}"))
    apply(project)
    project.write(music="assets: {gate: {prompt: A boss, takes: 2}}\n")
    file = project.root / "plan.bin"
    shared = project("plan", "--out", str(file))
    assert "its takes are kept, for gate has the same sound" in shared.out
    project.write(music="assets: {other: A song}\n")
    apply(project, "--target", "gate")
    ran = project("apply", str(file))
    assert ran.code == 0, ran.err
    assert len(objects(project)) == 2, "gate was retired with the promise that its takes are kept"
    assert list(state(project)["retired"]) == ["gate"]


def test_a_plan_that_was_looked_at_deletes_without_another_word(project: Folder) -> None:
    project.write(music=DELETED)
    apply(project)
    project.write(music="assets: {gate: A gate}\n")
    file = project.root / "plan.bin"
    assert project("plan", "--out", str(file)).code == 0
    assert project("apply", str(file)).code == 0
    assert len(objects(project)) == 1


def test_a_lost_state_does_not_bring_deleted_takes_back(project: Folder) -> None:
    project.write(music=DELETED)
    apply(project)
    project.write(music="assets: {gate: A gate}\n")
    apply(project, "--allow-delete")
    for file in project.root.glob("mpsjobs.state*"):
        file.unlink()
    assert project("state", "rebuild", "--json").json()["takes"] == 3
    assert sorted(take["status"] for take in takes(project)) == ["deleted", "deleted", "done"]
    assert list(state(project)["assets"]) == ["gate"]
    assert project("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("on_remove", ["retire", "forget", "delete"])
def test_a_task_of_a_removed_asset_is_still_collected(project: Folder, on_remove: str) -> None:
    project.write(music=f"assets: {{boss: {{prompt: A boss, on_remove: {on_remove}}}, gate: A gate}}\n")
    apply(project, "--detach")
    project.write(music="assets: {gate: A gate}\n")
    apply(project, "--allow-delete")
    assert sorted(take["status"] for take in takes(project)) == ["done", "done"]
    assert len(project.bill()) == 2
    assert list(state(project)["assets"]) == ["gate"]
    assert project("plan", "--detailed-exitcode").code == 0


def test_a_task_that_takes_longer_than_its_timeout_is_left_to_a_later_apply(project: Folder) -> None:
    project.settings((project.root / "mpsjobs.yaml").read_text().replace("speed: 1000", "speed: 25"))
    project.write(music="assets: {boss: {prompt: A boss, timeout: 1s}}\n")
    told = apply(project, code=3)
    assert "still running after 1 seconds; the next apply asks again" in told
    project.write(music="assets: {boss: A boss}\n")
    apply(project)
    assert [take["status"] for take in takes(project)] == ["done"]
    assert len(project.bill()) == 1
