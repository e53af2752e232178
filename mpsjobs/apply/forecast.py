"""How long what is left may take: by what tasks of the same model and version have taken, in earlier runs and in this one."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from mpsjobs.apply.durations import Durations

_MOST: Final = 0.95
"""What is slower than this share of the tasks is no guide: a run was interrupted, and collected the next day."""


@dataclass(slots=True)
class Forecast:
    """What is to be expected of the tasks of one run. Times are monotonic seconds.

    Asking costs nothing that grows with the number of tasks: they are counted by kind, and by how many others come before.
    """

    durations: Durations = field(default_factory=Durations)
    _to_send: dict[int, tuple[int, str]] = field(
        default_factory=dict
    )  # job → how many others come before, kind
    _counts: Counter[tuple[int, str]] = field(default_factory=Counter)
    _depth: dict[int, int] = field(default_factory=dict)
    _youngest: dict[str, float] = field(default_factory=dict)

    def will_send(self, job: int, kind: str, after: Iterable[int]) -> None:
        """A task that is to be submitted once these jobs have ended, which were added before."""
        depth = 1 + max((self._depth.get(other, 0) for other in after), default=-1)
        self._depth[job] = depth
        self._to_send[job] = depth, kind
        self._counts[depth, kind] += 1

    def sent(self, job: int, kind: str, at: float) -> None:
        """A task was submitted at this time, by this run or an earlier one."""
        self.will_not_send(job)
        self._youngest[kind] = max(self._youngest.get(kind, at), at)

    def will_not_send(self, job: int) -> None:
        if (place := self._to_send.pop(job, None)) is not None:
            self._counts[place] -= 1

    def left_s(self, now: float, *, queued: int, running: int, per_second: float) -> float | None:
        """Until the last one is collected; None while nothing is known of such tasks, or there are none."""
        many = queued + running
        share = min(many / (many + 1), _MOST)  # where the slowest of so many is likely to be
        at_work = {kind: at - now for kind, at in self._youngest.items()} if running else {}
        waits = [place for place, number in self._counts.items() if number] if queued else []
        expected = {}
        for kind in {*at_work, *(kind for _, kind in waits)}:
            if (seconds := self.durations.expected(kind, share)) is None:
                return None
            expected[kind] = seconds
        if not expected:
            return None
        left = max((expected[kind] + began for kind, began in at_work.items()), default=0.0)
        waves: dict[int, float] = {}
        for depth, kind in waits:
            waves[depth] = max(waves.get(depth, 0.0), expected[kind])
        to_come = queued / per_second + sum(waves.values())
        first = min(waves, default=0)  # more than 0: all of these wait for what is at work
        return max(left + to_come if first else max(left, to_come), 1.0)
