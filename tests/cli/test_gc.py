"""Deleting: only what nobody uses, for good, and never without the state saying so."""

import json
from pathlib import Path
from typing import Any

import pytest

from mpsjobs.apply.deletion import Doomed, delete_takes
from mpsjobs.cloud.clock import SystemClock
from mpsjobs.cloud.directory_store import DirectoryStore
from mpsjobs.model.diagnostics import CloudError, LockLostError
from mpsjobs.model.ports import ObjectRef
from mpsjobs.project import Project
from tests.conftest import SETTINGS, Folder

TWO = "assets:\n  menu: x\n  boss: {prompt: y, takes: 2}\n"
ONE = "assets:\n  menu: x\n"
NOW = ("--older-than", "0s", "--auto-approve")


@pytest.fixture
def retired(project: Folder) -> Folder:
    """An asset in use, and one with two takes that was retired."""
    project.write(music=TWO)
    assert project("apply", "--auto-approve").code == 0
    project.write(music=ONE)
    assert project("apply", "--auto-approve").code == 0
    return project


def objects(project: Folder) -> list[Path]:
    return sorted((project.root / ".mpsjobs" / "store").glob("*/takes/*/*"))


def takes(project: Folder) -> dict[str, list[dict[str, Any]]]:
    """Prompt → takes."""
    state = json.loads((project.root / "mpsjobs.state.json").read_text())
    return {pool["fields"]["prompt"]: pool["takes"] for pool in state["takes"].values()}


def test_only_what_was_retired_long_enough_ago_is_deleted(retired: Folder) -> None:
    before = objects(retired)
    assert retired("gc", "--auto-approve").out == "There is nothing to delete.\n"
    dry = retired("gc", "--older-than", "0s", "--dry-run", "--json").json()
    assert [(each["address"], each["take"]) for each in dry["takes"]] == [("boss", 1), ("boss", 2)]
    assert dry["deleted"] is None
    assert objects(retired) == before
    deleted = retired("gc", *NOW, "--json").json()
    assert deleted["deleted"]["takes"] == 2
    assert deleted["size"] == dry["size"] == deleted["deleted"]["size"]
    (kept,) = objects(retired)
    assert kept.parent.name == takes(retired)["x"][0]["attempt_id"]
    assert all(take["erased"] for take in takes(retired)["y"])
    assert {take["status"] for take in takes(retired)["y"]} == {"deleted"}
    assert retired("gc", *NOW).out == "There is nothing to delete.\n"
    assert retired("plan", "--detailed-exitcode").code == 0


def test_a_deleted_sound_is_bought_again_when_it_is_wanted_again(retired: Folder) -> None:
    retired("gc", *NOW)
    retired.write(music=TWO)
    assert retired.kinds() == {"boss": "generate", "menu": "keep"}
    assert retired("apply", "--auto-approve").code == 0
    assert [take["take"] for take in takes(retired)["y"]] == [1, 2, 3, 4]


def test_what_the_specs_want_again_is_kept_although_no_apply_has_said_so(retired: Folder) -> None:
    retired.write(music="assets:\n  menu: x\n  new_name: {prompt: y, takes: 2}\n")
    assert retired("gc", *NOW).out == "There is nothing to delete.\n"
    assert retired.kinds()["new_name"] == "restore"


def test_what_another_asset_uses_is_kept(project: Folder) -> None:
    project.write(music="assets: {menu: x, twin: x}\n")
    project("apply", "--auto-approve")
    project.write(music=ONE)
    project("apply", "--auto-approve")
    assert project("gc", *NOW).out == "There is nothing to delete.\n"


def test_what_a_take_in_use_was_made_from_is_kept(project: Folder) -> None:
    """`ignore_changes` keeps the cover although it no longer refers to its theme."""
    cover = "cover: {prompt: y, reference_audio: {asset: theme}, ignore_changes: [reference_audio]}"
    project.write(music=f"assets:\n  theme: x\n  {cover}\n")
    assert project("apply", "--auto-approve").code == 0
    project.write(music="assets:\n  cover: {prompt: y, ignore_changes: [reference_audio]}\n")
    assert project.kinds() == {"cover": "keep", "theme": "retire"}
    project("apply", "--auto-approve")
    assert project("gc", *NOW).out == "There is nothing to delete.\n"


def test_rejected_takes_are_kept_unless_that_is_said(project: Folder) -> None:
    project.write(music="assets: {menu: x, boss: y}\n")
    project("apply", "--auto-approve")
    project("apply", "--auto-approve", "--replace", "boss")
    project.write(music=ONE)
    project("apply", "--auto-approve")
    assert [take["rejected"] for take in takes(project)["y"]] == [True, False]
    assert [each["take"] for each in project("gc", *NOW, "--json").json()["takes"]] == [2]
    assert [each["take"] for each in project("gc", *NOW, "--rejected", "--json").json()["takes"]] == [1]


