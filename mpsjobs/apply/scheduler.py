"""What to do next, and when. No I/O, no clock, no threads: it is told the time and the answers, so a simulated clock can drive it.

A job is one take. Its way::

    blocked → queued → staging → staged → sending → waiting ⇄ polling → collecting → ended
                         ↑__________________|  (not created: back to the queue, after a pause)

A job may have to come after others. It is blocked until all of these have ended, well or badly; then somebody who knows what came of
them says whether it is ready, or skipped, which is an end too.

Submitting and polling are separate lanes, each with its own pacer; a job that waits for the cloud holds no thread and no slot.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from math import ceil
from typing import TypeAlias

from mpsjobs.apply.durations import Durations
from mpsjobs.apply.lane import Lane, Pacer
from mpsjobs.apply.polling import Poll, Polling, Sweep, Trail
from mpsjobs.model.ports import Backoff, ObjectRef

STAGED_AHEAD = 2
"""Requests held ready with their last byte unsent, so that connecting does not disturb the even spacing."""

MOST_STAGED_AHEAD = 16
"""As many as that where connecting, or putting a reference into the store, takes its time: each holds a connection and a thread."""

STAGE_LEAD_S = 0.5
SENDS_AT_ONCE = 32
COLLECTS_AT_ONCE = 8
_LEARN_SLOWER, _LEARN_FASTER = 0.5, 0.1
"""How much a request that took longer, or less long, to be made ready counts: waiting for the next one wastes more than a connection."""

_COLLECT_RETRY_S = (1.0, 20.0)


@dataclass(frozen=True, slots=True)
class Stage:
    """Write down the intent, connect, and send all but the last byte."""

    job: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send the last byte, now."""

    job: int


@dataclass(frozen=True, slots=True)
class Collect:
    job: int


@dataclass(frozen=True, slots=True)
class Release:
    """All that the job had to come after has ended. The answer is `ready` or `skipped`, at once."""

    job: int


Command: TypeAlias = Stage | Send | Poll | Sweep | Collect | Release


@dataclass(frozen=True, slots=True)
class Standing:
    """How many jobs are where, each counted once. `oldest` is the one that the cloud has had for the longest, `oldest_since` from when on."""

    to_submit: int
    sent: int
    in_cloud: int
    collecting: int
    oldest: int | None = None
    oldest_since: float = 0.0


