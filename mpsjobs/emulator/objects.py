"""The folder that stands for the object storage: `<root>/<bucket>/<key>`."""

import hashlib
import os
import secrets
import shutil
from pathlib import Path

from mpsjobs.emulator.ledger import sync_folder


class Objects:
    """Writes objects whole or not at all. What lies beside the buckets begins with a dot, as no bucket does."""

    def __init__(self, root: Path, ledger: Path) -> None:
        # On the same file system as the buckets, so that a rename publishes.
        # The first part names the ledger, for cleaning up; the second keeps clear of a killed run's last writer.
        owner = hashlib.sha256(str(ledger.resolve()).encode()).hexdigest()[:8]
        self._root = root
        self._uploads = root / ".uploads" / owner / secrets.token_hex(4)

    def clean(self) -> None:
        """Remove what was left half-way."""
        shutil.rmtree(self._uploads.parent, ignore_errors=True)

    def upload(self, name: str) -> Path:
        """Where to write a file that is to become an object."""
        self._uploads.mkdir(parents=True, exist_ok=True)
        return self._uploads / name

    def path(self, bucket: str, key: str, *, withheld: bool = False) -> Path:
        """Where an object lies, or one that the storage never got, though its result URL leads to it."""
        return self._root / (".withheld" if withheld else "") / bucket / key

    def put(self, file: Path, target: Path) -> None:
        """Move the written file to its place, durably."""
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)
        sync_folder(target.parent)

    def copy(self, source: Path, target: Path) -> None:
        """Write the same object at another place."""
        half = self.upload(secrets.token_hex(8))
        with source.open("rb") as content, half.open("wb") as file:
            shutil.copyfileobj(content, file)
            file.flush()
            os.fsync(file.fileno())
        self.put(half, target)
