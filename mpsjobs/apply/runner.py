"""Apply: the one loop that carries out a plan, and the only thread that changes the state.

Workers wait for the network and answer through a queue; the scheduler says what is next; each answer becomes an event, durable before
anything follows from it.
"""

from dataclasses import dataclass, field
from typing import assert_never

import structlog

from mpsjobs.apply import copying, deleting, gather, importing, progress, submit
from mpsjobs.apply.job import Job
from mpsjobs.apply.mode import Mode
from mpsjobs.apply.polling import Poll, Sweep
from mpsjobs.apply.receipts import RECEIPT_LOST
from mpsjobs.apply.result import ApplyResult
from mpsjobs.apply.run import Run, log
from mpsjobs.apply.scheduler import Collect, Command, Release, Send, Stage
from mpsjobs.apply.workers import (
    Answer,
    Broken,
    CollectAnswer,
    CopyAnswer,
    DeleteAnswer,
    FinishAnswer,
    Interrupted,
    Left,
    NoteAnswer,
    PlaceAnswer,
    PollAnswer,
    PublishAnswer,
    SendAnswer,
    StageAnswer,
    Step,
    SweepAnswer,
)
from mpsjobs.model import events
from mpsjobs.model.change import Copy, Delete, Import, Judge, Kind, Plan, Reconcile, Reject, Resume, Submit
from mpsjobs.model.diagnostics import MissingInputError, MpsjobsError
from mpsjobs.model.state import Output, TakeStatus

TICK_S = 0.5


