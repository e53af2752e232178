"""State in files: the journal `<path>.journal` is the truth, the snapshot `<path>` makes reading quick, `<path>.backup` is the one before."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.ports import Clock, LockInfo
from mpsjobs.model.state import State
from mpsjobs.state import codec
from mpsjobs.state.backend import no_such_event
from mpsjobs.state.codec import Header, Line, encode_header
from mpsjobs.state.disk import check_writable, failures_named, file_id, keep_backup, replace_file, sibling
from mpsjobs.state.file_session import BACKUP, Before, FileSession
from mpsjobs.state.fold import Fold
from mpsjobs.state.identity import boot_id
from mpsjobs.state.journal import JournalWriter, Mark, Tail, read_journal, stream
from mpsjobs.state.lock import StateLock, unheard
from mpsjobs.state.shape import ShapeError
from mpsjobs.state.snapshot import Snapshot, decode_snapshot, encode_snapshot

_REBASE: Final = "go on from the state file with `mpsjobs state rebase`: what happened after it was saved is then no longer known"


@dataclass(frozen=True, slots=True)
class _Found:
    """What stands on disk, folded. `tail` is None where there has never been a state; `saved` and `version` are the snapshot's."""

    fold: Fold
    tail: Tail | None
    saved: int = 0
    version: int = codec.VERSION


