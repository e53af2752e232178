"""A state in files while a command holds its lock."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import Event
from mpsjobs.model.ports import LockInfo
from mpsjobs.model.state import State
from mpsjobs.state import codec
from mpsjobs.state.codec import Line
from mpsjobs.state.disk import FileId, failures_named, file_id, keep_backup, new_file, replace_file, sibling
from mpsjobs.state.fold import Fold
from mpsjobs.state.journal import JournalWriter
from mpsjobs.state.lock import StateLock, lock_lost
from mpsjobs.state.snapshot import Snapshot, encode_errored, encode_snapshot

BACKUP: Final = ".backup"
_MOST_ERRORED: Final = 1000


@dataclass(frozen=True, slots=True)
class Before:
    """The snapshot as the session found it: the file (None when there was none), the last event in it, and its version."""

    file: FileId | None
    serial: int
    version: int


class FileSession:
    """A state in files, held under its lock (see `StateSession`)."""

    def __init__(
        self,
        fold: Fold,
        journal: JournalWriter,
        lock: StateLock,
        path: Path,
        before: Before,
        loose: Sequence[tuple[int, Event]],
    ) -> None:
        """`loose`: events of the journal that an earlier process may not have made durable, perhaps among others."""
        self._fold = fold
        self._journal = journal
        self._lock = lock
        self._path = path
        self._before = before
        self._there = before.file
        self._saved = before.serial if before.version == codec.VERSION else 0  # an older form is written anew
        self._loose = list(loose)
        self._failure: StateError | None = None

    @property
    def lock_info(self) -> LockInfo | None:
        """What others read about this session; None when it is closed."""
        return self._lock.info

    @property
    def state(self) -> State:
        return self._fold.state

    @property
    def failed(self) -> bool:
        return self._failure is not None

    def confirm(self) -> None:
        if self._failure is not None:
            raise self._failure
        with self._failing():
            self._lock.confirm()
            self._journal.confirm()
            try:
                unchanged = file_id(self._path) == self._there
            except OSError as error:
                raise lock_lost(f"{self._path} cannot be looked at: {error.strerror or error}.") from error
            if not unchanged:
                raise lock_lost(f"Somebody removed, replaced or edited {self._path}.")

    def append(self, events: Sequence[Event], *, sync: bool = True) -> None:
        """See `StateSession.append`.

        An event that does not fit raises StateError; those before it are appended, and the session goes on.
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
            self._loose += folded
            if self._failure is None:
                with self._failing():
                    self._journal.append(folded, sync=sync)
                if self._journal.durable == self._journal.last.serial:
                    self._loose.clear()

    def save(self) -> None:
        if self._failure is not None or self.state.serial == self._saved:
            return
        self.confirm()
        with self._failing():
            self._journal.sync()
        data = encode_snapshot(Snapshot(self.state, self._journal.last.offset))
        with failures_named(
            "saving of the state", self._path, "Nothing is lost: the journal has everything."
        ):
            original = sibling(self._path, f".v{self._before.version}")
            if self._before.version != codec.VERSION and not original.exists():
                keep_backup(self._path, original)
            keep_backup(self._path, sibling(self._path, BACKUP))
            replace_file(self._path, data)
            self._there = file_id(self._path)
        self._saved = self.state.serial

    def salvage(self, folders: Sequence[Path]) -> Path | None:
        data = self._errored()
        return next((file for folder in folders if (file := _put_aside(folder, data))), None)

    def errored_document(self) -> str:
        return self._errored().decode()

    def close(self) -> None:
        """Save, and release the lock, also when saving fails. Call it as often as you like."""
        try:
            if self._lock.info is not None:
                self.save()
        finally:
            self._journal.close()
            self._lock.release()

    def _errored(self) -> bytes:
        durable = self._journal.durable
        return encode_errored(
            self.state, [Line(seq, durable, event) for seq, event in self._loose if seq > durable]
        )

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """What fails here ends all writing."""
        try:
            yield
        except StateError as error:
            self._failure = error
            raise


def _put_aside(folder: Path, data: bytes) -> Path | None:
    """Write a file of a name that is free. None when the folder does not take it."""
    for number in count(1):
        suffix = f"-{number}" if number > 1 else ""
        file = folder / f"errored{suffix}.mpsjobs.state.json"
        try:
            new_file(file, data)
        except FileExistsError:
            if number == _MOST_ERRORED:
                return None
        except OSError:
            return None
        else:
            return file
    return None
