"""What can be named in `${…}` at one place, and how much a file may grow."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mpsjobs.model.diagnostics import Diagnostic, Position
from mpsjobs.spec.texts import TextFiles
from mpsjobs.spec.variables import Variables
from mpsjobs.spec.yaml import Mark

MAX_WORK = 300_000_000
"""Characters that all texts of one file may grow to: long texts multiply with many rows."""
WORK_PER_VALUE = 10
"""A value counts as so many characters, for what it takes to look at it."""


class Cell(NamedTuple):
    """A value of a row or of a combination, and where it is written. None: the cell is empty."""

    value: Any
    place: Mark


@dataclass(frozen=True, slots=True)
class Each:
    """What `each` is for one asset. `known` are all names that some row has; `row` is where this one is written."""

    cells: Mapping[str, Cell]
    known: Collection[str]
    row: Position


class TooMuchError(Exception):
    """A file grows without bounds when its values are filled in."""


@dataclass(slots=True)
class Work:
    """How much one file has grown so far."""

    done: int = 0

    def add(self, characters: int) -> None:
        self.done += characters
        if self.done > MAX_WORK:
            raise TooMuchError


@dataclass(frozen=True, slots=True)
class Scope:
    """What can be named at a place. `asset` holds its names; `each` is None outside of a matrix or a `for_each`.

    `publishing`: this is a published key, in which `${format}` stays as it is until the file is there.
    """

    variables: Variables
    texts: TextFiles
    project: str
    group: str | None = None
    asset: Mapping[str, str] = field(default_factory=dict)
    each: Each | None = None
    publishing: bool = False
    work: Work = field(default_factory=Work)


class UnresolvedError(Exception):
    """A text cannot be filled in. The diagnostic says why; None: that was said before."""

    def __init__(self, diagnostic: Diagnostic | None) -> None:
        super().__init__(diagnostic.summary if diagnostic else "")
        self.diagnostic = diagnostic
