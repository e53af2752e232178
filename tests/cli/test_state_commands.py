"""The state between commands: git around it, damage to it, and the commands that put it right."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mpsjobs.cli.app import run
from mpsjobs.cloud.clock import SystemClock
from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import RunFinished
from mpsjobs.state.file_session import FileSession
from mpsjobs.state.file_store import FileStateStore
from tests.cli.test_documents import check
from tests.conftest import SETTINGS, Folder, Ran

STATE = "mpsjobs.state.json"
JOURNAL = f"{STATE}.journal"
END = RunFinished("2026-11-22T20:00:00.000Z", "r", 0)


def apply(root: Path) -> None:
    assert run(("-C", str(root), "apply", "--auto-approve")) == 0


@pytest.fixture(scope="module")
def applied_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("applied")
    (root / "mpsjobs.yaml").write_text(SETTINGS, encoding="utf-8")
    (root / "specs").mkdir()
    for assets in ("{menu: x}", "{menu: x, boss: y}"):
        (root / "specs" / "music.yaml").write_text(f"assets: {assets}\n", encoding="utf-8")
        apply(root)
    return root


@pytest.fixture
def applied(applied_once: Path, mpsjobs: Callable[..., Ran], tmp_path: Path) -> Folder:
    """A project with two assets, bought one after the other, so that there is a backup."""
    return Folder(shutil.copytree(applied_once, tmp_path / "project"), mpsjobs)


def session_of(project: Folder, operation: str = "apply") -> FileSession:
    store = FileStateStore(project.root / STATE, clock=SystemClock(), version="0.1.0")
    return store.open(operation, lock_timeout_s=0)


def contents(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.glob(f"{STATE}*")}


# --- git -----------------------------------------------------------------------------------------------------------------------------


def git(root: Path, *arguments: str) -> None:
    identity = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Me"), ("EMAIL", "me@example.com"))
    }
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(
        ["git", "-C", str(root), *arguments],
        env=os.environ | identity | alone,
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    assert run(("-C", str(root), "init")) == 0
    settings, spec = root / "mpsjobs.yaml", root / "specs" / "soundtrack.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text.replace("provider:\n", "provider:\n  speed: 1000\n  audio: stub\n"), encoding="utf-8"
    )
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "a soundtrack")
    apply(root)
    spec.write_text(spec.read_text(encoding="utf-8").replace("hopeful", "hopeless"), encoding="utf-8")
    git(root, "commit", "--quiet", "-am", "another mood")
    apply(root)
    return root


@pytest.fixture
def made(made_once: Path, mpsjobs: Callable[..., Ran], tmp_path: Path) -> Folder:
    """A project as `init` makes it, on the quickest emulator, in git; its assets and then a new prompt are applied."""
    return Folder(shutil.copytree(made_once, tmp_path / "project"), mpsjobs)


@pytest.mark.parametrize(
    "commands",
    [
        [["stash", "-u"]],
        [["stash", "-u"], ["stash", "pop"]],
        [["clean", "-fd"]],
        [["checkout", "--quiet", "HEAD~1"], ["clean", "-ffd"]],
        [["reset", "--quiet", "--hard", "HEAD~1"]],
    ],
    ids=["stash", "stash and pop", "clean", "checkout", "reset"],
)
def test_git_takes_nothing_away(made: Folder, commands: list[list[str]]) -> None:
    before, bill = contents(made.root), made.bill()
    (made.root / "specs" / "draft.yaml").write_text("assets: {draft: z}\n", encoding="utf-8")
    with (made.root / "mpsjobs.yaml").open("a", encoding="utf-8") as settings:
        settings.write("# a note\n")
    if commands[0][0] == "checkout":
        git(made.root, "checkout", "--", "mpsjobs.yaml")
    for command in commands:
        git(made.root, *command)
    assert contents(made.root) == before
    (made.root / "specs" / "draft.yaml").unlink(missing_ok=True)
    assert not {"generate", "regenerate"} & set(made.kinds().values())
    assert made("apply", "--auto-approve").code == 0
    assert made.bill() == bill


def test_a_revert_brings_the_old_take_back_for_free(made: Folder) -> None:
    before, bill = contents(made.root), made.bill()
    assert len(bill) == 3
    git(made.root, "revert", "--no-edit", "HEAD")
    assert contents(made.root) == before
    assert made.kinds() == {"menu_theme": "restore", "boss_battle": "keep"}
    assert made("apply", "--auto-approve").code == 0
    assert made.bill() == bill


def test_git_sees_nothing_of_the_state(made: Folder) -> None:
    (made.root / "errored.mpsjobs.state.json").write_text("{}", encoding="utf-8")
    status = subprocess.run(
        ["git", "-C", str(made.root), "status", "--porcelain"], capture_output=True, text=True, check=True
    )
    assert status.stdout == ""


# --- damage --------------------------------------------------------------------------------------------------------------------------


def test_deleting_the_snapshot_alone_loses_nothing(applied: Folder) -> None:
    before = applied("state", "list", "--json").json()
    saved = (applied.root / STATE).read_bytes()
    (applied.root / STATE).unlink()
    assert applied("state", "list", "--json").json() == before
    assert set(applied.kinds().values()) == {"keep"}
    assert applied("apply", "--auto-approve").code == 0
    assert (applied.root / STATE).read_bytes() == saved
    assert len(applied.bill()) == 2


def emptied(_: bytes) -> bytes:
    return b""


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def conflicted(content: bytes) -> bytes:
    return b"<<<<<<< HEAD\n" + content + b"=======\n>>>>>>> other\n"


def with_bad_line(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    lines[2] = b'    "rubbish\n'
    return b"".join(lines)


def edited_by_hand(content: bytes) -> bytes:
    edited = content.replace(b'"status": "ready"', b'"status": "failed"')
    assert edited != content
    return edited


def of_another_serial(content: bytes) -> bytes:
    return content.replace(b'"serial": ', b'"serial": 1')


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        (STATE, emptied, f"Delete or move away {STATE}"),
        (STATE, truncated, "not whole JSON"),
        (STATE, with_bad_line, "not whole JSON"),
        (STATE, conflicted, "merge conflict"),
        (STATE, edited_by_hand, "it was edited or damaged"),
        (STATE, of_another_serial, "it was edited or damaged"),
        (JOURNAL, emptied, f"{JOURNAL}:1:1"),
        (JOURNAL, truncated, "do not belong together"),
        (JOURNAL, conflicted, f"{JOURNAL}:1:1"),
    ],
)
def test_a_damaged_file_gives_one_message_and_changes_nothing(
    applied: Folder, name: str, damage: Callable[[bytes], bytes], words: str
) -> None:
    file = applied.root / name
    whole, bill = file.read_bytes(), applied.bill()
    file.write_bytes(damage(whole))
    before = {name: data for name, data in contents(applied.root).items() if ".lock" not in name}
    applied.write(music="assets: {menu: x, boss: y, more: z}\n")
    for command in (("plan",), ("apply", "--auto-approve"), ("state", "list")):
        ran = applied(*command)
        assert ran.code == 1
        assert ran.err.count("error[") == 1
        assert words in ran.err
        assert "help: " in ran.err
    after = {name: data for name, data in contents(applied.root).items() if ".lock" not in name}
    assert after == before
    assert applied.bill() == bill


def test_a_bad_line_in_a_journal_without_its_snapshot_is_named(applied: Folder) -> None:
    (applied.root / STATE).unlink()
    journal = applied.root / JOURNAL
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:3], b"rubbish\n", *lines[4:]]))
    ran = applied("plan")
    assert (ran.code, ran.err.count("error[")) == (1, 1)
    assert f"{JOURNAL}:4:1" in ran.err
    assert "mpsjobs state rebase" in ran.err


def test_a_lost_journal_can_be_done_without(applied: Folder) -> None:
    before = applied("state", "list", "--json").json()
    (applied.root / JOURNAL).unlink()
    assert "mpsjobs state rebase" in applied("plan").err
    ran = applied("state", "rebase")
    assert ran.code == 0
    assert "mpsjobs plan" in ran.out
    assert applied("state", "list", "--json").json() == before
    assert set(applied.kinds().values()) == {"keep"}
    (applied.root / JOURNAL).write_bytes(b"damaged")
    kept = applied("state", "rebase", "--json").json()["kept"]
    assert Path(kept).read_bytes() == b"damaged"


# --- state push ----------------------------------------------------------------------------------------------------------------------


def test_what_could_not_be_recorded_is_pushed_back(applied: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    serial = applied("state", "list", "--json").json()["serial"]
    session = session_of(applied)
    monkeypatch.setattr("os.write", full)
    with pytest.raises(StateError):
        session.append([END])
    monkeypatch.undo()
    file = session.salvage([applied.root])
    session.close()
    assert file == applied.root / "errored.mpsjobs.state.json"
    assert applied("state", "list", "--json").json()["serial"] == serial
    first = applied("state", "push", str(file), "--json").json()
    check("state-push-errored", first)
    assert first == {
        "format_version": 1,
        "appended": 1,
        "present": 0,
        "outdated": 0,
        "serial": serial + 1,
    }
    before = contents(applied.root)
    again = applied("state", "push", str(file))
    assert (again.code, again.out.splitlines()[0]) == (0, f"The state has everything from {file} already.")
    assert contents(applied.root) == before


def test_a_file_that_cannot_be_pushed_is_told_in_words(applied: Folder) -> None:
    ran = applied("state", "push", str(applied.root / "missing.json"))
    assert (ran.code, ran.err.count("error[")) == (1, 1)
    assert "missing.json" in ran.err
    document = applied("state", "push", str(applied.root / "mpsjobs.yaml"), "--json")
    assert document.code == 1
    assert "not whole JSON" in document.json()["diagnostics"][0]["detail"]
    edited = applied.root / "edited.json"
    edited.write_bytes(edited_by_hand((applied.root / STATE).read_bytes()))
    assert "it was edited or damaged" in applied("state", "push", str(edited), "--force").err


# --- force-unlock --------------------------------------------------------------------------------------------------------------------


def test_a_living_run_is_named_and_left_alone(applied: Folder) -> None:
    session = session_of(applied)
    assert session.lock_info is not None
    for arguments in ((), (session.lock_info.id,)):
        ran = applied("force-unlock", *arguments)
        assert ran.code == 1
        assert session.lock_info.who in ran.err
        assert f"process {os.getpid()}" in ran.err
    session.confirm()
    session.close()


def test_a_dead_run_is_cleared_away(applied: Folder) -> None:
    info = {
        "id": "dead",
        "operation": "apply",
        "info": "process 1",
        "who": "you@elsewhere",
        "version": "0.1.0",
        "created": "2026-11-22T20:00:00.000Z",
        "path": STATE,
    }
    (applied.root / f"{STATE}.lock.info").write_text(json.dumps(info), encoding="utf-8")
    assert "No lock has this ID" in applied("force-unlock", "other").err
    assert applied("force-unlock", "dead", "--json").json() == {"format_version": 1, "released": info}
    (applied.root / f"{STATE}.lock.info").write_text(json.dumps(info), encoding="utf-8")
    ran = applied("force-unlock")
    assert ran.code == 0
    assert (
        "The lock of you@elsewhere (apply, process 1, since 2026-11-22T20:00:00.000Z) is released." in ran.out
    )
    assert "mpsjobs plan" in ran.out
    assert "Nobody held the lock." in applied("force-unlock").out
    assert applied("apply", "--auto-approve").code == 0
