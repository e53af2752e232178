"""What apply reports, in words: one line for what happened, one for where the run stands."""

from pathlib import Path

import click

from mpsjobs.apply.progress import (
    Copied,
    Deleted,
    Downloaded,
    Failed,
    Finished,
    Forgotten,
    Imported,
    Mastered,
    Noticed,
    Progress,
    Published,
    Recorded,
    Retired,
    Skipped,
    Stopping,
    Submitted,
    Tick,
    Unknown,
)
from mpsjobs.cli.output import shown
from mpsjobs.cli.plan_words import counted, harmless

MANY = 50
"""A run with more takes than this tells one by one only what went wrong; the rest are counts."""


def worth_a_line(progress: Progress, total: int) -> str | None:
    """The line for what happened in a run of so many takes; None for what is not worth one."""
    return line_of(progress) if total <= MANY or isinstance(progress, _TROUBLE) else None


_TROUBLE = (Failed, Skipped, Unknown, Deleted, Noticed, Stopping)


def line_of(progress: Progress) -> str | None:  # noqa: C901, PLR0911, PLR0912  # one answer a kind
    """What happened, in one line; None for what is not worth one."""
    match progress:
        case Submitted():
            return f"{progress.address}: submitted take {progress.take} (TaskId {progress.task_id})"
        case Finished():
            lengths = ", ".join(
                f"{o.format} {o.duration_s:.1f} s" if o.duration_s else o.format for o in progress.outputs
            )
            return f"{_good(progress.address)}: take {progress.take} is done after {clock(progress.seconds)} ({lengths})"
        case Copied():
            return f"{_good(progress.address)}: take {progress.take} is copied from {progress.environment}"
        case Imported():
            return f"{_good(progress.address)}: {progress.source} is imported as take {progress.take}"
        case Failed():
            request = request_text(progress.request_id)
            return f"{_bad(progress.address)}: failed: {progress.code}: {harmless(progress.message)}{request}"
        case Skipped():
            return f"{_bad(progress.address)}: not submitted: {harmless(progress.message)}"
        case Unknown():
            request = request_text(progress.request_id)
            return f"{_bad(progress.address)}: the outcome is unknown: {harmless(progress.message)}{request}"
        case Recorded(moved_from=old) if old:
            return f"{_good(progress.address)}: moved from {old}"
        case Retired():
            return f"{progress.address}: retired, its takes are kept"
        case Published(keys=keys):
            where = (
                f"published as {', '.join(keys)}" if keys else "is published no more; what was stays readable"
            )
            return f"{_good(progress.address)}: {where}"
        case Mastered(take=take, keys=keys):
            return f"{_good(progress.address)}: take {take} is finished ({', '.join(key.rpartition('.')[2] for key in keys)})"
        case Deleted():
            return f"{_bad(progress.address)}: its outputs are deleted"
        case Forgotten():
            return f"{progress.address}: its address is forgotten"
        case Downloaded():
            return f"{progress.address}: wrote {shown(Path(progress.path))}"
        case Noticed():
            return (
                f"{progress.address}: {harmless(progress.message)}"
                if progress.address
                else harmless(progress.message)
            )
        case Stopping():
            return (
                f"Stopping: {harmless(progress.reason)}. Answers in flight are awaited; nothing more is sent."
            )
        case Recorded() | Tick():
            return None


def request_text(request_id: str | None) -> str:
    """What the provider's support asks for first."""
    return f" (RequestId {request_id})" if request_id else ""


def tick_text(tick: Tick) -> str:
    """Where the run stands: `20 of 50 done, 10 in the cloud, 2 failed, about 3 min left`."""
    parts = [f"{tick.done:,} of {counted(tick.total, 'take')} done"]
    counts = (
        (tick.to_submit, "to submit"),
        (tick.sent, "sent"),
        (tick.in_cloud, "in the cloud"),
        (tick.collecting, "being collected"),
        (tick.failed, "failed"),
    )
    return ", ".join([*parts, *(f"{n:,} {word}" for n, word in counts if n), left_text(tick)])


def left_text(tick: Tick) -> str:
    """How long it will take yet, as far as that is known."""
    return "time left: no history yet" if tick.left_s is None else f"about {clock(tick.left_s)} left"


def clock(seconds: float) -> str:
    """Roughly, for people: `45s`, `12 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _good(address: str) -> str:
    return click.style(address, fg="green")


def _bad(address: str) -> str:
    return click.style(address, fg="red")
