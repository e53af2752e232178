"""Who and when: time-ordered ids, the machine and its boot, the person, and the form of a point in time."""

import getpass
import os
import secrets
import socket
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from mpsjobs.model.ports import Clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_RANDOM_BITS = 80
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def timestamp(moment: datetime) -> str:
    """UTC, ISO 8601, milliseconds, `Z`: the form of every time in events and state. `moment` is time zone aware."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class TimeOrderedIds:
    """Ids for attempts and runs: 26 lower-case letters and digits (a ULID), safe in paths and keys.

    Ids of one source ascend, even within a millisecond and when the clock jumps back; ids of different sources sort by their
    milliseconds. Thread-safe.
    """

    def __init__(self, clock: Clock, *, random: Callable[[int], int] = secrets.randbits) -> None:
        self._clock = clock
        self._random = random
        self._lock = threading.Lock()
        self._last = 0

    def new(self) -> str:
        milliseconds = int(self._clock.utc().timestamp() * 1000)
        number = milliseconds << _RANDOM_BITS | self._random(_RANDOM_BITS)
        with self._lock:
            number = self._last = max(number, self._last + 1)
        return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


@cache
def host_name() -> str:
    return socket.gethostname()


@cache
def boot_id() -> str:
    """The same as long as this machine runs. Where it cannot be known it is new in each process: then nothing is concluded from it."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        pass
    try:
        session = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return f"process-{secrets.token_hex(16)}"
    return session.stdout.strip()


@cache
def machine() -> str:
    """What two processes have in common that see the same processes, by the same numbers."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return f"{host_name()} {boot_id()} {space}"


@cache
def who() -> str:
    """The person and the machine: `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        user = str(os.getuid())
    return f"{user}@{host_name()}"


def git_commit(folder: Path) -> str | None:
    """The commit that is checked out where `folder` lies, None outside git or without one."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "--verify", "--quiet", "HEAD"],  # noqa: S607  # the user's own git
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
