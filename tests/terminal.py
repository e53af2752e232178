"""A command on a real pseudo-terminal, and the screen as a person sees it."""

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

import pyte

PATIENCE_S = 60.0


class Terminal:
    """Runs `mpsjobs` on a terminal of its own; what it writes is read by a terminal emulator. To be used as a context.

    `paper`, columns and rows, is where the emulator puts what is written for a terminal of another size, so that nothing scrolls away.
    """

    def __init__(
        self,
        root: Path,
        *arguments: str,
        columns: int = 80,
        rows: int = 40,
        paper: tuple[int, int] | None = None,
        environ: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._paper = paper
        self._screen = pyte.Screen(*(paper or (columns, rows)))
        self._stream = pyte.ByteStream(self._screen)
        self.wrote = b""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TENCENTCLOUD_", "MPSJOBS_")) and name not in {"COLUMNS", "LINES", "CI"}
        }
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execve(
                sys.executable,
                [sys.executable, "-m", "mpsjobs", "-C", str(root), *arguments],
                kept | {"TERM": "xterm-256color", **environ},
            )
        self.resize(columns, rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._terminal)

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, without the empty rest of it."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip().split("\n")

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def flowing(self) -> str:
        """The same without breaks and spaces, for texts that the terminal has broken anywhere."""
        return "".join(self.text.split())

    def hides_cursor(self) -> bool:
        return self._screen.cursor.hidden

    def resize(self, columns: int, rows: int = 40) -> None:
        if not self._paper:
            self._screen.resize(rows, columns)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: bytes) -> None:
        os.write(self._terminal, keys)

    def until(self, shows: Callable[[str], bool]) -> str:
        """Read on until the screen is as wanted; the screen then."""
        deadline = time.monotonic() + PATIENCE_S
        while not shows(self.text):
            assert time.monotonic() < deadline, self.text
            assert self._read(), self.text
        return self.text

    def wait(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _read(self) -> bool:
        """A part of what it writes, if there is one soon. False when it has ended."""
        if not select.select([self._terminal], [], [], 1)[0]:
            return True
        try:
            found = os.read(self._terminal, 65536)
        except OSError:  # how Linux says that the other side is closed
            return False
        self.wrote += found
        self._stream.feed(found)
        return bool(found)
