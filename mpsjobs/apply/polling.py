"""When to ask for tasks that run. No I/O and no clock, as with the scheduler, whose part it is.

A few tasks are asked for one by one, ever less often the older they get. Of many that would be more questions than the API takes, so
then the store is listed: one call shows what a thousand tasks have written, and questions are left for what a listing cannot tell: that a
task failed, is overdue, or has several outputs. Where listing is denied, a task is asked for when it has probably ended.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from mpsjobs.apply.durations import Durations
from mpsjobs.apply.lane import Lane
from mpsjobs.model.ports import Backoff, ObjectRef

POLLS_AT_ONCE: Final = 16
FEW: Final = 60
"""So many tasks can be asked for one by one, at the pace of a person who waits."""

_POLL_S: Final = (1.0, 15.0)
_SWEEP_S: Final = 4.0
_SWEEP_SHARE: Final = 5
"""A listing that takes long is made less often: it may fill this part of the time, one in so many."""

_DENIED_S: Final = 300.0
"""After a listing failed, so long without another."""

_OVERDUE, _OVERDUE_S = 0.95, 180.0
"""A task that runs longer than this share of its kind is asked for, though listings would show its outputs; unknown kinds after so many seconds."""

_LEFT_OUT, _LEFT_OUT_S = 0.99, 360.0
"""Longer than this share, and it pins the start of listings no more."""

_ENDED, _ENDED_S = 0.9, 180.0
"""Without listings a task is asked for when this share of its kind, and then of those left, have ended; of unknown kinds after so many seconds."""

_LONGEST_S: Final = 600.0
"""Whatever was learned, a task is asked for at least so often."""

_SHARE_SINGLY, _SHARE_BEHIND = 0.88, 0.7
"""Where each task has to be asked for, some more than once, so much is left of the rate at which new ones are submitted."""

_BEHIND_S: Final = 10.0
"""A task that is asked for so much later than it was due shows that there are too many."""


@dataclass(frozen=True, slots=True)
class Trail:
    """Where the outputs of a task show: below `mark` in `place`, which can be listed as a whole. Marks grow with the time of submission.

    `kind`: tasks of it take about as long. `outputs`: how many there are to be.
    """

    place: ObjectRef
    mark: str
    kind: str
    outputs: int = 1


@dataclass(frozen=True, slots=True)
class Poll:
    job: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """List `place`, after the key `after`."""

    place: ObjectRef
    after: str


@dataclass(slots=True)
class Wait:
    """A task in the cloud. `due`: when it is asked for next; None while something is done about it, or nothing can be asked."""

    since: float
    trail: Trail | None = None
    due: float | None = None
    tries: int = 0


@dataclass(slots=True)
class _Place:
    """Tasks by their marks, the oldest first, and the same by mark. Those that are over or overdue leave the heap when they come to its head."""

    jobs: dict[str, int] = field(default_factory=dict)
    marks: list[tuple[str, int]] = field(default_factory=list)
    next_at: float = float("-inf")
    denied_until: float = float("-inf")
    since: float | None = None  # when the listing began that is under way


@dataclass(slots=True)
class Polling:
    """Every task that runs, and when to ask for it.

    `share`: at what part of its rate to submit. More tasks than can be asked for would only make all of them late.
    """

    lane: Lane
    durations: Durations
    waits: dict[int, Wait] = field(default_factory=dict)
    _due: list[tuple[float, int]] = field(default_factory=list)
    _by_age: list[tuple[float, int]] = field(
        default_factory=list
    )  # since → job; what is over goes when it comes to the head
    _asked: dict[int, float] = field(default_factory=dict)  # job → when the question left
    _places: dict[ObjectRef, _Place] = field(default_factory=dict)
    share: float = 1.0
    _many: bool = False

    def add(self, job: int, since: float, trail: Trail | None = None, *, fresh: bool = False) -> None:
        """A task that runs since then. `fresh`: it was seen from its first second on, so that its duration teaches something."""
        self.waits[job] = Wait(since, trail)
        heapq.heappush(self._by_age, (since, job))
        if trail and fresh:
            self.durations.began(trail.kind, job, since)
        if trail and trail.outputs == 1:
            place = self._places.setdefault(trail.place, _Place())
            place.jobs[trail.mark] = job
            heapq.heappush(place.marks, (trail.mark, job))

    def oldest(self) -> tuple[int | None, float]:
        """The task that has run for the longest, and since when."""
        while self._by_age and self._by_age[0][1] not in self.waits:
            heapq.heappop(self._by_age)
        since, job = self._by_age[0] if self._by_age else (0.0, None)
        return job, since

    def ask_at(self, job: int, due: float) -> None:
        self.waits[job].due = due
        heapq.heappush(self._due, (due, job))

    def ask_later(self, job: int, now: float) -> None:
        """It runs still: ask again when that makes sense."""
        self.ask_at(job, self._next(self.waits[job], now))

    def hold(self, job: int) -> None:
        """Ask no more for now: its outputs are looked for."""
        self._asked.pop(job, None)
        self.waits[job].due = None

    def remove(self, job: int, now: float | None = None) -> None:
        """It is over; with `now`, because it was done then."""
        self._asked.pop(job, None)
        wait = self.waits.pop(job, None)
        if wait and (trail := wait.trail):
            self.durations.ended(trail.kind, job, wait.since if now is None else now, well=now is not None)
            if place := self._places.get(trail.place):
                place.jobs.pop(trail.mark, None)

    def commands(self, now: float) -> Iterator[Poll | Sweep]:
        self._change_pace(now)
        while self._may_ask() and self._due[0][0] <= now and self.lane.ready_at() <= now:
            _, job = heapq.heappop(self._due)
            self.waits[job].due = None
            self.lane.pacer.sent(now)
            self._asked[job] = now
            yield Poll(job)
        self.share = self._share(now)
        if self._many:
            for ref, place in self._places.items():
                if place.since is None and place.next_at <= now and place.jobs:
                    place.since = now
                    yield Sweep(ref, self._oldest(place, now))

    def wake_at(self) -> float | None:
        times = []
        if self._may_ask():
            times.append(max(self._due[0][0], self.lane.ready_at()))
        if self._many:
            times += [each.next_at for each in self._places.values() if each.since is None and each.jobs]
        return min(times, default=None)

    def left(self, job: int, at: float) -> None:
        if (asked_at := self._asked.get(job)) is not None:
            self.lane.pacer.left(asked_at, at)

    def answered(self, job: int) -> None:
        self._asked.pop(job, None)
        self.lane.succeeded()

    def failed(self, job: int, backoff: Backoff, now: float) -> bool:
        """Ask again later. Returns False when the lane has failed too often."""
        sent_at = self._asked.pop(job, now)
        self.ask_later(job, now)
        return self.lane.failed(backoff, now, sent_at)

    def swept(self, ref: ObjectRef, marks: Iterable[str], now: float) -> Iterator[int]:
        """A listing showed something below these marks. Yields the jobs whose only output that is; they are asked for no more."""
        place = self._places[ref]
        took = now - (now if place.since is None else place.since)
        place.since, place.next_at = None, now + max(_SWEEP_S, _SWEEP_SHARE * took)
        for mark in marks:
            job = place.jobs.get(mark)
            if job is not None and self.waits[job].due is not None:
                self.hold(job)
                yield job

    def not_swept(self, ref: ObjectRef, now: float) -> None:
        """It cannot be listed now. Its tasks are asked for instead."""
        place = self._places[ref]
        place.since, place.denied_until = None, now + _DENIED_S
        place.next_at = place.denied_until
        for job in place.jobs.values():
            if self.waits[job].due is not None:
                self.ask_later(job, now)

    def _change_pace(self, now: float) -> None:
        many = len(self.waits) > FEW
        if (
            self._many and not many
        ):  # the last ones: from now on each is asked for as somebody would who waits
            self._many = False
            for job, wait in self.waits.items():
                if wait.due is not None:
                    self.ask_at(job, min(wait.due, self._next(wait, now)))
        self._many = many

    def _share(self, now: float) -> float:
        if not self._many or not any(now < each.denied_until for each in self._places.values()):
            return 1.0
        behind = self._may_ask() and self._due[0][0] < now - _BEHIND_S
        return _SHARE_BEHIND if behind else _SHARE_SINGLY

    def _may_ask(self) -> bool:
        """Whether there is somebody to ask for, at the head of the heap, and a thread to do it."""
        while self._due and not self._is_current(*self._due[0]):
            heapq.heappop(self._due)
        return bool(self._due) and len(self._asked) < POLLS_AT_ONCE

    def _is_current(self, due: float, job: int) -> bool:
        wait = self.waits.get(job)
        return wait is not None and wait.due == due

    def _next(self, wait: Wait, now: float) -> float:
        """The older the task, the longer the pause: a quarter of its age, so that a result is noticed late by that at the most."""
        age = now - wait.since
        soonest, latest = _POLL_S
        if not self._many:
            return now + min(max(age / 4, soonest), latest)
        trail = wait.trail
        if trail and trail.outputs == 1 and now >= self._places[trail.place].denied_until:
            overdue = self._overdue_s(trail.kind)
            return wait.since + overdue if age < overdue else now + max(age / 2, latest)
        return now + min(self._until_ended(trail.kind if trail else "", age), _LONGEST_S)

    def _overdue_s(self, kind: str) -> float:
        return min(self.durations.after(kind, _OVERDUE) or _OVERDUE_S, _LONGEST_S)

    def _until_ended(self, kind: str, age: float) -> float:
        """Seconds until most of those of this kind that have grown as old have ended."""
        left = 1.0 - _ENDED
        while left > 1e-3:
            ended = self.durations.after(kind, 1 - left)
            if ended is not None and ended > age + _POLL_S[0]:
                return ended - age
            left *= 1 - _ENDED
        return max(_ENDED_S - age, age / 4, _POLL_S[1])

    def _oldest(self, place: _Place, now: float) -> str:
        """The key after which everything lies that listings are to show: overdue tasks are asked for, so that none pins the start."""
        while place.marks:
            mark, job = place.marks[0]
            wait = self.waits.get(job)
            if wait is not None and wait.trail is not None and place.jobs.get(mark) == job:
                left_out = self.durations.after(wait.trail.kind, _LEFT_OUT) or _LEFT_OUT_S
                if now - wait.since <= min(left_out, _LONGEST_S):
                    return mark
            heapq.heappop(place.marks)
        return max(place.jobs)
