"""`import:` blocks: tasks and objects from elsewhere, and the assets that they become takes of."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related
from mpsjobs.model.ports import ObjectRef
from mpsjobs.model.settings import StoreSettings
from mpsjobs.model.statements import Imported
from mpsjobs.spec.addresses import normal_address
from mpsjobs.spec.documents import ImportSpec, SpecFile
from mpsjobs.spec.mistakes import locate
from mpsjobs.spec.suggest import did_you_mean
from mpsjobs.spec.yaml import Map, position

_COS: Final = re.compile(
    r"(?:(?P<bucket>[a-z0-9-]+-[0-9]{5,20})\.)?cos\.(?P<region>[a-z0-9-]+)\.myqcloud\.com"
)
_BUCKET: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?-[0-9]{5,20}")
_REGION: Final = re.compile(r"(.+)@([a-z0-9-]+)")


class ImportDraft(NamedTuple):
    """An import as it is written, and where its parts are."""

    spec: ImportSpec
    to_at: Position
    what_at: Position


def imports_in(spec: SpecFile, root: Map, file: str) -> tuple[ImportDraft, ...]:
    """The imports that a file names, in their order."""

    def at(index: int, key: str) -> Position:
        mark = locate(root, ("import", index, key))
        return position(mark, file) if mark else Position(file)

    return tuple(
        ImportDraft(each, at(index, "to"), at(index, "object" if each.task_id is None else "task_id"))
        for index, each in enumerate(spec.imports or ())
    )


def resolve_imports(
    drafts: Iterable[ImportDraft], store: StoreSettings, wanted: Mapping[str, Position], *, complete: bool
) -> tuple[list[Imported], list[Diagnostic]]:
    """The imports, and what is wrong with them. `wanted` says where the assets are written; whether these are `complete`."""
    imports: list[Imported] = []
    problems: list[Diagnostic] = []
    first: dict[str, Position] = {}
    for draft in drafts:
        to = normal_address(None, draft.spec.to)
        if complete and to not in wanted:
            hint = did_you_mean(to, wanted.keys(), "Write the address as `mpsjobs plan` shows it.")
            detail = "No spec has an asset of this address, so a take would belong to nothing."
            problems.append(
                Diagnostic(
                    f'Unknown asset "{to}"', detail, hint, position=draft.to_at, code=Code.UNKNOWN_ASSET
                )
            )
        try:
            made = imported(to, draft.spec.task_id, draft.spec.object, store, draft.what_at)
        except ValueError as error:
            problems.append(_no_object(str(error), draft.what_at))
            continue
        before = first.setdefault(made.name, draft.what_at)
        if before is not draft.what_at:
            problems.append(
                Diagnostic(
                    f"The same {'object' if made.object else 'task'} is imported twice",
                    "It becomes one take, of one sound.",
                    "Remove one of the two imports.",
                    position=draft.what_at,
                    related=(Related(before, "first imported here"),),
                    code=Code.IMPORTED_TWICE,
                )
            )
        imports.append(made)
    return imports, problems


def imported(
    to: str, task_id: str | None, written: str | None, store: StoreSettings, at: Position | None = None
) -> Imported:
    """One import, of a task or of an object that is named as in `object_ref`.

    Raises:
        ValueError: the object's name cannot be read; the text says why.
    """
    return Imported(to, task_id, object_ref(written, store) if written else None, at)


def object_ref(written: str, store: StoreSettings) -> ObjectRef:
    """The object that `key`, `bucket/key`, `bucket/key@region` or its URL names; what is left out is the store's.

    Raises:
        ValueError: it names none.
    """
    bucket, region, key = _of_url(written, store) if "://" in written else _of_text(written, store)
    if not key or any(segment in {"", ".", ".."} for segment in key.split("/")):
        raise ValueError(f"`{written[:80]}` has no key of an object")
    return ObjectRef(bucket, region, key)


def _of_text(written: str, store: StoreSettings) -> tuple[str, str, str]:
    found = _REGION.fullmatch(written)
    path, region = (found[1], found[2]) if found else (written, store.region)
    head, slash, rest = path.partition("/")
    return (head, region, rest) if slash and _BUCKET.fullmatch(head) else (store.bucket, region, path)


def _of_url(written: str, store: StoreSettings) -> tuple[str, str, str]:
    try:
        parts = urlsplit(written)
    except ValueError:
        parts = urlsplit("")
    host, path = parts.netloc.lower(), unquote(parts.path).removeprefix("/")
    own = urlsplit(store.endpoint).netloc.lower() if store.endpoint else ""
    if parts.scheme in {"http", "https"} and (found := _COS.fullmatch(host)):
        bucket, region = found["bucket"], found["region"]
    elif own and host == own:
        bucket, region = None, store.region
    elif own and host.endswith(f".{own}"):
        bucket, region = host.removesuffix(f".{own}"), store.region
    else:
        raise ValueError("this is no URL of the store")
    if bucket is None:
        bucket, _, path = path.partition("/")
    return bucket, region, path


def _no_object(why: str, at: Position) -> Diagnostic:
    return Diagnostic(
        "This names no object of the store",
        f"{why[:1].upper()}{why[1:]}.",
        "Write `key`, `bucket/key`, `bucket/key@region`, or the URL of the object in the store.",
        position=at,
        code=Code.BAD_IMPORT,
    )
