"""A state in files while a command holds its lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mpsjobs.model.events import Event
from mpsjobs.model.ports import LockInfo
from mpsjobs.state import codec
from mpsjobs.state.disk import FileId, failures_named, file_id, keep_backup, replace_file, sibling
from mpsjobs.state.fold import Fold
from mpsjobs.state.journal import JournalWriter
from mpsjobs.state.lock import StateLock, lock_lost
from mpsjobs.state.session import Session
from mpsjobs.state.snapshot import Snapshot, encode_snapshot

BACKUP: Final = ".backup"


@dataclass(frozen=True, slots=True)
class Before:
    """The snapshot as the session found it: the file (None when there was none), the last event in it, and its version."""

    file: FileId | None
    serial: int
    version: int


class FileSession(Session):
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
        super().__init__(fold, journal.lineage, loose)
        self._journal = journal
        self._lock = lock
        self._path = path
        self._before = before
        self._there = before.file
        self._saved = before.serial if before.version == codec.VERSION else 0  # an older form is written anew

    @property
    def lock_info(self) -> LockInfo | None:
        return self._lock.info

    @property
    def intents_ahead(self) -> int:
        return 1

    @property
    def _durable(self) -> int:
        return self._journal.durable

    def _confirm(self) -> None:
        self._lock.confirm()
        self._journal.confirm()
        try:
            unchanged = file_id(self._path) == self._there
        except OSError as error:
            raise lock_lost(f"{self._path} cannot be looked at: {error.strerror or error}.") from error
        if not unchanged:
            raise lock_lost(f"Somebody removed, replaced or edited {self._path}.")

    def _write(self, folded: Sequence[tuple[int, Event]], *, sync: bool) -> None:
        self._journal.append(folded, sync=sync)

    def _save(self) -> None:
        if self.state.serial == self._saved:
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

    def _release(self) -> None:
        self._journal.close()
        self._lock.release()
