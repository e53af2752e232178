"""Gathering: tasks are asked for, outputs are found and recorded; where the answer was lost, only the outputs can tell."""

from collections.abc import Mapping
from typing import assert_never

from mpsjobs.apply import progress
from mpsjobs.apply.collect import Search
from mpsjobs.apply.durations import kind_of
from mpsjobs.apply.job import Found, Heard, Job, Shown
from mpsjobs.apply.recovery import age_s
from mpsjobs.apply.run import Run, log
from mpsjobs.model import events
from mpsjobs.model.change import Reconcile, Resume
from mpsjobs.model.lifecycle import LONGEST_TASK_S
from mpsjobs.model.ports import (
    DescribeFailed,
    DescribeOutcome,
    ObjectInfo,
    ObjectRef,
    Scope,
    Task,
    TaskStatus,
)
from mpsjobs.model.state import Output

OUTPUT_TRIES = 8
LIST_TRIES = 3
"""After so many listings without the outputs they are fetched by the URLs of the answer, before these expire."""

LOOKS = 2
"""At the least so many listings in this run, before the outputs of an unknown attempt are taken to be missing."""


def begin(run: Run, action: Resume | Reconcile, number: int) -> Job:
    """Take up what an earlier run left: a task that runs, or an attempt without an answer."""
    pool = run.session.state.pool(action.fingerprint)
    take = next(take for take in pool.takes if take.attempt_id == action.attempt_id)
    job = Job.of_take(action.fingerprint, take)
    job.expected = run.wiring.songs(pool.fields)
    job.kind = kind_of(pool.fields)
    job.timeout_s = action.timeout_s if isinstance(action, Resume) else None
    age = age_s(take, run.clock.utc())
    if isinstance(action, Resume):
        run.tally.forecast.sent(number, job.kind, run.now() - age)
        run.scheduler.add_running(number, run.now(), age, job.trail)
    else:
        look_for(run, number, job, age, asked=run.wiring.gives_up(job.address))
    return job


def look_for(run: Run, number: int, job: Job, age: float, *, asked: bool = False) -> None:
    """Look for the outputs of an attempt without an answer, again and again, until it is old enough to be given up.

    `asked`: somebody said to give it up if nothing shows now. That is never meant for an attempt of this very run.
    """
    job.unknown = True
    patience = max(0.0, run.wiring.unknown.seconds(run.session.state, job.fingerprint) - age)
    waits = run.wiring.mode.waits
    job.resubmit = asked or (run.wiring.unknown.then == "resubmit" and (waits or not patience))
    job.look_until = run.now() + (patience if waits and not asked else 0.0)
    run.scheduler.add_unknown(number, run.now(), age)


def collect(run: Run, number: int, job: Job) -> None:
    rescue = job.imported or run.scheduler.tries(number) >= LIST_TRIES
    run.workers.collect(number, Search(job.path, job.expected, job.results, job.marks, rescue, job.seen))
    job.seen = ()


def on_swept(
    run: Run, jobs: Mapping[int, Job], place: ObjectRef, found: Mapping[str, tuple[ObjectInfo, ...]] | None
) -> None:
    """A listing shows outputs of many takes; None: the place cannot be listed now."""
    for number in shown(run, place, found):
        jobs[number].seen = found[jobs[number].path.key] if found else ()


def shown(run: Run, place: ObjectRef, found: Mapping[str, tuple[ObjectInfo, ...]] | None) -> list[int]:
    """The jobs of which a listing shows something; they are collected next."""
    if found is None:
        run.scheduler.not_swept(place, run.now())
        return []
    return run.scheduler.swept(place, found, run.now())


def hear(run: Run, number: int, job: Job, heard: Heard) -> None:
    """Go on from what was heard of a take that was taken up just now."""
    job.heard = heard
    match heard.said:
        case Task() as task:
            on_polled(run, number, job, task)
        case Shown(objects):
            job.seen = objects
            run.scheduler.finished(number)
        case Found(outputs):
            on_collected(run, number, job, outputs)
        case _:
            assert_never(heard.said)


