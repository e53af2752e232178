"""The takes of a sound, counted, and those that a plan brings."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mpsjobs.model.change import LeftOut
from mpsjobs.model.state import Take, TakeStatus
from mpsjobs.plan.imports import Imports
from mpsjobs.plan.promotion import Copies
from mpsjobs.plan.terms import Hindrance

_IN_VAIN = frozenset({TakeStatus.FAILED, TakeStatus.ABANDONED})
"""Attempts that brought nothing; they count against `policy.attempts`, so that nothing is bought again and again without an end."""


@dataclass(frozen=True, slots=True)
class Count:
    """The takes of one fingerprint in one realm, counted."""

    good: tuple[Take, ...]
    in_flight: int
    unresolved: tuple[Take, ...]
    failed: tuple[Take, ...]
    unfit: tuple[Take, ...]
    lost: tuple[Take, ...]

    @classmethod
    def of(cls, takes: Iterable[Take], pick: int | None = None) -> "Count":
        """An unfit take that is picked is good enough."""
        takes = tuple(takes)
        there = tuple(take for take in takes if take.there and not take.rejected)
        return cls(
            good=tuple(take for take in there if take.usable or take.take == pick),
            unfit=tuple(take for take in takes if take.unfit and take.take != pick and not take.rejected),
            in_flight=sum(take.in_flight for take in takes),
            unresolved=tuple(take for take in takes if take.unresolved),
            failed=tuple(take for take in takes if take.status in _IN_VAIN),
            lost=tuple(take for take in takes if take.lost),
        )

    @property
    def usable(self) -> int:
        return len(self.good)

    @property
    def coming(self) -> int:
        """Takes that may still come."""
        return self.in_flight + len(self.unresolved)

    @property
    def covered(self) -> int:
        """Takes that are there or may still come; nothing more is bought for these."""
        return self.usable + self.coming


@dataclass(slots=True)
class Purchases:
    """The takes that this plan buys, copies or imports, so that assets of one fingerprint share them: who buys, and how many."""

    copies: Copies
    imports: Imports
    bought: dict[str, tuple[str, int]] = field(default_factory=dict)
    reserved: set[str] = field(default_factory=set)
    left_out: dict[str, LeftOut] = field(default_factory=dict)

    def buyer(self, fingerprint: str) -> tuple[str | None, int]:
        return self.bought.get(fingerprint, (None, 0))

    def reserve(self, fingerprint: str, takes: int) -> int:
        """So many takes may be bought on top; nothing where another asset of this sound has spoken for them."""
        if takes <= 0 or fingerprint in self.reserved:
            return 0
        self.reserved.add(fingerprint)
        return takes

    def withhold(self, address: str, songs: int, stop: Hindrance | None) -> None:
        """Note what is not bought although nothing is wrong with it."""
        if stop and stop.left_out:
            self.left_out[address] = LeftOut(address, songs, stop.words, missing=stop.missing)

    def buy(self, fingerprint: str, address: str, takes: int) -> None:
        first, before = self.bought.get(fingerprint, (address, 0))
        self.bought[fingerprint] = (first, before + takes)