@dataclass(slots=True)
class Scheduler:
    """Says what to do next.

    Guarantees: a job is sent at most once per staging, and never before all that it comes after has ended; commands of a lane come at the
    pacer's times; after `stop` nothing is sent.

    The caller owes an answer for every command. `jitter` gives numbers from 0 to 1. No more than `in_flight` tasks are in the cloud or on
    the way at once (None: as many as there are); attempts whose answer was lost are not counted, for nobody knows of them. After
    `failures_left` more failures nothing is submitted; what runs is still awaited.
    """

    submits: Pacer
    polls: Pacer
    jitter: Callable[[], float]
    durations: Durations = field(default_factory=Durations)
    in_flight: int | None = None
    failures_left: int | None = None
    closed: bool = False
    stopped: bool = False
    _blocked: dict[int, set[int]] = field(default_factory=dict)
    _followers: dict[int, list[int]] = field(default_factory=dict)
    _to_release: deque[int] = field(default_factory=deque)
    _queue: deque[int] = field(default_factory=deque)
    _staging: dict[int, float] = field(default_factory=dict)  # job → when that began
    _staging_s: float = 0.0
    _staged: deque[int] = field(default_factory=deque)
    _sent_at: float = float("-inf")
    _sending: dict[int, float] = field(default_factory=dict)  # job → when it left
    _unknown: set[int] = field(default_factory=set)
    _to_collect: deque[int] = field(default_factory=deque)
    _collecting: set[int] = field(default_factory=set)
    _later: list[tuple[float, int]] = field(default_factory=list)
    _submit_lane: Lane = field(init=False)
    _polling: Polling = field(init=False)

    def __post_init__(self) -> None:
        self._submit_lane = Lane(self.submits, self.jitter)
        self._polling = Polling(Lane(self.polls, self.jitter), self.durations)

    # --- what there is to do -----------------------------------------------------------------------------------------------------

    def add_submit(self, job: int, after: Iterable[int] | None = None) -> None:
        """A take to buy. With `after`, it is released when these have ended: jobs that were added before, so that there are no circles."""
        if after is None:
            self._queue.append(job)
            return
        before = set(after)
        if not before:
            self._to_release.append(job)
            return
        self._blocked[job] = before
        for other in before:
            self._followers.setdefault(other, []).append(job)

    def add_running(self, job: int, now: float, age_s: float, trail: Trail | None = None) -> None:
        """A task that an earlier run submitted `age_s` seconds ago: ask for it soon. `trail`: how its outputs can be found without asking."""
        self._polling.add(job, now - age_s, trail)
        self._polling.ask_at(job, now)

    def add_unknown(self, job: int, now: float, age_s: float) -> None:
        """An attempt without an answer, sent `age_s` seconds ago: look for its outputs, there is nothing to ask for."""
        self._polling.add(job, now - age_s)
        self._unknown.add(job)
        self._to_collect.append(job)

    def waits_for(self, job: int) -> bool:
        return job in self._polling.waits

    def failed_once(self) -> int | None:
        """A take has come to nothing. Returns how many that were to be submitted are not, where it was one failure too many."""
        if self.failures_left is None or self.closed:
            return None
        self.failures_left -= 1
        if self.failures_left > 0:
            return None
        unsent = self.queued - len(self._sending)
        self.close_submits()
        return unsent

    def next_up(self, count: int) -> list[int]:
        """The jobs that are submitted next, so many of them at the most."""
        return list(islice(self._queue, count))

    def close_submits(self) -> None:
        """Send nothing more; go on with what runs."""
        self.closed = True
        self._blocked.clear()
        self._to_release.clear()
        self._queue.clear()
        self._staged.clear()

    def stop(self) -> None:
        """Send nothing more, and wait for nothing but answers that are on their way."""
        self.stopped = True
        self.close_submits()

    @property
    def running(self) -> int:
        """Tasks in the cloud: waited for, being asked for, or being collected."""
        return len(self._polling.waits)

    @property
    def sending(self) -> int:
        """Requests on their way, whose answers must be awaited even after `stop`."""
        return len(self._sending) + len(self._staging)

    @property
    def queued(self) -> int:
        """Tasks to be submitted yet, blocked ones included."""
        blocked = len(self._blocked) + len(self._to_release)
        return blocked + len(self._queue) + len(self._staging) + len(self._staged) + len(self._sending)

    def standing(self) -> Standing:
        """Where the jobs are now, for people to watch. Costs nothing that grows with their number."""
        oldest, since = self._polling.oldest()
        collecting = min(len(self._to_collect) + len(self._collecting) + len(self._later), self.running)
        sent = len(self._sending)
        return Standing(self.queued - sent, sent, self.running - collecting, collecting, oldest, since)

    @property
    def idle(self) -> bool:
        return not self.queued and not self.running

    def commands(self, now: float) -> Iterator[Command]:
        """Everything that is due at `now`. Each command is handed out once."""
        while self._to_release:
            yield Release(self._to_release.popleft())
        yield from self._submit_commands(now)
        yield from self._polling.commands(now)
        while self._later and self._later[0][0] <= now:
            self._to_collect.append(heapq.heappop(self._later)[1])
        while self._to_collect and len(self._collecting) < COLLECTS_AT_ONCE:
            job = self._to_collect.popleft()
            if job in self._polling.waits:
                self._collecting.add(job)
                yield Collect(job)

    def _submit_commands(self, now: float) -> Iterator[Command]:
        if self._send_at() > now + STAGE_LEAD_S:
            return
        while self._may_send() and self._send_at() <= now:
            job = self._staged.popleft()
            self._submit_lane.pacer.sent(now)
            self._sent_at = now
            self._sending[job] = now
            yield Send(job)
        while self._may_stage():
            job = self._queue.popleft()
            self._staging[job] = now
            yield Stage(job)

    @property
    def _ahead(self) -> int:
        """How many requests are held ready: as many as leave while one is made ready, and one more."""
        meanwhile = ceil(self._staging_s * self._submit_lane.pacer.per_second)
        return min(max(STAGED_AHEAD, meanwhile + 1), MOST_STAGED_AHEAD)

    def _send_at(self) -> float:
        """When the next request may leave: at the pacer's time, and later where the answers could not be asked for as fast."""
        lane, share = self._submit_lane, self._polling.share
        if share == 1.0:
            return lane.ready_at()
        return max(lane.ready_at(), self._sent_at + 1 / (lane.pacer.per_second * share))

    def _may_send(self) -> bool:
        """A request is ready, and so is a thread that waits for its answer: the mark and the last byte stay together."""
        return bool(self._staged) and len(self._sending) < SENDS_AT_ONCE and self._room > 0

    def _may_stage(self) -> bool:
        """What cannot leave for long is not made ready: a server does not wait for its last byte for ever."""
        ready = len(self._staging) + len(self._staged)
        return bool(self._queue) and ready < min(self._ahead, self._room)

    @property
    def _room(self) -> float:
        """How many more tasks may be in flight."""
        if self.in_flight is None:
            return float("inf")
        return self.in_flight - len(self._sending) - (self.running - len(self._unknown))

    def wake_at(self) -> float | None:
        """The time at which `commands` may have something new without an answer; None when only answers can bring it."""
        if self._to_release:
            return float("-inf")
        times = []
        if self._may_send():
            times.append(self._send_at())
        elif self._may_stage():
            times.append(self._send_at() - STAGE_LEAD_S)
        if (ask_at := self._polling.wake_at()) is not None:
            times.append(ask_at)
        if self._later:
            times.append(self._later[0][0])
        return min(times, default=None)

    # --- answers -----------------------------------------------------------------------------------------------------------------

    def ready(self, job: int) -> None:
        """What the job comes after is there."""
        self._queue.append(job)

    def skipped(self, job: int) -> None:
        """What the job comes after is not there: it is not sent."""
        self._over(job)

    def staged(self, job: int, now: float) -> bool:
        """The request is ready. Returns False after `close_submits`: abandon it."""
        took = now - self._staging.pop(job, now)
        self._staging_s += (took - self._staging_s) * (
            _LEARN_SLOWER if took > self._staging_s else _LEARN_FASTER
        )
        if self.closed:
            return False
        self._staged.append(job)
        return True

    def left(self, job: int, at: float) -> None:
        """The last byte of the request, or the question, really leaves at this time."""
        if (sent_at := self._sending.get(job)) is not None:
            self._submit_lane.pacer.left(sent_at, at)
        else:
            self._polling.left(job, at)

    def not_created(self, job: int, backoff: Backoff, now: float) -> bool:
        """The job goes back to the head of the queue. Returns False when the lane has failed too often: close it."""
        self._staging.pop(job, None)
        go_on = self._submit_lane.failed(backoff, now, self._sending.pop(job, now))
        if not self.closed:
            self._queue.appendleft(job)
        return go_on

    def created(self, job: int, now: float, trail: Trail | None = None) -> None:
        """The cloud has the task. `trail`: how its outputs can be found without asking for it."""
        self._sending.pop(job, None)
        self._submit_lane.succeeded()
        self._polling.add(job, now, trail, fresh=True)
        self._polling.ask_later(job, now)

    def not_sent(self, job: int) -> None:
        """Nothing more is submitted for this job; it says nothing about the lane."""
        self._staging.pop(job, None)
        self._sending.pop(job, None)

    def refused(self, job: int) -> None:
        """The cloud answered, and wants no task like this."""
        self.not_sent(job)
        self._submit_lane.succeeded()
        self._over(job)

    def unanswered(self, job: int, now: float) -> bool:
        """The answer was lost. The lane pauses: an outage must not make every request a riddle. Returns False when it is to be closed."""
        self.not_sent(job)
        return self._submit_lane.failed(Backoff.SHORT, now, now)

    def still_running(self, job: int, now: float) -> None:
        self._polling.answered(job)
        self._polling.ask_later(job, now)

    def poll_failed(self, job: int, backoff: Backoff, now: float) -> bool:
        """Ask again later. Returns False when the lane has failed too often: leave the tasks to a later run."""
        return self._polling.failed(job, backoff, now)

    def finished(self, job: int) -> None:
        """The cloud is done with it: collect what came out."""
        self._polling.answered(job)
        self._polling.hold(job)
        self._polling.waits[job].tries = 0
        self._to_collect.append(job)

    def swept(self, place: ObjectRef, marks: Iterable[str], now: float) -> list[int]:
        """A listing of the place showed something below these marks. Returns the jobs that are to be collected because of it."""
        shown = list(self._polling.swept(place, marks, now))
        self._to_collect.extend(shown)
        return shown

    def not_swept(self, place: ObjectRef, now: float) -> None:
        """The place cannot be listed: its tasks have to be asked for."""
        self._polling.not_swept(place, now)

    def not_there_yet(self, job: int, now: float) -> None:
        """The outputs do not show yet: look again later."""
        self._collecting.discard(job)
        wait = self._polling.waits[job]
        wait.tries += 1
        first, longest = _COLLECT_RETRY_S
        heapq.heappush(self._later, (now + min(first * 2 ** (wait.tries - 1), longest), job))

    def collected(self, job: int, now: float) -> None:
        """Its outputs are there and recorded."""
        self.ended(job, now)

    def ended(self, job: int, done_at: float | None = None) -> None:
        """Nothing more to do for this job, for good or in this run. What stands in a queue for it is passed over."""
        self._collecting.discard(job)
        self._polling.remove(job, done_at)
        self._unknown.discard(job)
        self._over(job)

    def tries(self, job: int) -> int:
        """How often its outputs were looked for in vain."""
        return self._polling.waits[job].tries

    def age_s(self, job: int, now: float) -> float:
        """How long the cloud has had the task, in seconds."""
        return now - self._polling.waits[job].since

    def _over(self, job: int) -> None:
        for follower in self._followers.pop(job, ()):
            before = self._blocked.get(follower)
            if before is None:  # closed meanwhile
                continue
            before.discard(job)
            if not before:
                del self._blocked[follower]
                self._to_release.append(follower)
