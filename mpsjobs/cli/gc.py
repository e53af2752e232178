"""`mpsjobs gc`: delete what only retired assets used, or what is published no more."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from mpsjobs.cli.asking import ask
from mpsjobs.cli.options import common, lock_timeout, open_project, variables
from mpsjobs.cli.output import Output
from mpsjobs.cli.plan_words import counted
from mpsjobs.cli.sizes import size_text
from mpsjobs.model.asset import Json
from mpsjobs.model.durations import seconds_of

if TYPE_CHECKING:
    from mpsjobs.apply.deletion import Deletion, Doomed
    from mpsjobs.upkeep.gc import Garbage

_SHOWN = 20


def _age(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    days = value.removesuffix("d")
    seconds = float(days) * 86400 if days.isdecimal() and value.endswith("d") else seconds_of(value)
    if seconds is None:
        raise click.BadParameter("write an age like 30d, 12h or 0s")
    return seconds


@click.command("gc", epilog="Example: mpsjobs gc --older-than 90d --dry-run")
@click.option(
    "--older-than",
    callback=_age,
    default="30d",
    show_default=True,
    metavar="AGE",
    help="Only what was retired, or left, so long ago.",
)
@click.option("--rejected", is_flag=True, help="Also takes that were rejected, or came late.")
@click.option(
    "--drafts",
    is_flag=True,
    help="Instead: takes of `apply --draft` that were bought so long ago, and that nobody adopted.",
)
@click.option(
    "--published", is_flag=True, help="Instead: published objects that their assets have left. Takes stay."
)
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@lock_timeout
@variables
@common
def command(  # noqa: PLR0913  # the options of the command, one to one
    output: Output,
    *,
    older_than: float,
    rejected: bool,
    drafts: bool,
    published: bool,
    dry_run: bool,
    auto_approve: bool,
    lock_timeout: float,
) -> int:
    """Delete the audio of retired assets from the store, for good.

    What an asset has, in the state or in the specs, stays; so does what any other environment's state refers to, and what is in flight.
    With --drafts: takes that were bought to be listened to before a merge that never came. With --published: copies under stable keys that no asset is published to any more.
    """
    from mpsjobs.cli.log import configure_log
    from mpsjobs.upkeep.gc import Rule, collect_garbage, find_garbage, other_states

    _check(output, rejected=rejected, drafts=drafts, published=published, sure=auto_approve or dry_run)
    configure_log()
    if published:
        from mpsjobs.cli.leftovers import clear

        return clear(
            output, older_than, dry_run=dry_run, auto_approve=auto_approve, lock_timeout=lock_timeout
        )
    project, rule = open_project(), Rule(older_than, rejected, drafts)
    if dry_run:
        garbage = find_garbage(project, project.state(), project.load(), other_states(project), rule)
        if output.json:
            output.document(garbage_document(garbage, None))
        else:
            _show(output, garbage)
        return 0

    def approve(garbage: "Garbage") -> bool:
        if not output.json:
            _show(output, garbage)
        return auto_approve or ask(output, what="mpsjobs gc --dry-run")

    collected = collect_garbage(
        project, rule, approve=approve, report=reporter(output), lock_timeout_s=lock_timeout
    )
    if output.json:
        output.document(garbage_document(collected.garbage, collected.deletion))
    elif collected.garbage.empty:
        _show(output, collected.garbage)
    elif collected.deletion is None:
        output.say("Cancelled. Nothing was deleted.")
        return 1
    return summed_up(output, collected.deletion)


def _check(output: Output, *, rejected: bool, drafts: bool, published: bool, sure: bool) -> None:
    if output.json and not sure:
        raise click.UsageError(
            "--json needs --auto-approve or --dry-run: a question cannot be asked in JSON."
        )
    if drafts and (rejected or published):
        raise click.UsageError(
            "--drafts goes with neither --rejected nor --published: run one after the other."
        )
    if published and rejected:
        raise click.UsageError(
            "--published is about copies and --rejected about takes: run one after the other."
        )


def _show(output: Output, garbage: "Garbage") -> None:
    if garbage.empty:
        output.result("There is nothing to delete.")
        return
    output.result("These takes would be deleted from the store, and can never be made again:")
    for line in garbage_lines(garbage):
        output.result(line)


def garbage_lines(garbage: "Garbage") -> Iterator[str]:
    """What goes, take by take, as far as a person reads it; and how much it is."""
    for each in garbage.takes[:_SHOWN]:
        take = each.take
        draft = f"  draft of {(take.draft_commit or take.intended_at)[:10]}" if take.draft else ""
        yield f"  {click.style('-', fg='red')} {take.address}#{take.take}  {size_text(each.size)}{draft}"
    if len(garbage.takes) > _SHOWN:
        yield f"  and {len(garbage.takes) - _SHOWN} more"
    if garbage.left:
        yield f"  and {counted(len(garbage.left), 'take')} that an earlier deletion left in the store"
    yield f"{counted(len(garbage.takes) + len(garbage.left), 'take')}, {size_text(garbage.size)}."


def garbage_document(garbage: "Garbage", deletion: "Deletion | None") -> dict[str, Json]:
    takes: list[Json] = [
        {
            "address": each.take.address,
            "fingerprint": each.fingerprint,
            "take": each.take.take,
            "attempt_id": each.take.attempt_id,
            "task_id": each.take.task_id,
            "size": each.size,
            "keys": [output.key for output in each.take.outputs],
        }
        for each in (*garbage.takes, *garbage.left)
    ]
    return {
        "format_version": 1,
        "takes": takes,
        "size": garbage.size,
        "deleted": {"takes": deletion.takes, "objects": deletion.objects, "size": deletion.size}
        if deletion
        else None,
        "failed": [str(error) for error in deletion.failed] if deletion else [],
    }


def reporter(output: Output) -> Callable[["Doomed"], None]:
    """Tells of each take that is gone, on stderr."""

    def report(each: "Doomed") -> None:
        if not output.json:
            output.say(f"deleted {each.take.address}#{each.take.take}")

    return report


def summed_up(output: Output, deletion: "Deletion | None") -> int:
    """Say what was deleted and what was not; returns the exit code."""
    if deletion is None:
        return 0
    for error in deletion.failed[:_SHOWN]:
        output.diagnostics(error.diagnostics)
    if deletion.failed:
        output.say(
            f"{counted(len(deletion.failed), 'take')} could not be deleted completely, and is used no more all the same. "
            "Run mpsjobs gc again."
        )
    if not output.json:
        output.result(f"{counted(deletion.takes, 'take')} deleted, {size_text(deletion.size)}.")
    return 1 if deletion.failed else 0
