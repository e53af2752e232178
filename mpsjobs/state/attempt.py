"""The life of one attempt: what each event makes of its take."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias, assert_never

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import (
    AttemptAbandoned,
    FinishedMissing,
    OutputsErased,
    OutputsMeasured,
    OutputsMissing,
    OutputsRecorded,
    Sending,
    SubmitIntended,
    SubmitRefused,
    SubmitUnknown,
    SubmitWithdrawn,
    TakeCopied,
    TakeDeleted,
    TakeFinished,
    TakeImported,
    TakeJudged,
    TakeRejected,
    TaskFailed,
    TaskSubmitted,
)
from mpsjobs.model.state import (
    Master,
    Take,
    TakeStatus,
)

AttemptEvent: TypeAlias = (
    Sending
    | SubmitWithdrawn
    | TaskSubmitted
    | SubmitRefused
    | SubmitUnknown
    | TaskFailed
    | OutputsRecorded
    | TakeRejected
    | OutputsMeasured
    | TakeFinished
    | FinishedMissing
    | TakeJudged
    | TakeDeleted
    | OutputsErased
    | OutputsMissing
    | AttemptAbandoned
)

_OPEN = frozenset({TakeStatus.INTENDED, TakeStatus.UNKNOWN})
WAS_THERE = frozenset({TakeStatus.DONE, TakeStatus.LOST})
_UNANSWERED = _OPEN | {TakeStatus.ABANDONED}

# What is known of a take is never forgotten: an event that would do so contradicts the history.
_FROM: Mapping[type[AttemptEvent], frozenset[TakeStatus]] = {
    Sending: frozenset({TakeStatus.INTENDED}),
    SubmitWithdrawn: _OPEN,
    SubmitRefused: _OPEN,
    SubmitUnknown: _OPEN,
    TaskSubmitted: _UNANSWERED,
    TaskFailed: _UNANSWERED | {TakeStatus.SUBMITTED},
    OutputsRecorded: frozenset(TakeStatus) - {TakeStatus.DELETED},
    TakeRejected: frozenset({TakeStatus.DONE}),
    OutputsMeasured: frozenset({TakeStatus.DONE}),
    TakeFinished: frozenset({TakeStatus.DONE}),
    FinishedMissing: frozenset({TakeStatus.DONE}),
    TakeJudged: frozenset({TakeStatus.DONE}),
    TakeDeleted: frozenset({TakeStatus.DONE}),
    OutputsErased: frozenset({TakeStatus.DELETED}),
    OutputsMissing: frozenset({TakeStatus.DONE}),
    AttemptAbandoned: _OPEN | {TakeStatus.SUBMITTED},
}


def begun(event: SubmitIntended | TakeCopied | TakeImported, status: TakeStatus) -> Take:
    """A take as it begins, however it came to be. Only a submission knows where it was made."""
    return Take(
        take=event.take,
        realm=event.realm,
        attempt_id=event.attempt_id,
        bucket=event.bucket,
        region=event.region,
        cos_path=event.cos_path,
        status=status,
        host="",
        boot_id="",
        intended_at=event.at,
        address=event.address,
    )


def advanced(take: Take, event: AttemptEvent) -> Take | None:  # noqa: C901, PLR0911, PLR0912  # one answer an event
    """The take after the event; None when nothing was bought and its number becomes free.

    Raises:
        StateError: it cannot happen to the take any more.
    """
    if take.status not in _FROM[type(event)]:
        raise contradiction(f"attempt {event.attempt_id} is {take.status}, then {type(event).__name__}")
    match event:
        case Sending():
            return replace(take, sending=True)
        case SubmitWithdrawn() | SubmitRefused():
            return None
        case TaskSubmitted():
            return replace(
                take,
                status=TakeStatus.SUBMITTED,
                task_id=event.task_id,
                request_id=event.request_id,
                submitted_at=event.at,
                message=None,
            )
        case SubmitUnknown():
            request_id = event.request_id or take.request_id
            return replace(take, status=TakeStatus.UNKNOWN, message=event.message, request_id=request_id)
        case TaskFailed():
            request_id = event.request_id or take.request_id
            return replace(
                take,
                status=TakeStatus.FAILED,
                message=event.message,
                request_id=request_id,
                finished_at=event.at,
            )
        case AttemptAbandoned():
            return replace(take, status=TakeStatus.ABANDONED)
        case TakeRejected():
            return replace(take, rejected=event.rejected, declined=event.rejected)
        case TakeDeleted():
            return replace(take, status=TakeStatus.DELETED)
        case OutputsErased():
            return replace(take, erased=True)
        case OutputsMeasured():
            return replace(take, outputs=event.outputs)
        case TakeFinished():
            others = tuple(each for each in take.masters if each.name != event.name)
            return replace(take, masters=(*others, Master(event.name, event.outputs)))
        case FinishedMissing():
            return replace(take, masters=tuple(each for each in take.masters if each.name != event.name))
        case TakeJudged():
            return replace(take, misses=event.misses, unfit=event.unfit)
        case OutputsMissing():
            gone = ", ".join(f"{take.bucket}/{key}" for key in event.keys)
            return replace(take, status=TakeStatus.LOST, message=f"missing in the store: {gone}")
        case OutputsRecorded():
            return replace(
                take,
                status=TakeStatus.DONE,
                outputs=event.outputs,
                late=take.late or take.status is TakeStatus.ABANDONED,
                adopted=take.adopted or take.task_id is None,
                finished_at=take.finished_at if take.status in WAS_THERE else event.at,
                message=None,
            )
        case _:
            assert_never(event)


def contradiction(what: str) -> StateError:
    """Events that cannot all be true."""
    return StateError.of(
        "The history of the state contradicts itself",
        detail=f"{what[:1].upper()}{what[1:]}. What follows from it cannot be known.",
        hint="Keep the journal and the snapshot, and report this as a bug of mpsjobs.",
        code=Code.STATE_CONTRADICTS,
    )
