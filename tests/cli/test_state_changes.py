"""Putting the state right by hand: each command under the lock, as events, and nothing paid is lost."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mpsjobs.cli.app import run
from mpsjobs.cloud.clock import SystemClock
from mpsjobs.model.diagnostics import MpsjobsError
from mpsjobs.state.file_store import FileStateStore
from mpsjobs.upkeep.edits import renamed
from tests.cli.applied import applied_project
from tests.conftest import SETTINGS, Folder, Ran

STATE = "mpsjobs.state.json"
SPEC = "group: level1\nassets:\n  menu: x\n  boss: {prompt: y, takes: 2}\n"


@pytest.fixture(scope="module")
def applied_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return applied_project(tmp_path_factory.mktemp("applied"), SPEC)


@pytest.fixture
def applied(applied_once: Path, mpsjobs: Callable[..., Ran], tmp_path: Path) -> Folder:
    """Two assets of one group with three takes."""
    return Folder(shutil.copytree(applied_once, tmp_path / "applied"), mpsjobs)


def addresses(project: Folder, *arguments: str) -> list[str]:
    return [each["address"] for each in project("state", "list", "--json", *arguments).json()["assets"]]


def journal(project: Folder) -> bytes:
    return (project.root / f"{STATE}.journal").read_bytes()


# --- list, show ----------------------------------------------------------------------------------------------------------------------


def test_a_list_takes_globs_and_statuses(applied: Folder) -> None:
    assert addresses(applied) == ["level1.boss", "level1.menu"]
    assert addresses(applied, "*.menu", "nothing") == ["level1.menu"]
    assert addresses(applied, "--status", "failed") == []
    applied.write(music="group: level1\nassets: {menu: x}\n")
    assert applied("apply", "--auto-approve").code == 0
    assert addresses(applied, "--status", "retired") == ["level1.boss"]
    assert addresses(applied, "--status", "retired", "--status", "ready") == ["level1.boss", "level1.menu"]
    shown = applied("state", "show", "level1.*").json()
    assert list(shown["assets"]) == ["level1.menu"]


# --- mv ------------------------------------------------------------------------------------------------------------------------------


def test_a_move_takes_everything_along_and_the_specs_follow_for_free(applied: Folder) -> None:
    before, bill = applied("state", "show", "level1.boss").json(), applied.bill()
    ran = applied("state", "mv", "level1.*", "stage1.*")
    assert (ran.code, ran.out.splitlines()) == (
        0,
        ["level1.boss is now stage1.boss.", "level1.menu is now stage1.menu."],
    )
    after = applied("state", "show", "stage1.boss").json()
    assert {**after, "address": "", "serial": 0} == {**before, "address": "", "serial": 0}
    applied.write(music=SPEC.replace("level1", "stage1"))
    assert set(applied.kinds().values()) == {"keep"}
    assert applied("apply", "--auto-approve").code == 0
    assert applied.bill() == bill
    assert (applied.root / f"{STATE}.backup").exists()


def test_a_move_onto_a_name_that_is_there_changes_nothing(applied: Folder) -> None:
    before = journal(applied)
    for old, new, words in (
        ("level1.menu", "level1.boss", "level1.boss is there already"),
        ("level1.*", "stage1", "the same number of `*`"),
        ("level1.men", "x", 'Did you mean "level1.menu"?'),
        ("level1.menu", "no such name", "cannot be the name of an asset"),
        ("l*v*", "l*", "the same number of `*`"),
    ):
        ran = applied("state", "mv", old, new)
        assert ran.code == 1
        assert words in ran.err
    assert journal(applied) == before


def test_stars_stand_for_the_same_text_in_both_names() -> None:
    there = dict.fromkeys(["a.x", "a.x.y", "b.x", "c"])
    assert renamed(there, "a.*", "z.*") == {"a.x": "z.x", "a.x.y": "z.x.y"}
    assert renamed(there, "*.x", "x.*") == {"a.x": "x.a", "b.x": "x.b"}
    assert renamed(there, "c", "d") == {"c": "d"}
    with pytest.raises(MpsjobsError, match=r"2 assets would be called a\.xyz"):
        renamed(dict.fromkeys(["a.x.yz", "a.xy.z"]), "a.*.*", "a.**")


# --- rm ------------------------------------------------------------------------------------------------------------------------------


def test_what_is_forgotten_comes_back_for_free(applied: Folder) -> None:
    bill = applied.bill()
    assert applied("state", "rm", "level1.*", "--json").json()["forgotten"] == ["level1.boss", "level1.menu"]
    assert addresses(applied) == []
    assert set(applied.kinds().values()) == {"restore"}
    assert applied("apply", "--auto-approve").code == 0
    assert applied.bill() == bill
    assert "nothing.* " not in applied("state", "rm", "level1.menu", "nothing.*").out
    assert addresses(applied) == ["level1.boss", "level1.menu"]


def test_a_task_that_nobody_answers_for_can_be_given_up(project: Folder) -> None:
    project.settings(SETTINGS.replace("speed: 1000", "speed: 1"))
    project.write(music="assets: {menu: x}\n")
    assert project("apply", "--auto-approve", "--detach").code == 0
    (take,) = project("state", "show", "menu").json()["takes"]
    assert project.kinds() == {"menu": "resume"}
    ran = project("state", "rm", "--attempt", take["task_id"])
    assert (ran.code, ran.out.splitlines()[0]) == (
        0,
        f"menu, take 1 (TaskId {take['task_id']}) is no longer waited for.",
    )
    assert "pays for it again" in ran.out
    (after,) = project("state", "show", "menu").json()["takes"]
    assert (after["status"], after["task_id"]) == ("abandoned", take["task_id"])
    assert project.kinds() == {"menu": "generate"}
    again = project("state", "rm", "--attempt", take["attempt_id"])
    assert (again.code, "is abandoned, so nobody waits for it" in again.err) == (1, True)
    assert "There is no attempt or task x" in project("state", "rm", "--attempt", "x").err
    assert "Name either" in project("state", "rm").err


# --- pull, push ----------------------------------------------------------------------------------------------------------------------


def test_a_pulled_state_is_put_back_elsewhere(
    applied: Folder, tmp_path: Path, mpsjobs: Callable[..., Ran]
) -> None:
    pulled = tmp_path / "pulled.json"
    assert applied("state", "pull", str(pulled)).code == 0
    assert applied("state", "pull").out == pulled.read_text()
    assert applied("state", "pull", str(pulled)).code == 1
    fresh = Folder(tmp_path / "fresh", mpsjobs)
    fresh.root.mkdir()
    fresh.settings(SETTINGS)
    assert "There is no state yet" in fresh("state", "pull").err
    assert fresh("state", "push", str(pulled)).code == 0
    assert addresses(fresh) == addresses(applied)
    again = fresh("state", "push", str(pulled), "--json").json()
    assert (again["changed"], again["kept"]) == (False, None)


def test_an_older_or_foreign_state_is_refused_unless_forced(
    applied: Folder, tmp_path: Path, project: Folder
) -> None:
    old, foreign = tmp_path / "old.json", tmp_path / "foreign.json"
    applied("state", "pull", str(old))
    applied("state", "mv", "level1.menu", "menu")
    project.write(music="assets: {other: z}\n")
    project("apply", "--auto-approve")
    project("state", "pull", str(foreign))
    before = journal(applied)
    assert "is older than the state here" in applied("state", "push", str(old)).err
    assert "belongs to the history" in applied("state", "push", str(foreign)).err
    assert journal(applied) == before

    serial = applied("state", "list", "--json").json()["serial"]
    pushed = applied("state", "push", str(old), "--force", "--json").json()
    assert pushed["serial"] > serial
    assert Path(pushed["kept"]).read_bytes() == before
    assert addresses(applied) == ["level1.boss", "level1.menu"]
    assert set(applied.kinds().values()) == {"keep"}


def test_a_state_that_lacks_a_paid_take_is_refused_although_it_is_newer(
    applied: Folder, tmp_path: Path
) -> None:
    branch = shutil.copytree(applied.root, tmp_path / "branch")
    applied.write(music=SPEC + "  extra: z\n")
    assert applied("apply", "--auto-approve").code == 0
    for number in range(20):
        old, new = ("menu", "other") if number % 2 else ("other", "menu")
        if number:
            run(("-C", str(branch), "state", "mv", f"level1.{old}", f"level1.{new}"))
    pulled = tmp_path / "pulled.json"
    run(("-C", str(branch), "state", "pull", str(pulled)))
    ran = applied("state", "push", str(pulled))
    assert ran.code == 1
    assert "it does not know 1 paid take that the state here has, such as take 1 of level1.extra" in ran.err


@pytest.mark.parametrize(
    "command",
    [
        ("state", "mv", "level1.menu", "x"),
        ("state", "rm", "level1.menu"),
        ("state", "push", "FILE", "--force"),
        ("gc", "--auto-approve"),
        ("destroy", "--auto-approve"),
    ],
    ids=" ".join,
)
def test_a_held_lock_keeps_out_what_would_change_the_state(
    applied: Folder, tmp_path: Path, command: tuple[str, ...]
) -> None:
    pulled = tmp_path / "pulled.json"
    applied("state", "pull", str(pulled))
    store = FileStateStore(applied.root / STATE, clock=SystemClock(), version="0.1.0")
    session = store.open("apply", lock_timeout_s=0)
    session_id = session.lock_info.id if session.lock_info else ""
    before = journal(applied)
    try:
        ran = applied(*(str(pulled) if each == "FILE" else each for each in command))
    finally:
        session.close()
    assert ran.code == 1
    assert "Another run holds the lock" in ran.err
    assert session_id in ran.err
    assert journal(applied) == before


def test_all_of_it_stands_in_history_with_who_did_it(applied: Folder) -> None:
    applied("state", "mv", "level1.menu", "menu")
    applied("state", "rm", "menu")
    runs = applied("history", "--json").json()["runs"]
    assert [(each["command"], each["counts"]) for each in runs] == [
        ("state rm", {"forgotten": 1}),
        ("state mv", {"moved": 1}),
        ("apply", {"submitted": 3, "recorded": 2, "finished": 3}),
    ]
    assert {each["exit_code"] for each in runs} == {0}
    assert all(each["who"] for each in runs)
    assert len(applied("history", "--json", "-n", "1").json()["runs"]) == 1
    events = applied("history", "menu", "--json").json()["events"]
    assert [each["type"] for each in events] == [
        "AssetForgotten",
        "AssetRecorded",
        "OutputsRecorded",
        "AssetRecorded",
        "TaskSubmitted",
        "SubmitIntended",
    ]
    assert {each["task_id"] for each in events if each["take"]} <= {None, *applied.bill()}
    assert "renamed from level1.menu" in applied("history", "menu").out
    assert json.loads(applied("history", "nobody", "--json").out)["type"] == "error"
    both = applied("history", "*", "--json").json()["events"]
    assert {each["address"] for each in both} == {"menu", "level1.menu", "level1.boss"}
    assert "ADDRESS" in applied("history", "level1.b*").out.splitlines()[0]
