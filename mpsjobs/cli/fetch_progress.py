"""Files that are fetched, as they come: a bar on a terminal, lines of what went wrong everywhere."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mpsjobs.cli.output import Output, shown
from mpsjobs.cli.plan_words import counted
from mpsjobs.cli.sizes import size_text
from mpsjobs.model.asset import Json
from mpsjobs.upkeep.fetching import Fetched, NotFetched

Report = Callable[[Fetched | NotFetched], None]


@contextmanager
def fetching(output: Output, files: int) -> Iterator[Report]:
    """Gives what is to be told of each file."""
    if output.json or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True, no_color=not output.colour)
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Fetching", total=files)
        yield lambda _: progress.advance(task)


def summed_up(output: Output, found: Sequence[Fetched | NotFetched], folder: Path) -> int:
    """Say what is there now and what is not; returns the exit code."""
    failed = [each for each in found if isinstance(each, NotFetched)]
    there = [each for each in found if isinstance(each, Fetched)]
    new = [each for each in there if each.new]
    output.diagnostics(each.problem for each in failed)
    if output.json:
        output.document(
            {
                "format_version": 1,
                "folder": str(folder),
                "files": [_document(each, folder) for each in there],
                "failed": [
                    {"file": _name(each.file, folder), "problem": each.problem.summary} for each in failed
                ],
            }
        )
    else:
        size = size_text(sum(each.output.size for each in new))
        kept = f", {len(there) - len(new)} were there already" if len(there) > len(new) else ""
        lost = f", {len(failed)} failed" if failed else ""
        output.result(f"{counted(len(new), 'file')} fetched into {shown(folder)} ({size}){kept}{lost}.")
    return 1 if failed else 0


def _document(fetched: Fetched, folder: Path) -> Json:
    return {
        "file": _name(fetched.file, folder),
        "sha256": fetched.output.sha256,
        "size": fetched.output.size,
        "new": fetched.new,
    }


def _name(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()
