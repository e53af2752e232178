"""The lock on a state in a bucket: one object, written by who wants it, read back before it counts.

The protocol. Who finds the lock free writes its own id there, waits `settle_s`, and reads; it holds the lock if its id is still there.
Ids are never used twice, and each is written with one request that is never repeated. A holder acts only within `trust_s` of the moment
at which it began to read its own id. Because `trust_s` is less than `settle_s`, no two ever act at once: whoever takes over has written
its id after the last time the former holder could read its own, and waits longer than that one may go on. This rests on nothing but
that a GET of one key shows the last PUT, and that clocks of two machines run at nearly the same speed; not on how long a request takes.

How long a request takes, and what the heartbeats say, decides only whether a living holder is left in peace. It is said to be dead when its
heartbeat is older than `ttl_s` by the server's own clock.

Where the server was seen to honour `If-None-Match` a free lock is created with that, which nobody else can at the same time, and needs no
waiting. It rests on one thing more: that a holder's own DELETE arrives before its lock has expired.
"""

import contextlib
import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson

from mpsjobs.model.diagnostics import LockLostError, StateError
from mpsjobs.model.ports import Clock, Condition, LockInfo
from mpsjobs.state.identity import machine, timestamp, who
from mpsjobs.state.lock import PATIENCE_S, lock_held, lock_lost, no_such_lock, unheard, waiting_words
from mpsjobs.state.shape import Shape, ShapeError
from mpsjobs.state.shared import Shared

LOCK: Final = ".lock"
_MOST_FAILURES: Final = 3
_LOOKS_S: Final = (0.5, 1.0, 2.0, 4.0)
"""Pauses between looks at the lock when the bucket does not answer."""


def _alive(lock_id: str) -> str:
    return f"{LOCK}.alive/{lock_id}"


@dataclass(frozen=True, slots=True)
class Terms:
    """What all users of one state agree on, in seconds; see above. `poll_s`: how often a lock is asked for that somebody holds."""

    trust_s: float = 6
    settle_s: float = 10
    beat_s: float = 15
    ttl_s: float = 60
    poll_s: float = 1


