"""What a session on a shared state also writes on its own machine, so that a crash there leaves as much knowledge as with a state in files.

The bucket is told of most events a moment later, and never of the instant at which a request leaves. This journal has all of it, at once. Who
opens the state next on this machine puts into the bucket what is missing there; who opens it elsewhere does without.
"""

import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import Event
from mpsjobs.state.codec import Header, Line
from mpsjobs.state.identity import boot_id
from mpsjobs.state.journal import JournalWriter, read_journal

_NAME: Final = "epoch-"


class OwnJournal:
    """The journal of one session (see `mpsjobs.state.journal.JournalWriter`)."""

    def __init__(self, folder: Path, epoch: int, holder: str, header: Header) -> None:
        self._file = folder / f"{_NAME}{epoch:08d}-{holder}.journal"
        self._writer = JournalWriter(self._file, header, None)

    def append(self, events: Sequence[tuple[int, Event]], *, sync: bool) -> None:
        """Raises StateError."""
        self._writer.append(events, sync=sync)

    def close(self, *, forget: bool) -> None:
        """`forget`: the bucket has everything."""
        self._writer.close()
        if forget:
            self._file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Left:
    """What a session of this machine left when it was cut off."""

    epoch: int
    holder: str
    header: Header
    lines: tuple[Line, ...]
    file: Path


def left_behind(folder: Path) -> list[Left]:
    """By epoch. A journal that cannot be read is as good as none: the bucket has what counts."""
    found = []
    for file in sorted(folder.glob(f"{_NAME}*.journal")):
        with contextlib.suppress(StateError, OSError, ValueError):
            tail = read_journal(file)
            _, epoch, holder = file.stem.split("-")
            found.append(Left(int(epoch), holder, tail.header, tail.lines, file))
    return found


def place_id(folder: Path) -> str | None:
    """What marks an intent of this machine, in this boot, whose instant of sending would stand in a journal of this folder.

    None where the folder cannot be written: then nothing may be concluded from a mark that is not there.
    """
    file = folder / "id"
    try:
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="ascii") as new:
                new.write(secrets.token_hex(8))
        return f"{boot_id()} {file.read_text(encoding='ascii')}"
    except FileExistsError:
        return f"{boot_id()} {file.read_text(encoding='ascii')}"
    except OSError:
        return None
