"""Taking away published objects that their assets have left: copies under keys that nobody is published to any more.

An object goes before the state says so: nothing counts on it, and what a crash leaves is deleted once more by the next time.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.events import PublishedErased
from mpsjobs.model.ports import ObjectRef, ObjectStore
from mpsjobs.model.state import State, Superseded, unclaimed
from mpsjobs.project import Project
from mpsjobs.state.identity import timestamp
from mpsjobs.upkeep.gc import other_states, used_objects
from mpsjobs.upkeep.operation import Operation, operation

_AT_ONCE: Final = 16
_BATCH: Final = 256
"""So many objects between two looks at the lock."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """What was found, and what came of it; None where nobody said yes.

    `gone` was deleted. What lies under the keys of `others` is not ours any more, so it was left alone. `failed` are still there.
    """

    found: tuple[Superseded, ...]
    gone: tuple[Superseded, ...] | None = None
    others: tuple[Superseded, ...] | None = None
    failed: tuple[CloudError, ...] | None = None


def clear_leftovers(
    project: Project,
    older_than_s: float,
    *,
    approve: Callable[[Sequence[Superseded]], bool],
    report: Callable[[Superseded], None] = lambda _: None,
    lock_timeout_s: float = 0,
) -> Cleared:
    """Delete what `find_leftovers` finds, if `approve` says yes, which is asked under the lock.

    Raises:
        SpecError, StateError, LockHeldError: see `Project.apply`.
    """
    others = other_states(project)
    with operation(project, "gc --published", lock_timeout_s=lock_timeout_s) as held:
        found = find_leftovers(project, held.state, others, older_than_s)
        if not found or not approve(found):
            return Cleared(found)
        held.session.append([held.begin()])
        cleared = _clear(found, held, project.connections.objects, report)
        held.session.append([held.end(1 if cleared.failed else 0)])
        return cleared


def find_leftovers(
    project: Project, state: State, others: Iterable[State], older_than_s: float
) -> tuple[Superseded, ...]:
    """Published objects that nobody is published to any more, since so many seconds; by place.

    Never one that another environment publishes, or an object that is part of a take in any of these states.
    """
    states = (state, *others)
    kept = {each.place for one in states for record in one.assets.values() for each in record.published or ()}
    kept |= {f"{bucket}/{key}" for bucket, key in used_objects(states)}
    limit = timestamp(project.connections.clock.utc() - timedelta(seconds=older_than_s))
    return tuple(each for each in unclaimed(state) if each.since < limit and each.place not in kept)


def _clear(
    found: Sequence[Superseded], held: Operation, store: ObjectStore, report: Callable[[Superseded], None]
) -> Cleared:
    gone: list[Superseded] = []
    others: list[Superseded] = []
    failed: list[CloudError] = []
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="delete") as threads:
        for begin in range(0, len(found), _BATCH):
            batch = found[begin : begin + _BATCH]
            held.session.confirm()
            done = []
            for each, ours in zip(batch, threads.map(lambda each: _erase(store, each), batch), strict=True):
                if isinstance(ours, CloudError):
                    failed.append(ours)
                    continue
                done.append(PublishedErased(held.now(), each.address, each.place))
                (gone if ours else others).append(each)
                if ours:
                    report(each)
            held.session.append(done)
    return Cleared(tuple(found), tuple(gone), tuple(others), tuple(failed))


def _erase(store: ObjectStore, left: Superseded) -> bool | CloudError:
    """Delete the object. False: somebody has put another one there, which is not ours to delete."""
    ref = ObjectRef(left.bucket, left.region, left.key)
    try:
        there = store.head(ref)
        if there is not None and there.etag != left.etag:
            return False
        store.delete(ref)
    except CloudError as error:
        return error
    return True
