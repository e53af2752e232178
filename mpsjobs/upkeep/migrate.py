"""Moving the state from one kind of place to the other, from a file into a bucket or back; and encrypting the one in a bucket, or not any more."""

from contextlib import closing
from dataclasses import dataclass, replace

from mpsjobs.cloud.clock import SystemClock
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.settings import StateSettings
from mpsjobs.model.state import State
from mpsjobs.project import Project
from mpsjobs.state.backend import StateBackend
from mpsjobs.state.shared_store import SharedStateStore
from mpsjobs.wiring import Connections, state_store

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Migrated:
    """`kept` is where the state of before still is; None: it was there already. `encrypted` says how it is now; None: it is in a file.

    `rewritten`: it stayed where it is, and was encrypted, with another key, or is plain now.
    """

    source: str
    target: str
    serial: int
    kept: str | None
    encrypted: bool | None
    rewritten: bool = False


def migrate(project: Project, *, lock_timeout_s: float = 0) -> Migrated:
    """Bring the state, with its whole history where that is there, to the place that the settings name, from the other one that they describe.

    What was there before is kept, and nobody goes on from it. A state that is in its bucket already is encrypted as the settings ask for, in its
    place; its older objects stay as they are. Doing it twice does nothing the second time.

    Raises:
        LockHeldError: another run holds one of the two.
        StateError: there is nothing to move, there is another state at the new place, or one of them cannot be read or written.
        CloudError: the bucket cannot be used.
    """
    here = project.settings.state
    source, target = _store(project, _other(here)), _store(project, here)
    encrypted = (
        None if here.backend == "file" else bool(here.encryption and here.encryption.write == "encrypted")
    )
    try:
        state = source.read()
    except StateError as error:
        if error.diagnostics[0].code is not Code.STATE_MOVED:
            raise
        state = State(lineage="")
    if not state.serial:
        there = target.read()
        if there.serial:
            rewritten = _rewritten(target, lock_timeout_s)
            return Migrated(source.name, target.name, there.serial, None, encrypted, rewritten)
        raise _nothing(f"There is no state at {source.name}, and none at {target.name}.")
    kept = source.move_away(
        target.name, lambda held: _put(held, source, target, lock_timeout_s), lock_timeout_s=lock_timeout_s
    )
    _rewritten(target, lock_timeout_s)  # it was there already, and plain, when an earlier move was cut off
    return Migrated(source.name, target.name, target.read().serial, kept, encrypted)


def _rewritten(store: StateBackend, lock_timeout_s: float) -> bool:
    return isinstance(store, SharedStateStore) and store.rewrite(lock_timeout_s=lock_timeout_s)


def _store(project: Project, state: StateSettings) -> StateBackend:
    """The state at a place. One that is not encrypted yet is believed, since somebody brings it here; one that is, as strictly as ever."""
    settings, clock = replace(project.settings, state=state), SystemClock()
    store = state_store(
        project.root, settings, clock, lambda: Connections(project.root, settings, project.catalogue, clock)
    )
    if state.encryption is None or state.encryption.reads_plain:
        return store
    try:
        store.read()
    except StateError as error:
        if error.diagnostics[0].code is Code.STATE_NOT_ENCRYPTED:
            return _store(project, replace(state, encryption=replace(state.encryption, reads_plain=True)))
    return store


def _other(state: StateSettings) -> StateSettings:
    """The place that is described beside the one that is named."""
    if state.backend == "cos":
        return replace(state, backend="file")
    if not (state.bucket and state.region):
        raise _nothing("The state is to be in a file, and nothing says in which bucket it is now.")
    return replace(state, backend="cos")


def _put(state: State, source: StateBackend, target: StateBackend, lock_timeout_s: float) -> None:
    try:
        here: State | None = target.read()
    except StateError as error:
        if error.diagnostics[0].code is not Code.STATE_MOVED:
            raise
        here = None  # it was here before, and comes back
    if here == state:
        return
    done = here.serial if here else 0
    if here is not None and done and not _is_beginning(here, state, source):
        raise StateError.of(
            "There is another state at the new place.",
            detail=f"{target.name} has one with {here.serial} events; nothing was changed.",
            hint="If it is of no use, name another place. If it is the right one, the state of before is not needed.",
            code=Code.PUSH_REFUSED,
        )
    lines = list(source.history(done))
    if here is not None and lines and lines[0].seq == done + 1:
        with closing(
            target.open("init --migrate-state", lock_timeout_s=lock_timeout_s, lineage=state.lineage)
        ) as session:
            for begin in range(0, len(lines), _AT_ONCE):
                session.append([line.event for line in lines[begin : begin + _AT_ONCE]])
    else:
        target.replace(lambda _: state, lock_timeout_s=lock_timeout_s)
    if target.read() != state:
        raise StateError.of(
            "The state did not arrive whole.",
            detail=f"{target.name} is not what {source.name} is. The old place is untouched.",
            hint="This is a bug, please report it.",
            code=Code.PUSH_REFUSED,
        )


def _is_beginning(here: State, state: State, source: StateBackend) -> bool:
    """Whether a state is what a move that was cut off has brought so far."""
    return here.lineage == state.lineage and here.serial < state.serial and source.at(here.serial) == here


def _nothing(why: str) -> StateError:
    return StateError.of(
        "There is no state to move.",
        detail=why,
        hint="Under `state:` write both places, `path` of the file and `bucket`, `region` and `key`; `backend` says where it is to be.",
        code=Code.NOTHING_TO_MOVE,
    )
