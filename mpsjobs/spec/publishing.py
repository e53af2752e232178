"""Published keys: what is wrong with one by itself, and where two assets would overwrite each other."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from typing import TYPE_CHECKING, Final

from mpsjobs.model.asset import Asset, StoreTarget
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related
from mpsjobs.model.published_keys import RESERVED, below, numbered, with_format
from mpsjobs.model.settings import StoreSettings
from mpsjobs.spec.catalogue import Catalogue
from mpsjobs.spec.suggest import listed

if TYPE_CHECKING:
    from mpsjobs.spec.resolve import Draft

MOST_COLLISIONS: Final = 10
"""So many are shown; who has more of them has one mistake in the defaults."""

MAX_BYTES: Final = 800
"""COS takes keys of 850 bytes; the rest is for the number of a file."""

_MOST_FILES: Final = 100
_ODD = re.compile(r"[\\${}\x00-\x1f\x7f]")
_UNFINISHED: Final = ".tmp-"
_MAY_BE: Final = "`{}` and `{}` can be one object."
_HINT: Final = "Write a key such as `music/${asset.path}.${format}`."


def bad_key(key: str, prefix: str, at: Position) -> Diagnostic | None:
    """Why nothing can be published under this key, below the prefix of the store."""
    bare = with_format(key, "mp3")
    parts = bare.split("/")
    odd = _ODD.search(bare)
    if any(part.strip(" ") in {"", ".", ".."} for part in parts):
        why = "A part of it is empty, `.` or `..`."
    elif odd:
        why = f"It holds {odd[0]!r}; `${{format}}` is all that may be left open."
    elif any(part.startswith(_UNFINISHED) for part in parts):
        why = f"A part of it begins with `{_UNFINISHED}`, as unfinished files do."
    elif parts[0].casefold() in RESERVED:
        why = f"It lies below `{parts[0]}/`, where mpsjobs keeps what it needs."
    elif len(below(prefix, bare).encode()) > MAX_BYTES:
        why = f"It has more than {MAX_BYTES} bytes with the prefix of the store."
    else:
        return None
    return Diagnostic("This cannot be a published key", why, _HINT, position=at, code=Code.BAD_PUBLISHED_KEY)


@dataclass(frozen=True, slots=True)
class _Claim:
    """An asset, and where it or its key is written."""

    address: str
    at: Position
    key: str


def collisions(
    resolved: Iterable[tuple["Draft", Asset]], store: StoreSettings, catalogue: Catalogue
) -> Iterator[Diagnostic]:
    """Keys that two assets would publish to, or below which another one would. `resolved` are drafts with their assets.

    Assets with one and the same `${format}` key collide, whatever their formats: the cloud decides on these. What a task with several
    songs adds to the key counts too.
    """
    every = list(resolved)
    pairs = [(draft, asset) for draft, asset in every if asset.publish is not None]
    targets = {asset.store for _, asset in every if asset.store}
    found = [*_in_the_way(pairs, targets, store), *_shared(pairs, catalogue)]
    yield from found[:MOST_COLLISIONS]
    if len(found) > MOST_COLLISIONS:
        more = len(found) - MOST_COLLISIONS
        at = found[MOST_COLLISIONS].position
        yield Diagnostic(
            f"{more:,} more published keys are in each other's way",
            hint=_HINT,
            position=at,
            code=Code.PUBLISHED_TWICE,
        )


def _shared(pairs: Sequence[tuple["Draft", Asset]], catalogue: Catalogue) -> Iterator[Diagnostic]:
    owners: dict[str, _Claim] = {}
    rivals: dict[str, dict[str, _Claim]] = {}
    for draft, asset in pairs:
        claim = _claim(draft, asset)
        for key in _keys(asset, catalogue):
            owner = owners.setdefault(key.casefold(), claim)
            if owner is not claim:
                rivals.setdefault(owner.address, {owner.address: owner}).setdefault(asset.address, claim)
    for first, second, *rest in (tuple(each.values()) for each in rivals.values()):
        more = f" Of {len(rest):,} more the same is true." if rest else ""
        what = f"It is `{first.key}`." if first.key == second.key else _MAY_BE.format(first.key, second.key)
        yield Diagnostic(
            f'"{first.address}" and "{second.address}" are published to one key',
            what + more,
            "Name the asset in the key: `${asset.path}`, or write another one.",
            position=second.at,
            related=(Related(first.at, "the other one"),),
            code=Code.PUBLISHED_TWICE,
        )
    for key in sorted(owners):
        for folder in accumulate(key.split("/")[:-1], "{}/{}".format):
            if folder in owners:
                yield Diagnostic(
                    f'"{owners[key].address}" is published below the key of "{owners[folder].address}"',
                    f"`{owners[folder].key}` cannot be a file and a folder at once.",
                    "Write another key.",
                    position=owners[key].at,
                    related=(Related(owners[folder].at, "the other one"),),
                    code=Code.PUBLISHED_TWICE,
                )


def _keys(asset: Asset, catalogue: Catalogue) -> set[str]:
    """Every key that the asset may be published to, and the key as it is written."""
    key, sound = asset.publish or "", asset.sound
    songs = catalogue.entry(sound.model).songs(sound.additional_parameters)
    formats = (sound.format,) if sound.format else catalogue.formats
    numbers = range(1, min(songs, _MOST_FILES) + 1)
    return {key} | {with_format(numbered(key, number), each) for number, each in product(numbers, formats)}


def _in_the_way(
    pairs: Sequence[tuple["Draft", Asset]], targets: Iterable[StoreTarget], store: StoreSettings
) -> Iterator[Diagnostic]:
    """Keys below the folders of assets that have a prefix of their own in the same bucket."""
    here = (store.bucket, store.region)
    prefixes = {each.prefix for each in targets if (each.bucket, each.region) == here}
    for draft, asset in pairs if prefixes - {store.prefix} else ():
        parts = below(store.prefix, asset.publish or "").split("/")
        for depth, part in enumerate(parts):
            if part.casefold() in RESERVED and "/".join(parts[:depth]) in prefixes:
                yield Diagnostic(
                    "This cannot be a published key",
                    f"It lies below `{'/'.join(parts[: depth + 1])}/`, where mpsjobs keeps what it needs "
                    f"(`prefix` of an asset); {listed(RESERVED)} are kept free.",
                    _HINT,
                    position=_claim(draft, asset).at,
                    code=Code.BAD_PUBLISHED_KEY,
                )
                break


def _claim(draft: "Draft", asset: Asset) -> _Claim:
    """The asset's own line says more than that of defaults which many inherit."""
    said = draft.fields["publish"]
    own = said.layer.title == "asset"
    at = asset.source or (said.at() if own else asset.origin)
    return _Claim(asset.address, at, asset.publish or "")
