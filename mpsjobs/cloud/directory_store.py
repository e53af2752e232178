"""A folder as an object store: `<root>/<bucket>/<key>`, plain files that a person and the emulator can share."""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from mpsjobs.cloud.object_keys import TEMPORARY, bad_key, check_key
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import Condition, ObjectInfo, ObjectRef

_CHUNK: Final = 1024 * 1024


class DirectoryStore:
    """Objects as files (see `mpsjobs.model.ports.ObjectStore`). Thread-safe, and safe with other processes that rename into place.

    The region takes no part. Content type and metadata are not kept: a file has no place for them that survives a copy. The ETag is
    made of the file's size, time and number, so LIST reads no content; every write changes it, and so does copying the folder.
    A key cannot be a file and a folder at once, as in any file system.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(
        self,
        ref: ObjectRef,
        source: Path | bytes,
        *,
        content_type: str,  # noqa: ARG002  # not kept
        metadata: Mapping[str, str],  # noqa: ARG002  # not kept
    ) -> ObjectInfo:
        target = self._path(ref)
        with _failures_named("write to", ref):
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(source, bytes):
                _replace(target, lambda file: file.write(source))
            else:
                with source.open("rb") as content:
                    _replace(target, lambda file: _copy(content, file))
            return _info(ref, target.stat())

    def create(
        self,
        ref: ObjectRef,
        content: bytes,
        *,
        condition: Condition,  # noqa: ARG002  # the file system refuses without being told
        content_type: str,  # noqa: ARG002  # not kept
        metadata: Mapping[str, str],  # noqa: ARG002  # not kept
    ) -> ObjectInfo | None:
        """Of any number of writers exactly one succeeds: link(2) takes no name that is taken."""
        target = self._path(ref)
        with _failures_named("write to", ref):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                _publish(target, lambda file: file.write(content), os.link)
            except FileExistsError:
                return None
            return _info(ref, target.stat())

    def versioned(self, bucket: ObjectRef) -> bool | None:  # noqa: ARG002  # the same for all
        return False

    def fetch(self, ref: ObjectRef, to: Path) -> ObjectInfo | None:
        with self._opened(ref, to) as content:
            if content is None:
                return None
            _replace(to, lambda file: _copy(content, file))
            return _info(ref, os.fstat(content.fileno()))

    def append_rest(self, ref: ObjectRef, to: Path) -> ObjectInfo | None:
        with self._opened(ref, to) as content:
            if content is None:
                return None
            with to.open("ab") as file:
                content.seek(file.tell())
                _copy(content, file)
            return _info(ref, os.fstat(content.fileno()))

    @contextlib.contextmanager
    def _opened(self, ref: ObjectRef, to: Path) -> Iterator[BinaryIO | None]:
        """The object for reading, None when there is none; the folder of `to` is there."""
        with _failures_named("read", ref):
            try:
                content = self._path(ref).open("rb")
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                yield None
                return
            with content:
                to.parent.mkdir(parents=True, exist_ok=True)
                yield content

    def head(self, ref: ObjectRef) -> ObjectInfo | None:
        path = self._path(ref)
        with _failures_named("read", ref):
            try:
                return _info(ref, path.stat()) if path.is_file() else None
            except FileNotFoundError:
                return None

    def read(self, ref: ObjectRef) -> bytes | None:
        path = self._path(ref)
        with _failures_named("read", ref):
            try:
                return path.read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def age_s(self, ref: ObjectRef) -> float | None:
        path = self._path(ref)
        with _failures_named("read", ref):
            try:
                written = path.stat().st_mtime
            except (FileNotFoundError, NotADirectoryError):
                return None
            with tempfile.TemporaryFile(dir=path.parent) as now:  # the file system's own clock
                return max(0.0, os.fstat(now.fileno()).st_mtime - written) if path.is_file() else None

    def list(self, prefix: ObjectRef, *, start_after: str = "") -> Iterator[ObjectInfo]:
        folder, _, _ = prefix.key.rpartition("/")
        base = f"{folder}/" if folder else ""
        if folder:
            check_key(folder)
        with _failures_named("list", prefix):
            yield from _walk(self._bucket(prefix), prefix, base, start_after)

    def delete(self, ref: ObjectRef) -> None:
        path = self._path(ref)
        with _failures_named("delete from", ref), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()

    def url(self, ref: ObjectRef, *, valid_s: float) -> str:  # noqa: ARG002  # a file does not expire
        """A `file:` URL: only programs of this machine, such as the emulator, can follow it."""
        return self._path(ref).absolute().as_uri()

    def _bucket(self, ref: ObjectRef) -> Path:
        check_key(ref.bucket)
        if "/" in ref.bucket:
            raise bad_key(ref.bucket, "a bucket's name has no slash")
        return self._root / ref.bucket

    def _path(self, ref: ObjectRef) -> Path:
        check_key(ref.key)
        return self._bucket(ref) / ref.key


def _walk(bucket: Path, prefix: ObjectRef, base: str, start_after: str) -> Iterator[ObjectInfo]:
    """The objects under the folder `base` in the order of their keys, entering only folders that can hold one that is asked for."""
    entries = []
    try:
        with os.scandir(bucket / base) as found:
            for entry in found:
                if not entry.name.startswith(TEMPORARY):
                    # "a-b" comes before "a/c": a folder sorts with its slash.
                    key = f"{base}{entry.name}{'/' if entry.is_dir() else ''}"
                    entries.append((key, entry))
    except (FileNotFoundError, NotADirectoryError):
        return
    for key, entry in sorted(entries, key=lambda item: item[0]):
        if key.endswith("/"):
            wanted = key.startswith(prefix.key) or prefix.key.startswith(key)
            if wanted and (start_after < key or start_after.startswith(key)):
                yield from _walk(bucket, prefix, key, start_after)
        elif key.startswith(prefix.key) and key > start_after:
            with contextlib.suppress(FileNotFoundError):  # deleted while we look
                yield _info(ObjectRef(prefix.bucket, prefix.region, key), entry.stat())


def _info(ref: ObjectRef, stat: os.stat_result) -> ObjectInfo:
    return ObjectInfo(ref, stat.st_size, f"{stat.st_mtime_ns:x}-{stat.st_ino:x}-{stat.st_size:x}")


def _copy(source: BinaryIO, target: BinaryIO) -> None:
    while chunk := source.read(_CHUNK):
        target.write(chunk)


def _replace(target: Path, write: Callable[[BinaryIO], object]) -> None:
    _publish(target, write, os.replace)


def _publish(
    target: Path, write: Callable[[BinaryIO], object], give_name: Callable[[Path, Path], object]
) -> None:
    """Write a file and give it its name; durable on return, with nothing left behind."""
    temporary = target.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        give_name(temporary, target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _failures_named(verb: str, ref: ObjectRef) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeEncodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CloudError.of(
            f"Cannot {verb} the object store",
            detail=f"{ref.bucket}/{ref.key}: {why}.",
            hint="Check the permissions of the store's folder and the free space on the disk.",
            code=Code.STORE_FAILED,
        ) from error
