"""`mpsjobs fmt`: settings and specs in one layout."""

import difflib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from mpsjobs.cli import recall
from mpsjobs.cli.options import printing, recalled
from mpsjobs.cli.output import Output, shown
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, MpsjobsError, SpecError
from mpsjobs.plan.document import diagnostic_document
from mpsjobs.spec.fmt import Kind, format_text
from mpsjobs.spec.fmt.files import files_below, files_of_project
from mpsjobs.spec.project_files import SETTINGS_NAME, find_project
from mpsjobs.spec.source import decode, read_text
from mpsjobs.spec.writing import replace_text

_STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class _Result:
    """A file that could be read: what it holds, and what it should hold. `path` is None for stdin."""

    label: str
    path: Path | None
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after

    def diff(self) -> str:
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            self.label,
            f"{self.label} (formatted)",
        )
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
        )


@click.command("fmt", epilog="Example: mpsjobs fmt --check --diff")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@click.option(
    "--stdin-name",
    default="stdin.yaml",
    metavar="NAME",
    help="What to call stdin; as mpsjobs.yaml it is formatted as settings.",
)
@recalled
@printing
def command(output: Output, *, paths: tuple[Path, ...], check: bool, diff: bool, stdin_name: str) -> int:
    """Format the settings and specs of the project, or the files and folders PATHS; - stands for stdin.

    Comments, quotes and the text of prompts stay as written, keys come into the order of the reference, and the meaning stays the same.
    A file with mistakes in its YAML is left alone.
    """
    if _STDIN in paths and len(paths) > 1:
        raise click.UsageError("- goes with no other path.")
    results: list[_Result] = []
    problems: list[Diagnostic] = []
    named: Iterable[Path | None] = [None] if paths == (_STDIN,) else _files(paths)
    for path in named:
        try:
            results.append(_formatted(path, stdin_name))
        except SpecError as error:
            problems += error.diagnostics
    changed = [result for result in results if result.changed]
    if not (check or diff):
        for result in changed:
            if result.path is not None:
                replace_text(result.path, result.after, result.label)
    _tell(output, results, problems, check=check, diff=diff)
    if not (problems or changed or _STDIN in paths):
        recall.repeatable(0)
    return 1 if problems or (check and changed) else 0


def _tell(
    output: Output, results: list[_Result], problems: list[Diagnostic], *, check: bool, diff: bool
) -> None:
    changed = [result for result in results if result.changed]
    output.diagnostics(problems, Path.cwd())
    if output.json:
        output.document(
            {
                "format_version": 1,
                "written": not (check or diff),
                "changed": [result.label for result in changed],
                "unchanged": len(results) - len(changed),
                "diagnostics": [diagnostic_document(problem) for problem in problems],
            }
        )
        return
    for result in results:
        if result.path is None and not (check or diff):
            click.echo(result.after, nl=False)
        elif diff:
            click.echo(result.diff(), nl=False)
        elif result.changed:
            output.result(result.label)
    if check and changed:
        output.say(f"{len(changed)} of {len(results)} files would change; run mpsjobs fmt.")


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The files that are named, or stand in folders that are; without any, those of the project.

    Raises:
        MpsjobsError: there is no project here.
    """
    if paths:
        for path in paths:
            yield from files_below(path) if path.is_dir() else [path]
        return
    directory = click.get_current_context().obj
    root = Path(directory).resolve() if directory else find_project(Path.cwd())
    if root is None or not (root / SETTINGS_NAME).is_file():
        raise MpsjobsError.of(
            "There is no project here.",
            detail="Neither this folder nor one above it has a mpsjobs.yaml.",
            hint="Name files or folders, or the project with -C.",
            code=Code.NO_PROJECT,
        )
    yield from files_of_project(root)


def _formatted(path: Path | None, stdin_name: str) -> _Result:
    if path is None:
        data = sys.stdin.buffer.read()
        label, text = stdin_name, decode(data, stdin_name)
    else:
        label = shown(path)
        text = read_text(path, label)
        data = path.read_bytes()
    after = format_text(text, label, Kind.of(Path(label).name))
    return _Result(label, path, data.decode(errors="replace"), after)
