"""When the next request may leave. Holds no clock and never waits: it is told and asked."""

from collections import deque
from typing import Final

_MARGIN: Final = 0.01
"""Seconds added to the second that a window lasts: what lies between our sending and the server's counting varies a little."""

_CATCH_UP: Final = 0.25
"""The share of an interval by which a request may follow sooner after one that left late. The rest of the delay is lost."""


class Pacer:
    """Spaces requests evenly at `per_second`.

    If every request leaves no sooner than `ready_at`, however late, then no more than `per_second` leave in any second (at least one),
    and undisturbed requests take at most 1 % longer than the rate says (a rate of 2.5 is kept as 2 in any second). Times are seconds on
    any one monotonic clock. Not thread-safe.
    """

    def __init__(self, per_second: float) -> None:
        if per_second <= 0:
            raise ValueError("per_second must be above 0")
        self._interval = 1 / per_second
        self._recent: deque[float] = deque(maxlen=max(1, int(per_second)))
        self._slot = float("-inf")

    def ready_at(self) -> float:
        """The time from which the next request may leave; minus infinity for the first."""
        slot = self._slot + self._interval
        if len(self._recent) == self._recent.maxlen:
            slot = max(slot, self._recent[0] + max(1 + _MARGIN, self._interval))
        return slot

    def sent(self, at: float) -> None:
        """A request left at this time."""
        self._slot = max(self.ready_at(), at - _CATCH_UP * self._interval)
        self._recent.append(max(at, self._recent[-1]) if self._recent else at)
