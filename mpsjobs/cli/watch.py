"""Watching an apply: a live line on a terminal, plain lines elsewhere, one JSON event a line for scripts."""

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from mpsjobs.apply.progress import (
    Copied,
    Deleted,
    Downloaded,
    Failed,
    Finished,
    Forgotten,
    Imported,
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
from mpsjobs.cli.output import Output, shown

if TYPE_CHECKING:
    from rich.live import Live

STILL_EVERY_S = 10.0


class View(Protocol):
    """Shows what apply reports."""

    def begin(self) -> None:
        """The plan was approved: from now on there is something to watch."""
        ...

    def report(self, progress: Progress) -> None: ...


@contextmanager
def watch(output: Output) -> Iterator[View]:
    """The view that fits where the output goes."""
    if output.json:
        yield _Events(output)
    elif sys.stderr.isatty() and output.colour:
        live = _LiveLine(output)
        try:
            yield live
        finally:
            live.end()
    else:
        yield _Lines(output)


class _Events:
    """`apply --json`: every report but the ticks, as one document a line."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def begin(self) -> None: ...

    def report(self, progress: Progress) -> None:
        if not isinstance(progress, Tick):
            document = {"type": type(progress).__name__.lower(), **dataclasses.asdict(progress)}
            self._output.document(document, line=True)


class _Lines:
    """Plain lines on stderr, and one that says that it goes on, every now and then."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._still_at = STILL_EVERY_S

    def begin(self) -> None:
        self._output.say()

    def report(self, progress: Progress) -> None:
        if isinstance(progress, Tick):
            if progress.elapsed_s >= self._still_at:
                self._still_at = progress.elapsed_s + STILL_EVERY_S
                self._output.say(
                    f"Still generating… {tick_text(progress)} [{_clock(progress.elapsed_s)} elapsed]"
                )
        elif line := line_of(progress):
            self._output.say(line)


class _LiveLine:
    """A terminal: what happened scrolls by above, and the last line lives."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._live: Live | None = None

    def begin(self) -> None:
        from rich.console import Console  # only a terminal pays for rich
        from rich.live import Live
        from rich.spinner import Spinner

        self._output.say()
        self._spinner = Spinner("dots", text="")
        self._live = Live(self._spinner, console=Console(stderr=True), refresh_per_second=8, transient=True)
        self._live.start()

    def report(self, progress: Progress) -> None:
        from rich.text import Text

        if self._live is None:
            return
        if isinstance(progress, Tick):
            self._spinner.update(text=Text(f"{tick_text(progress)}  [{_clock(progress.elapsed_s)}]"))
        elif line := line_of(progress):
            self._live.console.print(Text.from_ansi(line))

    def end(self) -> None:
        if self._live:
            self._live.stop()


def line_of(progress: Progress) -> str | None:  # noqa: C901, PLR0911, PLR0912  # one answer a kind
    """What happened, in one line; None for what is not worth one."""
    match progress:
        case Submitted():
            return f"{progress.address}: submitted take {progress.take} (TaskId {progress.task_id})"
        case Finished():
            lengths = ", ".join(
                f"{o.format} {o.duration_s:.1f} s" if o.duration_s else o.format for o in progress.outputs
            )
            return f"{_good(progress.address)}: take {progress.take} is done after {_clock(progress.seconds)} ({lengths})"
        case Copied():
            return f"{_good(progress.address)}: take {progress.take} is copied from {progress.environment}"
        case Imported():
            return f"{_good(progress.address)}: {progress.source} is imported as take {progress.take}"
        case Failed():
            request = request_text(progress.request_id)
            return f"{_bad(progress.address)}: failed: {progress.code}: {progress.message}{request}"
        case Skipped():
            return f"{_bad(progress.address)}: not submitted: {progress.message}"
        case Unknown():
            request = request_text(progress.request_id)
            return f"{_bad(progress.address)}: the outcome is unknown: {progress.message}{request}"
        case Recorded(moved_from=old) if old:
            return f"{_good(progress.address)}: moved from {old}"
        case Retired():
            return f"{progress.address}: retired, its takes are kept"
        case Published(keys=keys):
            where = (
                f"published as {', '.join(keys)}" if keys else "is published no more; what was stays readable"
            )
            return f"{_good(progress.address)}: {where}"
        case Deleted():
            return f"{_bad(progress.address)}: its outputs are deleted"
        case Forgotten():
            return f"{progress.address}: its address is forgotten"
        case Downloaded():
            return f"{progress.address}: wrote {shown(Path(progress.path))}"
        case Noticed():
            return f"{progress.address}: {progress.message}" if progress.address else progress.message
        case Stopping():
            return f"Stopping: {progress.reason}. Answers in flight are awaited; nothing more is sent."
        case Recorded() | Tick():
            return None


def request_text(request_id: str | None) -> str:
    """What the provider's support asks for first."""
    return f" (RequestId {request_id})" if request_id else ""


def tick_text(tick: Tick) -> str:
    """The state of the run: `20 of 50 done, 10 in flight, 2 failed, about 3 min left`."""
    parts = [f"{tick.done} of {tick.total} done"]
    parts += [
        f"{n} {word}"
        for n, word in ((tick.queued, "to submit"), (tick.in_flight, "in flight"), (tick.failed, "failed"))
        if n
    ]
    if tick.left_s is not None:
        parts.append(f"about {_clock(tick.left_s)} left")
    return ", ".join(parts)


def _clock(seconds: float) -> str:
    return f"{seconds:.0f}s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _good(address: str) -> str:
    return click.style(address, fg="green")


def _bad(address: str) -> str:
    return click.style(address, fg="red")
