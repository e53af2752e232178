"""Two texts compared word by word, for a reader who wants to see what was rewritten and not what stayed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum, auto

_SIGN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""In scripts that write no blanks each sign is a word of its own."""
_WORD = re.compile(rf"\n|[^\S\n]*(?:[{_SIGN}]|[^\W{_SIGN}]+|[^\w\s])|[^\S\n]+")
"""Blanks belong to the word after them; breaks stand alone."""
_MOST_WORDS = 5_000
_ALIKE = 0.3
GAP = "…"


class Side(Enum):
    """Where words stand: in both texts, in the old one alone, in the new one alone; or words left out here."""

    BOTH = auto()
    OLD = auto()
    NEW = auto()
    GAP = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    side: Side
    text: str


def word_diff(before: str, after: str) -> tuple[Piece, ...]:
    """Pieces that make up `before` without the NEW ones and `after` without the OLD ones.

    Texts with little in common are one OLD and one NEW piece: nobody reads a mosaic. Costs grow with the part between the first and
    the last difference; beyond some thousands of words that part is not looked into.
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    middle = (old[head : len(old) - tail], new[head : len(new) - tail])
    changed = _whole(*middle) if max(map(len, middle)) > _MOST_WORDS else _compared(*middle)
    shared = head + tail + sum(len(words) for side, words in changed if side is Side.BOTH)
    if 2 * shared < _ALIKE * (len(old) + len(new)):
        return tuple(_joined(_whole(old, new)))
    return tuple(_joined([(Side.BOTH, old[:head]), *changed, (Side.BOTH, old[len(old) - tail :])]))


def folded(pieces: Sequence[Piece], context: int) -> tuple[Piece, ...]:
    """The pieces with what is in both shortened to `context` words beside a change."""
    shown: list[Piece] = []
    last = len(pieces) - 1
    for place, piece in enumerate(pieces):
        words = _WORD.findall(piece.text) if piece.side is Side.BOTH else []
        begin, end = (context if place > 0 else 0), (context if place < last else 0)
        if len(words) <= begin + end + 2:
            shown.append(piece)
            continue
        if begin:
            shown.append(Piece(Side.BOTH, "".join(words[:begin])))
        shown.append(Piece(Side.GAP, f" {GAP}" if begin else GAP))
        if end:
            shown.append(Piece(Side.BOTH, "".join(words[len(words) - end :])))
    return tuple(shown)


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """How many words the two begin with together."""
    for number, (one, other) in enumerate(zip(old, new, strict=False)):
        if one != other:
            return number
    return min(len(old), len(new))


_Run = tuple[Side, list[str]]


def _whole(old: list[str], new: list[str]) -> list[_Run]:
    return [(Side.OLD, old), (Side.NEW, new)]


def _compared(old: list[str], new: list[str]) -> list[_Run]:
    runs: list[_Run] = []
    for what, old_from, old_to, new_from, new_to in SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if what == "equal":
            runs.append((Side.BOTH, old[old_from:old_to]))
        else:
            runs += _whole(old[old_from:old_to], new[new_from:new_to])
    return runs


def _joined(runs: Iterable[_Run]) -> Iterable[Piece]:
    """Runs of words as pieces; the blanks that an old and a new piece begin with stand before both."""
    texts = [(side, "".join(words)) for side, words in runs if words]
    for place, (side, text) in enumerate(texts):
        follows = texts[place + 1] if place + 1 < len(texts) else None
        before = texts[place - 1] if place else None
        if side is Side.OLD and follows and follows[0] is Side.NEW:
            blanks = _shared_blanks(text, follows[1])
            if blanks:
                yield Piece(Side.BOTH, blanks)
            yield from [Piece(side, text[len(blanks) :])] if text[len(blanks) :] else []
        elif side is Side.NEW and before and before[0] is Side.OLD:
            rest = text[len(_shared_blanks(before[1], text)) :]
            yield from [Piece(side, rest)] if rest else []
        else:
            yield Piece(side, text)


def _shared_blanks(old: str, new: str) -> str:
    blanks = len(old) - len(old.lstrip(" ")), len(new) - len(new.lstrip(" "))
    return old[: min(blanks)]
