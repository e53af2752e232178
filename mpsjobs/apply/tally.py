"""What has happened so far in a run, and how long the rest may take."""

from collections import deque
from dataclasses import dataclass, field

from mpsjobs.apply.forecast import Forecast
from mpsjobs.apply.progress import Failed, Skipped, Tick, Unknown
from mpsjobs.apply.scheduler import Standing
from mpsjobs.model.diagnostics import Diagnostic

RATE_S = 5.0
"""The rate of submissions is that of the last seconds."""


@dataclass(slots=True)
class Tally:
    """Counts for the summary and the live view. Times in seconds.

    `objects` counts those among the imported that were no tasks. `held` are addresses that wait for what this run does not wait for.
    `unfit` are the sounds of takes that came and are not used for what they miss. `unsent` takes were not submitted because too many others had failed.
    """

    started: float
    forecast: Forecast = field(default_factory=Forecast)
    submitted: int = 0
    finished: int = 0
    recorded: int = 0
    retired: int = 0
    copied: int = 0
    published: set[str] = field(default_factory=set)
    mastered: int = 0
    imported: int = 0
    objects: int = 0
    failed: list[Failed] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    stopped: list[Diagnostic] = field(default_factory=list)
    abandoned: list[str] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)
    left_running: int = 0
    unsent: int = 0
    interrupted: bool = False
    _recent: deque[float] = field(default_factory=deque)

    def created(self, at: float) -> None:
        """This run submitted a task at this time."""
        self.submitted += 1
        self._recent.append(at)

    def tick(
        self, now: float, standing: Standing, *, copying: int, per_second: float, slowest: str | None
    ) -> Tick:
        """Where the run stands. `copying` are takes that come without a task; `slowest` is the address of the oldest task."""
        while self._recent and self._recent[0] <= now - RATE_S:
            self._recent.popleft()
        over = min(RATE_S, max(now - self.started, 1.0))
        failed = len(self.failed) + len(self.skipped) + len(self.unknown)
        done = self.finished + self.copied + self.objects
        in_cloud, collecting = standing.in_cloud, standing.collecting + copying
        queued, running = standing.to_submit + standing.sent, in_cloud + collecting
        return Tick(
            total=queued + running + done + failed,
            to_submit=standing.to_submit,
            sent=standing.sent,
            in_cloud=in_cloud,
            collecting=collecting,
            done=done,
            failed=failed,
            elapsed_s=now - self.started,
            per_second=len(self._recent) / over,
            slowest=slowest,
            slowest_s=now - standing.oldest_since if slowest else 0.0,
            left_s=self.forecast.left_s(now, queued=queued, running=running, per_second=per_second),
        )