class FileStateStore:
    """State in a folder (see `StateBackend`). Reading writes nothing; only an appended event makes files, apart from the lock's.

    A state that has never had an event has the lineage "" and the serial 0; it gets its lineage with the first event.
    """

    def __init__(
        self, path: Path, *, clock: Clock, version: str, tell: Callable[[str], None] = unheard
    ) -> None:
        self._path = path
        self._tell = tell
        self._clock = clock
        self._version = version
        self._journal = sibling(path, ".journal")
        self._backup = sibling(path, BACKUP)

    def read(self) -> State:
        return self._find().fold.state

    def open(self, operation: str, *, lock_timeout_s: float, lineage: str | None = None) -> FileSession:
        lock = self._lock()
        lock.acquire(operation, timeout_s=lock_timeout_s)
        try:
            check_writable(self._path)
            there = file_id(self._path)
            found = self._find()
            header = found.tail.header if found.tail else Header(lineage or str(uuid.uuid4()), 0)
            journal = JournalWriter(self._journal, header, found.tail)
            loose = [(line.seq, line.event) for line in found.tail.lines] if found.tail else []
            before = Before(there, found.saved, found.version)
            return FileSession(found.fold, journal, lock, self._path, before, loose)
        except BaseException:
            lock.release()
            raise

    @property
    def name(self) -> str:
        return str(self._path)

    @property
    def boot_id(self) -> str:
        return boot_id()

    @property
    def gather_s(self) -> float:
        return 0.5

    def history(self, after: int = 0) -> Iterator[Line]:
        with failures_named("reading of the state", self._path):
            if self._journal.exists():
                yield from (line for line in stream(self._journal) if line.seq > after)
            else:
                self._without_journal(self._snapshot(self._path))

    def at(self, serial: int) -> State:
        with failures_named("reading of the state", self._path):
            now = self._find()
            state = State(lineage=now.fold.state.lineage)
            if now.tail is not None and read_journal(self._journal).header.base > 0:
                kept = [each.state for path in (self._path, self._backup) if (each := self._snapshot(path))]
                state = next((each for each in kept if each.serial <= serial), state)
        fold = Fold(state)
        for line in self.history(state.serial):
            if line.seq == fold.state.serial + 1 <= serial:
                fold.apply(line.event, line.seq)
        if fold.state.serial != serial:
            raise no_such_event(serial, now.fold.state.serial, self.name)
        return fold.state

    def move_away(self, to: str, put_there: Callable[[State], None], *, lock_timeout_s: float = 0) -> str:  # noqa: ARG002  # a file that is gone tells nobody where it went
        lock = self._lock()
        lock.acquire("init --migrate-state", timeout_s=lock_timeout_s)
        try:
            state = self.read()
            put_there(state)
            aside = self._aside(self._journal, state.serial)
            with failures_named("moving of the state", self._path):
                for file in (self._backup, self._path):
                    if file.exists():
                        file.rename(self._aside(file, state.serial))
                self._journal.rename(aside)
        finally:
            lock.release()
        return str(aside)

    def force_unlock(self, lock_id: str | None = None) -> LockInfo | None:
        return self._lock().force(lock_id)

    def rebase(self, *, lock_timeout_s: float = 0) -> str | None:
        lock = self._lock()
        lock.acquire("rebase", timeout_s=lock_timeout_s)
        try:
            snapshot = self._snapshot(self._path)
            if snapshot is None:
                raise StateError.of(
                    "There is no snapshot to go on from",
                    detail=f"{self._path} does not exist.",
                    hint=f"Put a copy there, such as {self._backup.name}.",
                    code=Code.STATE_UNREADABLE,
                )
            return self._begin_anew(snapshot.state)
        finally:
            lock.release()

    def replace(
        self, choose: Callable[[State | None], State | None], *, lock_timeout_s: float = 0
    ) -> str | None:
        """See `StateBackend.replace`. A crash in between is seen, because of the serial, and `rebase` goes on from it."""
        lock = self._lock()
        lock.acquire("state push", timeout_s=lock_timeout_s)
        try:
            try:
                here = self.read()
            except StateError:
                here = None
            chosen = choose(here)
            if chosen is None:
                return None
            with failures_named("replacing of the state", self._path):
                if self._path.exists():
                    keep_backup(self._path, self._aside(self._path, here.serial if here else 0))
                    keep_backup(self._path, self._backup)
                replace_file(self._path, encode_snapshot(Snapshot(chosen, 0)))
            return self._begin_anew(chosen)
        finally:
            lock.release()

    def _begin_anew(self, state: State) -> str | None:
        """A new journal after the saved state. The old one, if there is one, is kept under another name."""
        aside = self._aside(self._journal, state.serial)
        with failures_named("rebase of the state", self._journal):
            kept = self._journal.exists()
            if kept:
                # A second name first: at no time is the old journal without one.
                aside.hardlink_to(self._journal)
            replace_file(self._journal, encode_header(Header(state.lineage, state.serial)))
        return str(aside) if kept else None

    def _aside(self, path: Path, serial: int) -> Path:
        return sibling(path, f".before-{serial}-{uuid.uuid4().hex[:8]}")

    def _lock(self) -> StateLock:
        return StateLock(self._path, clock=self._clock, version=self._version, tell=self._tell)

    def _find(self) -> _Found:
        with failures_named("reading of the state", self._path):
            snapshot = self._snapshot(self._path)
            known = Mark(snapshot.state.serial, snapshot.offset) if snapshot else None
            try:
                tail = read_journal(self._journal, known)
            except FileNotFoundError:
                return _Found(Fold(self._without_journal(snapshot)), None)
            state = snapshot.state if snapshot else self._without_snapshot(tail)
        self._check_together(state, tail)
        begin = state.serial
        fold = Fold(state)
        for line in tail.lines:
            if line.seq > begin:
                fold.apply(line.event, line.seq)
        return _Found(fold, tail, begin, snapshot.version) if snapshot else _Found(fold, tail)

    def _snapshot(self, path: Path) -> Snapshot | None:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return decode_snapshot(data)
        except ShapeError as error:
            if self._journal.exists():
                hint = f"Delete or move away {path.name}: it is made again from {self._journal.name}."
            else:
                hint = f"Put a copy in its place, such as {self._backup.name}, and its journal beside it."
            raise StateError.of(
                "The state file cannot be read",
                detail=f"{path}: {error}.",
                hint=hint,
                code=Code.STATE_UNREADABLE,
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
                f"Put {self._journal.name} back. If it is lost, {_REBASE}. To begin from nothing, move "
                f"{self._path.name} and {self._backup.name} away."
            ),
            code=Code.JOURNAL_DAMAGED,
        )

    def _without_snapshot(self, tail: Tail) -> State:
        """The journal alone makes the state again; one that begins later needs the backup, which is an earlier snapshot."""
        if tail.header.base == 0:
            return State(lineage=tail.header.lineage)
        backup = self._snapshot(self._backup)
        if backup is not None and backup.state.serial >= tail.header.base:
            return backup.state
        raise StateError.of(
            "The state file is missing",
            detail=f"{self._journal} begins after event {tail.header.base}; what was before stands in {self._path} only.",
            hint="Put a copy of it back.",
            code=Code.STATE_UNREADABLE,
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
                "Put both back from one copy. If it is the state file that is wrong, delete it: it is made again from the journal. "
                f"If the right journal is lost, {_REBASE}."
            ),
            code=Code.JOURNAL_DAMAGED,
        )
