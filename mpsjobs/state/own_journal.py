"""What a session on a shared state also writes on its own machine, so that a crash there leaves as much knowledge as with a state in files.

The bucket is told of most events a moment later, and never of the instant at which a request leaves. This journal has all of it, at once. Who
opens the state next on this machine puts into the bucket what is missing there; who opens it elsewhere does without.
"""

import contextlib
import secrets
from collections.abc import Iterator, Sequence
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
    for file in sorted(_journals(folder)):
        with contextlib.suppress(StateError, OSError, ValueError):
            tail = read_journal(file)
            _, epoch, holder = file.stem.split("-")
            found.append(Left(int(epoch), holder, tail.header, tail.lines, file))
    return found


def _journals(folder: Path) -> Iterator[Path]:
    return folder.glob(f"{_NAME}*.journal")


def place_id(folder: Path) -> str | None:
    """What marks an intent of this machine, in this boot, whose instant of sending would stand in a journal of this folder.

    A copy of the folder is another place: what was written since into the journals of the first one is not in it. So the file's own number in
    the file system belongs to the mark.

    None where the folder cannot be written, or a journal in it not be read: then nothing may be concluded from a mark that is not there.
    """
    file = folder / "id"
    try:
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError), file.open("x", encoding="ascii") as new:
                new.write(secrets.token_hex(8))
        status = file.stat()
        place = f"{boot_id()} {file.read_text(encoding='ascii')} {status.st_dev:x}-{status.st_ino:x}"
    except OSError:
        return None
    return place if len(left_behind(folder)) == len(list(_journals(folder))) else None
