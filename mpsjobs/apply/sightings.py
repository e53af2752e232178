"""Whether recorded objects are still in the store, and unchanged: by few listings, and a question for each that these leave open.

A listing confirms and never denies: it may be late, so what it lacks, or shows as another, is asked for by its key before it counts as
missing or changed.
"""

import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from mpsjobs.apply.collect import sha256_of
from mpsjobs.model.asset import StoreTarget
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import ObjectInfo, ObjectRef, ObjectStore
from mpsjobs.model.state import Output, Published

PAGE: Final = 1000
"""What one call of a listing shows. After so many objects that nobody asks for, a new listing begins at the next that somebody does."""

_AT_ONCE: Final = 16

Recorded: TypeAlias = Output | Published


class Sight(StrEnum):
    """THERE: as it was recorded · SAME: with another ETag, but the same content · UNSEEN: the store does not say."""

    THERE = "there"
    SAME = "same"
    CHANGED = "changed"
    MISSING = "missing"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What became of one object. `info` is what the store says of it now, None where it is not there or nothing is known."""

    sight: Sight
    info: ObjectInfo | None = None


_THERE: Final = Sighting(Sight.THERE)


def ref_of(recorded: Recorded) -> ObjectRef:
    return ObjectRef(recorded.bucket, recorded.region, recorded.key)


@dataclass(frozen=True, slots=True)
class Lookout:
    """Looks for objects. `targets` are the places that the project writes to: below these it lists. `scratch` holds files for a moment."""

    store: ObjectStore
    targets: Collection[StoreTarget]
    scratch: Path

    def look(self, recorded: Iterable[Recorded]) -> dict[ObjectRef, Sighting]:
        """Every object with what became of it.

        Raises:
            CloudError: the store cannot be listed.
        """
        wanted = {ref_of(each): each for each in recorded}
        open_ones = dict(wanted)
        for folder, keys in self._folders(wanted).items():
            for info in _listed(self.store, folder, keys):
                each = wanted[info.ref]
                if (info.etag, info.size) == (each.etag, each.size):
                    del open_ones[info.ref]
        found = dict.fromkeys(wanted, _THERE)
        if open_ones:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="look") as threads:
                found.update(zip(open_ones, threads.map(self._asked, open_ones.values()), strict=True))
        return found

    def _folders(self, wanted: Mapping[ObjectRef, Recorded]) -> dict[ObjectRef, list[str]]:
        """The keys to be seen, in order, by the beginnings to list: the place of the project that they are in, else their own folder."""
        roots = [(target.bucket, target.region, f"{target.prefix}/".lstrip("/")) for target in self.targets]
        folders: dict[ObjectRef, list[str]] = {}
        for ref in wanted:
            fitting = [
                prefix
                for bucket, region, prefix in roots
                if (bucket, region) == (ref.bucket, ref.region) and ref.key.startswith(prefix)
            ]
            prefix = max(fitting, key=len, default=ref.key[: ref.key.rfind("/") + 1])
            folders.setdefault(ObjectRef(ref.bucket, ref.region, prefix), []).append(ref.key)
        return {
            ObjectRef(folder.bucket, folder.region, _common(keys, folder.key)): sorted(keys)
            for folder, keys in folders.items()
        }

    def _asked(self, recorded: Recorded) -> Sighting:
        """One object, by its key; its content, where only that can tell."""
        ref = ref_of(recorded)
        try:
            info = self.store.head(ref)
            if info is None:
                return Sighting(Sight.MISSING)
            if info.size != recorded.size:
                return Sighting(Sight.CHANGED, info)
            if info.etag == recorded.etag:
                return Sighting(Sight.THERE, info)
            return Sighting(Sight.SAME if self._sha256(ref) == recorded.sha256 else Sight.CHANGED, info)
        except CloudError:
            return Sighting(Sight.UNSEEN)

    def _sha256(self, ref: ObjectRef) -> str | None:
        self.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix="look-") as folder:
            file = Path(folder) / "object"
            return sha256_of(file) if self.store.fetch(ref, file) else None


def _common(keys: list[str], prefix: str) -> str:
    """The longest beginning, up to a slash, that all keys have: never shorter than `prefix`."""
    first, last = min(keys), max(keys)
    length = next(
        (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first)
    )
    return first[: max(len(prefix), first.rfind("/", 0, length) + 1)]


def _listed(store: ObjectStore, folder: ObjectRef, keys: list[str]) -> Iterator[ObjectInfo]:
    """Those of the keys, in order, that a listing shows. As few calls as there are pages, or as there are keys, if these are fewer."""
    position, after = 0, ""
    while position < len(keys):
        passed = 0
        for info in store.list(folder, start_after=after):
            while position < len(keys) and keys[position] < info.ref.key:
                position += 1
            if position == len(keys):
                return
            if keys[position] == info.ref.key:
                position += 1
                passed = 0
                yield info
            else:
                passed += 1
            if position < len(keys) and passed >= PAGE:
                break
        else:
            return
        after = keys[position][:-1]  # sorts right before it
