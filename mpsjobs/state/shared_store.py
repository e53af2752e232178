"""State in a bucket: several machines share it. See `mpsjobs.state.shared` for the objects that it is made of."""

import contextlib
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.ports import Clock, Condition, LockInfo
from mpsjobs.model.state import State
from mpsjobs.state import own_journal
from mpsjobs.state.backend import no_such_event
from mpsjobs.state.codec import Header, Line
from mpsjobs.state.encryption import WANTING, Encryption, is_encrypted
from mpsjobs.state.fold import Fold
from mpsjobs.state.identity import boot_id
from mpsjobs.state.lock import unheard
from mpsjobs.state.own_journal import Left, OwnJournal
from mpsjobs.state.push import still_true
from mpsjobs.state.shape import ShapeError
from mpsjobs.state.shared import (
    HINT,
    Head,
    Shared,
    decode_head,
    decode_segment,
    encode_head,
    head_name,
    recalled,
    remember,
    segment_name,
    snapshot_name,
)
from mpsjobs.state.shared_lock import TERMS, SharedLock, Terms
from mpsjobs.state.shared_session import Found, SharedSession
from mpsjobs.state.snapshot import Snapshot, decode_snapshot, encode_snapshot


@dataclass(frozen=True, slots=True)
class _Epoch:
    """An epoch, and the number of its last event that counts; None while it goes on."""

    head: Head
    end: int | None

    def begins(self, serial: int) -> bool:
        """Whether its snapshot is a part of history, and the state after this event follows from it."""
        return self.head.serial <= serial and (self.end is None or self.head.serial <= self.end)


