"""Which conditional create a store honours: seen, never assumed, because servers ignore silently what they do not know.

A condition that was seen to refuse is still only the server's habit with one writer. COS's `x-cos-forbid-overwrite` was seen to let through
two writers that came at the same moment, and is ignored in a bucket that ever kept versions. Whoever rests a lock on it has to read
back what it wrote.
"""

import contextlib
import secrets
from dataclasses import dataclass
from typing import Final

from mpsjobs.model.asset import StoreTarget
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import Condition, ObjectRef, ObjectStore

_TYPE: Final = "text/plain"
_TOLD: Final = {"made-by": "mpsjobs, to see whether this store refuses to overwrite"}


@dataclass(frozen=True, slots=True)
class Conditional:
    """What was seen. `condition` None: the store honours none. `versioned` as in `ObjectStore.versioned`.

    `left`: trial objects that could not be deleted.
    """

    condition: Condition | None
    versioned: bool | None
    left: tuple[ObjectRef, ...] = ()


def probe(store: ObjectStore, target: StoreTarget) -> Conditional:
    """Write twice under each condition, to keys of its own, until the second write is refused; then take the objects away.

    Raises:
        CloudError: the store cannot be written, or not be read.
    """
    seen: Condition | None = None
    left: list[ObjectRef] = []
    for condition in Condition:
        ref = _new_key(target)
        try:
            honoured = _refuses(store, ref, condition)
        finally:
            if not _deleted(store, ref):
                left.append(ref)
        if honoured:
            seen = condition
            break
    versioned = store.versioned(ObjectRef(target.bucket, target.region, ""))
    return Conditional(seen, versioned, tuple(left))


def _new_key(target: StoreTarget) -> ObjectRef:
    prefix = f"{target.prefix}/" if target.prefix else ""
    return ObjectRef(target.bucket, target.region, f"{prefix}probe/{secrets.token_hex(16)}")


def _refuses(store: ObjectStore, ref: ObjectRef, condition: Condition) -> bool:
    """Whether the first write goes through, the second is refused, and the object is still the first."""
    try:
        first = store.create(ref, b"first", condition=condition, content_type=_TYPE, metadata=_TOLD)
        second = store.create(ref, b"second!", condition=condition, content_type=_TYPE, metadata=_TOLD)
    except CloudError:
        # Some servers answer "not implemented". Where a plain write goes, it is the condition that they do not take.
        store.put(ref, b"plain", content_type=_TYPE, metadata=_TOLD)
        return False
    return first is not None and second is None and store.head(ref) == first


def _deleted(store: ObjectStore, ref: ObjectRef) -> bool:
    with contextlib.suppress(CloudError):
        store.delete(ref)
        return True
    return False
