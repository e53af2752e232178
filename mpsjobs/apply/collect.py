"""Finding what a task wrote, and noting what it is."""

import hashlib
import mimetypes
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from mpsjobs.apply.receipts import CONTENT_TYPE, Receipt
from mpsjobs.audio.measurer import Measurer
from mpsjobs.audio.probe import probe
from mpsjobs.cloud.log import logger
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import ObjectInfo, ObjectRef, ObjectStore, ResultFile
from mpsjobs.model.state import Output

_FETCHED: Final = "fetched-"
"""What the names begin with of outputs that were put into the store from their URLs."""

log = logger("collect")


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: `expected` outputs below `path`, which belongs to one attempt, so whatever lies there is its result.

    `results` are the files that the cloud names once it is done. `rescue`: what does not show is put there from their URLs, marked with
    `marks`. `seen` is what a listing showed a moment ago.
    """

    path: ObjectRef
    expected: int = 1
    results: tuple[ResultFile, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    rescue: bool = False
    seen: tuple[ObjectInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class Collector:
    """Reads outputs from the store and measures them. Thread-safe.

    `download` writes what a URL gives to a file; `scratch` holds files for a moment.
    """

    store: ObjectStore
    download: Callable[[str, Path], None]
    scratch: Path
    measurer: Measurer

    def collect(self, search: Search) -> tuple[Output, ...] | None:
        """The outputs, in the order of their keys; None when they do not all show yet.

        A listing may be late, so three things tell of outputs: the listing; the keys that the result URLs name, asked for one by one,
        which is never late; and at last the URLs themselves. It is complete when every result is accounted for, or when two listings in
        a row agree on enough. Where listing is denied, the URLs are all there is, and are used at once.

        Raises:
            CloudError: the store cannot be asked, and no URL helps.
        """
        found, trouble = self._listed(search)
        lacking = self._add_named(search, found)
        if search.results and not lacking:
            pass  # all that the cloud names is there
        elif trouble is None and self._confirmed(search, found):
            pass
        elif not ((search.rescue or trouble) and self._add_rescued(search, lacking, found)):
            if trouble:
                raise trouble
            return None
        outputs = [self._output(found[key]) for key in sorted(found)]
        once = _without_copies([output for output in outputs if output])
        return once if all(outputs) and len(once) >= search.expected else None

    def adopt(self, ref: ObjectRef, path: ObjectRef, marks: Mapping[str, str]) -> Output:
        """Copy an object below `path`, marked with `marks`, and say what it is. Doing it again does no harm.

        Raises:
            CloudError: there is no such object, it is no audio that can be read, or the store cannot be used.
        """
        name = PurePosixPath(ref.key).name
        to = replace(path, key=f"{path.key}{name}")
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        with self._scratch_file() as file:
            if self.store.fetch(ref, file) is None:
                raise CloudError.of(
                    "There is no such object in the store",
                    detail=f"{ref.bucket}/{ref.key}.",
                    code=Code.NOT_IMPORTED,
                )
            if probe(file) is None:
                raise CloudError.of(
                    "The object is no audio that can be read",
                    detail=f"{ref.bucket}/{ref.key}.",
                    code=Code.NOT_IMPORTED,
                )
            return self.described(self.store.put(to, file, content_type=content_type, metadata=marks), file)

    def note(self, ref: ObjectRef, receipt: Receipt) -> None:
        """Put a receipt in its place. Raises CloudError where the store does not take it."""
        self.store.put(ref, receipt.encode(), content_type=CONTENT_TYPE, metadata=receipt.metadata)

    def _listed(self, search: Search) -> tuple[dict[str, ObjectInfo], CloudError | None]:
        """What a listing shows, by key; and why there is none, if results are named that can be found without."""
        if search.seen:
            return {info.ref.key: info for info in search.seen}, None
        try:
            return {info.ref.key: info for info in self.store.list(search.path)}, None
        except CloudError as error:
            if not search.results:
                raise
            log.warning("not listed", path=search.path.key, error=str(error))
            return {}, error

    def _confirmed(self, search: Search, found: Mapping[str, ObjectInfo]) -> bool:
        """Whether enough shows, and, of several, whether the listing has come to rest."""
        if len(found) < search.expected:
            return False
        return len(found) == 1 or {info.ref.key: info for info in self.store.list(search.path)} == found

    def _add_named(self, search: Search, found: dict[str, ObjectInfo]) -> list[int]:
        """Find results by the keys that their URLs name. Returns the numbers of those that are not found like this."""
        lacking = []
        for number, result in enumerate(search.results):
            key = _key_of(result.url, search.path)
            info = found.get(key) or (self._there(replace(search.path, key=key)) if key else None)
            if info:
                found[key] = info
            else:
                lacking.append(number)
        return lacking

    def _add_rescued(self, search: Search, lacking: Sequence[int], found: dict[str, ObjectInfo]) -> bool:
        """Put the lacking results there from their URLs, before these expire. Returns whether that went well for all, and there were any."""
        try:
            for number in lacking:
                info = self._put_back(search, number)
                found[info.ref.key] = info
        except CloudError as error:
            log.warning("not fetched", path=search.path.key, error=str(error))
            return False
        return bool(lacking)

    def _put_back(self, search: Search, number: int) -> ObjectInfo:
        url = search.results[number].url
        suffix = PurePosixPath(unquote(urlsplit(url).path)).suffix[:8]
        name = f"{_FETCHED}{number}{suffix}"
        ref = replace(search.path, key=f"{search.path.key.rstrip('/')}/{name}")
        if there := self._there(ref):
            return there  # an earlier try got so far
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        with self._scratch_file() as file:
            self.download(url, file)
            return self.store.put(ref, file, content_type=content_type, metadata=search.marks)

    def _there(self, ref: ObjectRef) -> ObjectInfo | None:
        """The object, if it can be seen. To ask for one key may be denied, also where it only is not there."""
        try:
            return self.store.head(ref)
        except CloudError as error:
            log.info("not seen", key=ref.key, error=str(error))
            return None

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
            return self.described(fetched, file)

    def described(self, info: ObjectInfo, file: Path) -> Output:
        """What an object is, of which `file` is a copy."""
        sha256 = sha256_of(file)
        measured = self.measurer.measure(file, sha256)
        return Output(
            bucket=info.ref.bucket,
            region=info.ref.region,
            key=info.ref.key,
            etag=info.etag,
            size=info.size,
            sha256=sha256,
            format=measured.format or PurePosixPath(info.ref.key).suffix.lstrip(".").lower(),
            duration_s=measured.measures.duration_s if measured.measures else None,
            measures=measured.measures,
            unmeasured=measured.unmeasured,
        )


def by_take(found: Iterable[ObjectInfo], place: ObjectRef) -> dict[str, tuple[ObjectInfo, ...]]:
    """The objects below a folder of many takes, by the path of the take that each belongs to."""
    takes: dict[str, list[ObjectInfo]] = {}
    for info in found:
        take, slash, _ = info.ref.key[len(place.key) :].partition("/")
        if slash:
            takes.setdefault(f"{place.key}{take}/", []).append(info)
    return {path: tuple(infos) for path, infos in takes.items()}


def _key_of(url: str, path: ObjectRef) -> str:
    """The key that a result URL names below the attempt's path, wherever its host puts the bucket; empty when it names none."""
    where = unquote(urlsplit(url).path)
    start = where.find(f"/{path.key}")
    return where[start + 1 :] if start >= 0 else ""


