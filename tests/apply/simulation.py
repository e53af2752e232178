"""A cloud without I/O: it drives the very scheduler that apply uses, and hours pass in milliseconds."""

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from mpsjobs.apply.polling import Poll, Sweep, Trail
from mpsjobs.apply.scheduler import Collect, Release, Scheduler, Send, Stage
from mpsjobs.model.ports import Backoff, ObjectRef

TAKES: Final = ObjectRef("bucket-1250000000", "ap-guangzhou", "takes/")


@dataclass
class Cloud:
    """A cloud of its own time: answers commands after a latency, finishes each task after its duration.

    `fails`: jobs whose task ends without outputs. With `lists`, outputs show in listings, `list_lag_s` after they were written, a thousand
    in a page; None: nobody knows where they would show; False: listing is denied. A collection takes `collecting_s`.
    """

    scheduler: Scheduler
    duration_s: Callable[[int], float]
    refuse: Callable[[int, float], Backoff | None] = lambda _job, _now: None
    skip: Callable[[int], bool] = lambda _job: False
    latency_s: float = 0.05
    staging_s: float = 0.05
    late: Callable[[], float] = lambda: 0.0
    fails: Callable[[int], bool] = lambda _job: False
    lists: bool | None = None
    list_lag_s: float = 0.0
    collecting_s: float = 0.05
    now: float = 0.0
    sends: list[float] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    pages: int = 0
    delays_s: dict[int, float] = field(default_factory=dict)
    gave_up: bool = False
    _started: dict[int, float] = field(default_factory=dict)
    _done: list[tuple[float, int]] = field(default_factory=list)
    _shown: list[int] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)
    _answers: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)

    def run(self, until: float = float("inf")) -> None:
        while not self.scheduler.idle and self.now < until and not self.gave_up:
            for command in self.scheduler.commands(self.now):
                if isinstance(command, Release):
                    self._release(command.job)
                    continue
                latency = self._latency_s(command)
                heapq.heappush(self._answers, (self.now + latency, next(self._order), self._answer(command)))
            wake = self.scheduler.wake_at()
            times = [t for t in (wake, self._answers[0][0] if self._answers else None) if t is not None]
            if not times:
                assert self.scheduler.queued + self.scheduler.running == 0, (
                    "nothing to wait for, and not idle"
                )
                return
            self.now = max(self.now, min(times))
            while self._answers and self._answers[0][0] <= self.now:
                heapq.heappop(self._answers)[2]()

    def _latency_s(self, command: Stage | Send | Poll | Sweep | Collect) -> float:
        match command:
            case Stage():
                return self.staging_s
            case Sweep(_, after):
                while self._done and self._done[0][0] <= self.now - self.list_lag_s:
                    insort(self._shown, heapq.heappop(self._done)[1])
                pages = 1 + (len(self._shown) - bisect_left(self._shown, int(after))) // 1000
                self.pages += pages
                return pages * self.latency_s
            case Collect():
                return self.collecting_s
            case _:
                return self.latency_s

    def _release(self, job: int) -> None:
        """Whoever is asked knows at once."""
        self.released.append(job)
        if self.skip(job):
            self.scheduler.skipped(job)
        else:
            self.scheduler.ready(job)

    def _answer(self, command: Stage | Send | Poll | Sweep | Collect) -> Callable[[], object]:
        if isinstance(command, Sweep):
            if not self.lists:
                return lambda: self.scheduler.not_swept(command.place, self.now)
            shown = self._shown[bisect_left(self._shown, int(command.after)) :]
            return lambda: self.scheduler.swept(command.place, [f"{job:09}" for job in shown], self.now)
        job = command.job
        match command:
            case Stage():
                return lambda: self.scheduler.staged(job, self.now)
            case Send():
                at = self.now + self.late()
                self.sends.append(at)
                heapq.heappush(self._answers, (at, next(self._order), lambda: self.scheduler.left(job, at)))
                return lambda: self._sent(job)
            case Poll():
                self.polls.append(self.now)
                return lambda: self._polled(job)
            case Collect():
                return lambda: self._collected(job)

    def _sent(self, job: int) -> None:
        if backoff := self.refuse(job, self.now):
            self.gave_up = not self.scheduler.not_created(job, backoff, self.now)
            return
        assert job not in self._started, "sent twice"
        self._started[job] = self.now
        if self.lists is None:
            self.scheduler.created(job, self.now)
            return
        if not self.fails(job):
            heapq.heappush(self._done, (self.now + self.duration_s(job), job))
        self.scheduler.created(job, self.now, Trail(TAKES, f"{job:09}", "GL 3.0"))

    def _polled(self, job: int) -> None:
        if self.now - self._started[job] >= self.duration_s(job):
            if self.fails(job):
                self._over(job)
                return
            self.scheduler.finished(job)
        else:
            self.scheduler.still_running(job, self.now)

    def _collected(self, job: int) -> None:
        self._over(job)

    def _over(self, job: int) -> None:
        self.ended.append(job)
        if job in self._started:
            self.delays_s[job] = self.now - self._started[job] - self.duration_s(job)
        if self.fails(job):
            self.scheduler.ended(job)
        else:
            self.scheduler.collected(job, self.now)
