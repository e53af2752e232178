"""Deleting: the outputs of takes whose asset is gone, as its lifecycle orders.

First it becomes history that nobody may count on them, then the objects go, then the address is forgotten. What is cut off between the
first and the last is done again by the next apply, for the address is still there; to delete what is gone does no harm.
"""

from collections.abc import Iterable
from functools import partial

from mpsjobs.apply import progress
from mpsjobs.apply.job import Job
from mpsjobs.apply.run import Run
from mpsjobs.model import events
from mpsjobs.model.change import Delete
from mpsjobs.model.ports import ObjectRef, ObjectStore
from mpsjobs.model.state import Take, TakeStatus


def begin(run: Run, action: Delete, number: int) -> None:
    """Have the objects deleted; where there are none, the address is forgotten at once."""
    pool, at = run.session.state.pool(action.fingerprint), run.at()
    takes = [take for take in pool.takes if take.attempt_id in action.attempts]
    going = [take for take in takes if take.status is TakeStatus.DONE]
    run.append(events.TakeDeleted(at, take.attempt_id) for take in going)
    if not takes:
        run.append([events.AssetForgotten(at, action.address)])
        return
    for take in going:
        run.note(number, Job.of_take(action.fingerprint, take))
    run.workers.delete(number, partial(delete_outputs, takes))
    run.deleting += 1


def on_deleted(run: Run, action: Delete) -> None:
    run.deleting -= 1
    run.report(progress.Deleted(action.address, len(action.attempts)))
    takes, at = run.session.state.pool(action.fingerprint).takes, run.at()
    gone = (t for t in takes if t.attempt_id in action.attempts and t.status is TakeStatus.DELETED)
    run.append(
        [
            *(events.OutputsErased(at, take.attempt_id) for take in gone),
            events.AssetForgotten(at, action.address),
        ]
    )


def on_failed(run: Run, action: Delete, error: Exception) -> None:
    why = f"its outputs cannot be deleted: {str(error).rstrip('.')}; the next apply tries again"
    failure = progress.Failed(action.address, 0, "NotDeleted", why, None)
    run.deleting -= 1
    run.tally.failed.append(failure)
    run.report(failure)


def delete_outputs(takes: Iterable[Take], store: ObjectStore) -> None:
    """Delete the objects that these takes are made of; doing it again does no harm. Their receipts stay.

    Raises:
        CloudError: the store does not do it. Some of the objects may be gone.
    """
    for take in takes:
        for output in take.objects:
            store.delete(ObjectRef(output.bucket, output.region, output.key))
