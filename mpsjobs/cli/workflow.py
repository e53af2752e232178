"""A plan or an apply as a step of GitHub Actions: long parts of the log in groups, failures as annotations, and a part of the job's summary.

Elsewhere there is nothing of it.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mpsjobs.apply.result import ApplyResult
from mpsjobs.cli.github import END_GROUP, SHOWN_BY_GITHUB, annotations, group, inert
from mpsjobs.cli.output import Output
from mpsjobs.cli.plan_words import counted
from mpsjobs.model.change import Kind, Plan
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, MpsjobsError, Position, Severity
from mpsjobs.project import Project

LONG = 20
"""A part of the log with more lines is a group, closed until somebody opens it."""

LARGEST_SUMMARY = 1024 * 1024
"""So many bytes GitHub takes for one step; of more it shows nothing at all."""


@dataclass(frozen=True)
class Step:
    output: Output
    project: Project
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def lines(self, title: str, lines: Iterable[str]) -> None:
        """Lines of the result, for people."""
        if not self.output.github:
            for line in lines:
                self.output.result(line)
            return
        written = list(lines)
        long = len(written) > LONG
        *inside, last = written or [""]
        if long:
            self.output.result(group(f"{title}, {counted(len(written), 'line')}"))
        for line in inside:
            self.output.result(inert(line))
        if long:
            self.output.result(END_GROUP)
        if written:
            self.output.result(inert(last))

    def planned(self, markdown: str) -> None:
        """A plan was made, or could not be."""
        if self.output.github:
            self._summarise(markdown)

    def applied(self, plan: Plan, result: ApplyResult) -> None:
        """An apply has ended."""
        if not self.output.github:
            return
        from mpsjobs.cli.apply_markdown import apply_markdown

        troubles = list(_troubles(plan, result, self._places))
        for severity in Severity:
            found = [each for each in troubles if each.severity is severity]
            for line in annotations(found[:SHOWN_BY_GITHUB], self.project.root, self.environ):
                self.output.command(line)
        if plan.has_changes or result.exit_code:
            self._summarise(apply_markdown(plan, result, self.project.settings.project))

    def _places(self) -> dict[str, Position]:
        """Where each asset is written. A run that went on without that has nothing to point at."""
        try:
            return {asset.address: asset.source or asset.origin for asset in self.project.load().assets}
        except MpsjobsError:
            return {}

    def _summarise(self, markdown: str) -> None:
        """Add to the job's summary. What cannot be written there is no reason to fail."""
        if not (name := self.environ.get("GITHUB_STEP_SUMMARY")):
            return
        try:
            with Path(name).open("ab") as file:
                file.write(fitting(markdown, LARGEST_SUMMARY - file.tell()))
        except OSError as error:
            self.output.say(f"The job's summary cannot be written: {error}")


def fitting(markdown: str, room: int) -> bytes:
    """Its lines in UTF-8, as many as there are bytes for; what is cut is said, if there is room even for that."""
    whole = f"{markdown.rstrip()}\n\n".encode()
    if len(whole) <= room:
        return whole
    rest = b"\n\n(cut: the log has all of it)\n\n"
    cut = whole[: max(0, room - len(rest))].rpartition(b"\n")[0]
    return cut + rest if cut else b""


def _troubles(
    plan: Plan, result: ApplyResult, places: Callable[[], Mapping[str, Position]]
) -> Iterator[Diagnostic]:
    """What an apply leaves to do, at the assets that it is about."""
    told = result.troubled
    still = [
        each
        for each in plan.changes
        if each.address not in told and each.kind in {Kind.FAILED, Kind.UNRESOLVED}
    ]
    if not (told or still):
        return
    at = places()

    def trouble(address: str, what: str, detail: str = "", *, unresolved: bool = False) -> Diagnostic:
        return Diagnostic(
            f"{address}: {what}",
            detail,
            severity=Severity.WARNING if unresolved else Severity.ERROR,
            position=at.get(address),
            code=Code.TAKE_UNRESOLVED if unresolved else Code.TAKE_FAILED,
        )

    for failed in result.failed:
        ids = (("TaskId", failed.task_id), ("RequestId", failed.request_id))
        told_ids = ", ".join(f"{name} {value}" for name, value in ids if value)
        yield trouble(failed.address, f"{failed.code}: {failed.message}", told_ids)
    for skipped in result.skipped:
        yield trouble(skipped.address, f"not submitted: {skipped.message}")
    for unknown in result.unknown:
        lost = "the answer to its request was lost: a paid task may exist"
        yield trouble(unknown.address, lost, unknown.message, unresolved=True)
    for change in still:
        unresolved = change.kind is Kind.UNRESOLVED
        yield trouble(change.address, f"{change.kind}: {change.message or ''}", unresolved=unresolved)
