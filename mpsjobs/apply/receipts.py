"""Receipts: the store describes itself, so that a lost state can be rebuilt and a stale one cannot buy everything again.

As soon as a TaskId is known, and again when the task has ended, one small JSON object tells what was bought, under
`<prefix>/receipts/<project>/<attempt>.json`: beside the folder of takes, where one listing finds all of them in the order of time.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import orjson

from mpsjobs.model import events
from mpsjobs.model.asset import Json, StoreTarget
from mpsjobs.model.ports import ObjectRef, ObjectStore
from mpsjobs.model.state import Input, Output, State, Take, TakeStatus
from mpsjobs.state.shape import Shape, ShapeError

CONTENT_TYPE: Final = "application/json"
_COMPARED: Final = 1000
"""So many of the newest attempts are compared with the receipts: as many as one page of a listing holds."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was bought and what came of it. `status` is `submitted`, `done` or `failed`; times as in events. Holds no secret."""

    project: str
    address: str
    fingerprint: str
    fields: Mapping[str, Json]
    take: int
    attempt_id: str
    realm: str
    bucket: str
    region: str
    cos_path: str
    intended_at: str
    status: TakeStatus
    task_id: str | None = None
    request_id: str | None = None
    submitted_at: str | None = None
    finished_at: str | None = None
    message: str | None = None
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    version: int = 1

    def encode(self) -> bytes:
        return orjson.dumps(_RECEIPT.write(self), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    @property
    def metadata(self) -> dict[str, str]:
        """What the object itself is marked with."""
        marks = {"address": self.address, "fingerprint": self.fingerprint, "task-id": self.task_id}
        return {name: value for name, value in marks.items() if value}


_RECEIPT = Shape(Receipt, {"inputs": Shape(Input), "outputs": Shape(Output)})


def place(project: str, cos_path: ObjectRef, attempt_id: str) -> ObjectRef:
    """Where the receipt of an attempt stands, given the attempt's own path."""
    prefix, _, _ = cos_path.key.rpartition(f"takes/{attempt_id}")
    return replace(cos_path, key=f"{prefix}receipts/{project}/{attempt_id}.json")


def receipt_of(project: str, fingerprint: str, fields_: Mapping[str, Json], take: Take) -> Receipt:
    """The receipt of a take as the state has it. The take has a TaskId, or outputs."""
    same = {field.name for field in fields(Receipt)} & {field.name for field in fields(Take)}
    known = {name: getattr(take, name) for name in same}
    return Receipt(project=project, fingerprint=fingerprint, fields=dict(fields_), **known)


def unknown_attempts(
    store: ObjectStore, project: str, targets: Iterable[StoreTarget], state: State
) -> Iterator[ObjectRef]:
    """Receipts in these places of which the state knows nothing, in no order. A listing may be late: it can confirm, never deny.

    Raises:
        CloudError: the store cannot be listed.
    """
    known = {take.attempt_id for _, take in state.takes()}
    oldest = sorted(known)[-_COMPARED] if len(known) >= _COMPARED else None
    for target in set(targets):
        folder = _folder(project, target)
        after = f"{folder.key}{oldest}.json" if oldest else ""
        for info in store.list(folder, start_after=after):
            attempt = info.ref.key.removeprefix(folder.key).removesuffix(".json")
            if attempt not in known:
                yield info.ref


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What the receipts add to a state: events, and the objects that are no receipts."""

    events: tuple[events.Event, ...]
    takes: int
    unreadable: tuple[ObjectRef, ...]


def rebuild(
    store: ObjectStore, project: str, targets: Iterable[StoreTarget], state: State, *, host: str, boot_id: str
) -> Rebuilt:
    """The events by which `state` comes to know every take that has a receipt and is unknown to it.

    What the state has is never touched: a number that is taken gives way to the next free one, an address that is there keeps what it
    points at.

    Raises:
        CloudError: the store cannot be read.
    """
    known = {take.attempt_id for _, take in state.takes()}
    found, unreadable = _read_all(store, project, targets)
    new = sorted((r for r in found if r.attempt_id not in known), key=lambda r: r.attempt_id)
    numbers = {(fingerprint, take.take) for fingerprint, take in state.takes()}
    told: list[events.Event] = []
    for receipt in new:
        number = receipt.take
        while (receipt.fingerprint, number) in numbers:
            number += 1
        numbers.add((receipt.fingerprint, number))
        told += _history(replace(receipt, take=number), host, boot_id)
    told += _addresses(new, state)
    return Rebuilt(tuple(told), len(new), tuple(unreadable))


def _history(receipt: Receipt, host: str, boot_id: str) -> Iterator[events.Event]:
    since = receipt.submitted_at or receipt.intended_at
    yield events.SubmitIntended(
        at=receipt.intended_at,
        address=receipt.address,
        fingerprint=receipt.fingerprint,
        fields=receipt.fields,
        take=receipt.take,
        attempt_id=receipt.attempt_id,
        realm=receipt.realm,
        bucket=receipt.bucket,
        region=receipt.region,
        cos_path=receipt.cos_path,
        host=host,
        boot_id=boot_id,
        inputs=receipt.inputs,
    )
    if receipt.task_id:
        yield events.TaskSubmitted(since, receipt.attempt_id, receipt.task_id, receipt.request_id)
    ended = receipt.finished_at or since
    if receipt.outputs:
        yield events.OutputsRecorded(ended, receipt.attempt_id, receipt.outputs)
    elif receipt.status is TakeStatus.FAILED:
        message = receipt.message or "the cloud gives no reason"
        yield events.TaskFailed(ended, receipt.attempt_id, message, receipt.request_id)


def _addresses(new: list[Receipt], state: State) -> Iterator[events.AssetRecorded]:
    """Each address that the state lacks, pointing at the newest take that was made for it, a finished one if there is any."""
    newest: dict[str, Receipt] = {}
    for receipt in new:
        before = newest.get(receipt.address)
        if before is None or bool(receipt.outputs) >= bool(before.outputs):
            newest[receipt.address] = receipt
    for address, receipt in sorted(newest.items()):
        if address not in state.assets:
            at = receipt.finished_at or receipt.submitted_at or receipt.intended_at
            yield events.AssetRecorded(at, address, receipt.fingerprint, receipt.realm, takes=1, pick=None)


def _read_all(
    store: ObjectStore, project: str, targets: Iterable[StoreTarget]
) -> tuple[list[Receipt], list[ObjectRef]]:
    found: list[Receipt] = []
    unreadable: list[ObjectRef] = []
    with TemporaryDirectory(prefix="mpsjobs-") as scratch:
        file = Path(scratch) / "receipt"
        for target in set(targets):
            for info in store.list(_folder(project, target)):
                if store.fetch(info.ref, file) is None:
                    continue
                try:
                    found.append(_RECEIPT.read(orjson.loads(file.read_bytes())))
                except (ShapeError, orjson.JSONDecodeError):
                    unreadable.append(info.ref)
    return found, unreadable


def _folder(project: str, target: StoreTarget) -> ObjectRef:
    prefix = f"{target.prefix}/" if target.prefix else ""
    return ObjectRef(target.bucket, target.region, f"{prefix}receipts/{project}/")
