"""The real command line, with a SIGKILL at a named point: `python -m tests.crash.killed POINT:OCCURRENCE ARGUMENTS…`.

The points are put around the product's own functions from outside, so that the product has no code for its own death.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, NoReturn

from mpsjobs.apply import copying
from mpsjobs.apply.collect import Collector
from mpsjobs.apply.download import Downloads
from mpsjobs.apply.finishing import Finisher
from mpsjobs.apply.publish import Publisher
from mpsjobs.cli import main
from mpsjobs.cloud import mps
from mpsjobs.cloud.directory_store import DirectoryStore
from mpsjobs.model import events
from mpsjobs.state import disk, journal, session

EVENTS = [
    kind.__name__
    for kind in (
        events.RunStarted,
        events.SubmitIntended,
        events.Sending,
        events.TaskSubmitted,
        events.OutputsRecorded,
        events.AssetRecorded,
        events.RunFinished,
    )
]
TROUBLES = [
    kind.__name__
    for kind in (
        events.SubmitUnknown,
        events.SubmitWithdrawn,
        events.SubmitRefused,
        events.TaskFailed,
        events.AssetRetired,
    )
]
POINTS = [
    *(f"{when} {name}" for name in EVENTS for when in ("before", "within", "after")),
    "before stage",
    "after stage",
    "before send",
    "after send",
    "before collect",
    "after collect",
    "before place",
    "after place",
    "before save",
    "before snapshot rename",
    "after save",
]

SHARED = "STATE_IN_A_BUCKET"
"""Variable that says so."""

SHARED_POINTS = [
    *(
        f"{when} {step}"
        for step in ("put", "snapshot", "head", "release", "hold")
        for when in ("before", "after")
    )
]

_seen: Counter[str] = Counter()


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


class Killer:
    """Dies when a point is passed for the given time."""

    def __init__(self, target: str) -> None:
        self.point, _, occurrence = target.rpartition(":")
        self.occurrence = int(occurrence)

    def passes(self, point: str) -> bool:
        if point != self.point:
            return False
        _seen[point] += 1
        return _seen[point] == self.occurrence

    def pass_by(self, point: str) -> None:
        if self.passes(point):
            die()

    def around(self, owner: Any, name: str, label: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def wrapped(*arguments: Any, **keywords: Any) -> Any:
            self.pass_by(f"before {label}")
            result = original(*arguments, **keywords)
            self.pass_by(f"after {label}")
            return result

        setattr(owner, name, wrapped)

    def around_events(self) -> None:
        """Before, within (half of the bytes are written) and after each event becomes part of the journal."""
        append, write = session.Session.append, os.write
        killer = self

        def wrapped(held: session.Session, batch: Any, *, sync: bool = True) -> None:
            names = [type(event).__name__ for event in batch]
            for name in names:
                killer.pass_by(f"before {name}")
            torn = bool([name for name in names if killer.passes(f"within {name}")])
            if torn:
                journal.os.write = half  # type: ignore[attr-defined]
            append(held, batch, sync=sync)
            for name in names:
                killer.pass_by(f"after {name}")

        def half(descriptor: int, data: bytes) -> int:
            write(descriptor, bytes(data)[: len(data) // 2])
            die()

        session.Session.append = wrapped  # type: ignore[method-assign, assignment]


def around_bucket(killer: Killer) -> None:
    """Around all that a session writes into the bucket, with a lock that settles quickly."""
    from mpsjobs.state import shared_lock, shared_session, shared_store

    killer.around(shared_session.SharedSession, "_put", "put")
    killer.around(shared_session.SharedSession, "_save_snapshot", "snapshot")
    killer.around(shared_session.SharedSession, "_tell", "head")
    killer.around(shared_lock.SharedLock, "release", "release")
    killer.around(shared_lock.SharedLock, "_hold", "hold")
    defaults = shared_store.SharedStateStore.__init__.__kwdefaults__
    assert defaults
    defaults["terms"] = shared_lock.Terms(trust_s=0.4, settle_s=0.6, beat_s=1, ttl_s=20, poll_s=0.1)


def run(target: str) -> None:
    killer = Killer(target)
    killer.around_events()
    killer.around(mps.MpsClient, "stage", "stage")
    killer.around(mps._StagedCreate, "send", "send")
    killer.around(Collector, "collect", "collect")
    killer.around(copying, "_copy", "copy")
    killer.around(Collector, "adopt", "adopt")
    killer.around(DirectoryStore, "delete", "delete")
    killer.around(Downloads, "place", "place")
    killer.around(Publisher, "publish", "publish")
    killer.around(Finisher, "finish", "finish")
    killer.around(session.Session, "save", "save")
    if SHARED in os.environ:
        around_bucket(killer)
    replace = os.replace

    def replaced(source: Any, to: Any, **keywords: Any) -> None:
        if str(to).endswith("mpsjobs.state.json"):
            killer.pass_by("before snapshot rename")
        replace(source, to, **keywords)

    disk.os.replace = replaced  # type: ignore[attr-defined]
    main()


if __name__ == "__main__":
    _target, *sys.argv[1:] = sys.argv[1:]
    run(_target)
