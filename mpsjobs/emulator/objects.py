"""Where outputs go: a folder that stands for the object storage, or a storage of another kind behind the same two methods."""

import hashlib
import os
import secrets
import shutil
from pathlib import Path
from typing import NamedTuple, Protocol

from mpsjobs.emulator.ledger import sync_folder


class Place(NamedTuple):
    """Where an object is."""

    bucket: str
    region: str
    key: str


class NotWritten(Exception):  # noqa: N818 — reads as what happened
    """The storage does not take the object; the text says why."""


class Storage(Protocol):
    """Holds objects. Thread-safe."""

    def put(self, file: Path, place: Place) -> None:
        """Make the file an object, durably; the file is gone then. Raises NotWritten or OSError."""
        ...

    def url(self, place: Place, life_s: int) -> str | None:
        """Where anybody can read the object for so long; None where only the emulator can show it."""
        ...


class Folder:
    """Objects as plain files, `<root>/<bucket>/<key>`. The region takes no part."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, place: Place) -> Path:
        return self._root / place.bucket / place.key

    def put(self, file: Path, place: Place) -> None:
        target = self.path(place)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)
        sync_folder(target.parent)

    def url(self, place: Place, life_s: int) -> str | None:  # noqa: ARG002
        return None


class Objects:
    """The storage, and beside it what is half-way there or withheld from it.

    Both lie under `root`, in folders whose names begin with a dot, as no bucket's does.
    """

    def __init__(self, root: Path, ledger: Path, storage: Storage) -> None:
        self._storage = storage
        self._folder = Folder(root)
        self._withheld = Folder(root / ".withheld")
        # On the same file system as the buckets of a folder, so that a rename publishes.
        # The first part names the ledger, for cleaning up; the second keeps clear of a killed run's last writer.
        owner = hashlib.sha256(str(ledger.resolve()).encode()).hexdigest()[:8]
        self._uploads = root / ".uploads" / owner / secrets.token_hex(4)

    def clean(self) -> None:
        """Remove what was left half-way."""
        shutil.rmtree(self._uploads.parent, ignore_errors=True)

    def upload(self, name: str) -> Path:
        """Where to write a file that is to become an object."""
        self._uploads.mkdir(parents=True, exist_ok=True)
        return self._uploads / name

    def file(self, place: Place, *, withheld: bool = False) -> Path:
        """What a result URL of the emulator's own leads to."""
        return (self._withheld if withheld else self._folder).path(place)

    def put(self, file: Path, place: Place, *, withheld: bool = False) -> None:
        """Make the file an object, or one that the storage never gets, though its result URL leads to it."""
        (self._withheld if withheld else self._storage).put(file, place)

    def put_copy(self, file: Path, place: Place) -> None:
        """Make an object of what the file holds, and leave the file."""
        half = self.upload(secrets.token_hex(8) + file.suffix)
        with file.open("rb") as content, half.open("wb") as copy:
            shutil.copyfileobj(content, copy)
            copy.flush()
            os.fsync(copy.fileno())
        self.put(half, place)
