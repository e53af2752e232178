"""The few ways in which state reaches the disk. A file is whole or not there, also after a power failure."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import StateError

_PROBE_BYTES: Final = 4096
_MEND: Final = "Check the folder's permissions and the free space on the disk, then run the command again."


@dataclass(frozen=True, slots=True)
class FileId:
    """What tells a file from another one that has its name, and from itself after a change."""

    device: int
    inode: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, stat: os.stat_result) -> "FileId":
        return cls(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)

    def same_file(self, other: "FileId") -> bool:
        """Whether it is the same file, whatever is in it."""
        return (self.device, self.inode) == (other.device, other.inode)


def file_id(path: Path) -> FileId | None:
    """None when there is no such file."""
    try:
        return FileId.of(os.stat(path))  # noqa: PTH116  # Path.stat costs twice as much, and this runs before each request
    except FileNotFoundError:
        return None


def sibling(path: Path, suffix: str) -> Path:
    """The file beside `path` with this ending added to its name."""
    return path.with_name(path.name + suffix)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte, if possible with one write(2)."""
    written = os.write(descriptor, data)
    while written < len(data):  # a full disk takes a part first and refuses the rest
        written += os.write(descriptor, memoryview(data)[written:])


def replace_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put `data` in the place of the file, atomically; durable on return.

    The temporary file has a fixed name beside it, so call this only under the state's lock. What a crash leaves is overwritten.
    """
    temporary = sibling(path, ".tmp")
    _write(temporary, data, os.O_TRUNC, durable=durable)
    temporary.replace(path)
    if durable:
        sync_folder(path.parent)


def new_file(path: Path, data: bytes) -> None:
    """Write a file that must not be there yet; durable on return. What could not be written whole is removed.

    Raises:
        FileExistsError: it is there already.
    """
    _write(path, data, os.O_EXCL, durable=True)
    sync_folder(path.parent)


def _write(path: Path, data: bytes, flag: int, *, durable: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flag | os.O_CLOEXEC, 0o666)
    try:
        write_all(descriptor, data)
        if durable:
            os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(descriptor)


def check_writable(path: Path) -> None:
    """Make sure that the file and its siblings can be written, by writing one: permissions alone do not tell.

    Raises:
        StateError: they cannot.
    """
    probe = sibling(path, ".tmp")
    hint = "Make room on the disk or make the folder writable, then run the command again."
    with failures_named("writing of the state", path, "Nothing was submitted.", hint):
        _write(probe, bytes(_PROBE_BYTES), os.O_TRUNC, durable=False)
        probe.unlink()


def keep_backup(path: Path, backup: Path) -> None:
    """Let `backup` be what `path` is now, without a moment in which either of them is missing."""
    if not path.exists():
        return
    temporary = sibling(backup, ".tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(path, temporary)
    except OSError:  # no hard links on this file system
        replace_file(backup, path.read_bytes())
    else:
        temporary.replace(backup)
        # rename(2) does nothing when both names already belong to the same file.
        temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def failures_named(what: str, path: Path, meaning: str = "", hint: str = _MEND) -> Iterator[None]:
    """Turn an OSError into a StateError that names the file, and says what follows from it."""
    try:
        yield
    except OSError as error:
        detail = f"{path}: {error.strerror or error}. {meaning}".rstrip()
        raise StateError.of(
            f"The {what} failed", detail=detail, hint=hint, code=Code.STATE_NOT_WRITTEN
        ) from error
