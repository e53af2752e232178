"""The journal: one event a line, only ever appended to. It is the truth; everything else can be made from it."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Position, StateError
from mpsjobs.model.events import Event
from mpsjobs.state.codec import (
    DamagedLineError,
    Header,
    Line,
    decode_header,
    decode_line,
    encode_header,
    encode_line,
)
from mpsjobs.state.disk import FileId, failures_named, file_id, replace_file, write_all
from mpsjobs.state.lock import lock_lost

_MAX_HEADER: Final = 4096
_NOT_RECORDED: Final = "What happened since is not recorded there, so nothing more is submitted."
_PUT_BACK: Final = (
    "Make room on the disk or make the folder writable. If this run wrote an errored.mpsjobs.state.json, put it back: "
    "mpsjobs state push FILE. Then run the command again."
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the journal: its number, and the byte where it begins."""

    serial: int
    offset: int


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows a mark.

    `last` is the last whole line (its offset is 0 when there is none). Bytes from `end` on (`torn`) are what a crash left of an append:
    they were never durable, and are to be cut off.
    """

    header: Header
    lines: tuple[Line, ...]
    last: Mark
    end: int
    torn: bool


def read_journal(path: Path, known: Mark | None = None) -> Tail:
    """Read the header and the lines after `known`, or all lines if that line does not begin at that place.

    Raises:
        FileNotFoundError: there is no journal.
        StateError: it is damaged where it had been whole before.
    """
    with path.open("rb") as file:
        head = file.readline(_MAX_HEADER)
        try:
            header = decode_header(head.removesuffix(b"\n"))
        except DamagedLineError as error:
            why = str(error) if head else "the file is empty"
            raise damaged(path, 0, f"Its first line cannot be read: {why}.") from None
        if known is not None and known.offset >= len(head):
            file.seek(known.offset)
            line = file.readline()
            if line.endswith(b"\n") and _seq(line[:-1]) == known.serial:
                return _tail(path, header, known, known.offset + len(line), file.read())
        file.seek(len(head))
        return _tail(path, header, Mark(header.base, 0), len(head), file.read())


def stream(path: Path) -> Iterator[Line]:
    """The lines of a journal one by one, however long it is, up to its end or a torn one. Needs no lock.

    Raises:
        FileNotFoundError: there is no journal.
        StateError: it is damaged.
    """
    with path.open("rb") as file:
        try:
            decode_header(file.readline(_MAX_HEADER).removesuffix(b"\n"))
        except DamagedLineError as error:
            raise damaged(path, 0, f"Its first line cannot be read: {error}.") from None
        torn: int | None = None
        offset = file.tell()
        for piece in file:
            try:
                line = decode_line(piece.removesuffix(b"\n"))
            except DamagedLineError:
                torn = offset if torn is None else torn
            else:
                if torn is not None:
                    raise damaged(path, torn, "This line is damaged, and whole lines follow it.")
                yield line
            offset += len(piece)


class JournalWriter:
    """Appends to a journal. Hold the lock, use it from one thread, and never again after an error."""

    def __init__(self, path: Path, header: Header, tail: Tail | None) -> None:
        """Continue after `tail`, cutting off what is torn, or begin a new journal at the first append.

        Raises:
            StateError: the journal cannot be written.
        """
        self.last = tail.last if tail else Mark(header.base, 0)
        self.durable = _durable(tail) if tail else header.base
        self._path = path
        self._header = header
        self._end = tail.end if tail else 0
        # A process that was killed may not have made its last lines durable: the first append does so, before new lines say it.
        self._unsure = self.durable < self.last.serial
        self._descriptor = -1
        self._id: FileId | None = None
        if tail is not None:
            self._continue(torn=tail.torn)

    def append(self, events: Sequence[tuple[int, Event]], *, sync: bool) -> None:
        """Write the numbered events with one write(2). With `sync`, they and all before them are durable on return.

        Raises:
            LockLostError: somebody else changed the journal.
            StateError: it could not be done, or not completely.
        """
        if not events and (not sync or self.durable == self.last.serial):
            return
        self.confirm()
        with failures_named("write to the journal", self._path, _NOT_RECORDED, _PUT_BACK):
            if self._descriptor < 0:
                head = encode_header(self._header)
                replace_file(self._path, head)
                self._end = len(head)
                self._open()
            if self._unsure:
                self._sync()
                self._unsure = False
            lines = [encode_line(Line(seq, self.durable, event)) for seq, event in events]
            if lines:
                write_all(self._descriptor, b"".join(lines))
                self._end += sum(map(len, lines))
                self.last = Mark(events[-1][0], self._end - len(lines[-1]))
            if sync:
                self._sync()

    def sync(self) -> None:
        """Make everything durable that was appended. Raises StateError."""
        self.append((), sync=True)

    def confirm(self) -> None:
        """Check that the file is the one that we know, and as long as we left it.

        Raises:
            LockLostError: it is not, or that cannot be known.
        """
        try:
            now = file_id(self._path)
        except OSError as error:
            raise lock_lost(f"{self._path} cannot be looked at: {error.strerror or error}.") from error
        if self._id is None:
            ours = now is None
        else:
            ours = now is not None and now.same_file(self._id) and now.size == self._end
        if not ours:
            raise lock_lost(f"Somebody removed, replaced or wrote {self._path}.")

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def lineage(self) -> str:
        return self._header.lineage

    def _continue(self, *, torn: bool) -> None:
        hint = "Make the journal writable, or make room on the disk, then run the command again."
        try:
            with failures_named(
                "opening of the journal for writing", self._path, "Nothing was submitted.", hint
            ):
                self._open()
                if torn:
                    os.ftruncate(self._descriptor, self._end)
                    self._sync()
        except StateError:
            self.close()
            raise

    def _open(self) -> None:
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._id = FileId.of(os.fstat(self._descriptor))

    def _sync(self) -> None:
        getattr(os, "fdatasync", os.fsync)(self._descriptor)
        self.durable = self.last.serial


def _durable(tail: Tail) -> int:
    """Up to which event everything is known to be on disk: what lies before the tail, and what its last line says."""
    if not tail.lines:
        return tail.last.serial
    return max(tail.last.serial - len(tail.lines), tail.lines[-1].durable)


def damaged(path: Path, offset: int, detail: str) -> StateError:
    """The journal cannot be trusted as it is; the damage is at this byte."""
    with path.open("rb") as file:
        number = file.read(offset).count(b"\n") + 1
    return StateError.of(
        "The journal of the state is damaged",
        detail=f"{detail} Nothing was changed.",
        hint=(
            "Put back a good copy of the journal. If there is none, go on from the state file with `mpsjobs state rebase`: "
            "the damaged journal is then kept aside, and what happened after the state file was saved is no longer known."
        ),
        position=Position(str(path), number),
        code=Code.JOURNAL_DAMAGED,
    )


def _seq(line: bytes) -> int | None:
    try:
        return decode_line(line).seq
    except DamagedLineError:
        return None


def _tail(path: Path, header: Header, before: Mark, begin: int, data: bytes) -> Tail:
    """Decode the lines in `data`, which begins at the byte `begin`, after the line `before`."""
    lines: list[Line] = []
    last, end, torn = before, begin, False
    pieces = data.split(b"\n")
    rest = pieces.pop()
    for index, piece in enumerate(pieces):
        expected = last.serial + 1
        try:
            line = decode_line(piece)
        except DamagedLineError:
            if _was_durable(expected, pieces[index + 1 :]):
                raise damaged(path, end, "This line is damaged, and whole lines follow it.") from None
            torn = True
            break
        if line.seq != expected:
            what = f"Event {line.seq} stands here, where event {expected} belongs."
            raise damaged(path, end, what)
        lines.append(line)
        last = Mark(expected, end)
        end += len(piece) + 1
    return Tail(header, tuple(lines), last, end, torn or bool(rest))


def _was_durable(seq: int, after: Sequence[bytes]) -> bool:
    """Whether a later line says that this event had been on disk: then its loss is damage, not the torn end of a crash."""
    for piece in after:
        try:
            line = decode_line(piece)
        except DamagedLineError:
            continue
        if line.durable >= seq:
            return True
    return False
