"""The current take of each asset where a person looks for it: `<address>.<ext>` in the download folder.

These are copies. A file is replaced or removed only while it is byte for byte what was put there; what somebody changed or put in the
way is left alone and said.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import orjson

from mpsjobs.apply.collect import sha256_of
from mpsjobs.apply.progress import Downloaded, Noticed
from mpsjobs.model.file_names import stem_of
from mpsjobs.model.ports import ObjectRef, ObjectStore
from mpsjobs.model.state import Output

SAVE_EVERY = 64
"""So many files between two saves of the manifest: what a crash forgets is known again by its content."""


def file_names(address: str, outputs: tuple[Output, ...]) -> dict[str, Output]:
    """File name → output. Valid on Windows; `~` occurs in no address, so no name can stand for two assets."""
    return numbered_names(stem_of(address), outputs)


def numbered_names(stem: str, outputs: tuple[Output, ...]) -> dict[str, Output]:
    """File name → output: `stem.mp3`, `stem~2.mp3` and so on, each format by itself."""
    names: dict[str, Output] = {}
    counts: Counter[str] = Counter()
    for output in outputs:
        form = output.format or "bin"
        counts[form] += 1
        names[f"{stem}{f'~{counts[form]}' if counts[form] > 1 else ''}.{form}"] = output
    return names


@dataclass(frozen=True, slots=True)
class _Placed:
    """What was put there, and how the file looked right after (to see a change without reading it)."""

    sha256: str
    size: int
    mtime_ns: int


@dataclass(slots=True)
class Downloads:
    """The download folder. Thread-safe. `manifest` remembers which files are ours; losing it costs a comparison, never a file."""

    folder: Path
    manifest: Path
    store: ObjectStore
    _placed: dict[str, _Placed] = field(init=False)
    _unsaved: int = 0
    _told: set[tuple[str, str]] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._placed = dict(_read(self.manifest))

    def place(self, address: str, outputs: tuple[Output, ...]) -> list[Downloaded | Noticed]:
        """Put the files of one asset in place, unless they are already; tells what was done, or why not.

        Raises:
            CloudError: the store cannot be asked.
        """
        with self._lock:
            told = [
                self._placed_or_noticed(address, name, output)
                for name, output in file_names(address, outputs).items()
            ]
            self._unsaved += sum(isinstance(each, Downloaded) for each in told)
            if self._unsaved >= SAVE_EVERY:
                self._save()
        return [each for each in told if each]

    def files(self, address: str, outputs: tuple[Output, ...]) -> tuple[Path, ...]:
        """The files of an asset, if all of them are in place and are what was recorded."""
        names = file_names(address, outputs)
        there = all(
            (placed := self._placed.get(name)) and placed.sha256 == output.sha256 and self._is_ours(name)
            for name, output in names.items()
        )
        return tuple(self.folder / name for name in names) if there else ()

    def sync(
        self, current: Mapping[str, tuple[Output, ...]], waiting: Collection[str] = ()
    ) -> Iterator[Downloaded | Noticed]:
        """Put the files of all assets in place, and take away our copies of what is no longer current. Those of `waiting` addresses stay."""
        stems = {stem_of(address) for address in waiting}
        for address, outputs in sorted(current.items()):
            yield from self.place(address, outputs)
        wanted = {name for address, outputs in current.items() for name in file_names(address, outputs)}
        with self._lock:
            for name in self._placed.keys() - wanted:
                if name.rpartition(".")[0].partition("~")[0] in stems:
                    continue
                try:
                    if self._is_ours(name):
                        (self.folder / name).unlink(missing_ok=True)
                except OSError as error:
                    yield Noticed(
                        None, f"{name} in the download folder is no longer current, and stays: {error}"
                    )
                del self._placed[name]
                self._unsaved += 1
        self.save()

    def save(self) -> None:
        """Remember what was put there."""
        with self._lock:
            if self._unsaved:
                self._save()

    def _placed_or_noticed(self, address: str, name: str, output: Output) -> Downloaded | Noticed | None:
        try:
            return self._fetch(address, name, output)
        except OSError as error:
            return Noticed(address, f"{name} cannot be written into the download folder: {error}")

    def _fetch(self, address: str, name: str, output: Output) -> Downloaded | Noticed | None:
        path = self.folder / name
        placed = self._placed.get(name)
        if path.exists():
            if placed and placed.sha256 == output.sha256 and _looks_like(path, placed):
                return None
            if not self._is_ours(name) and sha256_of(path) != output.sha256:
                if (name, output.sha256) in self._told:
                    return None
                self._told.add((name, output.sha256))
                return Noticed(
                    address,
                    f"{name} in the download folder is not ours or was changed; it is left alone (move it away to get the take)",
                )
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f".{name}.part"
        try:
            if self.store.fetch(ObjectRef(output.bucket, output.region, output.key), part) is None:
                return Noticed(address, f"the output {output.key} is no longer in the store")
            if sha256_of(part) != output.sha256:
                return Noticed(
                    address, f"the output {output.key} in the store is not what was recorded; it is not used"
                )
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        stat = path.stat()
        self._placed[name] = _Placed(output.sha256, stat.st_size, stat.st_mtime_ns)
        return Downloaded(address, str(path))

    def _is_ours(self, name: str) -> bool:
        path, placed = self.folder / name, self._placed.get(name)
        if placed is None or not path.is_file():
            return False
        return _looks_like(path, placed) or sha256_of(path) == placed.sha256

    def _save(self) -> None:
        self.manifest.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.manifest.with_suffix(".tmp")
        temporary.write_bytes(orjson.dumps(self._placed, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
        temporary.replace(self.manifest)
        self._unsaved = 0


def _looks_like(path: Path, placed: _Placed) -> bool:
    stat = path.stat()
    return (stat.st_size, stat.st_mtime_ns) == (placed.size, placed.mtime_ns)


def _read(manifest: Path) -> Iterator[tuple[str, _Placed]]:
    """A manifest that cannot be read is as good as none: it is only a memory of what we put there."""
    try:
        for name, placed in orjson.loads(manifest.read_bytes()).items():
            yield name, _Placed(**placed)
    except (OSError, ValueError, TypeError, AttributeError):
        return
