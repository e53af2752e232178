"""A state in a bucket while a command holds its lock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mpsjobs.model import events
from mpsjobs.model.events import Event
from mpsjobs.model.ports import LockInfo
from mpsjobs.state.codec import Line
from mpsjobs.state.fold import Fold
from mpsjobs.state.outbox import Numbered, Outbox
from mpsjobs.state.own_journal import OwnJournal
from mpsjobs.state.session import Session
from mpsjobs.state.shared import (
    HINT,
    LINES,
    Head,
    Shared,
    encode_head,
    encode_segment,
    head_name,
    segment_name,
    snapshot_name,
)
from mpsjobs.state.shared_lock import SharedLock
from mpsjobs.state.snapshot import Snapshot, encode_snapshot

INTENTS_AHEAD: Final = 20
"""As many as leave in a second."""

MOST_SEGMENTS: Final = 100
"""After so many objects of the journal a snapshot is written, so that nobody has to read more of them."""

_MAY_FOLLOW: Final = (
    events.RunStarted,
    events.RunFinished,
    events.Sending,
    events.SubmitWithdrawn,
    events.SubmitRefused,
    events.SubmitUnknown,
    events.TaskSubmitted,
    events.TaskFailed,
    events.OutputsRecorded,
    events.AssetRecorded,
    events.AssetRetired,
    events.AssetPublished,
)
"""What tells of something that has happened already. Everything else is in the bucket before anything follows from it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A state as it was found in the bucket: the newest head (None: there has never been a state), and the fold of all that there is."""

    head: Head | None
    fold: Fold

    @property
    def whole(self) -> bool:
        """Whether the snapshot holds everything, and nobody was cut off."""
        return self.head is None or not self.head.open


class SharedSession(Session):
    """A state in a bucket, held under its lock (see `StateSession`)."""

    def __init__(
        self,
        found: Found,
        first: Head,
        shared: Shared,
        lock: SharedLock,
        own: OwnJournal | None,
        remember: Callable[[str, bytes], None],
    ) -> None:
        """`first` is the head that this session begins with; `own` its journal on this machine; `remember` keeps a snapshot here."""
        super().__init__(found.fold, first.lineage, ())
        self._shared = shared
        self._lock = lock
        self._own = own
        self._remember = remember
        self._head = first
        self._begun = False
        self._closing = False
        self._segments = 0
        self._outbox = Outbox(self._put, self.state.serial)
        if not found.whole:
            self._save_snapshot()

    @property
    def lock_info(self) -> LockInfo | None:
        return self._lock.info

    @property
    def intents_ahead(self) -> int:
        return INTENTS_AHEAD

    def share(self) -> None:
        """Return when everything is in the bucket. Raises StateError."""
        with self._failing():
            self._outbox.wait(self.state.serial)

    def move_away(self, to: str) -> None:
        """The last that is written here: the state lives at `to` from now on."""
        self._closing = True
        self.save()
        with self._failing():
            self._tell(replace(self._head, open=False, moved_to=to))

    def rewrite(self) -> None:
        """Save the state once more, in the form that is written now. Raises StateError."""
        self.share()
        with self._failing():
            self._save_snapshot()

    def close(self) -> None:
        self._closing = True
        super().close()

    @property
    def _durable(self) -> int:
        return self._outbox.durable

    def _confirm(self) -> None:
        self._outbox.check()
        self._lock.confirm()

    def _write(self, folded: Sequence[Numbered], *, sync: bool) -> None:
        if self._own is not None:
            self._own.append(folded, sync=sync)
        self._outbox.add(folded)
        if sync and any(not isinstance(event, _MAY_FOLLOW) for _, event in folded):
            self._outbox.wait(folded[-1][0])
        if self._segments >= MOST_SEGMENTS:
            self._outbox.wait(self.state.serial)
            self._save_snapshot()

    def _save(self) -> None:
        self.share()
        with self._failing():
            if self.state.serial > self._head.serial:
                self._save_snapshot()
            elif self._closing and self._begun:
                self._tell(replace(self._head, open=False))

    def _release(self) -> None:
        self._outbox.close()
        if self._own is not None:
            self._own.close(forget=self._failure is None and self._outbox.durable == self.state.serial)
        self._lock.release()

    def _put(self, batch: Sequence[tuple[int, Event]]) -> None:
        """Make events durable, as an object of this epoch's journal. Called by the outbox alone."""
        self._lock.confirm()
        if not self._begun:
            self._tell(replace(self._head, open=True))
        first = batch[0][0]
        lines = [Line(seq, 0, event) for seq, event in batch]
        name = segment_name(self._head.epoch, first)
        content = self._shared.encrypted(name, encode_segment(self._lineage, lines))
        self._shared.put(name, content, content_type=LINES)
        self._segments += 1

    def _save_snapshot(self) -> None:
        """Nothing is on its way meanwhile: the outbox is empty."""
        self._lock.confirm()
        serial, epoch = self.state.serial, self._head.epoch
        self.state.lineage = self._lineage
        name = snapshot_name(serial, epoch)
        data = self._shared.encrypted(name, encode_snapshot(Snapshot(self.state, 0)))
        self._shared.put(name, data)
        self._remember(name, data)
        self._segments = 0
        self._tell(replace(self._head, serial=serial, snapshot_epoch=epoch, open=not self._closing))

    def _tell(self, head: Head) -> None:
        """Others go by this from now on."""
        self._lock.confirm()
        data = encode_head(head)
        for name in (head_name(head.epoch), HINT):
            self._shared.put(name, self._shared.encrypted(name, data))
        self._head, self._begun = head, True
