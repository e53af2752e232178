"""A disk that is full, broken or read-only: what is known is never lost."""

import os
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import (
    OutputsRecorded,
    RunFinished,
    Sending,
    TaskSubmitted,
)

from .files import FullDisk, broken, crash, journal_of, opened, store_at, told, write
from .histories import AT, bought, intended, output

END = RunFinished(AT, "r", 0)
SUBMITTED = TaskSubmitted(AT, "a1", "t1", None)


def test_a_full_disk_stops_the_session_and_leaves_a_sound_journal(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(path)
    session.append([intended()])
    monkeypatch.setattr("os.write", FullDisk(20))
    with pytest.raises(StateError) as caught:
        session.append([SUBMITTED])
    message = told(caught.value)
    for words in ("No space left on device", "mpsjobs.state.json.journal", "mpsjobs state push"):
        assert words in message
    assert session.failed
    monkeypatch.undo()
    size = journal_of(path).stat().st_size
    session.append([END])
    session.append([OutputsRecorded(AT, "a1", (output(),))], sync=False)
    session.save()
    take = session.state.pools["f1:x"].takes[0]
    assert (take.task_id, take.usable, session.state.serial) == ("t1", True, 4)
    with pytest.raises(StateError, match="write to the journal failed"):
        session.confirm()
    session.close()
    assert not path.exists()
    assert journal_of(path).stat().st_size == size
    assert store_at(path).read().serial == 1
    assert write(path, END).serial == 2


def test_a_short_write_is_completed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr("os.write", lambda descriptor, data: real(descriptor, bytes(data[:7])))
    state = write(path, *bought())
    monkeypatch.undo()
    assert store_at(path).read() == state


def test_what_a_failed_sync_leaves_in_doubt_is_unrecorded(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(path)
    session.append([intended()])
    monkeypatch.setattr("os.fdatasync", broken)
    session.append([Sending(AT, "a1")], sync=False)
    with pytest.raises(StateError, match="write to the journal failed"):
        session.append([SUBMITTED])
    monkeypatch.undo()
    session.append([END])
    document = orjson.loads(session.errored_document())
    assert [(line["seq"], line["type"]) for line in document["unrecorded"]] == [
        (2, "Sending"),
        (3, "TaskSubmitted"),
        (4, "RunFinished"),
    ]
    assert document["takes"]["f1:x"]["takes"][0]["task_id"] == "t1"
    session.close()


def test_lines_that_a_killed_run_left_unsynced_are_in_doubt_too(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened(path)
    first.append([intended()])
    first.append([Sending(AT, "a1")], sync=False)
    crash(first)
    session = opened(path)
    monkeypatch.setattr("os.fdatasync", broken)
    with pytest.raises(StateError):
        session.append([SUBMITTED])
    monkeypatch.undo()
    lines = orjson.loads(session.errored_document())["unrecorded"]
    assert [line["seq"] for line in lines] == [2, 3]
    session.close()


def test_the_errored_file_goes_into_the_first_folder_that_takes_it(path: Path, tmp_path: Path) -> None:
    with closing(opened(path)) as session:
        session.append([intended()])
        there = tmp_path / "there"
        there.mkdir()
        folders = [tmp_path / "missing", there]
        (there / "errored.mpsjobs.state.json").write_text("of an earlier run")
        assert session.salvage(folders) == there / "errored-2.mpsjobs.state.json"
        assert session.salvage(folders) == there / "errored-3.mpsjobs.state.json"
        assert (there / "errored.mpsjobs.state.json").read_text() == "of an earlier run"
        assert (there / "errored-2.mpsjobs.state.json").read_text() == session.errored_document()
        assert session.salvage([tmp_path / "missing"]) is None
        assert session.salvage([]) is None


def test_no_half_errored_file_is_left(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(opened(path)) as session:
        session.append([intended()])
        monkeypatch.setattr("os.write", FullDisk(100))
        assert session.salvage([tmp_path]) is None
        monkeypatch.undo()
        assert not list(tmp_path.glob("errored*"))


def test_a_place_that_cannot_be_written_is_told_before_anything_happens(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, *bought())
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}
    monkeypatch.setattr("os.write", FullDisk(0))
    with pytest.raises(StateError, match="writing of the state failed") as caught:
        opened(path)
    monkeypatch.undo()
    assert "Nothing was submitted" in told(caught.value)
    assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == before
    opened(path).close()


def test_a_journal_that_cannot_be_written_is_told_before_anything_happens(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, *bought())
    real = os.open

    def refusing(name: str | Path, flags: int, mode: int = 0o777, **rest: int) -> int:
        if str(name).endswith(".journal") and flags & os.O_WRONLY:
            raise OSError(30, "Read-only file system")
        return real(name, flags, mode, **rest)

    monkeypatch.setattr("os.open", refusing)
    with pytest.raises(StateError, match="opening of the journal for writing failed") as caught:
        opened(path)
    monkeypatch.undo()
    assert "Read-only file system. Nothing was submitted" in told(caught.value)
    assert "make room" in told(caught.value)
    opened(path).close()


def test_a_failing_save_still_gives_the_lock_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = opened(path)
    session.append(bought())
    monkeypatch.setattr("os.write", FullDisk(0))
    with pytest.raises(StateError, match="saving of the state failed") as caught:
        session.close()
    monkeypatch.undo()
    assert "the journal has everything" in told(caught.value)
    assert store_at(path).read().serial == 4
    opened(path).close()
    assert orjson.loads(path.read_bytes())["serial"] == 4  # the next session catches up


def test_an_unreadable_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StateError):
        store_at(tmp_path / "file" / "state.json").read()
    (tmp_path / "state.json").mkdir()
    with pytest.raises(StateError):
        store_at(tmp_path / "state.json").read()
