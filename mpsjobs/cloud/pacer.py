"""When the next request may leave. Holds no clock and never waits: it is told and asked."""

from bisect import bisect_left, insort
from typing import Final

_MARGIN: Final = 0.02
"""Seconds added to the second that a window lasts: what lies between our sending and the server's counting varies a little."""

_CATCH_UP: Final = 0.25
"""The share of an interval by which a request may follow sooner after one that left late. The rest of the delay is lost."""

_STEP_BACK, _LEAP_BACK = 0.95, 0.85
"""What is left of the rate after a throttled answer: a little less where it had been right for a while, else less."""

_SETTLED_S: Final = 1.0
_LEAST: Final = 0.05
"""The share of the full rate that is always tried."""

_CLIMB: Final = 1 / 150
"""How the rate grows while nothing is throttled: slowly near the last trouble, then ever faster, from half the rate to all of it in 20 s."""


class Pacer:
    """Spaces requests evenly, at `per_second` at the most, and at less while others use a part of the same quota.

    If every request leaves no sooner than `ready_at`, however late, and what leaves late is told by `left` before the second is over, then
    no more than `per_second` leave in any second (at least one), and undisturbed requests take at most 2 % longer than the rate says (a
    rate of 2.5 is kept as 2 in any second). Each throttled answer lowers the rate, accepted ones raise it again. Times are seconds on any
    one monotonic clock. Not thread-safe.
    """

    def __init__(self, per_second: float) -> None:
        if per_second <= 0:
            raise ValueError("per_second must be above 0")
        self._full = per_second
        self._rate = per_second
        self._good = float("inf")
        self._most = max(1, int(per_second))
        self._recent: list[float] = []  # the latest times, sorted
        self._slot = float("-inf")

    @property
    def per_second(self) -> float:
        """The rate as it is now."""
        return self._rate

    def ready_at(self) -> float:
        """The time from which the next request may leave; minus infinity for the first."""
        slot = self._slot + 1 / self._rate
        if len(self._recent) == self._most:
            slot = max(slot, self._recent[0] + max(1 + _MARGIN, 1 / self._full))
        return slot

    def sent(self, at: float) -> None:
        """A request left at this time."""
        self._slot = max(self.ready_at(), at - _CATCH_UP / self._rate)
        self._note(at)

    def left(self, sent_at: float, left_at: float) -> None:
        """The request that was given the time `sent_at` really left at this one: a thread had to wake, a mark had to be written."""
        if left_at <= sent_at:
            return
        place = bisect_left(self._recent, sent_at)
        if place < len(self._recent) and self._recent[place] == sent_at:
            del self._recent[place]
        self._note(left_at)

    def _note(self, at: float) -> None:
        insort(self._recent, at)
        if len(self._recent) > self._most:
            del self._recent[0]

    def throttled(self) -> None:
        """A request was refused for being one too many. Say it once for all those that left before the answer came."""
        left = _STEP_BACK if self._good >= _SETTLED_S else _LEAP_BACK
        self._rate = max(self._rate * left, self._full * _LEAST)
        self._good = 0.0

    def accepted(self) -> None:
        """A request was not refused for its time."""
        if self._rate < self._full:
            self._good += 1 / self._full  # seconds, at the full rate
            self._rate = min(self._rate + self._good * _CLIMB, self._full)
