"""A state in a folder, as the tests of it handle it."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from mpsjobs.model.diagnostics import MpsjobsError, StateError
from mpsjobs.model.events import Event
from mpsjobs.model.state import State
from mpsjobs.state.file_session import FileSession
from mpsjobs.state.file_store import FileStateStore

from .histories import FakeClock


def store_at(path: Path) -> FileStateStore:
    return FileStateStore(path, clock=FakeClock(), version="0.1.0")


def opened(path: Path) -> FileSession:
    return store_at(path).open("apply", lock_timeout_s=0)


def write(path: Path, *events: Event, one_by_one: bool = True) -> State:
    with closing(opened(path)) as session:
        for event in events if one_by_one else ():
            session.append([event])
        if not one_by_one:
            session.append(events)
        return session.state


def crash(session: FileSession) -> None:
    """End the session as a killed process would: nothing is saved, the system closes the files."""
    session._journal.close()
    session._lock.release()


def journal_of(path: Path) -> Path:
    return path.with_name(path.name + ".journal")


def backup_of(path: Path) -> Path:
    return path.with_name(path.name + ".backup")


def told(error: MpsjobsError) -> str:
    return "\n".join(f"{d.position or ''} {d.summary} {d.detail} {d.hint}" for d in error.diagnostics)


def refused(path: Path) -> str:
    """What a reader and a writer are told; both refuse, and neither changes a byte."""
    before = {p: p.read_bytes() for p in path.parent.iterdir() if p.suffix != ".lock"}
    with pytest.raises(StateError) as caught:
        store_at(path).read()
    with pytest.raises(StateError):
        opened(path)
    assert {p: p.read_bytes() for p in path.parent.iterdir() if p.suffix != ".lock"} == before
    return told(caught.value)


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
