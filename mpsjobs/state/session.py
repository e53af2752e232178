"""What every session does alike: it folds events, goes on in memory when they cannot be made durable, and saves what may be lost."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import Event
from mpsjobs.model.ports import LockInfo
from mpsjobs.model.state import State
from mpsjobs.state.codec import Line
from mpsjobs.state.disk import new_file
from mpsjobs.state.fold import Fold
from mpsjobs.state.snapshot import encode_errored

_MOST_ERRORED: Final = 1000


class Session(ABC):
    """A state held under its lock (see `StateSession`). A kind of store says how events become durable, in the methods below."""

    def __init__(self, fold: Fold, lineage: str, loose: Sequence[tuple[int, Event]]) -> None:
        """`loose`: events of the journal that an earlier process may not have made durable, perhaps among others."""
        self._fold = fold
        self._lineage = lineage
        self._loose = list(loose)
        self._failure: StateError | None = None

    # --- what a kind of store does -----------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def lock_info(self) -> LockInfo | None:
        """What others read about this session; None when it is closed."""

    @property
    @abstractmethod
    def _durable(self) -> int:
        """Up to which event everything is durable. May grow at any time."""

    @abstractmethod
    def _confirm(self) -> None:
        """See `StateSession.confirm`."""

    @abstractmethod
    def _write(self, folded: Sequence[tuple[int, Event]], *, sync: bool) -> None:
        """Append the numbered events. Raises StateError: they could not be written, or not made durable."""

    @abstractmethod
    def _save(self) -> None:
        """Write what makes the next command quick. The session has not failed."""

    @abstractmethod
    def _release(self) -> None:
        """Give back whatever is held."""

    # --- what all of them have in common -----------------------------------------------------------------------------------------

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
            self._confirm()

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
                state.lineage = self._lineage
            self._loose += folded
            if self._failure is None:
                with self._failing():
                    self._write(folded, sync=sync)
                self._forget_durable()

    def save(self) -> None:
        if self._failure is None:
            self._save()

    def salvage(self, folders: Sequence[Path]) -> Path | None:
        data = self._errored()
        return next((file for folder in folders if (file := _put_aside(folder, data))), None)

    def errored_document(self) -> str:
        return self._errored().decode()

    def close(self) -> None:
        """Save, and release the lock, also when saving fails. Call it as often as you like."""
        try:
            if self.lock_info is not None:
                self.save()
        finally:
            self._release()

    def _forget_durable(self) -> None:
        if self._loose and self._durable >= self._loose[-1][0]:
            self._loose.clear()

    def _errored(self) -> bytes:
        durable = self._durable
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
