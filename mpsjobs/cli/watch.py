"""Watching an apply: a live view on a terminal, plain lines elsewhere, one JSON event a line for scripts."""

import dataclasses
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from mpsjobs.apply.progress import Progress, Tick
from mpsjobs.cli.github import END_GROUP, group
from mpsjobs.cli.output import Output
from mpsjobs.cli.progress_text import clock, tick_text, worth_a_line

STILL_EVERY_S = 30.0
"""So often a long run says that it goes on, where no live view does."""


class View(Protocol):
    """Shows what apply reports."""

    def begin(self) -> None:
        """The plan was approved: from now on there is something to watch."""
        ...

    def report(self, progress: Progress) -> None: ...

    def end(self) -> None:
        """Others write now, and may ask; `begin` goes on. Doing it twice is doing it once."""
        ...


@contextmanager
def watch(output: Output) -> Iterator[View]:
    """The view that fits where the output goes."""
    view = _view(output)
    try:
        yield view
    finally:
        view.end()


def _view(output: Output) -> View:
    if output.json:
        return _Events(output)
    if output.quiet:
        return _Nothing()
    if sys.stderr.isatty() and can_live(os.environ):
        from mpsjobs.cli.live import Live  # only a terminal pays for rich

        return Live(output)
    return _Lines(output)


def can_live(environ: Mapping[str, str]) -> bool:
    """Whether a terminal can move its cursor, and somebody looks at it."""
    return environ.get("TERM", "dumb") not in {"dumb", "unknown", ""} and environ.get(
        "CI", ""
    ).lower() not in {
        "true",
        "1",
    }


class _Nothing:
    """`--quiet`: the summary says it all."""

    def begin(self) -> None: ...

    def report(self, progress: Progress) -> None: ...

    def end(self) -> None: ...


class _Now:
    """Whether it is time again: every now and then, by the run's own clock."""

    def __init__(self) -> None:
        self._at = STILL_EVERY_S

    def __call__(self, elapsed_s: float) -> bool:
        if elapsed_s < self._at:
            return False
        self._at = elapsed_s + STILL_EVERY_S
        return True


class _Events:
    """`apply --json`: every report as one document a line; ticks only now and then."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._now = _Now()

    def begin(self) -> None: ...

    def report(self, progress: Progress) -> None:
        if not isinstance(progress, Tick) or self._now(progress.elapsed_s):
            document = {"type": type(progress).__name__.lower(), **dataclasses.asdict(progress)}
            self._output.document(document, line=True)

    def end(self) -> None: ...


class _Lines:
    """Plain lines on stderr, and one that says that it goes on, every now and then."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._now = _Now()
        self._total = 0
        self._grouped = False

    def begin(self) -> None:
        if self._output.github:
            self._grouped = True
            self._output.command(group("Progress"))
        else:
            self._output.say()

    def report(self, progress: Progress) -> None:
        if isinstance(progress, Tick):
            self._total = progress.total
            if self._now(progress.elapsed_s):
                self._output.say(
                    f"Still at work: {tick_text(progress)} [{clock(progress.elapsed_s)} elapsed]"
                )
        elif line := worth_a_line(progress, self._total):
            self._output.say(line)

    def end(self) -> None:
        if self._grouped:
            self._grouped = False
            self._output.command(END_GROUP)
