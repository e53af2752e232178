"""The store: an object is put, read, listed, fetched by URL and taken away."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from mpsjobs.cloud.conditional import probe
from mpsjobs.cloud.references import VALID_S
from mpsjobs.doctor.account import Access
from mpsjobs.doctor.finding import Finding, Status, failed, from_error, needs, not_needed, ok, warning
from mpsjobs.model.asset import StoreTarget
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import ObjectRef, ObjectStore
from mpsjobs.model.settings import StoreKind
from mpsjobs.state.identity import TimeOrderedIds
from mpsjobs.wiring import Connections

_CONTENT: Final = b"mpsjobs doctor was here. This object can be deleted.\n"
_DENIED: Final = frozenset({"AccessDenied", "403"})
_RIGHTS: Final = {
    "put": "cos:PutObject",
    "get": "cos:GetObject and cos:HeadObject",
    "list": "cos:GetBucket",
    "delete": "cos:DeleteObject",
}
_TRIALS: Final = ("put", "get", "list", "url", "delete", "conditional_write", "versioning")
_STRANGE: Final = "Make sure that `store.endpoint` is one server, and nothing else works under this prefix."


def objects(connections: Connections, access: Access) -> Iterator[Finding]:
    """Everything about the store. Leaves nothing behind, as far as it may delete."""
    settings = connections.settings.store
    cos = settings.kind is StoreKind.COS
    if cos and not access.keys:
        yield from needs("credentials", "bucket", *_TRIALS)
    elif cos and "store" in access.blocked:
        yield from needs("proxy", "bucket", *_TRIALS)
    else:
        yield from _tried(connections)


def _tried(connections: Connections) -> Iterator[Finding]:
    settings = connections.settings.store
    prefix = f"{settings.prefix}/" if settings.prefix else ""
    key = f"{prefix}doctor/{TimeOrderedIds(connections.clock).new()}.txt"
    ref = ObjectRef(settings.bucket, settings.region, key)
    try:
        _listed(connections.objects, ref)
        denied = None
    except CloudError as error:
        if error.code not in _DENIED:
            yield _unusable(connections, ref, error)
            yield from needs("bucket", *_TRIALS)
            return
        denied = error
    yield ok("bucket", f"{_named(connections)} is there.")
    try:
        connections.objects.put(ref, _CONTENT, content_type="text/plain", metadata={"by": "mpsjobs doctor"})
    except CloudError as error:
        yield _refused("put", error)
        yield from needs("put", "get")
        yield _refused("list", denied) if denied else ok("list", "Objects are listed.")
        yield from needs("put", "url", "delete", "conditional_write", "versioning")
        return
    try:
        yield ok("put", f"An object was put under {prefix}doctor/.")
        yield _got(connections.objects, ref)
        yield _refused("list", denied) if denied else _shown(connections.objects, ref)
        yield _by_url(connections, ref)
    except GeneratorExit:  # nobody wants to know the rest
        _deleted(connections.objects, ref)
        raise
    yield _deleted(connections.objects, ref)
    yield from _overwriting(connections)


def _named(connections: Connections) -> str:
    settings = connections.settings.store
    if settings.kind is StoreKind.DIRECTORY:
        return f"The folder {settings.path}"
    at = f" at {settings.endpoint}" if settings.endpoint else ""
    return f"The bucket {settings.bucket} in {settings.region}{at}"


def _listed(store: ObjectStore, ref: ObjectRef) -> bool:
    """Whether LIST shows the object."""
    return any(info.ref.key == ref.key for info in store.list(ref))


def _unusable(connections: Connections, ref: ObjectRef, error: CloudError) -> Finding:
    """Why the bucket cannot be used at all; the other way of naming buckets is tried before the server is blamed."""
    settings = connections.settings.store
    if settings.endpoint:
        other: Literal["path", "virtual"] = "path" if settings.addressing_style == "virtual" else "virtual"
        store = replace(settings, addressing_style=other)
        try:
            _listed(replace(connections, settings=replace(connections.settings, store=store)).objects, ref)
        except CloudError:
            pass
        else:
            place = {"path": "in the path", "virtual": "in the host's name"}
            return failed(
                "bucket",
                f"{settings.endpoint} wants the bucket {place[other]}, not {place[settings.addressing_style]}.",
                error.diagnostics[0].detail,
                f"Write `addressing_style: {other}` under `store:`.",
            )
    told = from_error("bucket", error)
    return replace(told, summary=f"{_named(connections)} cannot be used.")


def _refused(name: str, error: CloudError, *, status: Status = Status.FAILED) -> Finding:
    found = from_error(name, error, status=status)
    if error.code in _DENIED:
        return replace(found, remedy=f"Grant these keys {_RIGHTS[name]} on the bucket, under the prefix.")
    return found


def _got(store: ObjectStore, ref: ObjectRef) -> Finding:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "object"
        try:
            there = store.head(ref) and store.fetch(ref, file)
        except CloudError as error:
            return _refused("get", error)
        if not there:
            return failed("get", "An object that was put is not there.", f"{ref.bucket}/{ref.key}", _STRANGE)
        if file.read_bytes() != _CONTENT:
            return failed(
                "get", "An object has another content than was put.", f"{ref.bucket}/{ref.key}", _STRANGE
            )
    return ok("get", "It was read back as it was put.")


def _shown(store: ObjectStore, ref: ObjectRef) -> Finding:
    try:
        if _listed(store, ref):
            return ok("list", "LIST shows it.")
    except CloudError as error:
        return _refused("list", error)
    return ok(
        "list",
        "LIST is late here, as COS says it may be.",
        "mpsjobs never takes a missing line for a missing object.",
    )


def _by_url(connections: Connections, ref: ObjectRef) -> Finding:
    """Fetch the object as a model would fetch a reference: by URL, without keys."""
    if connections.settings.store.kind is StoreKind.DIRECTORY:
        return next(not_needed("the emulator reads the folder", "url"))
    try:
        url = connections.objects.url(ref, valid_s=VALID_S)
    except CloudError as error:
        return from_error("url", error, status=Status.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        try:
            connections.fetcher()(url, Path(folder) / "object")
        except CloudError as error:
            detail = (
                f"{error.diagnostics[0].detail} Files that a model works from are handed over in this way."
            )
            remedy = "Look for rules of the bucket that forbid signed URLs, and for a proxy in the way."
            return failed("url", "A signed URL does not give the object.", detail, remedy)
    return ok("url", "A signed URL gives it without keys.")


def _deleted(store: ObjectStore, ref: ObjectRef) -> Finding:
    try:
        store.delete(ref)
        if store.head(ref) is None:
            return ok("delete", "It was taken away again.")
    except CloudError as error:
        found = _refused("delete", error, status=Status.WARNING)
        return replace(found, detail=f"{found.detail} It is left there; takes could not be deleted either.")
    return warning(
        "delete", "A deleted object is still there.", f"{ref.bucket}/{ref.key}", "Delete it by hand."
    )


def _overwriting(connections: Connections) -> Iterator[Finding]:
    """What a lock in the store could rest on: seen by writing twice, never assumed."""
    settings = connections.settings.store
    try:
        seen = probe(connections.objects, StoreTarget(settings.bucket, settings.region, settings.prefix))
    except CloudError as error:
        yield from_error("conditional_write", error, status=Status.WARNING)
        yield from needs("conditional_write", "versioning")
        return
    if seen.condition:
        yield ok("conditional_write", f"The store refuses to overwrite when it is told: {seen.condition}")
    else:
        yield warning(
            "conditional_write",
            "The store overwrites whatever it is told.",
            "It honours neither If-None-Match nor x-cos-forbid-overwrite. A state in a file does not need them.",
            "Keep the state in a file, and let one machine apply.",
        )
    match seen.versioned:
        case None:
            yield warning(
                "versioning",
                "The store does not tell whether the bucket keeps versions.",
                "COS ignores x-cos-forbid-overwrite in a bucket that ever did.",
                "Grant these keys cos:GetBucketVersioning.",
            )
        case True:
            yield ok("versioning", "The bucket keeps versions, or did: an overwritten object is not lost.")
        case False:
            yield ok("versioning", "The bucket keeps no versions.")