class SharedStateStore:
    """State in a bucket (see `StateBackend`). Reading writes nothing; only an event makes objects, apart from those of the lock.

    `folder` is on this machine: the last snapshot that was read, and what is known here alone. `probe` says which condition the server at
    `server` honours; it is asked once in the life of a state.
    """

    def __init__(  # noqa: PLR0913  # what the wiring knows, one to one
        self,
        shared: Shared,
        folder: Path,
        *,
        clock: Clock,
        version: str,
        server: str,
        probe: Callable[[], Condition | None],
        terms: Terms = TERMS,
        tell: Callable[[str], None] = unheard,
    ) -> None:
        self._shared = shared
        self._folder = folder
        self._clock = clock
        self._version = version
        self._server = server
        self._probe = probe
        self._terms = terms
        self._tell = tell

    @property
    def name(self) -> str:
        return self._shared.name

    @property
    def encryption(self) -> Encryption | None:
        """How it is encrypted; None: it is plain."""
        return self._shared.encryption

    @cached_property
    def boot_id(self) -> str:
        return own_journal.place_id(self._folder) or f"{boot_id()} {uuid.uuid4().hex}"

    @property
    def gather_s(self) -> float:
        return 1.5 * self._terms.settle_s

    def read(self) -> State:
        found = self._found(self._hinted())
        for left in own_journal.left_behind(self._folder):
            if _follows(left, found):
                _fold_in(found.fold, left)
        return found.fold.state

    def open(self, operation: str, *, lock_timeout_s: float, lineage: str | None = None) -> SharedSession:
        hint = self._hinted()
        condition = self._condition(hint)
        lock = self._lock()
        lock.acquire(operation, timeout_s=lock_timeout_s, condition=condition)
        try:
            found = self._found(self._newest(hint))
            left = own_journal.left_behind(self._folder)
            begun = next((each.header.lineage for each in left if _follows(each, found)), None)
            first = self._first(found.head, found.fold.state.serial, condition, lineage or begun)
            own = self._own(first, found.fold.state.serial)
            session = SharedSession(found, first, self._shared, lock, own, self._remember)
            for each in left:
                self._bring_back(session, each, found)
        except BaseException:
            lock.release()
            raise
        return session

    def history(self, after: int = 0) -> Iterator[Line]:
        head = self._hinted()
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

    def at(self, serial: int) -> State:
        newest = self._hinted()
        if newest is None:
            raise no_such_event(serial, 0, self.name)
        state = self._replayed(newest, serial, lambda epoch: epoch.begins(serial))
        if state.serial != serial:
            raise no_such_event(serial, self.read().serial, self.name)
        return state

    def move_away(self, to: str, put_there: Callable[[State], None], *, lock_timeout_s: float = 0) -> str:
        session = self.open("init --migrate-state", lock_timeout_s=lock_timeout_s)
        try:
            put_there(session.state)
            session.move_away(to)
        finally:
            session.close()
        return self.name

    def force_unlock(self, lock_id: str | None = None) -> LockInfo | None:
        return self._lock().force(lock_id)

    def replace(
        self, choose: Callable[[State | None], State | None], *, lock_timeout_s: float = 0
    ) -> str | None:
        with self._held("state push", lock_timeout_s) as (lock, head, condition):
            try:
                here = self._found(head).fold.state if head else None
            except StateError as error:
                if error.diagnostics[0].code in WANTING:
                    raise  # nothing is wrong with it: it cannot be read from here
                here = None
            chosen = choose(here if head else State(lineage=""))
            if chosen is None:
                return None
            return self._begin_anew(lock, chosen, head, condition)

    def rewrite(self, *, lock_timeout_s: float = 0) -> bool:
        """Encrypt the state as the settings ask for it now, or write it plain, unless it is so already. What is written then is a snapshot.

        Returns whether that was to be done.

        Raises:
            LockHeldError: another run holds the state.
            StateError: it cannot be read or written.
        """
        data = self._shared.get(HINT)
        if data is None or self._shared.is_current(data):
            return False
        with closing(self.open("init --migrate-state", lock_timeout_s=lock_timeout_s)) as session:
            session.rewrite()
        return True

    def rebase(self, *, lock_timeout_s: float = 0) -> str | None:
        with self._held("rebase", lock_timeout_s) as (lock, head, condition):
            if head is None or not head.serial:
                raise StateError.of(
                    "There is no snapshot to go on from",
                    detail=f"{self.name} has none.",
                    hint="See what there is in the bucket below that key.",
                    code=Code.STATE_UNREADABLE,
                )
            return self._begin_anew(lock, self._snapshot(head), head, condition)

    def holder(self) -> LockInfo | None:
        """Who holds the lock now, as far as it says."""
        return self._lock().read_info()

    def try_out(self) -> Condition | None:
        """Write below the state's key, and take it away again. Returns the condition that the server honours.

        Raises:
            StateError: that cannot be done.
        """
        trial = f".trial-{secrets.token_hex(8)}"
        self._shared.put(trial, b"mpsjobs doctor was here. This object can be deleted.\n")
        self._shared.delete(trial)
        return self._shared.tried(self._probe)

    # --- reading -----------------------------------------------------------------------------------------------------------------

    def _hinted(self) -> Head | None:
        """The newest head that anybody told of. Where the hint was lost, that is no state without events."""
        data = self._shared.get(HINT)
        if data is None:
            return self._newest(None)
        try:
            return self._head(HINT, data)
        except StateError as error:
            if not _is_damaged(error) or (newest := self._newest(None)) is None:
                raise
            return newest

    def _newest(self, hint: Head | None) -> Head | None:
        """The newest head of all. Epochs follow one another, so one that is not there ends them."""
        head, epoch = hint, hint.epoch if hint else 0
        if head is not None and (data := self._shared.get(head_name(epoch))):
            head = self._head(head_name(epoch), data)
        while (data := self._shared.get(head_name(epoch + 1))) is not None:
            epoch += 1
            head = self._head(head_name(epoch), data)
        return head

    def _found(self, head: Head | None) -> Found:
        if head is None:
            return Found(None, Fold(State(lineage="")))
        if head.moved_to is not None:
            raise _moved(self.name, head.moved_to)
        fold = Fold(self._snapshot(head))
        while head.open and (lines := self._segment(head, fold.state.serial + 1)):
            for line in lines:
                fold.apply(line.event, line.seq)
        return Found(head, fold)

    def _snapshot(self, head: Head) -> State:
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

    def _stored(self, head: Head) -> State:
        name = snapshot_name(head.serial, head.snapshot_epoch)
        here = recalled(self._folder, name)
        if here is not None:
            with contextlib.suppress(StateError):
                return self._opened(name, here, head)
        data = self._shared.get(name)
        if data is None:
            raise self._shared.damaged(name, "it is not there")
        state = self._opened(name, data, head)
        self._remember(name, data)
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
        fold = Fold(self._snapshot(first.head) if usable(first) else State(lineage=first.head.lineage))
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

    # --- writing -----------------------------------------------------------------------------------------------------------------

    def _lock(self) -> SharedLock:
        if self.encryption is not None:
            self.encryption.require()  # before anything is done that could not be written down
        tell, self._tell = self._tell, unheard  # who comes again and again, as `wait` does, says so once
        return SharedLock(self._shared, self._clock, self._version, self._terms, tell)

    def _condition(self, head: Head | None) -> Condition | None:
        """What the server honours, as it was seen; looked at anew when the state was moved to another server."""
        if head is not None and head.server == self._server:
            return Condition(head.condition) if head.condition else None
        return self._shared.tried(self._probe)

    def _first(self, head: Head | None, begin: int, condition: Condition | None, lineage: str | None) -> Head:
        told, holder = str(condition) if condition else None, secrets.token_hex(4)
        if head is None:
            name = lineage or str(uuid.uuid4())
            return Head(name, 1, holder, 0, 0, 0, 0, open=True, condition=told, server=self._server)
        return replace(
            head,
            epoch=head.epoch + 1,
            holder=holder,
            begin=begin,
            open=True,
            condition=told,
            server=self._server,
        )

    def _own(self, first: Head, serial: int) -> OwnJournal | None:
        if own_journal.place_id(self._folder) is None:
            return None
        return OwnJournal(self._folder, first.epoch, first.holder, Header(first.lineage, serial))

    def _remember(self, name: str, data: bytes) -> None:
        remember(self._folder / name.rpartition("/")[2], data)

    def _bring_back(self, session: SharedSession, left: Left, found: Found) -> None:
        """Put into the bucket what a session of this machine that was cut off knew alone."""
        state = session.state
        if _follows(left, found):
            events = [line.event for line in left.lines if line.seq > state.serial]
        elif found.head is None or left.header.lineage != found.head.lineage:
            return  # another history: nobody knows what it means here
        else:
            events = list(still_true([line.event for line in left.lines], state, left.file))
        if events:
            session.append(events)
            session.share()
        left.file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _held(
        self, operation: str, timeout_s: float
    ) -> Iterator[tuple[SharedLock, Head | None, Condition | None]]:
        hint = self._hinted()
        condition = self._condition(hint)
        lock = self._lock()
        lock.acquire(operation, timeout_s=timeout_s, condition=condition)
        try:
            yield lock, self._newest(hint), condition
        finally:
            lock.release()

    def _begin_anew(
        self, lock: SharedLock, state: State, before: Head | None, condition: Condition | None
    ) -> str | None:
        """A new epoch, whose history begins after this state."""
        first = self._first(before, state.serial, condition, state.lineage)
        head = replace(
            first,
            lineage=state.lineage,
            serial=state.serial,
            snapshot_epoch=first.epoch,
            begin=state.serial,
            base=state.serial,
            open=False,
            moved_to=None,
        )
        name = snapshot_name(state.serial, head.epoch)
        data = self._shared.encrypted(name, encode_snapshot(Snapshot(state, 0)))
        lock.confirm()
        self._shared.put(name, data)
        self._remember(name, data)
        lock.confirm()
        for each in (head_name(head.epoch), HINT):
            self._shared.put(each, self._shared.encrypted(each, encode_head(head)))
        return f"{self.name}{head_name(before.epoch)}" if before else None


def _moved(place: str, to: str) -> StateError:
    return StateError.of(
        "The state has moved",
        detail=f"{place} is not gone on from any more: the state lives at {to}.",
        hint="Get the settings of the project as they are now, with git pull.",
        code=Code.STATE_MOVED,
    )


def _is_damaged(error: StateError) -> bool:
    return error.diagnostics[0].code is Code.STATE_OBJECT_DAMAGED


def _follows(left: Left, found: Found) -> bool:
    """Whether nobody has written since: what stands there simply goes on."""
    head, serial = found.head, found.fold.state.serial
    if head is None:
        return left.header.base == serial == 0
    if head.holder == left.holder:
        return True
    return head.epoch < left.epoch and left.header == Header(head.lineage, serial)


def _fold_in(fold: Fold, left: Left) -> None:
    for line in left.lines:
        if line.seq == fold.state.serial + 1:
            fold.apply(line.event, line.seq)
            fold.state.lineage = left.header.lineage
