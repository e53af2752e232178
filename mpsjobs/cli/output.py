"""What is written where: results on stdout, everything else on stderr, colours only for a terminal that wants them."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import orjson

from mpsjobs.cli import recall
from mpsjobs.cli.excerpt import Sources, visible
from mpsjobs.cli.github import annotations, inert, on_github
from mpsjobs.model.asset import Json
from mpsjobs.model.diagnostics import Diagnostic, Severity, in_reading_order
from mpsjobs.plan.document import diagnostic_document
from mpsjobs.spec.project_files import find_project

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTICE: "cyan"}


@dataclass(frozen=True, slots=True)
class Output:
    """The one printer of a command. `lines`: JSON comes as one event a line. `directory` is what `-C` says.

    `quiet`: beside the result, only errors are told. `github`: a log of GitHub Actions reads along, and takes some lines for commands.
    """

    json: bool = False
    colour: bool = True
    debug: bool = False
    lines: bool = False
    quiet: bool = False
    directory: str | None = None
    github: bool = False

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> "Output":
        """For errors that come before, or outside of, a command's own options."""
        level = os.environ.get("MPSJOBS_LOG_LEVEL", "")
        debug = (
            level == "debug"
            or "--log-level=debug" in arguments
            or _follows(arguments, "--log-level", "debug")
        )
        colour = "--no-color" not in arguments and wants_colour()
        lines = bool({"apply", "wait", "refresh"} & set(arguments))
        as_json = (
            "--json" in arguments or "--format=json" in arguments or _follows(arguments, "--format", "json")
        )
        quiet = bool({"--quiet", "-q"} & set(arguments))
        return cls(as_json, colour, debug, lines, quiet, _directory(arguments), on_github(os.environ))

    @property
    def coloured(self) -> bool:
        """Whether results are in colours."""
        return self._colour(sys.stdout) is None

    def result(self, text: str = "") -> None:
        """A line of the result, on stdout."""
        recall.heard(text if self.coloured else click.unstyle(text))
        click.echo(text, color=self._colour(sys.stdout))

    def say(self, text: str = "") -> None:
        """A line beside the result, on stderr."""
        recall.heard_beside()
        click.echo(inert(text) if self.github else text, err=True, color=self._colour(sys.stderr))

    def command(self, text: str) -> None:
        """A command to GitHub Actions. Its runner reads both streams; results are nobody's place for commands."""
        click.echo(text, err=True)

    def document(self, document: Json, *, line: bool = False) -> None:
        """A JSON document on stdout, indented unless it is one of many lines."""
        text = orjson.dumps(document, option=0 if line else orjson.OPT_INDENT_2).decode()
        recall.heard(text)
        click.echo(text)

    def errors(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Diagnostics on stderr; with `--json` also as the document on stdout."""
        diagnostics = in_reading_order(diagnostics)
        if self.json:
            document: Json = {
                "format_version": 1,
                "type": "error",
                "diagnostics": [diagnostic_document(d) for d in diagnostics],
            }
            self.document(document, line=self.lines)
        self.diagnostics(diagnostics)
        if self.github:
            for line in annotations(diagnostics, self.project_root()):
                self.command(line)

    def diagnostics(self, diagnostics: Iterable[Diagnostic], root: Path | None = None) -> None:
        """Diagnostics on stderr. Their paths are relative to `root`; None: to the project that the command works in."""
        diagnostics = tuple(each for each in diagnostics if each.is_error or not self.quiet)
        placed = any(diagnostic.position for diagnostic in diagnostics)
        sources = Sources(root or (self.project_root() if placed else None))
        for diagnostic in diagnostics:
            for line in diagnostic_lines(diagnostic, sources):
                self.say(line)

    def project_root(self) -> Path | None:
        """The folder that places are relative to: that of the project, if there is one."""
        return find_project(Path(self.directory or "."))

    def bug(self, error: Exception, trace: str) -> None:
        self.say(
            f"{click.style('error', fg='red', bold=True)}: this is a bug in mpsjobs: {type(error).__name__}: {error}"
        )
        self.say(
            "  Nothing that was recorded is lost. Please report what you did, with what --log-level debug prints here."
        )
        if self.debug:
            self.say(trace)

    def _colour(self, stream: Any) -> bool | None:
        """None leaves it to click: colours on a terminal, none elsewhere."""
        return None if self.colour and stream.isatty() else False


def diagnostic_lines(diagnostic: Diagnostic, sources: Sources | None = None) -> Iterator[str]:
    """Severity, code and summary; the place, with its line where there are `sources`; why; other places; how to mend it."""
    code = f"[{diagnostic.code}]" if diagnostic.code else ""
    colour = _COLOURS[diagnostic.severity]
    yield f"{click.style(f'{diagnostic.severity}{code}', fg=colour, bold=True)}: {visible(diagnostic.summary)}"
    if diagnostic.position:
        yield f"  {_frame('-->')} {visible(str(diagnostic.position))}"
        for line in sources.excerpt(diagnostic.position) if sources else ():
            text = click.style(line.text, fg=colour, bold=True) if line.marks else line.text
            yield f"{_frame(f' {line.margin} |')} {text}" if text else _frame(f" {line.margin} |")
    yield from (f"  {visible(line)}" for line in diagnostic.detail.splitlines())
    for related in diagnostic.related:
        yield f"  {_frame(':::')} {visible(str(related.position))}: {related.label}"
    if diagnostic.hint:
        yield f"  {click.style('help', fg='green', bold=True)}: {visible(diagnostic.hint)}"


def wants_colour() -> bool:
    """Whether the environment has nothing against colours."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _frame(text: str) -> str:
    return click.style(text, fg="blue", bold=True)


def _follows(arguments: Sequence[str], option: str, value: str) -> bool:
    return any(pair == (option, value) for pair in pairwise(arguments))


def _directory(arguments: Sequence[str]) -> str | None:
    """What `-C` says, which comes before the command."""
    for index, word in enumerate(arguments):
        if word == "-C":
            return next(iter(arguments[index + 1 :]), None)
        if word.startswith("-C"):
            return word.removeprefix("-C")
    return None


def shown(file: Path) -> str:
    """A path that works where the user stands."""
    file = file.absolute()
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
