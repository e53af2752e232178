"""What is said beside assets: renames, takes that come from elsewhere, and decisions about takes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from mpsjobs.model.decisions import Decision
from mpsjobs.model.diagnostics import Position
from mpsjobs.model.ports import ObjectRef


@dataclass(frozen=True)
class Moved:
    """What was called `old` is called `new`. Both may hold `*`, equally often; each stands for the same text in both.

    `old_at` and `new_at` are where the two are written.
    """

    old: str
    new: str
    old_at: Position
    new_at: Position

    @property
    def is_pattern(self) -> bool:
        return "*" in self.old

    def renamed(self, address: str) -> str | None:
        """The new name of an address, None where it is not meant."""
        found = self._old_form.fullmatch(address)
        if found is None:
            return None
        texts = iter(found.groups())
        return "".join(next(texts) if piece == "*" else piece for piece in re.split(r"(\*)", self.new))

    def leads_to(self, address: str) -> bool:
        """Whether this may be the new name of something."""
        return _form(self.new).fullmatch(address) is not None

    @cached_property
    def _old_form(self) -> re.Pattern[str]:
        return _form(self.old)


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile("(.+)".join(map(re.escape, pattern.split("*"))), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Imported:
    """A task, or an object of the store, that becomes a take of the asset `to`. Exactly one of the two is set."""

    to: str
    task_id: str | None
    object: ObjectRef | None
    at: Position | None = None

    @property
    def name(self) -> str:
        """What history calls it, and knows it again by."""
        return f"task {self.task_id}" if self.object is None else object_name(self.object)


def object_name(ref: ObjectRef) -> str:
    return f"object {ref.bucket}/{ref.key}"


@dataclass(frozen=True, slots=True)
class Statements:
    """What spec files say beside assets, and by address what `mpsjobs.picks.yaml` says of takes."""

    moved: tuple[Moved, ...] = ()
    imports: tuple[Imported, ...] = ()
    decisions: Mapping[str, Decision] = field(default_factory=dict)


NOTHING_SAID: Final = Statements()
