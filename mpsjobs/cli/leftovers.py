"""`mpsjobs gc --published`: delete published objects that their assets have left."""

from collections.abc import Sequence

import click

from mpsjobs.cli.asking import ask
from mpsjobs.cli.options import open_project
from mpsjobs.cli.output import Output
from mpsjobs.cli.plan_words import counted
from mpsjobs.model.asset import Json
from mpsjobs.model.state import Superseded
from mpsjobs.upkeep.gc import other_states
from mpsjobs.upkeep.leftovers import Cleared, clear_leftovers, find_leftovers

_SHOWN = 20


def clear(
    output: Output, older_than: float, *, dry_run: bool, auto_approve: bool, lock_timeout: float
) -> int:
    """Find them, show them, ask, and delete them; returns the exit code."""
    project = open_project()

    def approve(found: Sequence[Superseded]) -> bool:
        if not output.json:
            _show(output, found)
        return auto_approve or ask(output, what="mpsjobs gc --published --dry-run")

    def report(left: Superseded) -> None:
        if not output.json:
            output.say(f"deleted {left.key}")

    if dry_run:
        cleared = Cleared(find_leftovers(project, project.state(), other_states(project), older_than))
    else:
        cleared = clear_leftovers(
            project, older_than, approve=approve, report=report, lock_timeout_s=lock_timeout
        )
    if output.json:
        output.document(_document(cleared))
    elif dry_run or not cleared.found:
        _show(output, cleared.found)
    elif cleared.gone is None:
        output.say("Cancelled. Nothing was deleted.")
        return 1
    else:
        _sum_up(output, cleared)
    return 1 if cleared.failed else 0


def _show(output: Output, found: Sequence[Superseded]) -> None:
    if not found:
        output.result("There is nothing to delete.")
        return
    output.result("Nobody is published under these keys any more; their objects would be deleted:")
    for each in found[:_SHOWN]:
        output.result(
            f"  {click.style('-', fg='red')} {each.key}  left by {each.address} on {each.since[:10]}"
        )
    if len(found) > _SHOWN:
        output.result(f"  and {len(found) - _SHOWN} more")
    output.result(f"{counted(len(found), 'object')}. The takes that they are copies of stay.")


def _sum_up(output: Output, cleared: Cleared) -> None:
    for each in (cleared.others or ())[:_SHOWN]:
        output.say(f"{each.key} is another object by now, and left alone")
    for error in (cleared.failed or ())[:_SHOWN]:
        output.diagnostics(error.diagnostics)
    output.result(f"{counted(len(cleared.gone or ()), 'object')} deleted.")


def _document(cleared: Cleared) -> dict[str, Json]:
    objects: list[Json] = [
        {
            "address": each.address,
            "since": each.since,
            "bucket": each.bucket,
            "region": each.region,
            "key": each.key,
        }
        for each in cleared.found
    ]

    def keys(objects: Sequence[Superseded] | None) -> Json:
        return None if objects is None else [each.key for each in objects]

    return {
        "format_version": 1,
        "published": objects,
        "deleted": keys(cleared.gone),
        "left_alone": keys(cleared.others),
        "failed": [str(error) for error in cleared.failed or ()],
    }
