"""Submitting: the steps of the protocol, each durable before the next.

Intent (synced) → connect and send all but the last byte → the mark `Sending` (one write) → the last byte → TaskId (synced).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import assert_never

from mpsjobs.apply import progress
from mpsjobs.apply.durations import kind_of
from mpsjobs.apply.gather import look_for
from mpsjobs.apply.job import Job
from mpsjobs.apply.mode import Mode
from mpsjobs.apply.run import Run, log
from mpsjobs.model import events
from mpsjobs.model.asset import Asset, ReferenceKind
from mpsjobs.model.change import Need, Submit
from mpsjobs.model.diagnostics import MissingInputError, StateError
from mpsjobs.model.ports import (
    Ambiguous,
    Created,
    CreateOutcome,
    NotCreated,
    ObjectRef,
    Refused,
    Scope,
    StagedCreate,
)
from mpsjobs.model.state import Input, Take, chosen_take, output_of


def new_job(run: Run, action: Submit) -> Job:
    """A take to buy, with a path in the store that belongs to this attempt alone."""
    attempt_id, path = new_attempt(run, action.asset)
    return Job(
        action.asset.address,
        action.fingerprint,
        action.take,
        attempt_id,
        path,
        buys=action,
        expected=action.generations,
        kind=kind_of(action.fields),
        timeout_s=action.asset.lifecycle.timeout_s,
    )


def new_attempt(run: Run, asset: Asset) -> tuple[str, ObjectRef]:
    """The id of an attempt, and its path in the store that the asset goes to."""
    target, attempt_id = run.wiring.target(asset), run.wiring.new_id()
    prefix = f"{target.prefix}/" if target.prefix else ""
    return attempt_id, ObjectRef(target.bucket, target.region, f"{prefix}takes/{attempt_id}/")


def release(run: Run, number: int, job: Job) -> None:
    """What this take had to come after has ended: send it, if everything that it needs is there."""
    lacking = [lack for need in _bought(job).needs if (lack := _lack(run, need))]
    if not lacking:
        run.scheduler.ready(number)
        return
    run.tally.forecast.will_not_send(number)
    if not run.wiring.mode.waits and all(lack.may_come for lack in lacking):
        run.tally.held.append(job.address)
    else:
        run.skipped(job, "; ".join(lack.words for lack in lacking))
    run.scheduler.skipped(number)


def on_missing_input(run: Run, number: int, job: Job, error: MissingInputError) -> None:
    """What this one asset is made from is not there: it is not sent, and neither is what waits for it."""
    _withdraw(run, job)
    run.scheduler.not_sent(number)
    run.tally.forecast.will_not_send(number)
    run.skipped(job, " ".join(f"{each.summary} {each.hint}".strip() for each in error.diagnostics))
    run.scheduler.skipped(number)


@dataclass(frozen=True, slots=True)
class _Lack:
    """What keeps a needed asset away. `may_come`: without anybody's doing but the cloud's."""

    words: str
    may_come: bool


def _lack(run: Run, need: Need) -> _Lack | None:
    """None when a take of the needed asset can be used."""
    pool, realm = run.session.state.pool(need.fingerprint), run.origin.realm
    if chosen_take(pool, realm, need.pick):
        return None
    takes = pool.of_realm(realm)
    if any(take.in_flight for take in takes):
        why, may_come = "is still running", True
    elif any(take.unresolved for take in takes):
        why, may_come = "has no answer yet", True
    elif need.address in run.tally.held:
        why, may_come = "waits for others", True
    elif any(skipped.address == need.address for skipped in run.tally.skipped):
        why, may_come = "was not submitted", False
    else:
        why, may_come = "failed", False
    return _Lack(f"waits for {need.address}, which {why}", may_come)


def _inputs(run: Run, buys: Submit) -> dict[str, Take]:
    """The takes that are used now of the assets that this one is made from, by address."""
    takes = {}
    for need in buys.needs:
        take = chosen_take(run.session.state.pool(need.fingerprint), run.origin.realm, need.pick)
        if take is None:
            raise AssertionError(need)
        takes[need.address] = take
    return takes


def _recorded_inputs(buys: Submit, takes: Mapping[str, Take]) -> Iterator[Input]:
    """As history keeps them: which file of which take each reference stands for. Never a URL."""
    fingerprints = {need.address: need.fingerprint for need in buys.needs}
    sound = buys.asset.sound
    for video, references in enumerate((sound.reference_audio, sound.reference_video)):
        for each in references:
            if each.kind is ReferenceKind.ASSET:
                take = takes[each.value]
                file = output_of(take.outputs, video=bool(video))
                yield Input(each.value, fingerprints[each.value], take.take, file.sha256)


def stage(run: Run, number: int, job: Job, next_up: Sequence[Job] = ()) -> None:
    """The intent is durable before a single byte leaves. A further try of the same attempt needs no second one.

    With it goes the intent of those that are `next_up`, where that is worth it.
    """
    if not job.intended:
        new = [job, *(each for each in next_up if not each.intended)]
        intents = [_intent(run, each) for each in new]
        run.append(intents)
        for each, intent in zip(new, intents, strict=True):
            each.intended, each.since = True, intent.at
    run.workers.stage(number, partial(run.wiring.body, _bought(job).asset, job.path, job.inputs))


def _intent(run: Run, job: Job) -> events.SubmitIntended:
    buys, draft = _bought(job), run.wiring.mode is Mode.DRAFT
    job.inputs = _inputs(run, buys)
    return events.SubmitIntended(
        at=run.at(),
        address=job.address,
        fingerprint=job.fingerprint,
        fields=buys.fields,
        take=job.take,
        attempt_id=job.attempt_id,
        realm=run.origin.realm,
        bucket=job.path.bucket,
        region=job.path.region,
        cos_path=job.path.key,
        host=run.origin.host,
        boot_id=run.origin.boot_id,
        replaces=buys.replaces,
        inputs=tuple(dict.fromkeys(_recorded_inputs(buys, job.inputs))),
        draft=draft,
        commit=run.origin.commit if draft else None,
    )


def send(run: Run, number: int, job: Job) -> None:
    """From the mark on, a task may exist: only an answer, or a look into the store, can tell."""
    if job.staged is None:
        raise AssertionError(job)
    try:
        run.session.confirm()
    except StateError as error:
        run.tally.stopped.extend(error.diagnostics)
        run.stop("the state is no longer ours")
    if not job.staged.alive and not run.scheduler.stopped:
        staged, job.staged = job.staged, None
        run.workers.ask_why(number, staged)
        return
    if not run.scheduler.stopped:
        run.append([events.Sending(run.at(), job.attempt_id)], sync=False)
    if run.scheduler.stopped:  # also when the mark could not be written: then nothing may be sent
        run.scheduler.not_sent(number)
        return
    job.sent = True
    staged, job.staged = job.staged, None
    run.workers.send(number, staged)


def on_staged(run: Run, number: int, job: Job, outcome: StagedCreate | NotCreated) -> None:
    if isinstance(outcome, NotCreated):
        _on_not_created(run, number, job, outcome)
        return
    if run.scheduler.staged(number, run.now()):
        job.staged = outcome
    else:
        outcome.abandon()


def on_sent(run: Run, number: int, job: Job, outcome: CreateOutcome) -> None:
    at = run.at()
    match outcome:
        case Created(task_id, request_id):
            submitted = events.TaskSubmitted(at, job.attempt_id, task_id, request_id)
            run.append([submitted, *run.records.on_submit(job.fingerprint, at)])
            job.task_id, job.request_id = task_id, request_id
            run.tally.created(run.now())
            run.tally.forecast.sent(number, job.kind, run.now())
            run.scheduler.created(number, run.now(), job.trail)
            run.note(number, job)
            run.report(progress.Submitted(job.address, job.take, task_id, request_id))
            if not run.wiring.mode.waits:
                run.scheduler.ended(number)
                run.tally.left_running += 1
        case NotCreated():
            _withdraw(run, job)
            _on_not_created(run, number, job, outcome)
        case Refused(Scope.ACCOUNT, code, message, request_id):
            _withdraw(run, job)
            run.scheduler.not_sent(number)
            run.close_submits(f"the cloud refuses this account: {code}", message, request_id)
        case Refused(_, code, message, request_id):
            run.append([events.SubmitRefused(at, job.attempt_id, code, message, request_id)])
            run.scheduler.refused(number)
            run.tally.forecast.will_not_send(number)
            run.failed(job, code, message, request_id)
        case Ambiguous(code, message, request_id):
            unknown = events.SubmitUnknown(at, job.attempt_id, f"{code}: {message}", request_id)
            run.append([unknown, *run.records.on_submit(job.fingerprint, at)])
            if not run.scheduler.unanswered(number, run.now()):
                run.close_submits("too many answers in a row were lost", f"{code}: {message}", request_id)
            log.warning(
                "unknown outcome",
                address=job.address,
                attempt_id=job.attempt_id,
                code=code,
                request_id=request_id,
            )
            text = f"{code}: {message}"
            run.report(progress.Unknown(job.address, job.take, job.attempt_id, job.since, text, request_id))
            job.request_id = request_id
            look_for(run, number, job, age=0.0)
        case _:
            assert_never(outcome)


def withdraw_unsent(run: Run, jobs: list[Job]) -> None:
    """What was never sent is settled now: no later run has to wonder about it."""
    unsent = [job for job in jobs if job.intended and not job.sent]
    for job in unsent:
        if job.staged:
            job.staged.abandon()
    run.append(events.SubmitWithdrawn(run.at(), job.attempt_id) for job in unsent)


def _withdraw(run: Run, job: Job) -> None:
    """Certain, after the mark, that no task was created: said at once, so that no crash makes a riddle of it. A new try is a new attempt."""
    run.append([events.SubmitWithdrawn(run.at(), job.attempt_id)])
    job.intended = job.sent = False
    job.attempt_id, job.path = new_attempt(run, _bought(job).asset)


def _on_not_created(run: Run, number: int, job: Job, outcome: NotCreated) -> None:
    log.info(
        "not created",
        address=job.address,
        code=outcome.code,
        message=outcome.message,
        request_id=outcome.request_id,
    )
    if outcome.backoff is None:
        run.scheduler.not_sent(number)
        go_on = False
    else:
        run.notice_trouble(outcome.backoff, "submitted", outcome.code, outcome.message)
        go_on = run.scheduler.not_created(number, outcome.backoff, run.now())
    if not go_on:
        run.close_submits(f"no task can be submitted: {outcome.code}", outcome.message, outcome.request_id)


def _bought(job: Job) -> Submit:
    if job.buys is None:
        raise AssertionError(job)
    return job.buys
