"""The requests of one action of the API: when the next may leave, and how failures pause them all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from mpsjobs.model.ports import Backoff

GIVE_UP_AFTER: Final = {Backoff.SHORT: 8, Backoff.LONG: 5}
"""So many failures in a row, with no success between them, and the lane stops."""

_PAUSE_S: Final = {Backoff.SHORT: (0.5, 15.0), Backoff.THROTTLED: (0.1, 4.0), Backoff.LONG: (10.0, 60.0)}


class Pacer(Protocol):
    """Spaces the requests of one action. All times are monotonic seconds.

    It is told of throttled and accepted requests, so that it can leave room for others who use the same quota.
    """

    @property
    def per_second(self) -> float: ...
    def ready_at(self) -> float: ...
    def sent(self, at: float) -> None: ...
    def left(self, sent_at: float, left_at: float) -> None: ...
    def throttled(self) -> None: ...
    def accepted(self) -> None: ...


@dataclass(slots=True)
class Lane:
    """A lane pauses as a whole when the cloud or the network asks for it, so that a failure is met once, not once per job."""

    pacer: Pacer
    jitter: Callable[[], float]
    paused_until: float = float("-inf")
    slowed_at: float = float("-inf")
    failures: int = 0

    def ready_at(self) -> float:
        return max(self.paused_until, self.pacer.ready_at())

    def succeeded(self) -> None:
        self.failures = 0
        self.pacer.accepted()

    def failed(self, backoff: Backoff, now: float, sent_at: float) -> bool:
        """Pause, longer each time, and go on slower after a throttled request. Returns whether to go on.

        What fails while the lane pauses was asked before: it is the same trouble, and counts once. So is a throttled request that left
        before the lane went slower.
        """
        if backoff is Backoff.THROTTLED:
            if sent_at < self.slowed_at:
                return True
            self.slowed_at = now
            self.pacer.throttled()
        if now < self.paused_until and backoff is not Backoff.LONG:
            return True
        self.failures += 1
        first, longest = _PAUSE_S[backoff]
        pause = min(first * 2 ** (self.failures - 1), longest)
        self.paused_until = max(self.paused_until, now + pause * (0.75 + self.jitter() / 2))
        return self.failures < GIVE_UP_AFTER.get(backoff, self.failures + 1)
