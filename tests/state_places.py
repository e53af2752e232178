"""One state, reached from several machines: in a file that they share, or in a bucket on each kind of server."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mpsjobs.cloud.conditional import probe
from mpsjobs.cloud.directory_store import DirectoryStore
from mpsjobs.model.asset import StoreTarget
from mpsjobs.model.ports import Clock, ObjectRef, ObjectStore, StateSession
from mpsjobs.state import shared_lock
from mpsjobs.state.backend import StateBackend
from mpsjobs.state.encryption import Encryption
from mpsjobs.state.file_session import FileSession
from mpsjobs.state.file_store import FileStateStore
from mpsjobs.state.identity import machine
from mpsjobs.state.keys import Key
from mpsjobs.state.shared import Shared
from mpsjobs.state.shared_lock import TERMS, Holder, Terms
from mpsjobs.state.shared_session import SharedSession
from mpsjobs.state.shared_store import SharedStateStore
from tests.s3 import S3Server, s3_store
from tests.s3_proxy import resolving, s3_proxy
from tests.state.histories import FakeClock

BUCKET, REGION, KEY = "aurora-1250000000", "ap-guangzhou", "game/mpsjobs.state"
KINDS = ["file", "encrypted", "s3", "cos", "plain"]
"""`encrypted` is a bucket that is a folder, and so is `folder`; the other kinds of bucket are those of `tests/contract/test_object_store.py`."""

_NOBODY = 2**22 + 1  # more than any process's number can be


@dataclass
class Place:
    """Where the state is. `objects` is None for a file."""

    root: Path
    objects: ObjectStore | None
    clock: Clock = field(default_factory=FakeClock)
    terms: Terms = TERMS
    keys: tuple[Key, ...] = ()
    """Of an encrypted state; the first one encrypts."""

    @property
    def encryption(self) -> Encryption | None:
        return Encryption(lambda: self.keys) if self.keys else None

    def store(self, name: str = "A") -> StateBackend:
        """The state as it is reached from a machine, which has a folder of its own."""
        objects = self.objects
        if objects is None:
            return FileStateStore(self.root / "mpsjobs.state.json", clock=self.clock, version="0.1.0")
        return SharedStateStore(
            Shared(lambda: objects, ObjectRef(BUCKET, REGION, KEY), self.clock, self.encryption),
            self.root / name,
            clock=self.clock,
            version="0.1.0",
            server="test",
            probe=lambda: probe(objects, StoreTarget(BUCKET, REGION, KEY)).condition,
            terms=self.terms,
        )

    def opened(self, name: str = "A", operation: str = "apply", timeout_s: float = 0) -> StateSession:
        return self.store(name).open(operation, lock_timeout_s=timeout_s)


def die(session: StateSession) -> None:
    """End the session as a killed process would: nothing more is written, and nobody lives who holds the lock."""
    if isinstance(session, FileSession):
        session._journal.close()
        session._lock.release()
        return
    assert isinstance(session, SharedSession)
    session._outbox.close()
    lock = session._lock
    lock._stop.set()
    if session._own is not None:
        session._own.close(forget=False)
    holder = Holder(lock.info, machine(), _NOBODY)
    session._shared.put_once(shared_lock.LOCK, shared_lock._encoded(holder))


@contextmanager
def place_of(kind: str, root: Path, server: Callable[[], S3Server]) -> Iterator[Place]:
    root.mkdir(parents=True, exist_ok=True)
    if kind == "file":
        yield Place(root, None)
    elif kind in {"folder", "encrypted"}:
        keys = (Key(bytes(range(32))),) if kind == "encrypted" else ()
        yield Place(root, DirectoryStore(root / "buckets"), keys=keys)
    else:
        upstream = server()
        upstream.empty(BUCKET)
        with bucket(kind, upstream) as objects:
            yield Place(root, objects)


@contextmanager
def bucket(kind: str, server: S3Server) -> Iterator[ObjectStore]:
    """`s3` honours If-None-Match, `cos` has the habits of COS, `plain` honours no condition at all."""
    if kind == "s3":
        yield s3_store(server.url, attempts=1)
        return
    with s3_proxy(server.url) as proxy, resolving():
        if kind == "cos":
            proxy.addressing, proxy.forbid_overwrite, proxy.late = "virtual", True, 3
            yield s3_store(proxy.url, addressing_style="virtual", attempts=1)
        else:
            proxy.addressing = "path"
            yield s3_store(proxy.url, attempts=1)


@contextmanager
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything within happens on another machine, as far as locks can tell."""
    with monkeypatch.context() as patch:
        patch.setattr(shared_lock, "machine", lambda: f"another machine of {os.getpid()}")
        yield
