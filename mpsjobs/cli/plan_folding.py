"""Thousands of changes in a few rows: by the beginnings of their addresses, so that each row is a glob for `--target`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mpsjobs.model.change import Change

_PART = re.compile(r"[^._-]*[._-]?")


@dataclass(frozen=True, slots=True)
class Row:
    """Changes under one name: an address, a glob (`level1.*`), or the first and the last of a range."""

    name: str
    changes: tuple[Change, ...]
    last: str | None = None

    @property
    def text(self) -> str:
        return self.name if self.last is None else f"{self.name} … {self.last}"


def fold(changes: Sequence[Change], most: int) -> Iterator[Row]:
    """At most `most` rows that together hold all changes, which come in the order of addresses; as fine as fits.

    Every row of one address stands for itself. Costs are linear in the number of changes.
    """
    yield from _fold(changes, 0, max(1, most))


def _fold(changes: Sequence[Change], begin: int, most: int) -> Iterator[Row]:
    if len(changes) <= most:
        yield from (Row(change.address, (change,)) for change in changes)
        return
    parts = _by_next_part(changes, begin)
    while len(parts) == 1 and begin < len(changes[0].address):
        begin += len(parts[0][0])
        parts = _by_next_part(changes, begin)
    if len(parts) > most:
        yield from _ranges(parts, changes[0].address[:begin], most)
        return
    spare = most - len(parts)
    for part, members in parts:
        allowed = 1 + (spare * len(members)) // len(changes)
        if len(members) == 1:
            yield Row(members[0].address, (members[0],))
        elif allowed == 1:
            yield Row(f"{members[0].address[:begin]}{part}*", tuple(members))
        else:
            yield from _fold(members, begin + len(part), allowed)


_Parts = list[tuple[str, list[Change]]]


def _by_next_part(changes: Sequence[Change], begin: int) -> _Parts:
    found: dict[str, list[Change]] = {}
    for change in changes:
        match = _PART.match(change.address, begin)
        found.setdefault(match[0] if match else "", []).append(change)
    return list(found.items())


def _ranges(parts: _Parts, prefix: str, most: int) -> Iterator[Row]:
    """Neighbours together: too many names differ here to show each."""
    size = -(-len(parts) // most)
    for first in range(0, len(parts), size):
        chunk = parts[first : first + size]
        members = tuple(change for _, changes in chunk for change in changes)
        names = [part if len(changes) == 1 else f"{part}*" for part, changes in (chunk[0], chunk[-1])]
        last = f"{prefix}{names[1]}" if len(chunk) > 1 else None
        yield Row(f"{prefix}{names[0]}", members, last)
