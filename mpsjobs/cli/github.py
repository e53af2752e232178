"""Diagnostics as annotations in a pull request: the workflow commands of GitHub Actions.

Source of the form and of its escapes: GitHub's documentation of workflow commands, and `@actions/core`.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mpsjobs.model.diagnostics import Diagnostic, Position, Severity

SHOWN_BY_GITHUB = 10
"""Annotations of one severity that GitHub shows for one step; the log has all of them."""


_COMMAND = re.compile(r"(^|[\r\n])([^\S\r\n]*)::")


def on_github(environ: Mapping[str, str]) -> bool:
    return environ.get("GITHUB_ACTIONS") == "true"


def inert(text: str) -> str:
    """Text for the log in which nothing is a command: the runner obeys `::name::` where a line begins, and `##[name]` anywhere."""
    return _COMMAND.sub(r"\1\2: :", text).replace("##[", "## [")


def group(title: str) -> str:
    return f"::group::{_data(title)}"


END_GROUP = "::endgroup::"


def annotations(
    diagnostics: Sequence[Diagnostic], root: Path | None, environ: Mapping[str, str] = os.environ
) -> Iterator[str]:
    """One line for each diagnostic. `root` is the project that their paths are relative to."""
    repository = _repository(root, environ) if root else None
    for diagnostic in diagnostics:
        yield _annotation(diagnostic, root, repository)


def counts(diagnostics: Sequence[Diagnostic]) -> str:
    """How many there are, for whoever sees only the annotations that GitHub shows."""
    numbers = {severity: sum(each.severity is severity for each in diagnostics) for severity in Severity}
    words = [f"{count:,} {severity}{'s'[: count != 1]}" for severity, count in numbers.items() if count]
    more = max(numbers.values()) > SHOWN_BY_GITHUB
    rest = f" GitHub shows {SHOWN_BY_GITHUB} of a kind; this log has all." if more else ""
    return f"{', '.join(words) or 'No mistakes'}.{rest}"


def _annotation(diagnostic: Diagnostic, root: Path | None, repository: Path | None) -> str:
    properties = {"title": f"mpsjobs {diagnostic.code or ''}".strip()}
    if (at := diagnostic.position) and root:
        properties |= {"file": _path(at, root, repository), "line": str(at.line), "col": str(at.column)}
    lines = [diagnostic.summary, diagnostic.detail]
    lines += [f"{related.position}: {related.label}" for related in diagnostic.related]
    lines += [f"help: {diagnostic.hint}"] if diagnostic.hint else []
    head = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{diagnostic.severity} {head}::{_data(chr(10).join(filter(None, lines)))}"


def _path(at: Position, root: Path, repository: Path | None) -> str:
    """Relative to the repository, if the file is in it."""
    file = Path(os.path.normpath(root / at.file))
    inside = repository is not None and file.is_relative_to(repository)
    return file.relative_to(repository or root).as_posix() if inside else file.as_posix()


def _repository(root: Path, environ: Mapping[str, str]) -> Path | None:
    """The folder that GitHub knows paths from: its workspace if the project is in it, else the repository around the project."""
    workspace = Path(environ.get("GITHUB_WORKSPACE") or os.sep).resolve()
    if environ.get("GITHUB_WORKSPACE") and root.is_relative_to(workspace):
        return workspace
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
