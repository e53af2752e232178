"""Putting back a whole state that was pulled: another history takes the place of the one here, which is kept aside."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.state import State, TakeStatus
from mpsjobs.state.backend import StateBackend
from mpsjobs.state.disk import failures_named
from mpsjobs.state.shape import ShapeError
from mpsjobs.state.snapshot import Snapshot, decode_snapshot, encode_snapshot, is_errored

_FORCE = "If that is wanted, say --force: the history that is here is kept under another name."


@dataclass(frozen=True, slots=True)
class Adopted:
    """`serial` is that of the state afterwards; `kept` the journal of before, None where there was none. Not `changed`: it was the same."""

    serial: int
    changed: bool
    kept: str | None


def is_snapshot(file: Path) -> bool:
    """Whether the file may be a pulled state, and not what a run could not record.

    Raises:
        StateError: it cannot be read.
    """
    with failures_named("reading of the file", file, hint="Name a file that mpsjobs has written."):
        return not is_errored(file.read_bytes())


def adopt(store: StateBackend, file: Path, *, force: bool = False, lock_timeout_s: float = 0) -> Adopted:
    """Let the state in `file`, as `state pull` writes it, take the place of the one here.

    Refused unless `force`: a state of another history, one that is older than what is here, and one that lacks a paid take that is known
    here. Doing it twice does nothing the second time.

    Raises:
        LockHeldError: another run holds the state.
        StateError: it is refused, or the file cannot be read, or the state not written. Nothing was changed.
    """
    given = _read(file)

    def refusal(here: State | None) -> str:
        return _refusal(here, given)

    return _put_in_place(store, given, str(file), None if force else refusal, lock_timeout_s)


def roll_back(store: StateBackend, serial: int, *, force: bool = False, lock_timeout_s: float = 0) -> Adopted:
    """Let the state that was here after event `serial` be the state again. What happened since is kept, and not known any more.

    Refused unless `force`: paid takes would not be known any more.

    Raises:
        LockHeldError: another run holds the state.
        StateError: it is refused, there is no such event, or the state cannot be written. Nothing was changed.
    """
    given = store.at(serial)

    def refusal(here: State | None) -> str:
        if here is None:
            return "the state of now cannot be read, so nobody knows what would be lost."
        return _lost(here, given)

    return _put_in_place(
        store, given, f"The state after event {serial}", None if force else refusal, lock_timeout_s
    )


def _put_in_place(
    store: StateBackend,
    given: State,
    named: str,
    refusal: Callable[[State | None], str] | None,
    lock_timeout_s: float,
) -> Adopted:
    before, put = -1, _doubting(given)

    def choose(here: State | None) -> State | None:
        nonlocal before
        before = here.serial if here else 0
        if here is not None and (_same(here, given) or _same(here, put)):
            return None
        if refusal is not None and (why := refusal(here)):
            raise StateError.of(
                "This state cannot take the place of the one here.",
                detail=f"{named}: {why}",
                hint=_FORCE,
                code=Code.PUSH_REFUSED,
            )
        # Higher than what is here: so it can be told from it, whatever is cut off in the middle.
        return replace(put, serial=max(put.serial, before + 1))

    kept = store.replace(choose, lock_timeout_s=lock_timeout_s)
    after = store.read()
    return Adopted(after.serial, after.serial != before, kept)


def _doubting(given: State) -> State:
    """A state of before with attempts that had no answer then. What stands beyond its end, and is not read any more, may say that they were sent."""
    pools = {
        fingerprint: replace(
            pool,
            takes=tuple(
                replace(take, sending=True) if take.status is TakeStatus.INTENDED else take
                for take in pool.takes
            ),
        )
        for fingerprint, pool in given.pools.items()
    }
    return replace(given, pools=pools)


def _read(file: Path) -> State:
    try:
        with failures_named("reading of the file", file, hint="Name a file that `mpsjobs state pull` wrote."):
            return decode_snapshot(file.read_bytes()).state
    except ShapeError as error:
        raise StateError.of(
            "The file cannot be put back",
            detail=f"{file}: {error}.",
            hint="Name a file that `mpsjobs state pull` wrote, or the errored.mpsjobs.state.json of a failed run, unchanged.",
            code=Code.PUSH_REFUSED,
        ) from None


def _same(here: State, given: State) -> bool:
    return encode_snapshot(Snapshot(here, 0)) == encode_snapshot(Snapshot(given, 0))


def _refusal(here: State | None, given: State) -> str:
    """Why it is not done without being forced; empty if it is."""
    if here is None:
        return "the state here cannot be read, so nobody knows what would be lost. Mend it first: mpsjobs plan says what is wrong."
    if not here.serial:
        return ""
    if here.lineage != given.lineage:
        return f"it belongs to the history {given.lineage}, and the state here to {here.lineage}."
    if given.serial <= here.serial:
        age = "is as old as" if given.serial == here.serial else "is older than"
        return f"it ends with event {given.serial} and {age} the state here, which ends with event {here.serial}."
    return _lost(here, given)


def _lost(here: State, given: State) -> str:
    """Which paid takes would not be known any more; empty if none."""
    known = {take.attempt_id for _, take in given.takes()}
    lost = [
        take for _, take in here.takes() if take.attempt_id not in known and (take.task_id or take.outputs)
    ]
    if lost:
        number = f"{len(lost)} paid take{'s'[: len(lost) != 1]}"
        return f"it does not know {number} that the state here has, such as take {lost[0].take} of {lost[0].address}."
    return ""
