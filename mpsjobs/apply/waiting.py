"""Waiting without the lock: tasks are asked for, and what was heard of them is kept until somebody holds the state and records it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final

from mpsjobs.apply import gather, progress
from mpsjobs.apply.job import Found, Heard, Job, Said, Shown
from mpsjobs.apply.mode import Mode
from mpsjobs.apply.polling import Poll, Sweep
from mpsjobs.apply.result import ApplyResult, nothing_done
from mpsjobs.apply.run import Run, log
from mpsjobs.apply.runner import TICK_S
from mpsjobs.apply.scheduler import Collect, Command
from mpsjobs.apply.workers import (
    Answer,
    Broken,
    CollectAnswer,
    Interrupted,
    Left,
    PollAnswer,
    Step,
    SweepAnswer,
)
from mpsjobs.model.change import Plan, Reconcile, Resume
from mpsjobs.model.diagnostics import MpsjobsError
from mpsjobs.model.ports import Task, TaskStatus
from mpsjobs.model.state import State, Take, TakeStatus
from mpsjobs.state.glance import Glance

_AGAIN_S: Final = (1.0, 15.0)
"""Pauses between tries to record while another run holds the state."""


@dataclass(slots=True)
class Waiting:
    """What is waited for, while nobody's lock is held. Changes nothing: neither the state nor the store.

    `told` is where `run` reports to. `heard` is to be recorded: by attempt, what the cloud or the store said of it. `unsettled` are attempts
    of which only the holder of the state can say whether they were sent. What is heard within `gather_s` seconds is recorded together, or
    within longer, so that the state is held for a third of the time at most.
    """

    run: Run
    told: deque[progress.Progress]
    gather_s: float
    heard: dict[str, Heard] = field(default_factory=dict)
    unsettled: set[str] = field(default_factory=set)
    total: int = 0
    failed: int = 0
    elsewhere: int = 0
    _jobs: dict[int, Job] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _gather_s: float = 0.0
    _heard_at: float = inf
    _again_at: float = -inf
    _again_s: float = 0.0
    _next_tick: float = -inf

    def begin(self, plan: Plan, state: State) -> None:
        """Wait for all that runs, or has no answer yet, by this plan."""
        self.unsettled = {action.attempt_id for action in _open(plan)}
        self.total = len(self.unsettled)
        self.follow(plan, state)

    def follow(self, plan: Plan, state: State) -> None:
        """The state is this one by now: others may have recorded what was waited for, or know what became of a request."""
        self.run.session = Glance(state)
        actions = {action.attempt_id: action for action in _open(plan)}
        takes = {take.attempt_id: take for _, take in state.takes()}
        for attempt_id in self._numbers.keys() - actions.keys():
            self._recorded_elsewhere(self._jobs[self._numbers[attempt_id]], takes.get(attempt_id))
            self._drop(attempt_id)
        intended = {attempt_id for attempt_id, take in takes.items() if take.status is TakeStatus.INTENDED}
        for attempt_id in self.unsettled - intended:
            self.unsettled.discard(attempt_id)
            if action := actions.get(attempt_id):
                number = len(self._jobs)
                self._numbers[attempt_id] = number
                self._jobs[number] = gather.begin(self.run, action, number)

    def watch(self) -> Iterator[progress.Progress]:
        """Ask until there is something to record, or nothing left to wait for; and what there is to tell meanwhile."""
        run = self.run
        while (leave_at := self._leave_at()) > run.now():
            for command in run.scheduler.commands(run.now()):
                self._carry_out(command)
            self._tick()
            wake_at = min(leave_at, self._next_tick, *filter(None, (run.scheduler.wake_at(),)))
            for answer in run.workers.next(max(0.0, wake_at - run.now())):
                self._take(answer)
            while self.told:
                yield self.told.popleft()
        if run.trouble is not None:
            raise run.trouble

    @property
    def over(self) -> bool:
        """Whether there is nothing more to hear, and nothing to record."""
        idle = self.run.scheduler.idle and not (self.heard or self.unsettled)
        return self.run.scheduler.stopped or idle

    def recorded(self, took_s: float) -> None:
        """What was heard is history, or what could be made of it; the state was held for so long."""
        self._gather_s = 2 * took_s
        for attempt_id in list(self.heard):
            self._drop(attempt_id)
        self._again_at, self._again_s = -inf, 0.0

    def later(self) -> None:
        """Another run holds the state: try again after a pause."""
        first, longest = _AGAIN_S
        self._again_s = min(max(first, 2 * self._again_s), longest)
        self._again_at = self.run.now() + self._again_s

    def result(self, plan: Plan) -> ApplyResult:
        """What came of it, beside what was recorded."""
        run, tally, scheduler = self.run, self.run.tally, self.run.scheduler
        for number, job in self._jobs.items():
            if job.unknown and scheduler.waits_for(number):
                gather.give_up_looking(run, job)
                scheduler.ended(number)
        return replace(
            nothing_done(plan, Mode.WAIT),
            failed=tuple(tally.failed),
            unknown=tuple(tally.unknown),
            running=scheduler.running + len(self.heard) + len(self.unsettled),
            still_unknown=0,
            interrupted=tally.interrupted,
            stopped=tuple(tally.stopped),
            elsewhere=self.elsewhere,
        )

    def _leave_at(self) -> float:
        """When to try to record; past when there is nothing to wait for, `inf` while there is nothing to record."""
        idle = self.run.scheduler.idle
        if self.over:
            return -inf
        if not (self.heard or self.unsettled):
            return inf
        gathered = -inf if idle or self.unsettled else self._heard_at + max(self.gather_s, self._gather_s)
        return max(gathered, self._again_at)

    def _carry_out(self, command: Command) -> None:
        run = self.run
        match command:
            case Sweep():
                run.workers.sweep(command.place, command.after)
            case Poll(number):
                run.workers.poll(number, self._jobs[number].task_id or "")
            case Collect(number):
                gather.collect(run, number, self._jobs[number])
            case _:
                raise AssertionError(command)

    def _take(self, answer: Answer) -> None:  # noqa: C901  # one answer a kind
        run = self.run
        match answer:
            case Left(number, at):
                run.scheduler.left(number, at)
            case SweepAnswer(place, found):
                shown = gather.shown(run, place, found)
                for number in shown:
                    self._hear(number, Shown(found[self._jobs[number].path.key] if found else ()))
            case PollAnswer(number) | CollectAnswer(number) if not run.scheduler.waits_for(number):
                pass  # another run has recorded it meanwhile
            case PollAnswer(number, Task(TaskStatus.DONE | TaskStatus.FAIL) as task):
                run.scheduler.finished(number)
                self._hear(number, task)
            case PollAnswer(number, outcome):
                gather.on_polled(run, number, self._jobs[number], outcome)
            case CollectAnswer(number, None):
                gather.on_collected(run, number, self._jobs[number], None)
            case CollectAnswer(number, outputs):
                self._hear(number, Found(outputs or ()))
            case Broken():
                self._on_broken(answer)
            case Interrupted():
                run.tally.interrupted = True
                run.stop("interrupted")
            case _:
                raise AssertionError(answer)

    def _on_broken(self, broken: Broken) -> None:
        """What concerns one take is left to a later run; anything else ends the waiting."""
        run, error, number = self.run, broken.error, broken.job
        log.warning("broken", step=str(broken.step), error=repr(error))
        known = isinstance(error, MpsjobsError | OSError)
        if known and broken.step is Step.COLLECT and number is not None:
            gather.let_go(run, number, self._jobs[number], f"its outputs cannot be collected: {error}")
        elif isinstance(error, MpsjobsError):
            run.tally.stopped.extend(error.diagnostics)
            run.stop(f"{broken.step} failed")
        else:
            run.trouble = run.trouble or error
            run.stop(f"{broken.step} failed")

    def _hear(self, number: int, said: Said) -> None:
        run, now = self.run, self.run.now()
        if not self.heard:
            self._heard_at = now
        age_s = run.scheduler.age_s(number, now)
        self.heard[self._jobs[number].attempt_id] = Heard(said, run.at(), age_s)
        run.scheduler.ended(number)

    def _recorded_elsewhere(self, job: Job, take: Take | None) -> None:
        """Another run has recorded what became of a take."""
        if take is None:
            return
        if take.status is TakeStatus.FAILED:
            self.run.failed(job, "FAIL", take.message or "the cloud gives no reason", take.request_id)
        elif take.there:
            self.elsewhere += 1
            self.run.report(
                progress.Noticed(job.address, f"take {job.take} is done, and another run has recorded it")
            )

    def _drop(self, attempt_id: str) -> None:
        self.heard.pop(attempt_id, None)
        if (number := self._numbers.pop(attempt_id, None)) is not None:
            self.run.scheduler.ended(number)

    def _tick(self) -> None:
        """Each take that is waited for is counted once, whoever records it."""
        run, now = self.run, self.run.now()
        if now < self._next_tick:
            return
        self._next_tick = now + TICK_S
        standing = run.scheduler.standing()
        slowest = None if standing.oldest is None else self._jobs[standing.oldest].address
        rate = run.wiring.per_second
        tick = run.tally.tick(now, standing, copying=len(self.heard), per_second=rate, slowest=slowest)
        failed = tick.failed + self.failed
        left = tick.in_cloud + tick.collecting + len(self.unsettled)
        done = max(0, self.total - left - failed)
        run.report(replace(tick, total=self.total, sent=len(self.unsettled), done=done, failed=failed))


def _open(plan: Plan) -> Iterator[Resume | Reconcile]:
    return (action for action in plan.actions if isinstance(action, Resume | Reconcile))
