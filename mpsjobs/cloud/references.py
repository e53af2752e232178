"""Recordings and videos that a model works from, made reachable for the cloud."""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, assert_never

from mpsjobs.model.asset import Reference, ReferenceKind, Sound, StoreTarget
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import MissingInputError
from mpsjobs.model.ports import ObjectRef, ObjectStore
from mpsjobs.model.state import Take, output_of

VALID_S: Final = 3600.0
"""How long a URL is good for at the least: as long as a task may take where nobody says otherwise. Nobody says when in its life a task reads its references."""


@dataclass(frozen=True, slots=True)
class References:
    """Makes URLs to what is in the store: files, put there under their content hash, beside the takes, and `takes` of other assets.

    Thread-safe: two threads that put one file at once write the same object. `takes` are usable ones, by the address of their asset;
    each knows its own bucket and region. URLs are good for `valid_s` seconds.
    """

    root: Path
    store: ObjectStore
    target: StoreTarget
    takes: Mapping[str, Take] = field(default_factory=dict)
    valid_s: float = VALID_S

    def reachable(self, sound: Sound) -> Sound:
        """The sound with a URL for every reference, good from now on.

        Raises:
            MissingInputError: a file is not what it was when the plan was made, or an output of a take is gone.
            CloudError: the store cannot be used, or the URL would end too soon.
        """
        return replace(
            sound,
            reference_audio=tuple(self._by_url(each, video=False) for each in sound.reference_audio),
            reference_video=tuple(self._by_url(each, video=True) for each in sound.reference_video),
        )

    def _by_url(self, reference: Reference, *, video: bool) -> Reference:
        match reference.kind:
            case ReferenceKind.URL:
                return reference
            case ReferenceKind.FILE:
                ref = self._uploaded(reference)
            case ReferenceKind.ASSET:
                ref = self._output(reference.value, video=video)
            case _:
                assert_never(reference.kind)
        return Reference(ReferenceKind.URL, self.store.url(ref, valid_s=self.valid_s))

    def _output(self, address: str, *, video: bool) -> ObjectRef:
        """The output that stands for another asset. It must be there: a task that cannot read it fails, and may cost all the same."""
        take = self.takes[address]
        output = output_of(take.outputs, video=video)
        ref = ObjectRef(output.bucket, output.region, output.key)
        there = self.store.head(ref)
        if there is None or there.size != output.size:
            raise MissingInputError.of(
                f"Take {take.take} of {address} is not in the store as it was recorded.",
                detail=f"{ref.bucket}/{ref.key} is {'gone' if there is None else 'another file now'}; another asset is made from it.",
                hint=f"Bring it back, pick another take, or make a new one: mpsjobs apply --replace {address}",
                code=Code.OUTPUT_CHANGED,
            )
        return ref

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


def _changed(reference: Reference) -> MissingInputError:
    return MissingInputError.of(
        f"{reference.value} has changed since the plan was made.",
        detail="What it holds now is another sound than the one that was planned.",
        hint="Plan and apply again.",
        code=Code.REFERENCE_CHANGED,
    )
