"""`mpsjobs history`: who did what when, and the life of one asset."""

import click

from mpsjobs.cli.addresses import recorded_addresses
from mpsjobs.cli.options import common, open_project
from mpsjobs.cli.output import Output
from mpsjobs.cli.plan_words import counted
from mpsjobs.cli.table import table_lines
from mpsjobs.model.asset import Json
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import MpsjobsError
from mpsjobs.model.events import AssetPublished, AssetRecorded, TakeRejected
from mpsjobs.upkeep.history import Happening, RunRecord, happenings, runs


@click.command("history", epilog="Example: mpsjobs history level1.boss")
@click.argument("address", metavar="[ADDR]", required=False, shell_complete=recorded_addresses)
@click.option(
    "-n", "limit", type=click.IntRange(min=0), default=20, show_default=True, help="So many; 0 for all."
)
@common
def command(output: Output, *, address: str | None, limit: int) -> None:
    """Show the runs that changed the state, or what happened to ADDR and its takes; the newest first. * and ? are taken."""
    project = open_project()
    if address is None:
        _show_runs(output, runs(project, limit or None))
        return
    found = happenings(project, address, limit or None)
    if not found:
        raise MpsjobsError.of(
            f"Nothing ever happened to {address}.",
            hint="See what is: mpsjobs state list",
            code=Code.UNKNOWN_ADDRESS,
        )
    if output.json:
        output.document(
            {"format_version": 1, "address": address, "events": [_happening_document(each) for each in found]}
        )
        return
    several = any(each.address != address for each in found)
    for line in table_lines(*_life(found, with_addresses=several)):
        output.result(line)


def _life(found: list[Happening], *, with_addresses: bool) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The head and the rows of a table."""
    head = ("WHEN (UTC)", *(("ADDRESS",) if with_addresses else ()), "WHAT", "WHO", "COMMIT")
    return head, [
        (
            *(_short(each.event.at), *((each.address,) if with_addresses else ())),
            *(_what(each), _who(each.run), _commit(each.run)),
        )
        for each in found
    ]


def _show_runs(output: Output, found: list[RunRecord]) -> None:
    if output.json:
        output.document({"format_version": 1, "runs": [_run_document(each) for each in found]})
    elif not found:
        output.result("Nothing has happened yet.")
    else:
        head = ("WHEN (UTC)", "RUN", "COMMAND", "WHO", "COMMIT", "EXIT", "WHAT")
        for line in table_lines(head, [_row(each) for each in found]):
            output.result(line)


def _row(run: RunRecord) -> tuple[str, ...]:
    exit_code = "broke off" if run.exit_code is None else str(run.exit_code)
    what = ", ".join(f"{number} {word}" for word, number in run.counts.items())
    return (
        *(_short(run.started_at), run.run_id or "-", run.command or "-", run.who or "-", _commit(run)),
        *(exit_code if run.run_id else "-", what or "-"),
    )


def _run_document(run: RunRecord) -> dict[str, Json]:
    return {
        "run_id": run.run_id,
        "command": run.command,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "exit_code": run.exit_code,
        "who": run.who,
        "commit": run.commit,
        "version": run.version,
        "serial": run.serial,
        "counts": dict(run.counts),
    }


def _happening_document(each: Happening) -> dict[str, Json]:
    return {
        "serial": each.serial,
        "at": each.event.at,
        "type": type(each.event).__name__,
        "address": each.address,
        "what": _what(each),
        "take": each.take,
        "task_id": each.task_id,
        "run_id": each.run.run_id if each.run else None,
        "who": each.run.who if each.run else None,
        "command": each.run.command if each.run else None,
        "commit": each.run.commit if each.run else None,
    }


_WORDS = {
    "AssetRetired": "retired; its takes are kept",
    "AssetForgotten": "forgotten; its takes are kept",
    "PublishedErased": "what it had left under {event.place} is gone",
    "SubmitIntended": "take {take} to be bought",
    "TaskSubmitted": "take {take} submitted{task}",
    "OutputsRecorded": "take {take} is there{task}",
    "TakeCopied": "take {take} copied from {event.origin_environment}{task}",
    "TaskFailed": "take {take} failed: {event.message}{task}",
    "SubmitRefused": "take {take} refused: {event.code}: {event.message}",
    "SubmitUnknown": "take {take}: the answer was lost: {event.message}",
    "SubmitWithdrawn": "take {take} was never sent",
    "AttemptAbandoned": "take {take} is no longer waited for{task}",
    "TakeDeleted": "take {take} deleted{task}",
    "TakeImported": "take {take} imported from {event.source}{task}",
    "TakeRejected": "take {take} rejected: it is never used again",
    "TakeFinished": "take {take} finished",
    "FinishedMissing": "the finished files of take {take} are missing in the store",
    "TakeJudged": "take {take} judged by what is expected: {misses}",
    "OutputsMissing": "take {take} is missing in the store{task}",
    "PublishedMissing": "its published copy is missing",
}
_TAKEN_BACK = "take {take} may be used again: its rejection was taken back"


def _what(each: Happening) -> str:
    event, kind = each.event, type(each.event).__name__
    if isinstance(event, AssetRecorded):
        if event.moved_from is not None:
            return f"renamed from {event.moved_from}"
        pick = f", pick {event.pick}" if event.pick is not None else ""
        return f"points at {event.fingerprint[:15]}, {counted(event.takes, 'take')} wanted{pick}"
    if isinstance(event, AssetPublished):
        return (
            f"published as {', '.join(one.key for one in event.published)}"
            if event.published
            else "published no more"
        )
    task = f" (TaskId {each.task_id})" if each.task_id else ""
    if isinstance(event, TakeRejected) and not event.rejected:
        return _TAKEN_BACK.format(take=each.take)
    return _WORDS.get(kind, kind).format(
        take=each.take,
        task=task,
        event=event,
        misses="; ".join(getattr(event, "misses", ())) or "it misses nothing",
    )


def _who(run: RunRecord | None) -> str:
    return f"{run.who} ({run.command})" if run and run.who else "-"


def _commit(run: RunRecord | None) -> str:
    return run.commit[:12] if run and run.commit else "-"


def _short(at: str) -> str:
    return at[:19].replace("T", " ")