def test_what_the_state_of_another_environment_refers_to_is_kept(retired: Folder) -> None:
    pulled = retired.root / "pulled.json"
    retired("state", "pull", str(pulled))
    retired.settings(SETTINGS + "environments: {prod: {}}\n")
    assert retired("--env", "prod", "state", "push", str(pulled)).code == 0
    assert retired("gc", *NOW).out == "There is nothing to delete.\n"
    for file in retired.root.glob("mpsjobs.state.prod*"):
        file.unlink()
    for file in retired.root.glob("mpsjobs.prod.state*"):
        file.unlink()
    assert retired("gc", *NOW, "--json").json()["deleted"]["takes"] == 2


def test_without_knowing_what_another_environment_has_nothing_is_deleted(retired: Folder) -> None:
    before = objects(retired)
    (retired.root / "mpsjobs.old.state.json").write_text("{", encoding="utf-8")
    ran = retired("gc", *NOW)
    assert (ran.code, "mpsjobs.old.state.json" in ran.err) == (1, True)
    assert objects(retired) == before


def test_a_state_rebuilt_from_receipts_does_not_count_on_what_is_gone(retired: Folder) -> None:
    retired("gc", *NOW)
    for file in retired.root.glob("mpsjobs.state*"):
        file.unlink()
    assert retired("state", "rebuild").code == 0
    assert all(take["status"] == "deleted" for take in takes(retired)["y"])
    retired.write(music=TWO)
    assert retired.kinds()["boss"] == "generate"
    assert [each["address"] for each in retired("state", "list", "--json").json()["assets"]] == ["menu"]


def test_what_could_not_be_deleted_is_used_no_more_and_tried_again(
    retired: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_self: DirectoryStore, ref: ObjectRef) -> None:
        raise CloudError.of("Cannot delete from the object store", detail=ref.key)

    before = objects(retired)
    with monkeypatch.context() as patch:
        patch.setattr(DirectoryStore, "delete", refused)
        ran = retired("gc", *NOW)
    assert ran.code == 1
    assert "2 takes could not be deleted completely" in ran.err
    assert objects(retired) == before
    retired.write(music=TWO)
    assert retired.kinds()["boss"] == "generate"
    assert retired("gc", "--auto-approve", "--json").json()["deleted"]["takes"] == 2
    assert len(objects(retired)) == 1


def test_a_question_without_a_terminal_deletes_nothing(retired: Folder) -> None:
    before = objects(retired)
    for command in (("gc", "--older-than", "0s"), ("destroy",), ("destroy", "--delete-outputs")):
        ran = retired(*command)
        assert ran.code == 1
        assert "--auto-approve" in ran.err
    assert "--json needs --auto-approve" in retired("gc", "--json").err
    assert "write an age" in retired("gc", "--older-than", "soon").err
    assert objects(retired) == before


def test_a_lock_that_is_lost_stops_the_deletion(retired: Folder) -> None:
    project = Project.open(retired.root)
    session = project.store.open("gc", lock_timeout_s=0)
    doomed = [Doomed(name, take) for name, take in session.state.takes() if take.address == "boss"]
    before = objects(retired)
    snapshot = retired.root / "mpsjobs.state.json"
    snapshot.write_bytes(snapshot.read_bytes() + b" ")
    with pytest.raises(LockLostError):
        delete_takes(
            session, project.connections.objects, "test", doomed, lambda: SystemClock().utc().isoformat()
        )
    assert objects(retired) == before


# --- destroy -------------------------------------------------------------------------------------------------------------------------


def test_a_destroyed_project_comes_back_for_free(retired: Folder) -> None:
    bill, before = retired.bill(), objects(retired)
    ran = retired("destroy", "--auto-approve")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "1 asset retired.")
    assert objects(retired) == before
    assert not list((retired.root / "audio").iterdir())
    assert retired("state", "list").out == ""
    assert retired("destroy", "--auto-approve").out == "There is nothing to destroy.\n"
    retired.write(music=TWO)
    assert set(retired.kinds().values()) == {"restore"}
    assert retired("apply", "--auto-approve").code == 0
    assert retired.bill() == bill


def test_with_its_outputs_it_is_gone(retired: Folder) -> None:
    (retired.root / "audio" / "mine.txt").write_text("a note", encoding="utf-8")
    document = retired("destroy", "--delete-outputs", "--auto-approve", "--json").json()
    assert (document["retired"], document["deleted"]["takes"], document["in_flight"]) == (["menu"], 3, 0)
    assert objects(retired) == []
    assert [file.name for file in (retired.root / "audio").iterdir()] == ["mine.txt"]
    assert retired.kinds() == {"menu": "generate"}
    runs = retired("history", "--json").json()["runs"]
    assert (runs[0]["command"], runs[0]["counts"]) == ("destroy", {"retired": 1, "deleted": 3})


def test_what_is_in_flight_outlives_a_destroy(project: Folder) -> None:
    project.write(music=ONE)
    assert project("apply", "--auto-approve", "--detach").code == 0
    document = project("destroy", "--delete-outputs", "--auto-approve", "--json").json()
    assert (document["in_flight"], document["takes"]) == (1, [])
    assert project("wait").code == 0
    assert project.kinds() == {"menu": "keep"}
    assert len(objects(project)) == 1
    assert len(project.bill()) == 1
