"""The lock on a state: the operating system's, so that a dead process holds nothing."""

import contextlib
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Final

import orjson
from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from mpsjobs.model.diagnostics import LockHeldError, StateError
from mpsjobs.model.ports import Clock, LockInfo
from mpsjobs.state.disk import replace_file, sibling
from mpsjobs.state.identity import timestamp, who
from mpsjobs.state.shape import Shape, ShapeError

_POLL_S: Final = 0.1
_INFO = Shape(LockInfo)


class StateLock:
    """An flock on `<state path>.lock`, and beside it `<state path>.lock.info` that tells people who has it.

    The info is for messages only and never trusted. The lock file stays when the lock is released: removing it would let two
    processes lock two files of the same name.
    """

    def __init__(self, state_path: Path, *, clock: Clock, version: str) -> None:
        self._state_path = state_path
        self._path = sibling(state_path, ".lock")
        self._info_path = sibling(state_path, ".lock.info")
        self._clock = clock
        self._version = version
        self._lock: BaseFileLock | None = None
        self.info: LockInfo | None = None

    def acquire(self, operation: str, *, timeout_s: float) -> None:
        """Wait for the lock at most this long.

        Raises:
            LockHeldError: somebody else has it.
            StateError: there can be no lock in this place.
        """
        lock: BaseFileLock = FileLock(self._path, thread_local=False)
        deadline = self._clock.monotonic() + timeout_s
        try:
            while not _try(lock):
                left = deadline - self._clock.monotonic()
                if left <= 0:
                    raise self._held()
                self._clock.sleep(min(_POLL_S, left))
        except OSError as error:
            raise self._impossible(f"{error.strerror or error}") from error
        if isinstance(lock, SoftFileLock):  # filelock's fallback: a mere file, which outlives its process
            lock.release()
            raise self._impossible("this file system has no locks")
        self._lock = lock
        self.info = self._publish(operation)

    def release(self) -> None:
        """Give the lock back. Does nothing when it is not held."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                self._info_path.unlink(missing_ok=True)
            self._lock.release()
            self._lock = self.info = None

    def read_info(self) -> LockInfo | None:
        """What the holder, or a holder that died, wrote about itself."""
        try:
            return _INFO.read(orjson.loads(self._info_path.read_bytes()))
        except (OSError, ShapeError, orjson.JSONDecodeError):
            return None

    def _publish(self, operation: str) -> LockInfo:
        info = LockInfo(
            id=secrets.token_hex(16),
            operation=operation,
            info="",
            who=who(),
            version=self._version,
            created=timestamp(self._clock.utc()),
            path=str(self._state_path),
        )
        with contextlib.suppress(OSError):  # a lock without an info is still a lock
            data = orjson.dumps(asdict(info), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
            replace_file(self._info_path, data, durable=False)
        return info

    def _held(self) -> LockHeldError:
        info = self.read_info()
        if info is None:
            detail = f"Somebody holds {self._path} and has not said who."
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
            "Another run holds the lock on the state",
            detail=detail,
            hint="Wait until it is done, or let this command wait longer with --lock-timeout. A process that has ended holds no lock.",
        )

    def _impossible(self, why: str) -> StateError:
        return StateError.of(
            "The state cannot be locked",
            detail=f"{self._path}: {why}.",
            hint="Check the folder's permissions and the free space, or keep the state on a file system with locks (`state.path`).",
        )


def _try(lock: BaseFileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True
