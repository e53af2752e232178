"""Every task ever created, on disk before it is answered: the bill."""

import errno
import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

log = logging.getLogger(__name__)


class Ledger:
    """An append-only file of JSON lines. Thread-safe.

    A record is on disk when `append` returns. A last line that a kill has torn was never answered, so opening
    the ledger cuts it off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()
        self._closed = False
        try:
            self._records, self._size = self._read(path)
            sync_folder(path.parent)
        except BaseException:
            os.close(self._fd)
            raise

    def take_records(self) -> list[dict[str, Any]]:
        """The records found when the ledger was opened; once, so that they do not stay in memory twice."""
        records, self._records = self._records, []
        return records

    def append(self, record: Mapping[str, Any]) -> None:
        """Write the record and wait until it is on disk. On failure (OSError) nothing of it stays in the file."""
        line = orjson.dumps(record) + b"\n"
        with self._lock:
            if self._closed:  # the descriptor may be another file's by now
                raise OSError(errno.EBADF, "The ledger is closed")
            try:
                _write_all(self._fd, line)
                os.fsync(self._fd)
            except OSError:
                os.ftruncate(self._fd, self._size)
                raise
            self._size += len(line)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            os.close(self._fd)

    def _read(self, path: Path) -> tuple[list[dict[str, Any]], int]:
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            log.warning("%s: cut off a last line that was never finished", path)
            os.ftruncate(self._fd, whole)
            os.fsync(self._fd)
        records = []
        for number, line in enumerate(content[:whole].splitlines(), 1):
            try:
                records.append(orjson.loads(line))
            except orjson.JSONDecodeError:
                log.warning("%s:%d: skipped a line that is not JSON", path, number)
        return records, whole


def _write_all(fd: int, content: bytes) -> None:
    while content:
        content = content[os.write(fd, content) :]


def sync_folder(folder: Path) -> None:
    """Make a new name in the folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