TERMS: Final = Terms()


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock. `machine` and `pid` tell other processes there whether it lives. `info` None: somebody set the lock free."""

    info: LockInfo | None
    machine: str = ""
    pid: int = 0

    @property
    def alive_here(self) -> bool | None:
        """Whether the process lives; None when this machine cannot tell."""
        if self.machine != machine():
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


_INFO = Shape(LockInfo)


class SharedLock:
    """Who holds this may change the state. `confirm` may be called from several threads, the rest from one."""

    def __init__(
        self,
        shared: Shared,
        clock: Clock,
        version: str,
        terms: Terms = TERMS,
        tell: Callable[[str], None] = unheard,
    ) -> None:
        """`tell` is told of a lock that has to be waited for."""
        self._tell = tell
        self.info: LockInfo | None = None
        self._shared = shared
        self._clock = clock
        self._version = version
        self._terms = terms
        self._mutex = threading.Lock()
        self._trusted = (0.0, 0.0)
        self._ours: set[str] = set()
        self._failures = 0
        self._stop = threading.Event()

    def acquire(self, operation: str, *, timeout_s: float, condition: Condition | None) -> None:
        """Wait for the lock at most this long, and then as long as settling takes. `condition`: what the server was seen to honour.

        Raises:
            LockHeldError: somebody else has it.
            StateError: the bucket cannot be asked or written.
        """
        begun, told = self._clock.monotonic(), False
        while True:
            failures = self._failures
            there = self._shared.get(LOCK)
            holder = None if there is None else _decoded(there)
            if self._is_free(holder):
                info = self._claim(operation, condition if there is None else None)
                if info is not None:
                    self._hold(info)
                    return
            waited, failed = self._clock.monotonic() - begun, self._failures > failures
            left = timeout_s - waited
            if (
                left <= 0 and not failed
            ):  # what cannot be written is held by nobody: that is tried a few times, whatever the time
                raise lock_held(
                    self.read_info(),
                    f"{self._shared.name}{LOCK}",
                    "Wait until it is done, or let this command wait longer with --lock-timeout. A run whose machine is gone holds the lock "
                    f"for {self._terms.ttl_s:g} seconds more.",
                )
            if waited >= PATIENCE_S and not (told or failed):
                told = True
                self._tell(waiting_words(holder.info if holder else None))
            self._clock.sleep(self._terms.poll_s if failed else min(self._terms.poll_s, left))

    def confirm(self, *, freshly: bool = False) -> None:
        """Check that the lock is ours, and will be for the moment that it takes to act. Asks the bucket once in a while, or `freshly`.

        Raises:
            LockLostError: it is not, or that cannot be known.
        """
        with self._mutex:
            if self.info is None:
                raise lock_lost("It is closed.")
            if freshly or self._untrusted_s() >= self._terms.trust_s / 2:
                self._look(self.info)

    def release(self) -> None:
        """Give the lock back, if it is still ours. Does nothing when it is not held."""
        info = self.info
        if info is None:
            return
        self._stop.set()
        with contextlib.suppress(StateError):
            self.confirm(freshly=True)
            self._shared.delete(LOCK)
            self._shared.delete(_alive(info.id))
        self.info = None

    def force(self, lock_id: str | None) -> LockInfo | None:
        """Take the lock away from whoever has it, unless that is a living process of this machine. See `StateLock.force`."""
        there = self._shared.get(LOCK)
        holder = None if there is None else _decoded(there)
        info = holder.info if holder else None
        if lock_id is not None and (info is None or info.id != lock_id):
            raise no_such_lock(info, self._shared.name)
        if info is not None and holder and holder.alive_here:
            hint = "It is alive: stop it (Ctrl-C, or kill its process), or wait until it is done. A process that has ended holds no lock."
            raise lock_held(info, f"{self._shared.name}{LOCK}", hint)
        if there is not None:
            self._shared.put_once(LOCK, _encoded(Holder(None)))
        return info

    def read_info(self) -> LockInfo | None:
        """What the holder wrote about itself."""
        there = self._shared.get(LOCK)
        return _decoded(there).info if there else None

    def _is_free(self, holder: Holder | None) -> bool:
        """Whether it may be taken: nobody has it, or who has it is dead."""
        if holder is None or holder.info is None or holder.info.id in self._ours:
            return True
        if (alive := holder.alive_here) is not None:
            return not alive
        age = self._shared.age_s(_alive(holder.info.id)) if holder.info.id else None
        if age is None:
            age = self._shared.age_s(LOCK)
        return age is None or age > self._terms.ttl_s

    def _claim(self, operation: str, condition: Condition | None) -> LockInfo | None:
        """Write an id of our own, and see whether it is there in the end. Without a condition it overwrites what is there."""
        info = self._new_info(operation)
        content = _encoded(Holder(info, machine(), os.getpid()))
        self._ours.add(info.id)
        try:
            if condition is None:
                self._shared.put_once(LOCK, content)
            elif not self._shared.create_once(LOCK, content, condition):
                return None
            if condition is not Condition.IF_NONE_MATCH:
                self._tell(f"Acquiring state lock… In this bucket it takes {self._terms.settle_s:g} seconds")
                self._clock.sleep(self._terms.settle_s)
            self._look(info)
        except LockLostError:
            return None
        except StateError:
            self._failures += 1  # it may have arrived, or arrive yet: nobody ever acts under that id
            if self._failures == _MOST_FAILURES:
                raise
            return None
        return info

    def _hold(self, info: LockInfo) -> None:
        self.info = info
        self._stop = threading.Event()
        threading.Thread(target=self._live, args=(self._stop, info.id), daemon=True, name="lock").start()

    def _live(self, stop: threading.Event, lock_id: str) -> None:
        """Tell others that this process lives. Nothing rests on it but their patience."""
        while not stop.wait(self._terms.beat_s):
            with contextlib.suppress(StateError):
                self._shared.put_once(_alive(lock_id), b"{}\n")

    def _look(self, info: LockInfo) -> None:
        """Trust the lock anew, from the moment at which reading it began."""
        now, there = self._read_anyhow()
        found = None if there is None else _decoded(there).info
        if found is None:
            raise lock_lost("Somebody took the lock away with `mpsjobs force-unlock`.")
        if found.id != info.id:
            raise lock_lost(f"{found.who} has taken the lock ({found.operation}, since {found.created}).")
        self._trusted = now

    def _read_anyhow(self) -> tuple[tuple[float, float], bytes | None]:
        """What stands in the lock, and when it was asked for."""
        for pause in _LOOKS_S:
            now = self._clock.monotonic(), self._clock.utc().timestamp()
            with contextlib.suppress(StateError):
                return now, self._shared.get_once(LOCK)
            self._clock.sleep(pause)
        now = self._clock.monotonic(), self._clock.utc().timestamp()
        try:
            return now, self._shared.get_once(LOCK)
        except StateError as error:
            raise lock_lost(f"The lock cannot be looked at. {error.diagnostics[0].detail}") from error

    def _untrusted_s(self) -> float:
        """How long ago the lock was seen to be ours, by the clock that runs faster: one of them stands still while a machine sleeps."""
        steady, wall = self._trusted
        return max(self._clock.monotonic() - steady, self._clock.utc().timestamp() - wall)

    def _new_info(self, operation: str) -> LockInfo:
        return LockInfo(
            id=secrets.token_hex(16),
            operation=operation,
            info=f"process {os.getpid()}",
            who=who(),
            version=self._version,
            created=timestamp(self._clock.utc()),
            path=self._shared.name,
        )


def _encoded(holder: Holder) -> bytes:
    return orjson.dumps(asdict(holder), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _decoded(data: bytes) -> Holder:
    """What stands in the lock; somebody of whom nothing is known where that cannot be read."""
    try:
        document: Any = orjson.loads(data)
        if document["info"] is None:
            return Holder(None)
        return Holder(_INFO.read(document["info"]), str(document["machine"]), int(document["pid"]))
    except (ShapeError, ValueError, TypeError, KeyError):
        return Holder(LockInfo("", "?", "?", "somebody", "?", "?", "?"))
