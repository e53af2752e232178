"""Putting back what a run could not record, after it saved that elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import (
    AssetForgotten,
    AssetPublished,
    AssetRecorded,
    AssetRetired,
    Event,
    OutputsRecorded,
    PublishedErased,
    PublishedMissing,
    RunFinished,
    RunStarted,
    SubmitIntended,
    SubmitUnknown,
    TaskFailed,
    TaskSubmitted,
)
from mpsjobs.model.state import State
from mpsjobs.state.backend import StateBackend
from mpsjobs.state.codec import Line, encode_line
from mpsjobs.state.disk import failures_named
from mpsjobs.state.fold import Fold
from mpsjobs.state.shape import ShapeError
from mpsjobs.state.snapshot import Errored, decode_errored


@dataclass(frozen=True, slots=True)
class Pushed:
    """How many events were appended, were there already, or mean nothing any more because the history went on. `serial`: the state's."""

    appended: int
    present: int
    outdated: int
    serial: int


def push(store: StateBackend, file: Path, *, lock_timeout_s: float = 0) -> Pushed:
    """Append the unrecorded events of `file` to the journal, durably, and save. Doing it twice does nothing the second time.

    Where the journal simply ends before them, all of them are appended. Where other runs have written since, only what is known about
    attempts still counts: what assets point at is for the next apply to say, and an attempt that was not recorded was never sent.

    Raises:
        LockHeldError: another run holds the state.
        StateError: the file cannot be read or contradicts the journal, or the state cannot be trusted or written. Nothing was changed.
    """
    errored = _read(file)
    lineage = errored.state.lineage
    with closing(store.open("state push", lock_timeout_s=lock_timeout_s, lineage=lineage)) as session:
        if not errored.lines:
            return Pushed(0, 0, 0, session.state.serial)
        first = errored.lines[0].seq
        _check(session.state, errored, file)
        recorded = {line.seq: _content(line.event) for line in store.history(first - 1)}
        missing = [line for line in errored.lines if recorded.get(line.seq) != _content(line.event)]
        events = [line.event for line in missing]
        if missing and session.state.serial >= missing[0].seq:  # others have written since
            known = set(recorded.values())
            missing = [line for line in missing if _content(line.event) not in known]
            events = list(still_true([line.event for line in missing], session.state, file))
        session.append(events)
        return Pushed(
            len(events), len(errored.lines) - len(missing), len(missing) - len(events), session.state.serial
        )


def _read(file: Path) -> Errored:
    try:
        with failures_named(
            "reading of the file", file, hint="Name the file that the failed run has written."
        ):
            return decode_errored(file.read_bytes())
    except ShapeError as error:
        raise StateError.of(
            "The file cannot be put back",
            detail=f"{file}: {error}.",
            hint="Name the errored.mpsjobs.state.json that the failed run has written, unchanged.",
            code=Code.PUSH_REFUSED,
        ) from None


def _check(state: State, errored: Errored, file: Path) -> None:
    """The file must belong to this history and leave no gap after it."""
    first = errored.lines[0].seq
    if state.serial and state.lineage != errored.state.lineage:
        why = f"It belongs to the history {errored.state.lineage}, the state here to {state.lineage}."
        hint = "Go to the project that the failed run was in."
    elif state.serial < first - 1:
        why = f"It goes on after event {first - 1}, and the journal here ends with event {state.serial}."
        hint = "Put the journal of the failed run back first, then push again."
    else:
        return
    raise StateError.of(
        "The file does not belong to this state",
        detail=f"{file}: {why} Nothing was changed.",
        hint=hint,
        code=Code.PUSH_REFUSED,
    )


def still_true(events: Sequence[Event], state: State, file: Path) -> Iterator[Event]:
    """What the events say that the history, gone on since to this state, does not know yet. `file` is where they stand.

    Raises:
        StateError: they tell of a paid task and contradict it.
    """
    trial = Fold(
        replace(
            state,
            assets=dict(state.assets),
            pools=dict(state.pools),
            retired=dict(state.retired),
            superseded=dict(state.superseded),
        )
    )
    for event in events:
        match event:
            case RunStarted() | RunFinished() | SubmitIntended():
                continue
            case (
                AssetRecorded()
                | AssetRetired()
                | AssetForgotten()
                | AssetPublished()
                | PublishedErased()
                | PublishedMissing()
            ):
                continue
            case _:
                pass
        try:
            trial.apply(event, trial.state.serial + 1)
        except StateError:
            take = next(
                (take for _, take in trial.state.takes() if take.attempt_id == event.attempt_id), None
            )
            paid = isinstance(event, TaskSubmitted | SubmitUnknown | TaskFailed | OutputsRecorded)
            other = isinstance(event, TaskSubmitted) and take and take.task_id not in {None, event.task_id}
            if (take is None and paid) or other:
                raise _contradiction(event, event.attempt_id, file) from None
        else:
            yield event


def _contradiction(event: Event, attempt_id: str, file: Path) -> StateError:
    task = f", with the TaskId {event.task_id}" if isinstance(event, TaskSubmitted) else ""
    return StateError.of(
        "The file contradicts the journal",
        detail=(
            f"{file} says {type(event).__name__} of the attempt {attempt_id}{task}. The journal was written to since, and this does not "
            "follow from it. Nothing was changed."
        ),
        hint="Keep the file: it tells of a paid task. Put the journal of the failed run back, push again, and apply after that.",
        code=Code.PUSH_REFUSED,
    )


def _content(event: Event) -> bytes:
    """An event, whatever its number."""
    return encode_line(Line(0, 0, event))
