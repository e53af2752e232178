"""The lock on a state: the operating system's, so that a dead process holds nothing."""

import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import orjson
from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import LockHeldError, LockLostError, StateError
from mpsjobs.model.ports import Clock, LockInfo
from mpsjobs.state.disk import FileId, failures_named, file_id, replace_file, sibling
from mpsjobs.state.identity import timestamp, who
from mpsjobs.state.shape import Shape, ShapeError

PATIENCE_S: Final = 0.4
"""Who waits longer for the lock is told so."""

_POLL_S: Final = 0.1
_INFO = Shape(LockInfo)


def unheard(_words: str) -> None:
    """Nobody is told."""


class StateLock:
    """An flock on `<state path>.lock`, and beside it `<state path>.lock.info` that tells people who has it.

    The info is for messages only and never trusted. The lock file stays when the lock is released: removing it would let two
    processes lock two files of the same name.

    `<state path>.lock.epoch` is a number that only `force` raises: where flock does not reach, as between two machines, the holder notices by
    it that the lock was taken away. It is a file of its own, because it is replaced as a whole, and the lock file must never be.
    """

    def __init__(
        self, state_path: Path, *, clock: Clock, version: str, tell: Callable[[str], None] = unheard
    ) -> None:
        """`tell` is told of a lock that has to be waited for."""
        self._state_path = state_path
        self._tell = tell
        self._path = sibling(state_path, ".lock")
        self._info_path = sibling(state_path, ".lock.info")
        self._epoch_path = sibling(state_path, ".lock.epoch")
        self._clock = clock
        self._version = version
        self._lock: BaseFileLock | None = None
        self._place: FileId | None = None
        self._epoch = b""
        self.info: LockInfo | None = None

    def acquire(self, operation: str, *, timeout_s: float) -> None:
        """Wait for the lock at most this long.

        Raises:
            LockHeldError: somebody else has it.
            StateError: there can be no lock in this place.
        """
        lock = self._take(
            timeout_s,
            "Wait until it is done, or let this command wait longer with --lock-timeout. A process that has ended holds no lock.",
        )
        self._lock = lock
        self._place, self._epoch = file_id(self._path), self._read_epoch()
        self.info = self._publish(operation)

    def confirm(self) -> None:
        """Check that the lock is still ours.

        Raises:
            LockLostError: it is not, or that cannot be known.
        """
        try:
            if self._read_epoch() != self._epoch:
                raise lock_lost("Somebody took the lock away with `mpsjobs force-unlock`.")
            place = file_id(self._path)
        except OSError as error:
            raise lock_lost(f"{self._path} cannot be looked at: {error.strerror or error}.") from error
        if self._place is None or place is None or not place.same_file(self._place):
            raise lock_lost(f"Somebody removed or replaced {self._path}.")

    def release(self) -> None:
        """Give the lock back. Does nothing when it is not held."""
        if self._lock is not None:
            if self.read_info() == self.info:  # else somebody who took the lock away wrote it
                with contextlib.suppress(OSError):
                    self._info_path.unlink(missing_ok=True)
            self._lock.release()
            self._lock = self.info = None

    def force(self, lock_id: str | None) -> LockInfo | None:
        """Take the lock away from whoever thinks to have it, unless that is a living process of this machine.

        A holder elsewhere notices before its next paid request. Returns what the last holder wrote about itself, if it did not release the
        lock. `lock_id`: only if it is this very lock.

        Raises:
            LockHeldError: a living process of this machine holds it.
            StateError: the lock is another one, or the epoch cannot be written.
        """
        hint = "It is alive: stop it (Ctrl-C, or kill its process), or wait until it is done. A process that has ended holds no lock."
        lock = self._take(0, hint)
        try:
            info = self.read_info()
            if lock_id is not None and (info is None or info.id != lock_id):
                raise no_such_lock(info, str(self._state_path))
            with failures_named("release of the lock", self._epoch_path):
                before = self._read_epoch().strip()
                epoch = int(before) + 1 if before.isdigit() else 1
                replace_file(self._epoch_path, b"%d\n" % epoch)
                self._info_path.unlink(missing_ok=True)
            return info
        finally:
            lock.release()

    def read_info(self) -> LockInfo | None:
        """What the holder, or a holder that died, wrote about itself."""
        try:
            return _INFO.read(orjson.loads(self._info_path.read_bytes()))
        except (OSError, ShapeError, orjson.JSONDecodeError):
            return None

    def _take(self, timeout_s: float, hint: str) -> BaseFileLock:
        lock: BaseFileLock = FileLock(self._path, thread_local=False)
        begun, told = self._clock.monotonic(), False
        try:
            while not _try(lock):
                waited = self._clock.monotonic() - begun
                left = timeout_s - waited
                if left <= 0:
                    raise lock_held(self.read_info(), str(self._path), hint)
                if waited >= PATIENCE_S and not told:
                    told = True
                    self._tell(waiting_words(self.read_info()))
                self._clock.sleep(min(_POLL_S, left))
        except OSError as error:
            raise self._impossible(f"{error.strerror or error}") from error
        if isinstance(lock, SoftFileLock):  # filelock's fallback: a mere file, which outlives its process
            lock.release()
            raise self._impossible("this file system has no locks")
        return lock

    def _read_epoch(self) -> bytes:
        """Opened each time: a network file system then asks the server instead of its cache."""
        try:
            descriptor = os.open(self._epoch_path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        try:
            return os.read(descriptor, 64)
        finally:
            os.close(descriptor)

    def _publish(self, operation: str) -> LockInfo:
        info = LockInfo(
            id=secrets.token_hex(16),
            operation=operation,
            info=f"process {os.getpid()}",
            who=who(),
            version=self._version,
            created=timestamp(self._clock.utc()),
            path=str(self._state_path),
        )
        with contextlib.suppress(OSError):  # a lock without an info is still a lock
            data = orjson.dumps(asdict(info), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
            replace_file(self._info_path, data, durable=False)
        return info

    def _impossible(self, why: str) -> StateError:
        return StateError.of(
            "The state cannot be locked",
            detail=f"{self._path}: {why}. Nothing was submitted.",
            hint="Check the folder's permissions and the free space, or keep the state on a file system with locks (`state.path`).",
            code=Code.CANNOT_LOCK,
        )


def waiting_words(info: LockInfo | None) -> str:
    """That the lock is waited for, and who has it."""
    holder = f"{info.who} has it ({info.operation}, since {info.created})" if info else "another run has it"
    return f"Acquiring state lock… {holder}"


def lock_held(info: LockInfo | None, place: str, hint: str) -> LockHeldError:
    """The error of a run that does not get the lock, with all that the holder says of itself."""
    if info is None:
        detail = f"Somebody holds {place} and has not said who."
    else:
        detail = "\n".join(
            (
                "Lock info:",
                f"  ID:        {info.id}",
                f"  Operation: {info.operation}",
                f"  Info:      {info.info}",
                f"  Who:       {info.who}",
                f"  Version:   {info.version}",
                f"  Created:   {info.created}",
                f"  Path:      {info.path}",
            )
        )
    return LockHeldError.of(
        "Another run holds the lock on the state", detail=detail, hint=hint, code=Code.LOCKED
    )


def no_such_lock(info: LockInfo | None, place: str) -> StateError:
    """The lock that was to be taken away is not the one that is held."""
    return StateError.of(
        "No lock has this ID",
        detail=f"The lock on {place} has the ID {info.id}." if info else "Nobody holds the lock.",
        hint="Look who holds it; without an ID force-unlock takes any lock that no living process holds.",
        code=Code.NO_SUCH_LOCK,
    )


def lock_lost(why: str) -> LockLostError:
    """The error of a run whose state is no longer its own."""
    return LockLostError.of(
        "This run has lost its hold on the state",
        detail=f"{why} Another run may be at work, so nothing more is submitted.",
        hint=(
            "Make sure that no other run is at work, then run the command again. If this run wrote an errored.mpsjobs.state.json, put it back "
            "first: mpsjobs state push FILE"
        ),
        code=Code.LOCK_LOST,
    )


def _try(lock: BaseFileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True