def on_polled(run: Run, number: int, job: Job, outcome: DescribeOutcome) -> None:
    now = run.now()
    match outcome:
        case Task(TaskStatus.DONE):
            job.results = (*outcome.audio, *outcome.video)
            log.info(
                "done in the cloud",
                address=job.address,
                task_id=job.task_id,
                said_durations=[result.duration for result in job.results],  # the vendor states no unit
                request_id=outcome.request_id,
            )
            job.expected = max(1, len(job.results))
            run.scheduler.finished(number)
        case Task(TaskStatus.FAIL, message, request_id=request_id):
            text = message or "the cloud gives no reason"
            at = job.heard.at if job.heard else run.at()
            run.append([events.TaskFailed(at, job.attempt_id, text, request_id)])
            run.note(number, job)
            run.scheduler.ended(number)
            run.failed(job, "FAIL", text, request_id)
        case Task() if not run.wiring.mode.waits:
            run.scheduler.ended(number)
            run.tally.left_running += 1
        case Task() if min(now - run.tally.started, run.scheduler.age_s(number, now)) < _patience_s(job):
            run.scheduler.still_running(number, now)
        case Task():
            let_go(run, number, job, f"still running after {_told(_patience_s(job))}")
        case DescribeFailed():
            _on_not_described(run, number, job, outcome)
        case _:
            assert_never(outcome)


def _patience_s(job: Job) -> float:
    return LONGEST_TASK_S if job.timeout_s is None else job.timeout_s


def _told(seconds: float) -> str:
    return f"{seconds:g} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def on_collected(run: Run, number: int, job: Job, outputs: tuple[Output, ...] | None) -> None:
    now = run.now()
    if outputs is None:
        run.scheduler.not_there_yet(number, now)
        if job.unknown:
            _keep_looking(run, number, job)
        elif run.scheduler.tries(number) >= OUTPUT_TRIES:
            let_go(run, number, job, f"done in the cloud, but no output shows under {job.path.key}")
        return
    seconds, at = run.scheduler.age_s(number, now), run.at()
    if job.heard:
        seconds, at = job.heard.age_s, job.heard.at
    run.scheduler.collected(number, now)
    job.unknown = False
    judged = run.judged(job.fingerprint, job.attempt_id, outputs)
    run.append([events.OutputsRecorded(at, job.attempt_id, outputs), *judged])
    run.note(number, job)
    run.tally.finished += 1
    run.report(progress.Finished(job.address, job.take, job.task_id, seconds, outputs))
    run.tell_misses(job, judged)
    change_over(run, job.fingerprint, at)


def change_over(run: Run, fingerprint: str, at: str) -> None:
    """A take is there. If it can be used, what waited for it points at it from now on, and who uses it gets it."""
    if not run.records.usable(fingerprint):
        return
    changing = list(run.records.on_take(fingerprint, at))
    run.append(changing)
    placed = {event.address for event in changing}
    run.hand_out(address for address in run.records.users(fingerprint) if address not in placed)


def _on_not_described(run: Run, number: int, job: Job, outcome: DescribeFailed) -> None:
    log.info(
        "not described",
        address=job.address,
        task_id=job.task_id,
        code=outcome.code,
        message=outcome.message,
        request_id=outcome.request_id,
    )
    if outcome.retry is not None:
        run.notice_trouble(outcome.retry, "asked for", outcome.code, outcome.message)
    if outcome.retry is None and outcome.scope is Scope.ASSET:
        why = f"the provider tells nothing of this task ({outcome.code}: {outcome.message.rstrip('.')})"
        let_go(run, number, job, why, outcome.request_id)
    elif outcome.retry is None or not run.scheduler.poll_failed(number, outcome.retry, run.now()):
        run.stop_for(f"no task can be asked for: {outcome.code}", outcome.message, outcome.request_id)


def _keep_looking(run: Run, number: int, job: Job) -> None:
    """A listing confirms and never denies: absence counts only after the waiting time, and more than one look."""
    if run.now() < job.look_until or run.scheduler.tries(number) < LOOKS:
        return
    run.scheduler.ended(number)
    if job.resubmit and run.wiring.mode.submits:
        run.append([events.AttemptAbandoned(run.at(), job.attempt_id)])
        run.tally.abandoned.append(job.fingerprint)
        message = "no output has shown; this attempt is given up, and its take is bought again"
        run.report(progress.Noticed(job.address, message))
    else:
        give_up_looking(run, job)


def give_up_looking(run: Run, job: Job) -> None:
    """Say what is not known, and leave it as it is: a later run looks again."""
    message = f"nothing shows under {job.path.key}"
    run.tally.unknown.append(
        progress.Unknown(job.address, job.take, job.attempt_id, job.since, message, job.request_id)
    )


def let_go(run: Run, number: int, job: Job, why: str, request_id: str | None = None) -> None:
    """Leave a task to a later run: it is paid for and stays in the state as submitted. `request_id`: of the call that says why."""
    run.scheduler.ended(number)
    run.failed(job, "NotCollected", f"{why}; the next apply asks again", request_id or job.request_id)
