"""The store describes itself: what was bought is known from it, also when the state is lost or old."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mpsjobs.emulator import Emulator, EmulatorConfig
from tests.conftest import Folder

TWO = "assets:\n  menu: Warm theme\n  boss: {prompt: Dark drums, takes: 2}\n"


def receipts(project: Folder) -> list[dict[str, Any]]:
    files = sorted((project.root / ".mpsjobs" / "store").glob("*/**/receipts/test/*.json"))
    return [json.loads(file.read_bytes()) for file in files]


def forget(project: Folder) -> None:
    """Lose the state with all that belongs to it."""
    for file in project.root.glob("mpsjobs.state*"):
        file.unlink()


def test_every_take_has_a_receipt_that_says_what_was_bought(project: Folder) -> None:
    project.write(music=TWO)
    assert project("apply", "--auto-approve").code == 0
    found = receipts(project)
    assert sorted(receipt["address"] for receipt in found) == ["boss", "boss", "menu"]
    assert {receipt["task_id"] for receipt in found} == set(project.bill())
    for receipt in found:
        assert receipt["status"] == "done"
        assert receipt["request_id"]
        assert receipt["realm"] == "emulator"
        assert receipt["fields"]["model"] == "MiniMaxMusic"
        assert receipt["intended_at"] <= receipt["submitted_at"] <= receipt["finished_at"]
        assert len(receipt["outputs"]) == 1


def test_a_task_is_in_the_store_as_soon_as_its_id_is_known(project: Folder) -> None:
    project.write(music=TWO)
    assert project("apply", "--auto-approve", "--detach").code == 0
    assert {receipt["status"] for receipt in receipts(project)} == {"submitted"}
    assert {receipt["task_id"] for receipt in receipts(project)} == set(project.bill())


def test_a_task_that_failed_has_a_receipt_too(project: Folder) -> None:
    project.settings((project.root / "mpsjobs.yaml").read_text() + "policy: {attempts: 1}\n")
    project.write(music="assets:\n  odd: {prompt: x, model: NoSuchModelAnywhere}\n")
    project("apply", "--auto-approve")
    (receipt,) = receipts(project)
    assert (receipt["status"], receipt["outputs"]) == ("failed", [])
    assert receipt["message"]
    forget(project)
    assert project("state", "rebuild").code == 0
    assert project("apply", "--auto-approve").code == 3
    assert len(project.bill()) == 1


def test_a_lost_state_stops_the_apply_and_is_rebuilt(project: Folder) -> None:
    project.write(music=TWO)
    project("apply", "--auto-approve")
    before = project.bill()
    forget(project)
    ran = project("apply", "--auto-approve")
    assert ran.code == 1
    assert "The state does not know 3 takes that the store has receipts of." in ran.err
    assert "mpsjobs state rebuild" in ran.err
    assert project.bill() == before

    ran = project("state", "rebuild")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "3 takes taken into the state.")
    ran = project("apply", "--auto-approve")
    assert ran.code == 0
    assert project("plan", "--detailed-exitcode").code == 0
    assert project.bill() == before
    state = json.loads((project.root / "mpsjobs.state.json").read_text())
    assert {record["status"] for record in state["assets"].values()} == {"ready"}
    assert project("state", "rebuild", "--json").json()["takes"] == 0


def test_a_state_older_than_the_store_stops_too(project: Folder) -> None:
    project.write(music=TWO)
    project("apply", "--auto-approve")
    copies = {file: file.read_bytes() for file in project.root.glob("mpsjobs.state*") if file.is_file()}
    project.write(music=TWO.replace("Warm", "Cold"))
    project("apply", "--auto-approve")
    before = project.bill()
    forget(project)
    for file, content in copies.items():
        file.write_bytes(content)
    ran = project("apply", "--auto-approve")
    assert ran.code == 1
    assert "does not know 1 take that" in ran.err
    assert project("state", "rebuild").code == 0
    assert project("apply", "--auto-approve").code == 0
    assert project.bill() == before


def test_tasks_on_their_way_are_taken_up_by_a_rebuilt_state(project: Folder) -> None:
    project.write(music=TWO)
    project("apply", "--auto-approve", "--detach")
    before = project.bill()
    forget(project)
    assert project("state", "rebuild").code == 0
    assert project("apply", "--auto-approve").code == 0
    assert project.bill() == before


def test_what_is_no_receipt_is_named_and_left_out(project: Folder) -> None:
    project.write(music="assets:\n  menu: Warm theme\n")
    project("apply", "--auto-approve")
    (file,) = (project.root / ".mpsjobs" / "store").glob("*/**/receipts/test/*.json")
    file.write_text('{"version": 1}')
    forget(project)
    ran = project("state", "rebuild", "--json")
    assert ran.json()["takes"] == 0
    assert ran.json()["unreadable"] == [str(file.relative_to(project.root / ".mpsjobs" / "store"))]


def receipt_file(project: Folder) -> Path:
    (file,) = (project.root / ".mpsjobs" / "store").glob("*/**/receipts/test/*.json")
    return file


def test_a_broken_receipt_is_said_and_stops_nobody(project: Folder) -> None:
    project.write(music="assets:\n  menu: Warm theme\n")
    project("apply", "--auto-approve")
    good = receipt_file(project)
    for name, content in (("0broken", "{"), ("0list", "[]"), ("0copy", good.read_text())):
        good.with_name(f"{name}.json").write_text(content)
    project.write(more="assets:\n  boss: Dark drums\n")
    ran = project("apply", "--auto-approve")
    assert ran.code == 0
    assert (ran.out + ran.err).count("is no receipt, and left out") == 3
    assert len(project.bill()) == 2


def test_receipts_of_other_realms_and_projects_stop_nobody(project: Folder) -> None:
    project.write(music="assets:\n  menu: Warm theme\n")
    project("apply", "--auto-approve")
    good = receipt_file(project)
    foreign = json.loads(good.read_text()) | {"realm": "tencent/intl", "attempt_id": "0foreign"}
    good.with_name("0foreign.json").write_text(json.dumps(foreign))
    other = good.parents[1] / "other" / "0other.json"
    other.parent.mkdir()
    other.write_text(json.dumps(foreign | {"project": "other", "attempt_id": "0other"}))
    project.write(more="assets:\n  boss: Dark drums\n")
    assert project("apply", "--auto-approve").code == 0
    assert len(project.bill()) == 2
    assert project("state", "rebuild", "--json").json() == {"format_version": 1, "takes": 1, "unreadable": []}
    assert project("plan", "--detailed-exitcode").code == 0


def test_a_rebuilt_state_uses_the_takes_of_its_own_realm(project: Folder) -> None:
    """The newest receipt of the address is of another realm."""
    project.write(music="assets:\n  menu: Warm theme\n")
    project("apply", "--auto-approve")
    good = receipt_file(project)
    foreign = json.loads(good.read_text()) | {"realm": "tencent/intl", "attempt_id": "zforeign"}
    good.with_name("zforeign.json").write_text(json.dumps(foreign))
    forget(project)
    assert project("state", "rebuild", "--json").json()["takes"] == 2
    assert project("apply", "--auto-approve").code == 0
    assert len(project.bill()) == 1
    assert project("plan", "--detailed-exitcode").code == 0


def test_a_store_that_takes_no_receipts_is_said_once_and_loses_nothing(project: Folder) -> None:
    project.write(music=TWO)
    store = project.root / ".mpsjobs" / "store" / "local-1250000000"
    store.mkdir(parents=True)
    (store / "receipts").write_text("a file where a folder should be")
    ran = project("apply", "--auto-approve")
    assert ran.code == 0
    assert (ran.out + ran.err).count("takes no receipts") == 1
    assert project("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("false", 0)])
def test_a_state_file_in_ci_needs_a_word(
    project: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ci: str, code: int
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDtest")
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "emulator")
    project.write(music="assets:\n  menu: Warm theme\n")
    store = project.root / ".mpsjobs" / "store"
    config = EmulatorConfig(data=tmp_path / "data", store=store, speed=1000, audio="stub")
    with Emulator(config) as emulator:
        project.settings(
            f"project: test\nprovider: {{kind: tencent, endpoint: '{emulator.url}'}}\n"
            "store: {kind: directory}\ndefaults: {model: MiniMaxMusic, version: '2.6'}\n"
        )
        ran = project("apply", "--auto-approve")
        assert ran.code == code
        assert ("--allow-local-state" in ran.err) == bool(code)
        assert project("apply", "--auto-approve", "--allow-local-state").code == 0
    shutil.rmtree(tmp_path / "data")
