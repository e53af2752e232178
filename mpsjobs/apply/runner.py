"""Apply: the one loop that carries out a plan, and the only place that changes the state.

Workers wait for the network and answer through a queue; the scheduler says what is next; each answer becomes an event, durable before
anything follows from it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import assert_never

import structlog

from mpsjobs.apply import progress
from mpsjobs.apply.job import Job
from mpsjobs.apply.records import Records
from mpsjobs.apply.recovery import seconds_between
from mpsjobs.apply.result import ApplyResult, left_open
from mpsjobs.apply.scheduler import Collect, Command, Poll, Scheduler, Send, Stage
from mpsjobs.apply.tally import Tally
from mpsjobs.apply.workers import (
    Answer,
    Broken,
    CollectAnswer,
    Interrupted,
    PlaceAnswer,
    PollAnswer,
    SendAnswer,
    StageAnswer,
    Workers,
)
from mpsjobs.model import events
from mpsjobs.model.asset import Asset, StoreTarget
from mpsjobs.model.change import Kind, Plan, Resume, Submit
from mpsjobs.model.diagnostics import Diagnostic, MpsjobsError
from mpsjobs.model.ports import (
    Ambiguous,
    Clock,
    Created,
    CreateOutcome,
    DescribeFailed,
    DescribeOutcome,
    NotCreated,
    ObjectRef,
    Refused,
    Scope,
    StagedCreate,
    StateSession,
    Task,
    TaskStatus,
)
from mpsjobs.model.state import Output, Take, chosen_take
from mpsjobs.state.identity import timestamp

LAST_WORDS_S = 4.0
"""How long answers in flight are awaited after a request to stop; CI runners kill after 7.5 seconds."""

LONGEST_TASK_S = 3600.0
TICK_S = 0.5
OUTPUT_TRIES = 8
LIST_TRIES = 3
"""After so many listings without the outputs they are fetched by the URLs of the answer, before these expire."""

log = structlog.get_logger("mpsjobs.apply")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where, by whom and with what this run happens, as history records it."""

    realm: str
    host: str
    boot_id: str
    who: str
    version: str
    commit: str | None


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the runner is told from outside.

    `target` says which store an asset goes to, `body` builds its request for a path of its own, `new_id` names an attempt, `report` is
    told of everything. All are called from the loop's thread.
    """

    new_id: Callable[[], str]
    target: Callable[[Asset], StoreTarget]
    body: Callable[[Asset, ObjectRef], bytes]
    report: Callable[[progress.Progress], None]
    per_second: float


@dataclass(slots=True)
class Runner:
    """Carries out one plan. The session's lock is held; nobody else changes the state meanwhile."""

    session: StateSession
    scheduler: Scheduler
    workers: Workers
    clock: Clock
    origin: Origin
    wiring: Wiring
    _jobs: dict[int, Job] = field(default_factory=dict)
    _users: dict[str, list[str]] = field(default_factory=dict)
    _records: Records = field(init=False)
    _tally: Tally = field(init=False)
    _placing: int = 0
    _next_tick: float = float("-inf")
    _stop_by: float = float("inf")

    def run(self, plan: Plan) -> ApplyResult:
        """Carry out the actions of `plan`, which was made from the session's very state.

        Raises:
            StateError: an event could not be made durable. Nothing more was submitted after that.
        """
        run_id = self.wiring.new_id()
        structlog.contextvars.bind_contextvars(run_id=run_id)
        self._tally = Tally(self.clock.monotonic())
        self._records = Records(self.session.state, self.origin.realm)
        try:
            self._begin(plan, run_id)
            while not self._over():
                for command in self.scheduler.commands(self.clock.monotonic()):
                    self._carry_out(command.job, command)
                self._tick()
                for answer in self.workers.next(self._patience_s()):
                    self._take(answer)
            self._withdraw_unsent()
            result = self._result(plan)
            self._append([events.RunFinished(self._now(), run_id, result.exit_code)])
        finally:
            self.workers.close()
        return result

    # --- the beginning and the end -----------------------------------------------------------------------------------------------

    def _begin(self, plan: Plan, run_id: str) -> None:
        origin, now = self.origin, self._now()
        for change in plan.changes:
            if change.fingerprint and change.kind is not Kind.RETIRE:
                self._users.setdefault(change.fingerprint, []).append(change.address)
        self._append([events.RunStarted(now, run_id, "apply", origin.version, origin.who, origin.commit)])
        for action in plan.actions:
            if isinstance(action, Submit):
                self.scheduler.add_submit(self._enlist(action))
            elif isinstance(action, Resume):
                take = self._take_of(action)
                age = seconds_between(take.submitted_at, self.clock.utc())
                self.scheduler.add_running(
                    self._add(Job.of_take(action.fingerprint, take)), self.clock.monotonic(), age
                )
        self._append(self._records.begin(plan.actions, now))

    def _enlist(self, action: Submit) -> int:
        target, attempt_id = self.wiring.target(action.asset), self.wiring.new_id()
        prefix = f"{target.prefix}/" if target.prefix else ""
        path = ObjectRef(target.bucket, target.region, f"{prefix}takes/{attempt_id}/")
        return self._add(
            Job(action.asset.address, action.fingerprint, action.take, attempt_id, path, buys=action)
        )

    def _add(self, job: Job) -> int:
        number = len(self._jobs)
        self._jobs[number] = job
        return number

    def _take_of(self, action: Resume) -> Take:
        takes = self.session.state.pool(action.fingerprint).takes
        return next(take for take in takes if take.attempt_id == action.attempt_id)

    def _over(self) -> bool:
        if self.clock.monotonic() >= self._stop_by:
            return True
        if self.scheduler.stopped:
            return not self.scheduler.sending
        return self.scheduler.idle and not self._placing

    def _patience_s(self) -> float:
        now = self.clock.monotonic()
        wake = self.scheduler.wake_at()
        return max(0.0, min(self._next_tick if wake is None else wake, self._next_tick, self._stop_by) - now)

    def _withdraw_unsent(self) -> None:
        """What was never sent is settled now: no later run has to wonder about it."""
        unsent = [job for job in self._jobs.values() if job.intended and not job.sent]
        for job in unsent:
            if job.staged:
                job.staged.abandon()
        self._append(events.SubmitWithdrawn(self._now(), job.attempt_id) for job in unsent)

    def _result(self, plan: Plan) -> ApplyResult:
        tally = self._tally
        told = {failure.address for failure in tally.failed} | {unknown.address for unknown in tally.unknown}
        return ApplyResult(
            submitted=tally.submitted,
            finished=tally.finished,
            recorded=tally.recorded,
            retired=tally.retired,
            failed=tuple(tally.failed),
            unknown=tuple(tally.unknown),
            running=self.scheduler.running,
            open=left_open(plan, told),
            interrupted=tally.interrupted,
            stopped=tuple(tally.stopped),
        )

    # --- commands ----------------------------------------------------------------------------------------------------------------

    def _carry_out(self, number: int, command: Command) -> None:
        job = self._jobs[number]
        match command:
            case Stage():
                self._stage(number, job)
            case Send():
                self._send(number, job)
            case Poll():
                self.workers.poll(number, job.task_id or "")
            case Collect():
                self.workers.collect(
                    number, job.path, job.results, rescue=self.scheduler.tries(number) >= LIST_TRIES
                )
            case _:
                assert_never(command)

    def _stage(self, number: int, job: Job) -> None:
        """The intent is durable before a single byte leaves. A further try of the same attempt needs no second one."""
        buys = _bought(job)
        if not job.intended:
            at = self._now()
            intent = events.SubmitIntended(
                at=at,
                address=job.address,
                fingerprint=job.fingerprint,
                fields=buys.fields,
                take=job.take,
                attempt_id=job.attempt_id,
                realm=self.origin.realm,
                bucket=job.path.bucket,
                region=job.path.region,
                cos_path=job.path.key,
                host=self.origin.host,
                boot_id=self.origin.boot_id,
            )
            self._append([intent, *self._records.on_intent(job.fingerprint, at)])
            job.intended = True
        self.workers.stage(number, self.wiring.body(buys.asset, job.path))

    def _send(self, number: int, job: Job) -> None:
        """From the mark on, a task may exist: only an answer, or a look into the store, can tell."""
        if job.staged is None:
            raise AssertionError(job)
        self.session.append([events.Sending(self._now(), job.attempt_id)], sync=False)
        job.sent = True
        staged, job.staged = job.staged, None
        self.workers.send(number, staged)

    # --- answers -----------------------------------------------------------------------------------------------------------------

    def _take(self, answer: Answer) -> None:
        match answer:
            case StageAnswer(number, outcome):
                self._on_staged(number, self._jobs[number], outcome)
            case SendAnswer(number, outcome):
                self._on_sent(number, self._jobs[number], outcome)
            case PollAnswer(number, outcome):
                self._on_polled(number, self._jobs[number], outcome)
            case CollectAnswer(number, outputs):
                self._on_collected(number, self._jobs[number], outputs)
            case PlaceAnswer(told):
                self._placing -= 1
                for each in told:
                    self.wiring.report(each)
            case Broken(what, error):
                self._on_broken(what, error)
            case Interrupted():
                self._tally.interrupted = True
                self._stop("interrupted")
            case _:
                assert_never(answer)

    def _on_staged(self, number: int, job: Job, outcome: StagedCreate | NotCreated) -> None:
        if isinstance(outcome, NotCreated):
            self._on_not_created(number, job, outcome)
            return
        job.staged = outcome
        self.scheduler.staged(number)

    def _on_sent(self, number: int, job: Job, outcome: CreateOutcome) -> None:
        at = self._now()
        match outcome:
            case Created(task_id, request_id):
                self._append([events.TaskSubmitted(at, job.attempt_id, task_id, request_id)])
                job.task_id, job.request_id = task_id, request_id
                self._tally.submitted += 1
                self.scheduler.created(number, self.clock.monotonic())
                self.wiring.report(progress.Submitted(job.address, job.take, task_id, request_id))
            case NotCreated():
                job.sent = False
                self._on_not_created(number, job, outcome)
            case Refused(Scope.ACCOUNT, code, message, request_id):
                job.sent = False
                self.scheduler.not_sent(number)
                self._stop_run(f"the cloud refuses this account: {code}", message, request_id)
            case Refused(_, code, message, request_id):
                self._append([events.SubmitRefused(at, job.attempt_id, code, message, request_id)])
                self.scheduler.not_sent(number)
                self._failed(job, code, message, request_id)
            case Ambiguous(code, message, request_id):
                self._append([events.SubmitUnknown(at, job.attempt_id, f"{code}: {message}", request_id)])
                self.scheduler.not_sent(number)
                unknown = progress.Unknown(
                    job.address, job.take, job.attempt_id, f"{code}: {message}", request_id
                )
                self._tally.unknown.append(unknown)
                self.wiring.report(unknown)
            case _:
                assert_never(outcome)

    def _on_not_created(self, number: int, job: Job, outcome: NotCreated) -> None:
        log.info("not created", address=job.address, code=outcome.code, message=outcome.message)
        if not self.scheduler.not_created(number, outcome.backoff, self.clock.monotonic()):
            self._stop_run(f"no task can be submitted: {outcome.code}", outcome.message, outcome.request_id)

    def _on_polled(self, number: int, job: Job, outcome: DescribeOutcome) -> None:
        now = self.clock.monotonic()
        match outcome:
            case Task(TaskStatus.DONE):
                job.results = (*outcome.audio, *outcome.video)
                self.scheduler.finished(number)
            case Task(TaskStatus.FAIL, message, request_id=request_id):
                text = message or "the cloud gives no reason"
                self._append([events.TaskFailed(self._now(), job.attempt_id, text, request_id)])
                self.scheduler.ended(number)
                self._failed(job, "FAIL", text, request_id)
            case Task() if self.scheduler.age_s(number, now) < LONGEST_TASK_S:
                self.scheduler.still_running(number, now)
            case Task():
                self._let_go(number, job, f"still running after {LONGEST_TASK_S / 60:.0f} minutes")
            case DescribeFailed():
                self._on_not_described(number, job, outcome)
            case _:
                assert_never(outcome)

    def _on_not_described(self, number: int, job: Job, outcome: DescribeFailed) -> None:
        log.info("not described", address=job.address, task_id=job.task_id, code=outcome.code)
        if outcome.retry is None and outcome.scope is Scope.ASSET:
            self._let_go(number, job, f"{outcome.code}: {outcome.message}")
        elif outcome.retry is None or not self.scheduler.poll_failed(
            number, outcome.retry, self.clock.monotonic()
        ):
            self._stop_run(f"no task can be asked for: {outcome.code}", outcome.message, outcome.request_id)

    def _on_collected(self, number: int, job: Job, outputs: tuple[Output, ...] | None) -> None:
        now = self.clock.monotonic()
        if outputs is None:
            self.scheduler.not_there_yet(number, now)
            if self.scheduler.tries(number) >= OUTPUT_TRIES:
                self._let_go(number, job, f"done in the cloud, but no output shows under {job.path.key}")
            return
        seconds = self.scheduler.age_s(number, now)
        self.scheduler.ended(number)
        at = self._now()
        self._append([events.OutputsRecorded(at, job.attempt_id, outputs)])
        self._tally.took(seconds)
        self.wiring.report(progress.Finished(job.address, job.take, job.task_id, seconds, outputs))
        self._append(self._records.on_take(job.fingerprint, at))
        self._place(self._users.get(job.fingerprint, ()))

    def _on_broken(self, what: str, error: Exception) -> None:
        if not isinstance(error, MpsjobsError):
            raise error
        log.warning("broken", what=what, error=str(error))
        self._tally.stopped.extend(error.diagnostics)
        self._stop(error.diagnostics[0].summary)

    # --- consequences ------------------------------------------------------------------------------------------------------------

    def _append(self, new: Iterable[events.Event]) -> None:
        """Make events durable, then tell what they mean for the addresses they name."""
        batch = list(new)
        if not batch:
            return
        self.session.append(batch)
        for event in batch:
            log.debug("event", event_type=type(event).__name__, attempt_id=getattr(event, "attempt_id", None))
            if isinstance(event, events.AssetRecorded):
                self._tally.recorded += 1
                self.wiring.report(progress.Recorded(event.address, event.fingerprint, event.moved_from))
                self._place([event.address])
            elif isinstance(event, events.AssetRetired):
                self._tally.retired += 1
                self.wiring.report(progress.Retired(event.address))

    def _place(self, addresses: Iterable[str]) -> None:
        """Bring the takes that these addresses use to where a person looks for them."""
        state = self.session.state
        for address in addresses:
            record = state.assets.get(address)
            take = chosen_take(state.pool(record.fingerprint), record.realm, record.pick) if record else None
            if take and self.workers.place(address, take.outputs):
                self._placing += 1

    def _failed(self, job: Job, code: str, message: str, request_id: str | None) -> None:
        failure = progress.Failed(job.address, job.take, code, message, request_id, job.task_id)
        self._tally.failed.append(failure)
        self.wiring.report(failure)

    def _let_go(self, number: int, job: Job, why: str) -> None:
        """Leave a task to a later run: it is paid for and stays in the state as submitted."""
        self.scheduler.ended(number)
        self._failed(job, "NotCollected", f"{why}; the next apply asks again", job.request_id)

    def _stop_run(self, summary: str, detail: str, request_id: str | None) -> None:
        if not self.scheduler.stopped:
            hint = f"RequestId {request_id}" if request_id else ""
            self._tally.stopped.append(Diagnostic(summary, detail, hint))
        self._stop(summary)

    def _stop(self, reason: str) -> None:
        """Send nothing more; what is on its way is awaited for a moment. Said once."""
        if not self.scheduler.stopped:
            self.scheduler.stop()
            self._stop_by = self.clock.monotonic() + LAST_WORDS_S
            self.wiring.report(progress.Stopping(reason))

    def _tick(self) -> None:
        now = self.clock.monotonic()
        if now >= self._next_tick:
            self._next_tick = now + TICK_S
            state = self.scheduler
            self.wiring.report(
                self._tally.tick(
                    now, queued=state.queued, running=state.running, per_second=self.wiring.per_second
                )
            )

    def _now(self) -> str:
        return timestamp(self.clock.utc())


def _bought(job: Job) -> Submit:
    if job.buys is None:
        raise AssertionError(job)
    return job.buys
