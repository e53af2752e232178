"""Deleting takes: what was paid for goes for good, so it is written down before anything is gone.

First the state says durably that a take is deleted, from then on nobody uses it. Then its receipt says so, then its outputs go, and at
last the state says that they are gone. What a crash leaves between these steps is done again by whoever deletes next; it does no harm.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from mpsjobs.apply.deleting import delete_outputs
from mpsjobs.apply.receipts import CONTENT_TYPE, place, receipt_of
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.events import OutputsErased, TakeDeleted
from mpsjobs.model.ports import ObjectRef, ObjectStore, StateSession
from mpsjobs.model.state import State, Take, TakeStatus

_AT_ONCE: Final = 16
_BATCH: Final = 64
"""So many takes between two looks at the lock."""


@dataclass(frozen=True, slots=True)
class Doomed:
    """A take that is to be deleted, with its fingerprint."""

    fingerprint: str
    take: Take

    @property
    def size(self) -> int:
        """Bytes in the store."""
        return sum(output.size for output in self.take.objects)


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted: takes and their objects; and why some are still in the store, although nobody uses them any more."""

    takes: int
    objects: int
    size: int
    failed: tuple[CloudError, ...] = ()


def unfinished(state: State, realm: str) -> Iterator[Doomed]:
    """Takes that are deleted and whose outputs may still be in the store."""
    for fingerprint, take in state.takes():
        if take.realm == realm and take.status is TakeStatus.DELETED and not take.erased:
            yield Doomed(fingerprint, take)


def delete_takes(
    session: StateSession,
    store: ObjectStore,
    owner: str,
    doomed: Iterable[Doomed],
    now: Callable[[], str],
    report: Callable[[Doomed], None] = lambda _: None,
) -> Deletion:
    """Delete these takes, which are done. `owner` is whose receipts they have; `report` is told of each one that is gone.

    An object that cannot be deleted does not keep the others; the take stays deleted, and `unfinished`.

    Raises:
        StateError: the state cannot be written, or is ours no more. Nothing is deleted that it does not say is deleted.
    """
    given = tuple(doomed)
    session.append([TakeDeleted(now(), each.take.attempt_id) for each in given if each.take.there])
    gone: list[Doomed] = []
    failed: list[CloudError] = []
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="delete") as threads:
        for batch in _batches(given):
            session.confirm()
            current = [_as_recorded(session.state, each) for each in batch]
            troubles = threads.map(lambda each: _erase(store, owner, session.state, each), current)
            done = []
            for each, trouble in zip(current, troubles, strict=True):
                if trouble:
                    failed.append(trouble)
                else:
                    done.append(each)
            session.append([OutputsErased(now(), each.take.attempt_id) for each in done])
            gone += done
            for each in done:
                report(each)
    return Deletion(
        len(gone),
        sum(len(each.take.objects) for each in gone),
        sum(each.size for each in gone),
        tuple(failed),
    )


def _batches(doomed: Sequence[Doomed]) -> Iterator[Sequence[Doomed]]:
    for begin in range(0, len(doomed), _BATCH):
        yield doomed[begin : begin + _BATCH]


def _as_recorded(state: State, doomed: Doomed) -> Doomed:
    takes = state.pool(doomed.fingerprint).takes
    return replace(doomed, take=next(take for take in takes if take.attempt_id == doomed.take.attempt_id))


def _erase(store: ObjectStore, owner: str, state: State, doomed: Doomed) -> CloudError | None:
    """The receipt first: a state that is rebuilt from receipts must not count on what is gone."""
    take, fields = doomed.take, state.pool(doomed.fingerprint).fields
    receipt = receipt_of(owner, doomed.fingerprint, fields, take)
    try:
        at = place(owner, ObjectRef(take.bucket, take.region, take.cos_path), take.attempt_id)
        store.put(at, receipt.encode(), content_type=CONTENT_TYPE, metadata=receipt.metadata)
        delete_outputs([take], store)
    except CloudError as error:
        return error
    return None
