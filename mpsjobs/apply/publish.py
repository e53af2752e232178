"""Publishing: outputs are copied to the stable keys that a game build reads, and recorded when they are there.

A reader of a key sees the object of before or the new one, whole. What is cut off before the event leaves the right objects under the right
keys; the next apply puts them again.
"""

import mimetypes
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mpsjobs.apply.collect import fetch_recorded
from mpsjobs.model.change import Plan, Publish
from mpsjobs.model.ports import ObjectStore
from mpsjobs.model.state import Published, State
from mpsjobs.plan.publishing import Publication, due


@dataclass(slots=True)
class Publications:
    """What a plan wants to have published. An asset is published by one thread at a time, and looked at again after that."""

    state: State
    realm: str
    _wanted: dict[str, Publish] = field(default_factory=dict)
    _under_way: set[str] = field(default_factory=set)

    def begin(self, plan: Plan) -> list[str]:
        """The addresses that are published in this run, or may be."""
        self._wanted = {action.address: action for action in plan.actions if isinstance(action, Publish)}
        return list(self._wanted)

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    def next(self, address: str) -> Publication | None:
        """What is to be copied now. Nothing, as long as the address points at another sound: what is published stays until then."""
        publish, record = self._wanted.get(address), self.state.assets.get(address)
        if publish is None or record is None or address in self._under_way:
            return None
        if (record.fingerprint, record.realm) != (publish.fingerprint, self.realm):
            return None
        return due(publish, record, self.state.pool(record.fingerprint), self.realm)

    def started(self, address: str) -> None:
        self._under_way.add(address)

    def ended(self, address: str, *, well: bool) -> None:
        """It is published, or cannot be in this run."""
        self._under_way.discard(address)
        if not well:
            self._wanted.pop(address, None)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Copies outputs. Thread-safe. `scratch` holds files for a moment."""

    store: ObjectStore
    scratch: Path

    def publish(self, publication: Publication) -> tuple[Published, ...]:
        """Put the outputs of a take under their stable keys, and say what lies there. Doing it twice does no harm.

        Raises:
            CloudError: an output is gone or is not what was recorded, or the store cannot be used.
            OSError: there is no room for it on this machine.
        """
        return tuple(self._copies(publication))

    def _copies(self, publication: Publication) -> Iterator[Published]:
        take = publication.take
        if take is None:
            return
        self.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix="publish-") as folder:
            file = Path(folder) / "output"
            for output, to in publication.copies:
                fetch_recorded(self.store, output, file)
                marks = {
                    "address": publication.address,
                    "fingerprint": publication.fingerprint,
                    "take": str(take.take),
                    "attempt-id": take.attempt_id,
                    "sha256": output.sha256,
                    **({"task-id": take.task_id} if take.task_id else {}),
                }
                content_type = mimetypes.guess_type(f"x.{output.format}")[0] or "application/octet-stream"
                info = self.store.put(to, file, content_type=content_type, metadata=marks)
                yield Published(
                    bucket=to.bucket,
                    region=to.region,
                    key=to.key,
                    etag=info.etag,
                    size=info.size,
                    sha256=output.sha256,
                    fingerprint=publication.fingerprint,
                    take=take.take,
                    attempt_id=take.attempt_id,
                    picked=publication.picked,
                )
