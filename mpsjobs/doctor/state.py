"""The state: its folder, its lock, whether it can be read, and whether git leaves it alone."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mpsjobs._version import __version__
from mpsjobs.doctor.finding import Finding, Status, failed, from_error, needs, not_needed, ok, warning
from mpsjobs.model.diagnostics import LockHeldError, MpsjobsError, StateError
from mpsjobs.model.ports import Clock, Condition, StateStore
from mpsjobs.model.settings import EncryptionSettings, StateSettings
from mpsjobs.state.disk import new_file, sibling
from mpsjobs.state.lock import StateLock
from mpsjobs.state.shared_lock import TERMS
from mpsjobs.state.shared_store import SharedStateStore

_LITTLE_BYTES: Final = 200 * 1024 * 1024
_MIB: Final = 1024 * 1024
_NETWORK: Final = frozenset(
    [
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.sshfs",
        "gfs2",
        "glusterfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
    ]
)
_MOUNTS: Final = Path("/proc/self/mountinfo")
_ELSEWHERE: Final = "Keep the state on a disk of this machine, with `state.path`."


def state(root: Path, settings: StateSettings, store: StateStore, clock: Clock) -> Iterator[Finding]:
    """Everything about the state, in a file or in a bucket. Leaves nothing behind."""
    if isinstance(store, SharedStateStore):
        yield from _shared(store)
        yield _key(root, settings.encryption, store)
        yield _read(store)
        yield from not_needed("the state is in a bucket", "git")
        yield _disk(root)
        return
    file = root / settings.path
    folder = file.parent
    while not folder.exists():  # an apply makes it
        folder = folder.parent
    written = _folder(folder, clock)
    yield written
    if written.status is Status.FAILED:
        yield from needs("state_folder", "state_lock")
    else:
        yield _lock(folder, file, clock)
    yield from not_needed("the state is in a file", "state_key")
    yield _read(store)
    yield _git(file)
    yield _disk(folder)


def _shared(store: SharedStateStore) -> Iterator[Finding]:
    """Whether the bucket can be written, how its lock is taken, and whether somebody holds it."""
    try:
        condition = store.try_out()
        holder = store.holder()
    except MpsjobsError as error:
        yield from_error("state_folder", error)
        yield from needs("state_folder", "state_lock")
        return
    yield ok("state_folder", f"The state can be written in the bucket, at {store.name}.")
    if holder is not None:
        detail = f"{holder.who} holds it ({holder.operation}, {holder.info}, since {holder.created})."
        remedy = "Wait until it is done. If its machine is gone, the lock ends by itself within a minute."
        yield warning("state_lock", "Another run holds the state now.", detail, remedy)
    elif condition is Condition.IF_NONE_MATCH:
        yield ok(
            "state_lock",
            f"Nobody holds the state, and the bucket honours {condition}: the lock is taken at once.",
        )
    else:
        wait = f"Taking the lock means to write, to wait {TERMS.settle_s:g} seconds, and to read."
        yield ok("state_lock", "Nobody holds the state.", wait)


def _key(root: Path, settings: EncryptionSettings | None, store: SharedStateStore) -> Finding:
    """Whether the state can be encrypted here: the key, and the library."""
    encryption = store.encryption
    if encryption is None or settings is None:
        return next(not_needed("the state is not encrypted", "state_key"))
    try:
        encryption.decrypt(encryption.encrypt(b"mpsjobs", "doctor"), "doctor")
        first, *others = encryption.keys
    except StateError as error:
        return from_error("state_key", error)
    more = f"; {len(others)} more can read" if others else ""
    if settings.key_file is not None and _others_may_read(root / Path(settings.key_file).expanduser()):
        summary = "Others on this machine may read the key of the state."
        return warning("state_key", summary, f"{settings.key_file}.", f"chmod 600 {settings.key_file}")
    if not encryption.writes:
        return ok("state_key", "What is encrypted of the state can be read; nothing is encrypted any more.")
    return ok("state_key", f"The state is encrypted with the key {first.id.hex()}{more}.")


def _others_may_read(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & 0o077)
    except OSError:
        return False


def _probe(folder: Path) -> Path:
    return folder / f".mpsjobs-doctor-{os.getpid()}"


def _folder(folder: Path, clock: Clock) -> Finding:
    """Write a file there as the state is written: whole and synced."""
    probe = _probe(folder)
    begun = clock.monotonic()
    try:
        new_file(probe, bytes(4096))
    except OSError as error:
        return failed(
            "state_folder",
            "The state cannot be written.",
            f"{folder}: {error.strerror or error}.",
            "Make the folder writable, or name another file with `state.path`.",
        )
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
    took = clock.monotonic() - begun
    kind = file_system(folder.resolve(), _mounts())
    if kind in _NETWORK:
        return warning(
            "state_folder",
            f"The state is on a network file system ({kind}).",
            "Locks and syncs there are only as good as the server; two machines could work at once.",
            _ELSEWHERE,
        )
    return ok("state_folder", f"The state can be written and synced, in {took * 1000:.0f} ms.")


def _mounts() -> str:
    try:
        return _MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def file_system(folder: Path, mounts: str) -> str | None:
    """The kind of file system that a folder is on, from the text of /proc/self/mountinfo; None where that does not tell."""
    best, kind = -1, None
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) > 4 and after:
            point = fields[4].replace("\\040", " ")
            if folder.is_relative_to(point) and len(point) >= best:  # a later mount covers an earlier one
                best, kind = len(point), after.split(" ")[0]
    return kind


def _lock(folder: Path, file: Path, clock: Clock) -> Finding:
    """Whether a second holder is kept out, on a lock of our own; and whether somebody holds the real one."""
    probe = _probe(folder)
    first, second = (StateLock(probe, clock=clock, version=__version__) for _ in range(2))
    try:
        first.acquire("doctor", timeout_s=0)
        try:
            second.acquire("doctor", timeout_s=0)
        except LockHeldError:
            pass
        else:
            second.release()
            summary = "The file system lets two hold one lock: two applies could work at once."
            return failed("state_lock", summary, str(folder), _ELSEWHERE)
    except StateError as error:
        return from_error("state_lock", error)
    finally:
        first.release()
        for left in (".lock", ".lock.info", ".lock.epoch"):
            with contextlib.suppress(OSError):
                sibling(probe, left).unlink(missing_ok=True)
    return _holder(file, clock)


def _holder(file: Path, clock: Clock) -> Finding:
    if sibling(file, ".lock").exists():
        lock = StateLock(file, clock=clock, version=__version__)
        try:
            lock.acquire("doctor", timeout_s=0)
        except LockHeldError as error:
            held = from_error("state_lock", error)
            return warning("state_lock", "Another run holds the state now.", held.detail, held.remedy)
        except StateError as error:
            return from_error("state_lock", error)
        lock.release()
    return ok("state_lock", "Locks work, and nobody holds the state.")


def _read(store: StateStore) -> Finding:
    try:
        found = store.read()
    except MpsjobsError as error:
        return from_error("state", error)
    if not found.serial:
        return ok("state", "There is no state yet: nothing has been generated.")
    count = len(found.assets)
    return ok("state", f"The state has {count:,} asset{'s'[: count != 1]}, after {found.serial:,} events.")


def _git(file: Path) -> Finding:
    """Whether the state is outside of git: a revert would rewind it, and with it the memory of what was paid."""
    meaning = "A revert in git rewinds it, and with it the memory of what was paid."
    try:
        if not _says_yes(file.parent, "rev-parse", "--is-inside-work-tree"):
            return next(not_needed("this is no git repository", "git"))
        tracked = _says_yes(file.parent, "ls-files", "--error-unmatch", file.name)
        ignored = _says_yes(file.parent, "check-ignore", "--quiet", f"{file.name}.journal")
    except (OSError, subprocess.SubprocessError):
        return next(not_needed("there is no git here", "git"))
    if tracked:
        remedy = f"git rm --cached {file.name}, and add {file.name}* to .gitignore."
        return warning("git", "The state is committed to git.", meaning, remedy)
    if not ignored:
        return warning("git", "Git does not ignore the state.", meaning, f"Add {file.name}* to .gitignore.")
    return ok("git", "Git ignores the state.")


def _says_yes(folder: Path, *question: str) -> bool:
    command = ["git", "-C", str(folder), *question]
    return subprocess.run(command, capture_output=True, timeout=5, check=False).returncode == 0


def _disk(folder: Path) -> Finding:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return failed(
            "disk", "The free space of the disk is not known.", f"{folder}: {error.strerror or error}."
        )
    return of_free_space(free)


def of_free_space(free: int) -> Finding:
    """The finding for so many free bytes."""
    if free < _LITTLE_BYTES:
        detail = "When the disk is full, an apply stops: it buys nothing that it cannot write down."
        return warning(
            "disk", f"Only {free // _MIB:,} MiB are free.", detail, "Make room, also for downloads."
        )
    return ok("disk", f"{free / 1024 / _MIB:,.1f} GiB are free.")
