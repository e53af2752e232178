"""How long tasks take, learned from those that ended: it says when to ask for one, and when the rest will be done."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Final

from mpsjobs.model.asset import Json
from mpsjobs.model.state import State, TakeStatus

_KEPT: Final = 512
"""So many durations of a kind are remembered, the latest: the cloud is not as fast today as it was last year."""

_FEWEST: Final = 20
"""Fewer say nothing about a kind."""

_MOST_READ: Final = 16 * _KEPT
"""So many takes of the state are looked at: enough for many kinds, and no work at 100,000."""

_VERY_LONG_S: Final = 300.0


def kind_of(fields: Mapping[str, Json]) -> str:
    """Tasks that take about as long: those of one model and version."""
    return f"{fields.get('model')} {fields.get('version')}"


@dataclass(slots=True)
class _Kind:
    """The latest durations, in the order of submission and sorted; and what is not counted yet: those that run, and those that ended since."""

    latest: deque[float] = field(default_factory=deque)
    ordered: list[float] = field(default_factory=list)
    running: dict[int, float] = field(default_factory=dict)  # task → when it began, the oldest first
    ended: dict[int, float | None] = field(
        default_factory=dict
    )  # task → how long it took; None: that says nothing

    def count(self, seconds: float) -> None:
        self.latest.append(seconds)
        insort(self.ordered, seconds)
        if len(self.latest) > _KEPT:
            del self.ordered[bisect_left(self.ordered, self.latest.popleft())]


@dataclass(slots=True)
class Durations:
    """Seconds from submission to the end, by kind. Counting one and asking for a share cost the same however many there are.

    They are counted in the order of submission: of those submitted in the last minute only quick ones have ended, and to count these
    alone would make every task look quick. One that runs for very long is counted as it is, so that it does not hold up the rest.
    """

    _kinds: dict[str, _Kind] = field(default_factory=dict)

    def began(self, kind: str, task: int, at: float) -> None:
        self._of(kind).running[task] = at

    def ended(self, kind: str, task: int, at: float, *, well: bool) -> None:
        """It takes no more time; `well`: because it was done."""
        known = self._of(kind)
        if task not in known.running:
            return
        known.ended[task] = at - known.running[task] if well else None
        while known.running:
            oldest, began = next(iter(known.running.items()))
            if oldest in known.ended:
                seconds = known.ended.pop(oldest)
            elif at - began > _VERY_LONG_S:
                seconds = at - began
            else:
                return
            del known.running[oldest]
            if seconds is not None:
                known.count(seconds)

    def after(self, kind: str, share: float) -> float | None:
        """The seconds after which this share of the kind's tasks had ended; None while too few are known."""
        known = self._kinds.get(kind)
        if known is None or len(known.ordered) < _FEWEST:
            return None
        return known.ordered[min(int(share * len(known.ordered)), len(known.ordered) - 1)]

    def expected(self, kind: str, share: float) -> float | None:
        """The same from however few: of the kind, else of its model, else of any. None while nothing is known at all."""
        known = self._kinds.get(kind)
        found = known.ordered if known else []
        if not found:
            model, _, _ = kind.partition(" ")
            alike = [each.ordered for other, each in self._kinds.items() if other.startswith(f"{model} ")]
            found = sorted(chain(*alike)) or sorted(chain(*(each.ordered for each in self._kinds.values())))
        return found[min(int(share * len(found)), len(found) - 1)] if found else None

    def _of(self, kind: str) -> _Kind:
        return self._kinds.setdefault(kind, _Kind())

    @classmethod
    def of_state(cls, state: State, realm: str) -> "Durations":
        """What earlier runs have seen in this realm, in the order of submission. Another realm has another pace."""
        seen = [
            (take.submitted_at, take.finished_at, kind_of(pool.fields))
            for pool in state.pools.values()
            for take in pool.takes
            if take.submitted_at
            and take.finished_at
            and take.status is TakeStatus.DONE
            and take.realm == realm
            if not (
                take.adopted or take.imported or take.origin_attempt
            )  # of these it is not known when the cloud began
        ]
        durations = cls()
        for began, ended, kind in sorted(seen)[-_MOST_READ:]:
            took = datetime.fromisoformat(ended) - datetime.fromisoformat(began)
            durations._of(kind).count(max(0.0, took.total_seconds()))
        return durations
