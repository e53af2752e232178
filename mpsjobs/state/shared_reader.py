"""Reading a state in a bucket: which epoch is the newest, its snapshot, and what the journal adds. Writes nothing to the bucket."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.state import State
from mpsjobs.state.codec import Line
from mpsjobs.state.encryption import is_encrypted
from mpsjobs.state.fold import Fold
from mpsjobs.state.shape import ShapeError
from mpsjobs.state.shared import (
    HINT,
    Head,
    Shared,
    decode_head,
    decode_segment,
    head_name,
    segment_name,
    snapshot_name,
)
from mpsjobs.state.shared_session import Found
from mpsjobs.state.snapshot import decode_snapshot


@dataclass(frozen=True, slots=True)
class _Epoch:
    """An epoch, and the number of its last event that counts; None while it goes on."""

    head: Head
    end: int | None

    def begins(self, serial: int) -> bool:
        """Whether its snapshot is a part of history, and the state after this event follows from it."""
        return self.head.serial <= serial and (self.end is None or self.head.serial <= self.end)


class SharedReader:
    """What lies in the bucket. `folder` is on this machine, and keeps the last snapshot that was read.

    Everything raises StateError where the bucket cannot be read, or what is there cannot be right or opened.
    """

    def __init__(self, shared: Shared, folder: Path) -> None:
        self._shared = shared
        self._folder = folder

    def hinted(self) -> Head | None:
        """The newest head that anybody told of. Where the hint was lost, that is no state without events."""
        data = self._shared.get(HINT)
        if data is None:
            return self.newest(None)
        try:
            return self._head(HINT, data)
        except StateError as error:
            if not _is_damaged(error) or (newest := self.newest(None)) is None:
                raise
            return newest

    def newest(self, hint: Head | None) -> Head | None:
        """The newest head of all. Epochs follow one another, so one that is not there ends them."""
        head, epoch = hint, hint.epoch if hint else 0
        if head is not None and (data := self._shared.get(head_name(epoch))):
            head = self._head(head_name(epoch), data)
        while (data := self._shared.get(head_name(epoch + 1))) is not None:
            epoch += 1
            head = self._head(head_name(epoch), data)
        return head

    def found(self, head: Head | None) -> Found:
        """The state as it is now."""
        if head is None:
            return Found(None, Fold(State(lineage="")))
        if head.moved_to is not None:
            raise _moved(self._shared.name, head.moved_to)
        fold = Fold(self.snapshot(head))
        while head.open and (lines := self._segment(head, fold.state.serial + 1)):
            for line in lines:
                fold.apply(line.event, line.seq)
        return Found(head, fold)

    def snapshot(self, head: Head) -> State:
        """The state as it was when the last snapshot was written. That is a cache: where it is damaged the journal tells as much."""
        if not head.serial:
            return State(lineage=head.lineage)
        try:
            return self._stored(head)
        except StateError as error:
            if not _is_damaged(error) or head.serial == head.base:
                raise
            written = head.serial, head.snapshot_epoch

            def usable(epoch: _Epoch) -> bool:
                there = epoch.head.serial, epoch.head.snapshot_epoch
                return there != written and epoch.begins(head.serial)

            with contextlib.suppress(StateError):
                state = self._replayed(head, head.serial, usable)
                if state.serial == head.serial:
                    return state
            raise

    def history(self, after: int = 0) -> Iterator[Line]:
        """The events after that number, in order."""
        head = self.hinted()
        if head is None:
            return
        last = max(after, head.base)
        for epoch in self._epochs(head, last):
            seq = epoch.head.begin
            while seq != epoch.end and (lines := self._segment(epoch.head, seq + 1)):
                yield from (line for line in lines if line.seq > last)
                seq = lines[-1].seq
            if epoch.end is not None and seq != epoch.end:
                name = segment_name(epoch.head.epoch, seq + 1)
                raise self._shared.damaged(name, "it is not there")

    def at(self, newest: Head, serial: int) -> State:
        """The state as it was after an event; it ends earlier where the journal does."""
        return self._replayed(newest, serial, lambda epoch: epoch.begins(serial))

    def remember(self, name: str, data: bytes) -> None:
        """Keep a snapshot on this machine, and no other. That it cannot be kept does not matter."""
        file = self._kept(name)
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary = file.with_name(f".{os.getpid()}.tmp")
            temporary.write_bytes(data)
            temporary.replace(file)
            for other in file.parent.glob("*.json"):
                if other != file:
                    other.unlink(missing_ok=True)

    def _kept(self, name: str) -> Path:
        return self._folder / name.rpartition("/")[2]

    def _stored(self, head: Head) -> State:
        name = snapshot_name(head.serial, head.snapshot_epoch)
        with contextlib.suppress(OSError, StateError):
            return self._opened(name, self._kept(name).read_bytes(), head)
        data = self._shared.get(name)
        if data is None:
            raise self._shared.damaged(name, "it is not there")
        state = self._opened(name, data, head)
        self.remember(name, data)
        return state

    def _opened(self, name: str, data: bytes, head: Head) -> State:
        try:
            state = decode_snapshot(self._decrypted(name, data, head, head.snapshot_epoch)).state
        except ShapeError as error:
            raise self._shared.damaged(name, str(error)) from None
        if (state.lineage, state.serial) != (head.lineage, head.serial):
            raise self._shared.damaged(
                name, f"it ends with event {state.serial} of the history {state.lineage}"
            )
        return state

    def _replayed(self, newest: Head, serial: int, usable: Callable[[_Epoch], bool]) -> State:
        """The state after an event, folded from the snapshot of the last epoch that is usable. It ends earlier where the journal does."""
        epochs = [_Epoch(newest, None if newest.open else newest.serial)]
        while not usable(first := epochs[-1]) and first.head.begin > 0 and first.head.epoch > 1:
            epochs.append(self._before(first.head))
        fold = Fold(self.snapshot(first.head) if usable(first) else State(lineage=first.head.lineage))
        for epoch in reversed(epochs):
            seq = max(epoch.head.begin, fold.state.serial)
            while seq < serial and seq != epoch.end:
                lines = self._segment(epoch.head, seq + 1)
                if not lines:
                    break
                for line in lines:
                    if line.seq == fold.state.serial + 1 <= serial:
                        fold.apply(line.event, line.seq)
                seq = lines[-1].seq
        return fold.state

    def _segment(self, head: Head, first: int) -> tuple[Line, ...] | None:
        name = segment_name(head.epoch, first)
        data = self._shared.get(name)
        if data is None:
            return None
        try:
            return decode_segment(self._decrypted(name, data, head, head.epoch), head.lineage, first)
        except ShapeError as error:
            raise self._shared.damaged(name, str(error)) from None

    def _head(self, name: str, data: bytes, after: Head | None = None) -> Head:
        """`after` is the head of the next epoch, where that is known."""
        plain_too = after is not None and after.epoch - 1 <= after.plain_until
        try:
            head = decode_head(self._shared.decrypted(name, data, plain_too=plain_too))
        except ShapeError as error:
            raise self._shared.damaged(name, str(error)) from None
        return head if is_encrypted(data) else replace(head, plain_until=head.epoch)

    def _decrypted(self, name: str, data: bytes, head: Head, epoch: int) -> bytes:
        """An object of an epoch, as this head allows it to be read."""
        return self._shared.decrypted(name, data, plain_too=epoch <= head.plain_until)

    def _epochs(self, newest: Head, after: int) -> list[_Epoch]:
        """Those that have events with numbers above `after`, in order. What a holder wrote after it had lost its lock lies beyond its end."""
        end = None if newest.open else newest.serial
        found = [_Epoch(newest, end)]
        while (head := found[-1].head).begin > after:
            found.append(self._before(head))
        return found[::-1]

    def _before(self, head: Head) -> _Epoch:
        name = head_name(head.epoch - 1)
        data = self._shared.get(name)
        if data is None:
            raise self._shared.damaged(name, "it is not there")
        return _Epoch(self._head(name, data, head), head.begin)


def _moved(place: str, to: str) -> StateError:
    return StateError.of(
        "The state has moved",
        detail=f"{place} is not gone on from any more: the state lives at {to}.",
        hint="Get the settings of the project as they are now, with git pull.",
        code=Code.STATE_MOVED,
    )


def _is_damaged(error: StateError) -> bool:
    return error.diagnostics[0].code is Code.STATE_OBJECT_DAMAGED
