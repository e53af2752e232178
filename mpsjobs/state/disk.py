"""The few ways in which state reaches the disk. A file is whole or not there, also after a power failure."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from mpsjobs.model.diagnostics import StateError


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
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        write_all(descriptor, data)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    if durable:
        sync_folder(path.parent)


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
def failures_named(what: str, path: Path) -> Iterator[None]:
    """Turn an OSError into a StateError that names the file."""
    try:
        yield
    except OSError as error:
        raise StateError.of(
            f"The {what} failed",
            detail=f"{path}: {error.strerror or error}.",
            hint="Check the folder's permissions and the free space on the disk, then run the command again.",
        ) from error
