"""Recordings and videos that a model works from, made reachable for the cloud."""

import hashlib
import mimetypes
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, assert_never

from mpsjobs.model.asset import Reference, ReferenceKind, Sound, StoreTarget
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import ObjectRef, ObjectStore

VALID_S: Final = 3600.0
"""How long a URL is good for: as long as the longest task may take. Nobody says when in its life a task reads its references."""


@dataclass(frozen=True, slots=True)
class References:
    """Puts files into the store under their content hash, beside the takes, and makes URLs to them. Thread-safe.

    Two threads that put one file at once write the same object.
    """

    root: Path
    store: ObjectStore
    target: StoreTarget

    def reachable(self, sound: Sound) -> Sound:
        """The sound with a URL for every reference, good for an hour from now.

        Raises:
            CloudError: a file is not what it was when the plan was made, the store cannot be used, or the URL would end too soon.
        """
        return replace(
            sound,
            reference_audio=tuple(map(self._by_url, sound.reference_audio)),
            reference_video=tuple(map(self._by_url, sound.reference_video)),
        )

    def _by_url(self, reference: Reference) -> Reference:
        match reference.kind:
            case ReferenceKind.URL:
                return reference
            case ReferenceKind.FILE:
                ref = self._uploaded(reference)
                return Reference(ReferenceKind.URL, self.store.url(ref, valid_s=VALID_S))
            case ReferenceKind.ASSET:
                raise AssertionError(reference)  # the specs refuse these so far
            case _:
                assert_never(reference.kind)

    def _uploaded(self, reference: Reference) -> ObjectRef:
        """Where the file is in the store; it is put there unless it is there already."""
        file, prefix = self.root / reference.value, f"{self.target.prefix}/" if self.target.prefix else ""
        key = f"{prefix}references/{reference.sha256}{file.suffix.lower()}"
        ref = ObjectRef(self.target.bucket, self.target.region, key)
        try:
            content = file.read_bytes()
        except OSError as error:
            raise _changed(reference) from error
        if hashlib.sha256(content).hexdigest() != reference.sha256:
            raise _changed(reference)
        there = self.store.head(ref)
        if there is None or there.size != len(content):
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            self.store.put(ref, content, content_type=kind, metadata={"file": reference.value})
        return ref


def _changed(reference: Reference) -> CloudError:
    return CloudError.of(
        f"{reference.value} has changed since the plan was made.",
        detail="What it holds now is another sound than the one that was planned.",
        hint="Plan and apply again.",
    )
