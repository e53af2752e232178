"""A disk that is full, broken or read-only: what is known is never lost."""

import os
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import (
    AssetRecorded,
    Event,
    OutputsRecorded,
    RunFinished,
    RunStarted,
    Sending,
    SubmitWithdrawn,
    TaskSubmitted,
)
from mpsjobs.state.file_session import FileSession
from mpsjobs.state.push import Pushed, push

from .files import crash, journal_of, opened, store_at, told, write
from .histories import AT, bought, folded, intended, output, recorded

END = RunFinished(AT, "r", 0)
SUBMITTED = TaskSubmitted(AT, "a1", "t1", None)


class FullDisk:
    """Takes so many bytes, then none."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._write = os.write

    def __call__(self, descriptor: int, data: bytes) -> int:
        taken = min(self.room, len(data))
        if not taken:
            raise OSError(28, "No space left on device")
        self.room -= taken
        return self._write(descriptor, bytes(data[:taken]))


def broken(*_: object) -> int:
    raise OSError(5, "Input/output error")


def salvaged(
    path: Path, monkeypatch: pytest.MonkeyPatch, before: list[Event], after: list[Event], room: int = 20
) -> Path:
    """A run whose disk is full after `before`, and the file that it leaves."""
    session = opened(path)
    session.append(before)
    monkeypatch.setattr("os.write", FullDisk(room))
    with pytest.raises(StateError):
        session.append(after[:1])
    for event in after[1:]:
        session.append([event])
    monkeypatch.undo()
    file = session.salvage([path.parent])
    session.close()
    assert file is not None
    return file


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


# --- putting it back -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [0, 20, 10**6])
def test_what_was_put_aside_is_put_back_once(path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Whether none, a part, or all of the first line had reached the disk."""
    if room > 1000:
        monkeypatch.setattr("os.fdatasync", broken)
        session = opened(path)
        with pytest.raises(StateError):
            session.append(bought()[:1])
        session.append(bought()[1:])
        monkeypatch.undo()
        file = session.salvage([path.parent])
        session.close()
        assert file is not None
    else:
        file = salvaged(path, monkeypatch, [], bought(), room)
    lineage = orjson.loads(file.read_bytes())["lineage"]
    pushed = push(store_at(path), file)
    assert (pushed.appended + pushed.present, pushed.outdated, pushed.serial) == (4, 0, 4)
    state = store_at(path).read()
    expected = folded(*bought())
    expected.lineage = lineage
    assert state == expected
    before = {p.name: p.stat().st_mtime_ns for p in path.parent.iterdir()}
    assert push(store_at(path), file) == Pushed(0, 4, 0, 4)
    assert {p.name: p.stat().st_mtime_ns for p in path.parent.iterdir()} == before


def test_after_another_run_only_what_was_bought_is_put_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk was mended and apply run again before anybody thought of the file."""
    before: list[Event] = [intended(), Sending(AT, "a1"), recorded(fingerprint="f1:x")]
    after: list[Event] = [
        SUBMITTED,
        OutputsRecorded(AT, "a1", (output(),)),
        AssetRecorded(AT, "menu", "f1:old", "emulator", 1, None),
        END,
    ]
    file = salvaged(path, monkeypatch, before, after)
    since: list[Event] = [
        RunStarted(AT, "r2", "apply", "0.1.0", "me@box", "c1"),
        recorded(fingerprint="f1:x"),
    ]
    write(path, *since)
    assert push(store_at(path), file) == Pushed(2, 0, 2, 7)
    state = store_at(path).read()
    assert (state.assets["menu"].fingerprint, state.assets["menu"].status) == ("f1:x", "ready")
    assert (state.commit, state.pools["f1:x"].takes[0].task_id) == ("c1", "t1")
    assert push(store_at(path), file) == Pushed(0, 2, 2, 7)


def test_what_the_history_learned_by_itself_is_not_put_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = salvaged(path, monkeypatch, [intended(), Sending(AT, "a1")], [SUBMITTED])
    write(path, OutputsRecorded(AT, "a1", (output("found"),)))
    assert push(store_at(path), file) == Pushed(0, 0, 1, 3)
    assert store_at(path).read().pools["f1:x"].takes[0].adopted


@pytest.mark.parametrize(
    "since",
    [
        [TaskSubmitted(AT, "a1", "another", None)],
        [SubmitWithdrawn(AT, "a1"), intended("a2", take=2)],
    ],
)
def test_what_contradicts_the_history_is_refused_in_words(
    path: Path, monkeypatch: pytest.MonkeyPatch, since: list[Event]
) -> None:
    file = salvaged(path, monkeypatch, [intended()], [SUBMITTED])
    write(path, *since)
    journal = journal_of(path).read_bytes()
    with pytest.raises(StateError, match="contradicts the journal") as caught:
        push(store_at(path), file)
    assert "attempt a1, with the TaskId t1" in told(caught.value)
    assert "Keep the file" in told(caught.value)
    assert journal_of(path).read_bytes() == journal


def test_a_file_of_another_history_or_after_a_gap_is_refused(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = salvaged(path, monkeypatch, [intended(), Sending(AT, "a1")], [SUBMITTED])
    other = tmp_path / "other" / "s.json"
    with pytest.raises(StateError) as caught:
        push(store_at(other), file)
    assert "ends with event 0" in told(caught.value)
    assert not journal_of(other).exists()
    write(other, *bought())
    with pytest.raises(StateError) as caught:
        push(store_at(other), file)
    assert "belongs to the history" in told(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"version": 2}', b'{"version": 1}'])
def test_a_file_that_is_none_is_refused_in_words(path: Path, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "errored.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StateError) as caught:
        push(store_at(path), file)
    assert caught.value.diagnostics[0].hint
    assert not path.parent.exists()


def test_a_file_without_events_changes_nothing(path: Path, tmp_path: Path) -> None:
    write(path, *bought())
    session: FileSession
    with closing(opened(path)) as session:
        file = session.salvage([tmp_path])
    assert file is not None
    assert push(store_at(path), file) == Pushed(0, 0, 0, 4)
