"""Receipts: the store describes itself, so that a lost state can be rebuilt and a stale one cannot buy everything again.

As soon as a TaskId is known, and again when the task has ended, one small JSON object tells what was bought, under
`<prefix>/receipts/<project>/<attempt>.json`: beside the folder of takes, where one listing finds all of them in the order of time.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import uuid4

import orjson

from mpsjobs.model import events
from mpsjobs.model.asset import Json, StoreTarget
from mpsjobs.model.ports import ObjectRef, ObjectStore
from mpsjobs.model.state import Input, Output, State, Take, TakeStatus
from mpsjobs.state.codec import OUTPUT
from mpsjobs.state.shape import Shape, ShapeError

CONTENT_TYPE: Final = "application/json"
RECEIPT_LOST: Final = "the store takes no receipts, so a lost state could not be rebuilt from it"
_READS_AT_ONCE: Final = 16
_COMPARED: Final = 1000
"""So many of the newest attempts are compared with the receipts: as many as one page of a listing holds."""
_OTHERS: Final = 20
_SAMPLED: Final = 50


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was bought, copied or imported, and what came of it. `status` is `submitted`, `done`, `failed` or `deleted`; times as in events. Holds no secret."""

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
    origin_environment: str | None = None
    origin_attempt: str | None = None
    preferred: bool = False
    imported: str | None = None
    draft: bool = False
    draft_commit: str | None = None
    version: int = 1

    def encode(self) -> bytes:
        return orjson.dumps(_RECEIPT.write(self), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    @property
    def metadata(self) -> dict[str, str]:
        """What the object itself is marked with."""
        marks = {"address": self.address, "fingerprint": self.fingerprint, "task-id": self.task_id}
        return {name: value for name, value in marks.items() if value}


_RECEIPT = Shape(Receipt, {"inputs": Shape(Input), "outputs": OUTPUT})


def place(project: str, cos_path: ObjectRef, attempt_id: str) -> ObjectRef:
    """Where the receipt of an attempt stands, given the attempt's own path."""
    prefix, _, _ = cos_path.key.rpartition(f"takes/{attempt_id}")
    return replace(cos_path, key=f"{prefix}receipts/{project}/{attempt_id}.json")


def receipt_of(project: str, fingerprint: str, fields_: Mapping[str, Json], take: Take) -> Receipt:
    """The receipt of a take as the state has it. The take has a TaskId, or outputs."""
    same = {field.name for field in fields(Receipt)} & {field.name for field in fields(Take)}
    known = {name: getattr(take, name) for name in same}
    return Receipt(project=project, fingerprint=fingerprint, fields=dict(fields_), **known)


def receipt_in(store: ObjectStore, project: str, cos_path: ObjectRef, attempt_id: str) -> Receipt | None:
    """The receipt of an attempt; None where there is none, or none that can be read. One GET, which is never late.

    Raises:
        CloudError: the store cannot be read.
    """
    ref = place(project, cos_path, attempt_id)
    data = store.read(ref)
    return None if data is None else _decoded(project, ref, data)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Receipts that a state knows nothing of: those of takes that it could use, and objects that are no receipts."""

    takes: tuple[ObjectRef, ...]
    unreadable: tuple[ObjectRef, ...]


def unknown_takes(
    store: ObjectStore, project: str, targets: Iterable[StoreTarget], state: State, realm: str
) -> Unknown:
    """Receipts in these places of which the state knows nothing. A listing may be late: it can confirm, never deny.

    A take of another realm, or one that was deleted, is left out: it could not be used, so nothing that it gives is bought again.

    Raises:
        CloudError: the store cannot be read.
    """
    known = {take.attempt_id for _, take in state.takes()}
    oldest = sorted(known)[-_COMPARED] if len(known) >= _COMPARED else None
    refs: list[ObjectRef] = []
    for target in set(targets):
        folder = _folder(project, target)
        after = f"{folder.key}{oldest}.json" if oldest else ""
        listed = store.list(folder, start_after=after)
        refs += (info.ref for info in listed if _attempt_of(info.ref) not in known)
    read = list(_read(store, project, refs))
    return Unknown(
        tuple(
            ref
            for ref, receipt in read
            if receipt and receipt.realm == realm and receipt.status is not TakeStatus.DELETED
        ),
        tuple(ref for ref, receipt in read if receipt is None),
    )


def under_another_name(
    store: ObjectStore,
    project: str,
    targets: Iterable[StoreTarget],
    fingerprints: frozenset[str],
    realm: str,
) -> tuple[str, ObjectRef] | None:
    """Another project that has bought one of these sounds, and its receipt; None where none is found.

    Who gives the project another name is a stranger to its receipts, and to a state in a bucket that is named after it. A sample: the first
    receipts of the first other projects. The environments of this one are no others.

    Raises:
        CloudError: the store cannot be read.
    """
    for target in set(targets):
        for other, refs in islice(_others(store, project, target), _OTHERS):
            for ref, receipt in _read(store, other, refs):
                used = receipt and receipt.realm == realm and receipt.fingerprint in fingerprints
                if receipt and used and receipt.status not in {TakeStatus.DELETED, TakeStatus.FAILED}:
                    return other, ref
    return None


def _others(
    store: ObjectStore, project: str, target: StoreTarget
) -> Iterator[tuple[str, tuple[ObjectRef, ...]]]:
    """Whose receipts there are beside those of this project, and the first of them: one request for each."""
    root = replace(_folder("", target), key=_folder("", target).key.removesuffix("/"))
    after = ""
    while listed := [info.ref for info in islice(store.list(root, start_after=after), _SAMPLED)]:
        other = listed[0].key.removeprefix(root.key).partition("/")[0]
        folder = f"{root.key}{other}"
        after = f"{folder}0"  # the next character after the slash
        if other.partition("@")[0] != project.partition("@")[0]:
            yield other, tuple(ref for ref in listed if ref.key.startswith(f"{folder}/"))


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
    listed = (info.ref for target in set(targets) for info in store.list(_folder(project, target)))
    read = list(_read(store, project, (ref for ref in listed if _attempt_of(ref) not in known)))
    new = sorted((receipt for _, receipt in read if receipt), key=lambda r: r.attempt_id)
    numbers = {(fingerprint, take.take) for fingerprint, take in state.takes()}
    told: list[events.Event] = []
    for receipt in new:
        number = receipt.take
        while (receipt.fingerprint, number) in numbers:
            number += 1
        numbers.add((receipt.fingerprint, number))
        told += _history(replace(receipt, take=number), host, boot_id)
    told += _addresses(new, state)
    unreadable = tuple(ref for ref, receipt in read if receipt is None)
    return Rebuilt(tuple(told), len(new), unreadable)


def _history(receipt: Receipt, host: str, boot_id: str) -> Iterator[events.Event]:
    yield from _beginning(receipt, host, boot_id)
    ended = receipt.finished_at or receipt.submitted_at or receipt.intended_at
    if receipt.outputs and (receipt.task_id or not receipt.imported) and not receipt.origin_attempt:
        yield events.OutputsRecorded(ended, receipt.attempt_id, receipt.outputs)
    elif receipt.status is TakeStatus.FAILED:
        message = receipt.message or "the cloud gives no reason"
        yield events.TaskFailed(ended, receipt.attempt_id, message, receipt.request_id)
    if receipt.status is TakeStatus.DELETED:
        yield events.TakeDeleted(ended, receipt.attempt_id)


def _beginning(receipt: Receipt, host: str, boot_id: str) -> Iterator[events.Event]:
    """How the take came to be. What was copied, and an object that was imported, is there with its outputs at once."""
    if receipt.origin_environment and receipt.origin_attempt:
        yield events.TakeCopied(
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
            origin_environment=receipt.origin_environment,
            origin_attempt=receipt.origin_attempt,
            task_id=receipt.task_id,
            request_id=receipt.request_id,
            preferred=receipt.preferred,
            outputs=receipt.outputs,
            inputs=receipt.inputs,
        )
        return
    if receipt.imported:
        yield events.TakeImported(
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
            source=receipt.imported,
            task_id=receipt.task_id,
            outputs=() if receipt.task_id else receipt.outputs,
        )
        return
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
        draft=receipt.draft,
        commit=receipt.draft_commit,
    )
    if receipt.task_id:
        yield events.TaskSubmitted(since, receipt.attempt_id, receipt.task_id, receipt.request_id)


def _addresses(new: list[Receipt], state: State) -> Iterator[events.AssetRecorded]:
    """Each address that the state lacks, pointing at the newest take that was made for it, a finished one if there is any.

    Not at a draft: whether it was ever adopted only the specs can tell, and the next apply asks them.
    """
    newest: dict[str, Receipt] = {}
    for receipt in new:
        if receipt.status is TakeStatus.DELETED or receipt.draft:
            continue
        before = newest.get(receipt.address)
        if before is None or bool(receipt.outputs) >= bool(before.outputs):
            newest[receipt.address] = receipt
    for address, receipt in sorted(newest.items()):
        if address not in state.assets:
            at = receipt.finished_at or receipt.submitted_at or receipt.intended_at
            yield events.AssetRecorded(at, address, receipt.fingerprint, receipt.realm, takes=1, pick=None)


def _read(
    store: ObjectStore, project: str, refs: Iterable[ObjectRef]
) -> Iterator[tuple[ObjectRef, Receipt | None]]:
    """Each object with the receipt in it, None when it is none; many at a time. One that was deleted meanwhile is passed over."""
    with TemporaryDirectory(prefix="mpsjobs-") as scratch, ThreadPoolExecutor(_READS_AT_ONCE) as pool:

        def content(ref: ObjectRef) -> tuple[ObjectRef, bytes | None]:
            file = Path(scratch) / str(uuid4())
            if store.fetch(ref, file) is None:
                return ref, None
            content = file.read_bytes()
            file.unlink()
            return ref, content

        for ref, data in pool.map(content, refs):
            if data is not None:
                yield ref, _decoded(project, ref, data)


def _decoded(project: str, ref: ObjectRef, data: bytes) -> Receipt | None:
    try:
        receipt = _RECEIPT.read(orjson.loads(data))
    except (ShapeError, orjson.JSONDecodeError):
        return None
    names = (receipt.version, receipt.project, receipt.attempt_id)
    return receipt if names == (1, project, _attempt_of(ref)) else None


def _attempt_of(ref: ObjectRef) -> str:
    """Whose receipt stands there."""
    return ref.key.rpartition("/")[2].removesuffix(".json")


def _folder(project: str, target: StoreTarget) -> ObjectRef:
    prefix = f"{target.prefix}/" if target.prefix else ""
    return ObjectRef(target.bucket, target.region, f"{prefix}receipts/{project}/")
