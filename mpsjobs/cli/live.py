"""The live view of an apply on a terminal: bars by state, and above them what happened, for good.

It is drawn anew with every tick of the run, twice a second, whatever happens in between; so a run of 10,000 tasks draws no more often
than one of ten. It is drawn for the size that the terminal has by then. No line is wider than it says something, so that most terminals
have nothing to wrap when they become narrower.
"""

import sys
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live as RichLive
from rich.text import Text

from mpsjobs.apply.progress import Progress, Tick
from mpsjobs.cli.output import Output
from mpsjobs.cli.progress_text import clock, left_text, worth_a_line

WIDEST = 100
_LABEL, _COUNT = 14, 7
_LOW = 12
"""A terminal with fewer rows than this gets no bars."""

_STATES = (
    ("to submit", "to_submit", ""),
    ("sent", "sent", "blue"),
    ("in the cloud", "in_cloud", "cyan"),
    ("collecting", "collecting", "magenta"),
    ("done", "done", "green"),
    ("failed", "failed", "red"),
)


class Live:
    """See `View`. The region at the bottom begins with the first tick, and is gone without a trace at the end."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._region: RichLive | None = None
        self._total = 0
        self._pending: list[str] = []

    def begin(self) -> None:
        self._output.say()

    def report(self, progress: Progress) -> None:
        if isinstance(progress, Tick):
            self._total = progress.total
            self._draw(progress)
        elif line := worth_a_line(progress, self._total):
            self._pending.append(line)
            if self._region is None:  # nothing is drawn yet that the line could come with
                self._write_pending()

    def end(self) -> None:
        self._write_pending()
        if self._region:
            region, self._region = self._region, None
            region.stop()

    def _draw(self, tick: Tick) -> None:
        if self._region is None:
            self._region = RichLive(
                console=Console(stderr=True, no_color=not self._output.colour, highlight=False),
                auto_refresh=False,
                transient=True,
                redirect_stdout=sys.stdout.isatty(),
            )
            self._region.start()
        self._region.update(Bars(tick))
        if self._pending:
            self._write_pending()
        else:
            self._region.refresh()

    def _write_pending(self) -> None:
        """Above the region, in one go: it draws the region too."""
        lines, self._pending = self._pending, []
        if self._region and lines:
            text = Text.from_ansi("\n".join(lines))
            self._region.console.print(text, soft_wrap=True)
        else:
            for line in lines:
                self._output.say(line)


class Bars:
    """One tick, drawn for the size of the terminal at that moment."""

    def __init__(self, tick: Tick) -> None:
        self._tick = tick

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, tick = min(options.max_width, WIDEST), self._tick
        if console.height >= _LOW:
            room = width - _LABEL - _COUNT - 4
            for label, name, style in _STATES:
                yield _bar(
                    label, getattr(tick, name), tick.total, room, style, "#" if options.ascii_only else "━"
                )
        for line in joined(_words(tick), width, ", " if options.ascii_only else " · "):
            yield Text(line, no_wrap=True, overflow="ellipsis")


def _bar(label: str, count: int, total: int, room: int, style: str, mark: str) -> Text:
    text = Text(no_wrap=True, overflow="crop")
    text.append(f"  {label:<{_LABEL}}{count:>{_COUNT},}", "" if count else "dim")
    length = min(max(1, round(room * count / total)), room) if count and room > 0 else 0
    text.append(f" {mark * length}" if length else "", style)
    return text


def _words(tick: Tick) -> Iterator[str]:
    if tick.to_submit or tick.per_second:
        yield f"{tick.per_second:.1f}/s submitted"
    if in_flight := tick.sent + tick.in_cloud + tick.collecting:
        yield f"{in_flight:,} in flight"
    yield f"{stopwatch(tick.elapsed_s)} elapsed"
    if in_flight or tick.to_submit:
        yield left_text(tick)
    if tick.slowest:
        yield f"slowest {tick.slowest}, {clock(tick.slowest_s)}"


def joined(words: Iterator[str], width: int, between: str) -> Iterator[str]:
    """Lines of at most so many letters, broken between the words where that is possible."""
    line = ""
    for word in words:
        if line and len(line) + len(between) + len(word) > width:
            yield line
            line = ""
        line += f"{between}{word}" if line else f"  {word}"
    if line:
        yield line


def stopwatch(seconds: float) -> str:
    """`0:45`, `12:05`, `1:02:05`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