@dataclass(slots=True)
class Runner:
    """Carries out one plan. The session's lock is held; nobody else changes the state meanwhile."""

    shared: Run
    _jobs: dict[int, Job] = field(default_factory=dict)
    _deletes: dict[int, Delete] = field(default_factory=dict)
    _next_tick: float = float("-inf")
    _warned: bool = False

    def run(self, plan: Plan) -> ApplyResult:
        """Carry out the actions of `plan`, which was made from the session's very state.

        When the state cannot be written, nothing more is submitted, and answers in flight are kept in the session's memory.
        """
        run, run_id = self.shared, self.shared.wiring.new_id()
        structlog.contextvars.bind_contextvars(run_id=run_id)
        try:
            self._begin(plan, run_id)
            while not self._over():
                for command in run.scheduler.commands(run.now()):
                    self._carry_out(command)
                self._tick()
                for answer in run.workers.next(self._patience_s()):
                    self._take(answer)
            submit.withdraw_unsent(run, list(self._jobs.values()))
            if run.trouble is not None:
                raise run.trouble
            result = self._result(plan)
            run.append([events.RunFinished(run.at(), run_id, result.exit_code)])
        finally:
            run.workers.close()
        return result

    def _begin(self, plan: Plan, run_id: str) -> None:
        run, origin = self.shared, self.shared.origin
        command = str(run.wiring.mode)
        draft = run.wiring.mode is Mode.DRAFT  # the state stays that of the commit that was applied last
        commit = run.session.state.commit if draft else origin.commit
        run.append([events.RunStarted(run.at(), run_id, command, origin.version, origin.who, commit)])
        run.append(
            events.TakeRejected(run.at(), action.attempt_id, action.rejected)
            for action in plan.actions
            if isinstance(action, Reject)
        )
        run.expected = plan.expected
        judged = [action for action in plan.actions if isinstance(action, Judge)]
        run.append(events.TakeJudged(run.at(), each.attempt_id, each.misses, each.unfit) for each in judged)
        of_sound: dict[str, list[int]] = {}
        for number, action in enumerate(plan.actions):
            if isinstance(action, Submit):
                self._jobs[number] = submit.new_job(run, action)
                before = [job for need in action.needs for job in of_sound.get(need.fingerprint, ())]
                run.tally.forecast.will_send(number, self._jobs[number].kind, before)
                run.scheduler.add_submit(number, before if action.needs else None)
            elif isinstance(action, Copy):
                self._jobs[number] = copying.begin(run, action, number)
            elif isinstance(action, Import):
                self._jobs[number] = importing.begin(run, action, number)
            elif isinstance(action, Resume | Reconcile) and run.wiring.mode.looks:
                self._jobs[number] = gather.begin(run, action, number)
            else:
                if isinstance(action, Delete):
                    self._deletes[number] = action
                    deleting.begin(run, action, number)
                continue
            of_sound.setdefault(action.fingerprint, []).append(number)
        published, finished = run.publications.begin(plan), run.finishings.begin(plan)
        run.append(run.records.begin(plan, run.at()))
        for address in published:
            run.publish(address)
        run.hand_out(finished)
        for number, job in self._jobs.items():
            if heard := run.wiring.heard.get(job.attempt_id):
                gather.hear(run, number, job, heard)

    def _over(self) -> bool:
        run = self.shared
        if run.now() >= run.stop_by:
            return True
        if run.scheduler.stopped:
            return not (run.scheduler.sending or run.noting)
        beside = (
            run.copying
            or run.deleting
            or run.placing
            or run.noting
            or run.publications.under_way
            or run.finishings.under_way
        )
        return run.scheduler.idle and not beside

    def _patience_s(self) -> float:
        run, now = self.shared, self.shared.now()
        wake = run.scheduler.wake_at()
        return max(0.0, min(self._next_tick if wake is None else wake, self._next_tick, run.stop_by) - now)

    def _result(self, plan: Plan) -> ApplyResult:
        run, tally = self.shared, self.shared.tally
        looking = [
            job for number, job in self._jobs.items() if job.unknown and run.scheduler.waits_for(number)
        ]
        for job in looking:
            gather.give_up_looking(run, job)
        for job in self._jobs.values():
            if job.sent and self._is_open(job.fingerprint, job.attempt_id):
                gather.give_up_looking(run, job)
        told = {failure.address for failure in tally.failed} | {unknown.address for unknown in tally.unknown}
        unknown = [
            change
            for change in plan.changes
            if change.kind is Kind.UNRESOLVED and change.fingerprint and self._is_open(change.fingerprint)
        ]
        return ApplyResult(
            mode=run.wiring.mode,
            submitted=tally.submitted,
            finished=tally.finished,
            recorded=tally.recorded,
            retired=tally.retired,
            abandoned=tuple(tally.abandoned),
            unfit=tuple(dict.fromkeys(tally.unfit)),
            copied=tally.copied,
            imported=tally.imported,
            failed=tuple(tally.failed),
            skipped=tuple(tally.skipped),
            held=len(tally.held),
            unknown=tuple(tally.unknown),
            running=run.scheduler.running - len(looking) + tally.left_running,
            still_failed=sum(c.kind is Kind.FAILED and c.address not in told for c in plan.changes),
            still_unknown=sum(change.address not in told for change in unknown),
            interrupted=tally.interrupted,
            stopped=tuple(tally.stopped),
            published=len(tally.published),
            mastered=tally.mastered,
            unsent=tally.unsent,
        )

    def _is_open(self, fingerprint: str, attempt_id: str | None = None) -> bool:
        """Whether an attempt (of this id) still has no answer."""
        takes = self.shared.session.state.pool(fingerprint).takes
        return any(
            take.status is TakeStatus.INTENDED and take.attempt_id == attempt_id for take in takes
        ) or (attempt_id is None and any(take.unresolved for take in takes))

    def _carry_out(self, command: Command) -> None:
        run = self.shared
        if isinstance(command, Sweep):
            run.workers.sweep(command.place, command.after)
            return
        number, job = command.job, self._jobs[command.job]
        match command:
            case Release():
                submit.release(run, number, job)
            case Stage():
                next_up = run.scheduler.next_up(run.session.intents_ahead - 1)
                submit.stage(run, number, job, [self._jobs[each] for each in next_up])
            case Send():
                submit.send(run, number, job)
            case Poll():
                run.workers.poll(number, job.task_id or "")
            case Collect():
                gather.collect(run, number, job)
            case _:
                assert_never(command)

    def _take(self, answer: Answer) -> None:  # noqa: C901, PLR0912  # one answer a kind
        run = self.shared
        match answer:
            case StageAnswer(number, outcome):
                submit.on_staged(run, number, self._jobs[number], outcome)
            case Left(number, at):
                run.scheduler.left(number, at)
            case SendAnswer(number, outcome):
                submit.on_sent(run, number, self._jobs[number], outcome)
            case PollAnswer(number, outcome):
                if importing.admit(run, number, self._jobs[number], outcome):
                    gather.on_polled(run, number, self._jobs[number], outcome)
            case CollectAnswer(number, outputs):
                gather.on_collected(run, number, self._jobs[number], outputs)
            case SweepAnswer(place, found):
                gather.on_swept(run, self._jobs, place, found)
            case CopyAnswer(number, outputs):
                self._on_copied(number, self._jobs[number], outputs)
            case DeleteAnswer(number):
                deleting.on_deleted(run, self._deletes[number])
            case PlaceAnswer(told):
                run.placing -= 1
                for each in told:
                    run.report(each)
            case NoteAnswer():
                run.noting -= 1
            case FinishAnswer(finishing, outputs, error):
                run.on_finished(finishing, outputs, error)
            case PublishAnswer(publication, objects, error):
                run.on_published(publication, objects, error)
            case Broken():
                self._on_broken(answer)
            case Interrupted():
                run.tally.interrupted = True
                run.stop("interrupted")
            case _:
                assert_never(answer)

    def _on_copied(self, number: int, job: Job, outputs: tuple[Output, ...]) -> None:
        if job.imports:
            importing.on_copied(self.shared, number, job, job.imports, outputs)
        else:
            copying.on_copied(self.shared, number, job, outputs)

    def _on_broken(self, broken: Broken) -> None:
        """What concerns one take is left to a later run, or not bought; anything else stops this run, in good order."""
        run, error, number = self.shared, broken.error, broken.job
        log.warning("broken", step=str(broken.step), error=repr(error))
        if number is None and self._is_beside(broken):
            return
        known = isinstance(error, MpsjobsError | OSError)
        job = None if number is None else self._jobs.get(number)
        if number is not None and job is not None:
            if known and broken.step is Step.COPY:
                (importing if job.imports else copying).on_failed(run, number, job, error)
                return
            if known and broken.step is Step.COLLECT:
                gather.let_go(run, number, job, f"its outputs cannot be collected: {error}")
                return
            if isinstance(error, MissingInputError):
                submit.on_missing_input(run, number, job, error)
                return
            run.scheduler.not_sent(number)
        if known and number is not None and broken.step is Step.DELETE:
            deleting.on_failed(run, self._deletes[number], error)
            return
        if isinstance(error, MpsjobsError):
            run.tally.stopped.extend(error.diagnostics)
        else:
            run.trouble = run.trouble or error
        run.stop(f"{broken.step} failed")

    def _is_beside(self, broken: Broken) -> bool:
        """Whether it was a receipt or a download, which is told and stops nothing."""
        run, error = self.shared, broken.error
        known = isinstance(error, MpsjobsError | OSError)
        if broken.step in {Step.PUBLISH, Step.FINISH}:  # what is expected of it comes as an answer
            return False
        if broken.step is not Step.NOTE:
            run.placing -= 1
            if known:
                run.report(progress.Noticed(None, f"a download failed: {error}"))
            return known
        run.noting -= 1
        if known and not self._warned:
            run.report(progress.Noticed(None, f"{RECEIPT_LOST}: {error}"))
            self._warned = True
        return known

    def _tick(self) -> None:
        run, now = self.shared, self.shared.now()
        if now >= self._next_tick:
            self._next_tick = now + TICK_S
            standing = run.scheduler.standing()
            slowest = None if standing.oldest is None else self._jobs[standing.oldest].address
            tick = run.tally.tick(
                now, standing, copying=run.copying, per_second=run.wiring.per_second, slowest=slowest
            )
            run.report(tick)
