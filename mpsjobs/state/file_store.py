"""State in files: the journal `<path>.journal` is the truth, the snapshot `<path>` makes reading quick, `<path>.backup` is the one before."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import Event
from mpsjobs.model.ports import Clock, LockInfo
from mpsjobs.model.state import State
from mpsjobs.state.codec import Header, Snapshot, decode_snapshot, encode_header, encode_snapshot
from mpsjobs.state.disk import failures_named, keep_backup, replace_file, sibling
from mpsjobs.state.fold import Fold
from mpsjobs.state.journal import JournalWriter, Mark, Tail, read_journal
from mpsjobs.state.lock import StateLock
from mpsjobs.state.shape import ShapeError

_BACKUP: Final = ".backup"


@dataclass(frozen=True, slots=True)
class _Found:
    """What stands on disk, folded. `tail` is None where there has never been a state."""

    fold: Fold
    tail: Tail | None


class FileStateStore:
    """State in a folder (see `StateStore`). Reading writes nothing; only an appended event makes files, apart from the lock's.

    A state that has never had an event has the lineage "" and the serial 0; it gets its lineage with the first event.
    """

    def __init__(self, path: Path, *, clock: Clock, version: str) -> None:
        self._path = path
        self._clock = clock
        self._version = version
        self._journal = sibling(path, ".journal")
        self._backup = sibling(path, _BACKUP)

    def read(self) -> State:
        return self._find().fold.state

    def open(self, operation: str, *, lock_timeout_s: float) -> "FileSession":
        lock = self._lock()
        lock.acquire(operation, timeout_s=lock_timeout_s)
        try:
            found = self._find()
            header = found.tail.header if found.tail else Header(str(uuid.uuid4()), 0)
            return FileSession(found.fold, JournalWriter(self._journal, header, found.tail), lock, self._path)
        except BaseException:
            lock.release()
            raise

    def rebase(self, *, lock_timeout_s: float = 0) -> Path | None:
        """Accept the snapshot as the whole truth and begin a new journal after it.

        What happened after the snapshot was saved is no longer known, paid tasks among it. The old journal, if there is one, is kept
        under another name, which is returned.

        Raises:
            LockHeldError: another run holds the state.
            StateError: there is no sound snapshot.
        """
        lock = self._lock()
        lock.acquire("rebase", timeout_s=lock_timeout_s)
        try:
            snapshot = self._snapshot()
            if snapshot is None:
                raise StateError.of(
                    "There is no snapshot to go on from",
                    detail=f"{self._path} does not exist.",
                    hint=f"Put a copy there, such as {self._backup.name}.",
                )
            aside = sibling(self._journal, f".before-{snapshot.state.serial}-{uuid.uuid4().hex[:8]}")
            with failures_named("rebase of the state", self._journal):
                kept = self._journal.exists()
                if kept:
                    # A second name first: at no time is the old journal without one.
                    aside.hardlink_to(self._journal)
                replace_file(
                    self._journal, encode_header(Header(snapshot.state.lineage, snapshot.state.serial))
                )
            return aside if kept else None
        finally:
            lock.release()

    def _lock(self) -> StateLock:
        return StateLock(self._path, clock=self._clock, version=self._version)

    def _find(self) -> _Found:
        with failures_named("reading of the state", self._path):
            snapshot = self._snapshot()
            known = Mark(snapshot.state.serial, snapshot.offset) if snapshot else None
            try:
                tail = read_journal(self._journal, known)
            except FileNotFoundError:
                return _Found(Fold(self._without_journal(snapshot)), None)
        state = snapshot.state if snapshot else self._without_snapshot(tail)
        self._check_together(state, tail)
        fold = Fold(state)
        for line in tail.lines:
            if line.seq > state.serial:
                fold.apply(line.event, line.seq)
        return _Found(fold, tail)

    def _snapshot(self) -> Snapshot | None:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return decode_snapshot(data)
        except ShapeError as error:
            if self._journal.exists():
                hint = f"Delete or move away {self._path.name}: it is made again from {self._journal.name}."
            else:
                hint = f"Put a copy in its place, such as {self._backup.name}, and its journal beside it."
            raise StateError.of(
                "The state file cannot be read", detail=f"{self._path}: {error}.", hint=hint
            ) from None

    def _without_journal(self, snapshot: Snapshot | None) -> State:
        if snapshot is None and not self._backup.exists():
            return State(lineage="")
        there = self._path if snapshot is not None else self._backup
        raise StateError.of(
            "The journal of the state is missing",
            detail=(
                f"{there} exists and {self._journal} does not. "
                "The journal holds what was paid for; without it, tasks could be bought a second time."
            ),
            hint=(
                f"Put {self._journal.name} back. If it is lost, rebase the state on its snapshot; what happened after the "
                "snapshot was saved is then no longer known. To begin from nothing, move both files away."
            ),
        )

    def _without_snapshot(self, tail: Tail) -> State:
        if tail.header.base == 0:
            return State(lineage=tail.header.lineage)
        raise StateError.of(
            "The state file is missing",
            detail=f"{self._journal} begins after event {tail.header.base}; what was before stands in {self._path} only.",
            hint=f"Put a copy of it back, such as {self._backup.name}.",
        )

    def _check_together(self, state: State, tail: Tail) -> None:
        """The journal must belong to the snapshot's history, begin no later than it and end no earlier."""
        header = tail.header
        if state.lineage != header.lineage:
            why = f"{self._path} belongs to the history {state.lineage}, {self._journal} to {header.lineage}"
        elif state.serial < header.base:
            why = f"{self._path} ends with event {state.serial}, {self._journal} begins after event {header.base}"
        elif tail.last.serial < state.serial:
            why = f"{self._path} ends with event {state.serial}, {self._journal} already with event {tail.last.serial}"
        else:
            return
        raise StateError.of(
            "The state file and its journal do not belong together",
            detail=f"{why}. One of them was replaced by another copy.",
            hint=(
                "Put both back from one copy. If the journal is lost, rebase the state on its snapshot. If it is the state file that is "
                "wrong, delete it: a journal that begins after event 0 makes it again."
            ),
        )


