"""State in a bucket: several machines share it. See `mpsjobs.state.shared` for the objects that it is made of."""

import contextlib
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.ports import Clock, Condition, LockInfo
from mpsjobs.model.state import State
from mpsjobs.state import own_journal
from mpsjobs.state.backend import no_such_event
from mpsjobs.state.codec import Header, Line
from mpsjobs.state.encryption import WANTING, Encryption
from mpsjobs.state.fold import Fold
from mpsjobs.state.identity import boot_id
from mpsjobs.state.lock import unheard
from mpsjobs.state.own_journal import Left, OwnJournal
from mpsjobs.state.push import still_true
from mpsjobs.state.shared import (
    HINT,
    Head,
    Shared,
    encode_head,
    head_name,
    snapshot_name,
)
from mpsjobs.state.shared_lock import TERMS, SharedLock, Terms
from mpsjobs.state.shared_reader import SharedReader
from mpsjobs.state.shared_session import Found, SharedSession
from mpsjobs.state.snapshot import Snapshot, encode_snapshot


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
        self._reader = SharedReader(shared, folder)
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
        found = self._reader.found(self._reader.hinted())
        for left in own_journal.left_behind(self._folder):
            if _follows(left, found):
                _fold_in(found.fold, left)
        return found.fold.state

    def open(self, operation: str, *, lock_timeout_s: float, lineage: str | None = None) -> SharedSession:
        hint = self._reader.hinted()
        condition = self._condition(hint)
        lock = self._lock()
        lock.acquire(operation, timeout_s=lock_timeout_s, condition=condition)
        try:
            found = self._reader.found(self._reader.newest(hint))
            left = own_journal.left_behind(self._folder)
            begun = next((each.header.lineage for each in left if _follows(each, found)), None)
            first = self._first(found.head, found.fold.state.serial, condition, lineage or begun)
            own = self._own(first, found.fold.state.serial)
            session = SharedSession(found, first, self._shared, lock, own, self._reader.remember)
            for each in left:
                self._bring_back(session, each, found)
        except BaseException:
            lock.release()
            raise
        return session

    def history(self, after: int = 0) -> Iterator[Line]:
        return self._reader.history(after)

    def at(self, serial: int) -> State:
        newest = self._reader.hinted()
        if newest is None:
            raise no_such_event(serial, 0, self.name)
        state = self._reader.at(newest, serial)
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
                here = self._reader.found(head).fold.state if head else None
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
            return self._begin_anew(lock, self._reader.snapshot(head), head, condition)

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
        hint = self._reader.hinted()
        condition = self._condition(hint)
        lock = self._lock()
        lock.acquire(operation, timeout_s=timeout_s, condition=condition)
        try:
            yield lock, self._reader.newest(hint), condition
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
        self._reader.remember(name, data)
        lock.confirm()
        for each in (head_name(head.epoch), HINT):
            self._shared.put(each, self._shared.encrypted(each, encode_head(head)))
        return f"{self.name}{head_name(before.epoch)}" if before else None


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
