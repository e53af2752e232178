"""Finding what a task wrote, and noting what it is."""

import hashlib
import mimetypes
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import structlog

from mpsjobs.apply.receipts import CONTENT_TYPE, Receipt
from mpsjobs.audio.probe import probe
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import ObjectInfo, ObjectRef, ObjectStore, ResultFile
from mpsjobs.model.state import Output

log = structlog.get_logger("mpsjobs.collect")


@dataclass(frozen=True, slots=True)
class Collector:
    """Reads outputs from the store. Thread-safe. `download` writes what a URL gives to a file; `scratch` holds files for a moment."""

    store: ObjectStore
    download: Callable[[str, Path], None]
    scratch: Path

    def collect(self, path: ObjectRef, expected: int) -> tuple[Output, ...] | None:
        """The outputs below an attempt's own path, in the order of their keys; None when they do not show yet.

        The path belongs to one attempt, so whatever lies there is its result, however the keys are laid out. A listing may be late, so
        fewer than `expected` objects mean "not yet", and several count only when two listings in a row agree.

        Raises:
            CloudError: the store cannot be asked.
        """
        found = tuple(self.store.list(path))
        if len(found) < max(expected, 1) or (len(found) > 1 and found != tuple(self.store.list(path))):
            return None
        outputs = [self._output(info) for info in found]
        return tuple(output for output in outputs if output is not None) if all(outputs) else None

    def note(self, ref: ObjectRef, receipt: Receipt) -> None:
        """Put a receipt in its place. Raises CloudError where the store does not take it."""
        self.store.put(ref, receipt.encode(), content_type=CONTENT_TYPE, metadata=receipt.metadata)

    def rescue(self, path: ObjectRef, results: Sequence[ResultFile], metadata: Mapping[str, str]) -> None:
        """Put outputs that do not show in the store there, from the URLs of the answer, before these expire."""
        try:
            for number, result in enumerate(results):
                self._put_back(path, number, result.url, metadata)
        except CloudError as error:
            log.warning("not fetched", path=path.key, error=str(error))

    def _put_back(self, path: ObjectRef, number: int, url: str, metadata: Mapping[str, str]) -> None:
        suffix = PurePosixPath(unquote(urlsplit(url).path)).suffix[:8]
        name = f"fetched-{number}{suffix}"
        ref = replace(path, key=path.key.rstrip("/") + "/" + name)
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        with self._scratch_file() as file:
            self.download(url, file)
            self.store.put(ref, file, content_type=content_type, metadata=metadata)

    @contextmanager
    def _scratch_file(self) -> Iterator[Path]:
        self.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix="collect-") as folder:
            yield Path(folder) / "output"

    def _output(self, info: ObjectInfo) -> Output | None:
        with self._scratch_file() as file:
            fetched = self.store.fetch(info.ref, file)
            if fetched is None:
                return None
            seen = probe(file)
            return Output(
                bucket=info.ref.bucket,
                region=info.ref.region,
                key=info.ref.key,
                etag=fetched.etag,
                size=fetched.size,
                sha256=sha256_of(file),
                format=seen.format if seen else PurePosixPath(info.ref.key).suffix.lstrip(".").lower(),
                duration_s=seen.duration_s if seen else None,
            )


def sha256_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
