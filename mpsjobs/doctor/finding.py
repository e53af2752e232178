"""What one check found, in words for the person who has to mend it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from mpsjobs.model.diagnostics import MpsjobsError


class Status(StrEnum):
    """FAILED: an apply would not work. WARNING: it would, and something should be known first. SKIPPED: not looked at; the summary says why."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `name` is the check's and never changes: scripts look for it. No text holds a secret."""

    name: str
    status: Status
    summary: str
    detail: str = ""
    remedy: str = ""


def ok(name: str, summary: str, detail: str = "") -> Finding:
    return Finding(name, Status.OK, summary, detail)


def warning(name: str, summary: str, detail: str = "", remedy: str = "") -> Finding:
    return Finding(name, Status.WARNING, summary, detail, remedy)


def failed(name: str, summary: str, detail: str = "", remedy: str = "") -> Finding:
    return Finding(name, Status.FAILED, summary, detail, remedy)


def needs(what: str, *names: str) -> Iterator[Finding]:
    """These checks follow from another one that failed."""
    return (Finding(name, Status.SKIPPED, f"needs {what}") for name in names)


def not_needed(why: str, *names: str) -> Iterator[Finding]:
    """These checks do not concern this project."""
    return (Finding(name, Status.SKIPPED, f"not needed: {why}") for name in names)


def from_error(name: str, error: MpsjobsError, *, status: Status = Status.FAILED) -> Finding:
    """An error as it is told everywhere else. Of several diagnostics the first gives the summary, and all of them the detail."""
    first, *more = error.diagnostics
    lines = [f"{first.position}: {first.detail}" if first.position else first.detail]
    lines += [
        f"{each.position}: {each.summary}. {each.detail}" if each.position else each.summary for each in more
    ]
    return Finding(name, status, f"{first.summary.rstrip('.')}.", "\n".join(filter(None, lines)), first.hint)


def any_failed(findings: Iterable[Finding]) -> bool:
    return any(finding.status is Status.FAILED for finding in findings)