class FileSession:
    """A state in files, held under its lock (see `StateSession`)."""

    def __init__(self, fold: Fold, journal: JournalWriter, lock: StateLock, path: Path) -> None:
        self._fold = fold
        self._journal = journal
        self._lock = lock
        self._path = path
        self._saved = fold.state.serial

    @property
    def lock_info(self) -> LockInfo | None:
        """What others read about this session; None when it is closed."""
        return self._lock.info

    @property
    def state(self) -> State:
        return self._fold.state

    def append(self, events: Sequence[Event], *, sync: bool = True) -> None:
        """See `StateSession.append`.

        An event that does not fit raises StateError; those before it are appended, and the session goes on. When writing fails, `state`
        still has the events, so that they can be saved elsewhere, and the session refuses everything after.
        """
        state = self._fold.state
        folded: list[tuple[int, Event]] = []
        try:
            for event in events:
                seq = state.serial + 1
                self._fold.apply(event, seq)
                folded.append((seq, event))
        finally:
            if folded:
                state.lineage = self._journal.lineage
            self._journal.append(folded, sync=sync)

    def save(self) -> None:
        if self._journal.failed:
            raise StateError.of(
                "The snapshot is not saved",
                detail=f"A write to the journal of {self._path} failed before.",
                hint="Mend the cause and run the command again.",
            )
        if self.state.serial == self._saved:
            return
        self._journal.sync()
        data = encode_snapshot(Snapshot(self.state, self._journal.last.offset))
        with failures_named("saving of the state", self._path):
            keep_backup(self._path, sibling(self._path, _BACKUP))
            replace_file(self._path, data)
        self._saved = self.state.serial

    def close(self) -> None:
        """Save, and release the lock, also when saving fails. After a failed append there is nothing to save. Call it as often as you like."""
        try:
            if not self._journal.failed:
                self.save()
        finally:
            self._journal.close()
            self._lock.release()
