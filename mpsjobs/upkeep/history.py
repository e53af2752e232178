"""What happened, from the journal: runs with who started them and what they did, and the life of one address. Reads line by line."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from mpsjobs.model.events import (
    AssetRecorded,
    Event,
    OutputsErased,
    OutputsMeasured,
    RunFinished,
    RunStarted,
    Sending,
    SubmitIntended,
    TakeCopied,
    TaskSubmitted,
)
from mpsjobs.plan.selection import matches
from mpsjobs.project import Project
from mpsjobs.state.codec import Line

COUNTED: Final[Mapping[str, str]] = {
    "TaskSubmitted": "submitted",
    "OutputsRecorded": "finished",
    "TakeCopied": "copied",
    "TaskFailed": "failed",
    "SubmitRefused": "refused",
    "SubmitUnknown": "unknown",
    "AttemptAbandoned": "abandoned",
    "AssetRecorded": "recorded",
    "AssetRetired": "retired",
    "AssetForgotten": "forgotten",
    "TakeDeleted": "deleted",
    "PublishedErased": "cleared",
    "TakeRejected": "rejected",
    "OutputsMissing": "missing",
    "PublishedMissing": "unpublished",
}
"""What is counted of a run: the kind of event, and its word."""


@dataclass(slots=True)
class RunRecord:
    """One run. `finished_at` and `exit_code` are None when it broke off; `serial` is the number of its first event.

    What is recorded before a run begins, such as what became of the run before, is counted with it.
    """

    serial: int
    started_at: str
    run_id: str | None = None
    command: str | None = None
    who: str | None = None
    commit: str | None = None
    version: str | None = None
    finished_at: str | None = None
    exit_code: int | None = None
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to `address` or to a take that was bought for it. `run` is when it did."""

    serial: int
    event: Event
    run: RunRecord | None
    address: str
    take: int | None = None
    task_id: str | None = None


def runs(project: Project, limit: int | None = None) -> list[RunRecord]:
    """The last `limit` runs, the newest first; None: all.

    Raises:
        StateError: the journal cannot be trusted.
    """
    last: deque[RunRecord] = deque(maxlen=limit)
    for record, _ in _told(project.store.history()):
        if not last or last[-1] is not record:
            last.append(record)
    return list(reversed(last))


def happenings(project: Project, pattern: str, limit: int | None = None) -> list[Happening]:
    """What happened to the addresses that fit, under their earlier names too, and to the takes of their sounds; the newest first.

    Raises:
        StateError: the journal cannot be trusted.
    """
    names, sounds = _ancestry(project.store.history(), pattern)
    last: deque[Happening] = deque(maxlen=limit)
    takes: dict[str, SubmitIntended | TakeCopied] = {}
    tasks: dict[str, str | None] = {}
    for record, line in _told(project.store.history()):
        match event := line.event:
            case SubmitIntended() | TakeCopied() if event.fingerprint in sounds or event.address in names:
                takes[event.attempt_id] = event
                tasks[event.attempt_id] = event.task_id if isinstance(event, TakeCopied) else None
            case TaskSubmitted() if event.attempt_id in takes:
                tasks[event.attempt_id] = event.task_id
            case _:
                pass
        attempt, address = getattr(event, "attempt_id", None), getattr(event, "address", None)
        if isinstance(event, Sending | OutputsErased | OutputsMeasured):
            continue  # steps of what is told anyway
        if take := takes.get(attempt or ""):
            last.append(Happening(line.seq, event, record, take.address, take.take, tasks[take.attempt_id]))
        elif attempt is None and address in names:
            last.append(Happening(line.seq, event, record, address))
    return list(reversed(last))


def _told(lines: Iterable[Line]) -> Iterator[tuple[RunRecord, Line]]:
    """Each line with the run that it belongs to."""
    open_run = RunRecord(0, "")
    begun = False
    for line in lines:
        event = line.event
        if not begun:
            open_run, begun = RunRecord(line.seq, event.at), True
        if isinstance(event, RunStarted):
            if open_run.run_id is not None:  # the run before broke off
                open_run = RunRecord(line.seq, event.at)
            open_run.started_at, open_run.run_id, open_run.command = event.at, event.run_id, event.command
            open_run.who, open_run.commit, open_run.version = event.who, event.commit, event.version
        elif isinstance(event, RunFinished):
            open_run.finished_at, open_run.exit_code, begun = event.at, event.exit_code, False
        if word := COUNTED.get(type(event).__name__):
            moved = isinstance(event, AssetRecorded) and event.moved_from is not None
            open_run.counts["moved" if moved else word] += 1
        yield open_run, line


def _ancestry(lines: Iterable[Line], pattern: str) -> tuple[set[str], set[str]]:
    """The names that addresses which fit ever had, and the fingerprints that they pointed at under them."""
    named: set[str] = set()
    sounds: dict[str, set[str]] = {}
    before: dict[str, set[str]] = {}
    for line in lines:
        named.add(getattr(line.event, "address", ""))
        if isinstance(line.event, AssetRecorded):
            sounds.setdefault(line.event.address, set()).add(line.event.fingerprint)
            if line.event.moved_from is not None:
                before.setdefault(line.event.address, set()).add(line.event.moved_from)
    names = {name for name in named if matches(name, [pattern])}
    todo = list(names)
    while todo:
        new = before.get(todo.pop(), set()) - names
        names |= new
        todo += new
    return names, set().union(*(sounds.get(name, set()) for name in names))
