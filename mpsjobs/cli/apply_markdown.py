"""What came of an apply, as a part of a job's summary in GitHub's Markdown. What users or the cloud wrote stands in code."""

from collections.abc import Iterator
from itertools import islice

import click

from mpsjobs.apply.result import ApplyResult
from mpsjobs.cli.plan_markdown import code
from mpsjobs.cli.plan_words import counted, where_text
from mpsjobs.cli.summing_up import summary_line
from mpsjobs.model.change import Kind, Plan

ROWS = 200


def apply_markdown(plan: Plan, result: ApplyResult, project: str) -> str:
    """A headline, the counts, and a table of what went wrong, cut after `ROWS`."""
    return "\n".join(_lines(plan, result, project))


def _lines(plan: Plan, result: ApplyResult, project: str) -> Iterator[str]:
    yield f"## mpsjobs apply for {code(project)} ({code(where_text(plan))})"
    yield ""
    yield f"**{click.unstyle(summary_line(plan, result))}**"
    for diagnostic in result.stopped:
        yield ""
        yield f"Stopped: {code(diagnostic.summary)} {code(diagnostic.detail) if diagnostic.detail else ''}".rstrip()
    rows = list(islice(_rows(plan, result), ROWS + 1))
    if not rows:
        return
    yield ""
    yield "| asset | take | what happened |"
    yield "|---|--:|---|"
    yield from rows[:ROWS]
    if len(rows) > ROWS:
        yield ""
        yield f"and more: {counted(sum(1 for _ in _rows(plan, result)) - ROWS, 'further asset')}; the log has all"


def _rows(plan: Plan, result: ApplyResult) -> Iterator[str]:
    for failed in result.failed:
        yield _row(failed.address, failed.take, f"{failed.code}: {failed.message}")
    for skipped in result.skipped:
        yield _row(skipped.address, skipped.take, f"not submitted: {skipped.message}")
    for unknown in result.unknown:
        yield _row(unknown.address, unknown.take, f"a paid task may exist: {unknown.message}")
    told = result.troubled
    for change in plan.changes:
        if change.kind in {Kind.FAILED, Kind.UNRESOLVED} and change.address not in told:
            yield _row(change.address, None, f"{change.kind}: {change.message or ''}")


def _row(address: str, take: int | None, what: str) -> str:
    cells = (code(address), "" if take is None else str(take), code(what))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
