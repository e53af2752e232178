"""What came of an apply: a line for each trouble, what is left to later, and one line for all of it; or a document."""

from collections import Counter
from collections.abc import Iterator, Sequence

import click

from mpsjobs.apply.progress import Unknown
from mpsjobs.apply.result import ApplyResult, ExitCode
from mpsjobs.cli.output import Output
from mpsjobs.cli.plan_words import counted, harmless
from mpsjobs.cli.progress_text import request_text
from mpsjobs.model.asset import Json
from mpsjobs.model.change import Kind, Plan
from mpsjobs.model.expectations import OnFail
from mpsjobs.plan.document import diagnostic_document

MOST_UNKNOWN = 5
"""So many unresolved requests are told in full; a thousand are one trouble, not a thousand."""


def summarise(plan: Plan, result: ApplyResult, output: Output) -> None:
    """Troubles on stderr, the line on stdout; with `--json` the last event."""
    if output.json:
        output.document({"type": "summary", **result_document(result)}, line=True)
        output.diagnostics(result.stopped)
        return
    for line in _trouble_lines(result):
        output.say(line)
    output.diagnostics(result.stopped)
    for line in () if output.quiet else _left_lines(result):
        output.say(line)
    if plan.has_changes or result.exit_code:
        if not output.quiet:
            output.result()
        output.result(summary_line(plan, result))
    if plan.draft and result.finished and not output.quiet:
        output.say("To listen: mpsjobs review --open, and for others: mpsjobs review --export DIR")


def _trouble_lines(result: ApplyResult) -> Iterator[str]:
    """Each take that did not come."""
    for failure in result.failed:
        request = f" (TaskId {failure.task_id})" if failure.task_id else ""
        request += request_text(failure.request_id)
        what = f"{failure.address}: {failure.code}: {harmless(failure.message)}{request}"
        yield f"{click.style('failed', fg='red', bold=True)}: {what}"
    for missed in result.missed:
        strict = missed.on_fail is not OnFail.WARN
        word = click.style("not as expected", fg="red" if strict else "yellow", bold=True)
        yield f"{word}: {missed.address}, take {missed.take}: {'; '.join(missed.misses)}"
    for skipped in result.skipped:
        what = f"{skipped.address}: {harmless(skipped.message)}"
        yield f"{click.style('not submitted', fg='red', bold=True)}: {what}"
    if result.unknown:
        yield from _unknown_lines(result.unknown)


def _left_lines(result: ApplyResult) -> Iterator[str]:
    """What is left to a later apply."""
    if result.interrupted or result.running:
        interrupted = "Interrupted. " if result.interrupted else ""
        yield f"{interrupted}{_running(result)} still running in the cloud and will be picked up by the next apply."
    if result.unsent:
        yield (
            f"{counted(result.unsent, 'take')} {'was' if result.unsent == 1 else 'were'} not submitted, because "
            f"{counted(len(result.failed), 'take')} failed: the next apply goes on."
        )
    if result.held:
        yield f"{counted(result.held, 'take')} could not be submitted yet, waiting for others: apply again."


def _unknown_lines(unknown: Sequence[Unknown]) -> Iterator[str]:
    """What is not known, since when, and the two ways on."""
    for each in unknown[:MOST_UNKNOWN]:
        word, name = click.style("unresolved", fg="magenta", bold=True), f"{each.address}, take {each.take}"
        request = request_text(each.request_id)
        yield f"{word}: {name}: the answer to its request was lost, and {harmless(each.message)}{request}."
    more, several = len(unknown) - MOST_UNKNOWN, len(unknown) > 1
    if more > 0:
        yield f"And {more} more of the same kind: see mpsjobs plan."
    first = min(each.since for each in unknown)
    tasks = (
        f"Paid tasks may exist (sent since {first})" if several else f"A paid task may exist (sent {first})"
    )
    yield f"  {tasks}. Nothing is sent again by itself."
    yield f"  Either run mpsjobs apply later: it looks again. Or buy {'them' if several else 'it'} again and risk paying twice:"
    yield f"  mpsjobs apply --resubmit-unknown{'' if several else f'={unknown[0].address}'}"


def summary_line(plan: Plan, result: ApplyResult) -> str:
    """One line, with the counts that differ from nothing."""
    finished = result.exit_code is ExitCode.OK
    what = "draft" if plan.draft else str(result.mode).split()[0]
    headline = click.style(
        f"{what.capitalize()} {'complete!' if finished else 'incomplete.'}",
        fg="green" if finished else "red",
        bold=True,
    )
    counts = [f"{counted(result.finished, 'take')} generated"] if result.finished else []
    counts += [f"{counted(result.elsewhere, 'take')} recorded by another run"] if result.elsewhere else []
    counts += [f"{counted(result.copied, 'take')} copied"] if result.copied else []
    counts += [f"{counted(result.imported, 'take')} imported"] if result.imported else []
    done = Counter(change.kind for change in plan.changes if change.address not in result.troubled)
    counts += [f"{done[kind]} {word}" for kind, word in _FREE.items() if done[kind]]
    counts += [f"{result.mastered} finished"] if result.mastered else []
    counts += [f"{result.published} published"] if result.published else []
    troubles = (
        (len(result.failed) + result.still_failed, "failed"),
        (len(result.missed), "not as expected"),
        (len(result.unfit), "without a take as expected"),
        (len(result.skipped) + result.unsent, "not submitted"),
        (len(result.unknown) + result.still_unknown, "unresolved"),
        (result.missing, "missing in the store"),
        (result.running, "still running"),
        (result.held, "waiting for others"),
    )
    counts += [f"{n} {word}" for n, word in troubles if n]
    if plan.draft and result.finished:
        counts[-1] += "; an apply after the merge adopts what the specs ask for then"
    return f"{headline} {', '.join(counts or [counted(result.recorded, 'asset') + ' recorded'])}."


_FREE = {Kind.RESTORE: "restored", Kind.UPDATE: "updated", Kind.MOVE: "moved", Kind.RETIRE: "retired"}


def _running(result: ApplyResult) -> str:
    return f"{counted(result.running, 'task')} {'is' if result.running == 1 else 'are'}"


def result_document(result: ApplyResult) -> dict[str, Json]:
    """The counts of a result, as the last event has them."""
    return {
        "exit_code": int(result.exit_code),
        "submitted": result.submitted,
        "finished": result.finished,
        "recorded": result.recorded,
        "retired": result.retired,
        "copied": result.copied,
        "published": result.published,
        "mastered": result.mastered,
        "imported": result.imported,
        "failed": len(result.failed) + result.still_failed,
        "skipped": len(result.skipped),
        "unsent": result.unsent,
        "elsewhere": result.elsewhere,
        "unfit": len(result.unfit),
        "missed": [
            {
                "address": each.address,
                "take": each.take,
                "misses": [*each.misses],
                "on_fail": str(each.on_fail),
            }
            for each in result.missed
        ],
        "missing": result.missing,
        "held": result.held,
        "unresolved": len(result.unknown) + result.still_unknown,
        "abandoned": len(result.abandoned),
        "running": result.running,
        "interrupted": result.interrupted,
        "diagnostics": [diagnostic_document(diagnostic) for diagnostic in result.stopped],
    }
