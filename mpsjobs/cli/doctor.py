"""`mpsjobs doctor`: is everything there that an apply needs?"""

from collections.abc import Iterable, Iterator
from typing import Final

import click

from mpsjobs.cli.log import configure_log
from mpsjobs.cli.options import common, open_project
from mpsjobs.cli.output import Output
from mpsjobs.doctor import CHECKS, Finding, Status, any_failed, without_settings
from mpsjobs.model.asset import Json
from mpsjobs.model.diagnostics import SpecError

_HELP = """Check all that an apply needs, without paying for anything.

\b
Settings, credentials, proxies, network, clock, a signed question to the API,
the bucket (an object is put, read, listed, fetched by URL and deleted),
the state and its lock. Each line is ok, warning, failed or skipped, and says
how to mend it. Exit code 0 when nothing failed, else 1; warnings do not count.
"""

_COLOURS: Final = {
    Status.OK: "green",
    Status.WARNING: "yellow",
    Status.FAILED: "red",
    Status.SKIPPED: "bright_black",
}
_STATUS_WIDTH: Final = max(map(len, Status))
_NAME_WIDTH: Final = max(map(len, CHECKS))
_INDENT: Final = " " * (_STATUS_WIDTH + _NAME_WIDTH + 4)


@click.command("doctor", help=_HELP, epilog="Example: mpsjobs doctor --json")
@common
def command(output: Output) -> int:
    configure_log()
    found = []
    for finding in _findings():
        found.append(finding)
        if not output.json:
            for line in _lines(finding):
                output.result(line)
    if output.json:
        output.document(_document(found))
    else:
        output.result()
        output.result(_summary(found))
    return 1 if any_failed(found) else 0


def _findings() -> Iterator[Finding]:
    try:
        project = open_project()
    except SpecError as error:
        yield from without_settings(error)
    else:
        yield from project.doctor()


def _lines(finding: Finding) -> Iterator[str]:
    status = click.style(f"{finding.status:{_STATUS_WIDTH}}", fg=_COLOURS[finding.status])
    yield f"{status}  {finding.name:{_NAME_WIDTH}}  {finding.summary}"
    yield from (f"{_INDENT}{line}" for line in finding.detail.splitlines())
    if finding.remedy:
        yield f"{_INDENT}{click.style('remedy', bold=True)}: {finding.remedy}"


def _counts(found: Iterable[Finding]) -> dict[str, int]:
    statuses = [finding.status for finding in found]
    return {str(status): statuses.count(status) for status in Status}


def _summary(found: Iterable[Finding]) -> str:
    counts = _counts(found)
    told = f"{counts['failed']} failed, {counts['warning']} warning{'s'[: counts['warning'] != 1]}, {counts['ok']} ok, {counts['skipped']} skipped."
    return f"Ready to apply: {told}" if not counts["failed"] else f"Not ready: {told}"


def _document(found: Iterable[Finding]) -> Json:
    findings: list[Json] = [
        {
            "name": finding.name,
            "status": str(finding.status),
            "summary": finding.summary,
            "detail": finding.detail,
            "remedy": finding.remedy,
        }
        for finding in found
    ]
    counts: dict[str, Json] = dict(_counts(found))
    return {"format_version": 1, "ok": not any_failed(found), "counts": counts, "findings": findings}
