"""Pieces of compared texts on a terminal: as wide as there is room, removed and added words in colours or between marks."""

import re
from collections.abc import Iterable, Iterator, Sequence

import click
from rich.cells import cell_len, set_cell_size

from mpsjobs.cli.plan_words import harmless
from mpsjobs.plan.word_diff import GAP, Piece, Side

_CHUNK = re.compile(r"\n|\s*\S+|[^\S\n]+")
_MARKS = {Side.OLD: ("[-", "-]"), Side.NEW: ("{+", "+}")}


def painted(pieces: Iterable[Piece], *, colour: bool) -> str:
    """One line of the pieces: `[-old-]{+new+}`, or red and green."""
    return "".join(_painted(piece, colour=colour) for piece in pieces)


def clipped(pieces: Sequence[Piece], room: int) -> tuple[Piece, ...]:
    """As many of the pieces as fit into so many cells, marks counted; what is cut ends in an ellipsis."""
    shown: list[Piece] = []
    left = room
    for number, piece in enumerate(pieces):
        text, marks = harmless(piece.text), sum(map(len, _MARKS.get(piece.side, ())))
        size = cell_len(text) + marks
        more = number + 1 < len(pieces)
        if size > left - more:  # the ellipsis needs its cell
            fits = left - marks - 1
            if fits > 0:
                text = set_cell_size(text, fits).rstrip()
                shown.append(Piece(piece.side, text + GAP))
            elif shown:
                shown.append(Piece(Side.GAP, GAP))
            break
        shown.append(Piece(piece.side, text))
        left -= size
    return tuple(shown)


def wrapped(pieces: Iterable[Piece], room: int) -> Iterator[list[Piece]]:
    """Lines of at most so many cells (a longer word stands alone), broken between words and where the texts break.

    A break that only one of the texts has is shown as an escape.
    """
    line: list[Piece] = []
    used = 0
    for piece in pieces:
        marks = sum(map(len, _MARKS.get(piece.side, ())))
        for chunk in _CHUNK.findall(piece.text):
            breaks = chunk == "\n"
            text = "" if breaks and not marks else harmless(chunk)
            extends = bool(line) and line[-1].side is piece.side
            if line and used + cell_len(text) + (0 if extends else marks) > room:
                yield line
                line, used, extends = [], 0, False
                text = text.lstrip()
            if extends:
                line[-1] = Piece(piece.side, line[-1].text + text)
            else:
                line.append(Piece(piece.side, text))
            used += cell_len(text) + (0 if extends else marks)
            if breaks:
                yield line
                line, used = [], 0
    if line:
        yield line


def _painted(piece: Piece, *, colour: bool) -> str:
    text = harmless(piece.text)
    match piece.side:
        case Side.BOTH | Side.GAP:
            return text
        case Side.OLD | Side.NEW if not colour:
            before, after = _MARKS[piece.side]
            return f"{before}{text}{after}"
        case Side.OLD:
            return click.style(text, fg="red", strikethrough=True)
        case Side.NEW:
            return click.style(text, fg="green")