def _without_copies(outputs: list[Output]) -> tuple[Output, ...]:
    """Leave out what was put there from a URL while the object itself was only late to show."""
    stored = Counter(output.sha256 for output in outputs if not _is_fetched(output))
    kept = []
    for output in outputs:
        if _is_fetched(output) and stored[output.sha256] > 0:
            stored[output.sha256] -= 1
        else:
            kept.append(output)
    return tuple(kept)


def _is_fetched(output: Output) -> bool:
    return PurePosixPath(output.key).name.startswith(_FETCHED)


def fetch_recorded(store: ObjectStore, output: Output, to: Path) -> None:
    """Write an output to a file, and make sure that it is the very one that was recorded.

    Raises:
        CloudError: it is gone or is another one now, or the store cannot be used.
    """
    ref = ObjectRef(output.bucket, output.region, output.key)
    if store.fetch(ref, to) is None:
        raise CloudError.of(
            "An output is not in the store any more",
            detail=f"{ref.bucket}/{ref.key}.",
            code=Code.OUTPUT_CHANGED,
        )
    if sha256_of(to) != output.sha256:
        raise CloudError.of(
            "An output in the store is not what was recorded",
            detail=f"{ref.bucket}/{ref.key} has changed since.",
            code=Code.OUTPUT_CHANGED,
        )


def sha256_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
