"""What apply, wait and refresh have in common: show the plan, ask, watch, and sum up."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

from mpsjobs.apply.mode import Mode
from mpsjobs.apply.progress import Planned, Unknown
from mpsjobs.apply.result import ApplyResult, ExitCode
from mpsjobs.cli.asking import ask
from mpsjobs.cli.log import configure_log
from mpsjobs.cli.options import open_project
from mpsjobs.cli.output import Output
from mpsjobs.cli.plan_text import Look, plan_lines
from mpsjobs.cli.plan_words import counted, paid_text
from mpsjobs.cli.progress_text import request_text
from mpsjobs.cli.watch import watch
from mpsjobs.model.asset import Json
from mpsjobs.model.change import Kind, Plan
from mpsjobs.plan.document import diagnostic_document, plan_document
from mpsjobs.project import Options

MOST_UNKNOWN = 5
"""So many unresolved requests are told in full; a thousand are one trouble, not a thousand."""


def carry_out(output: Output, options: Options, *, auto_approve: bool, verbose: bool = False) -> int:
    """Run it and return the exit code. Without `auto_approve` a paid or changing plan is asked about."""
    configure_log()
    project = open_project()
    look, nothing, begun = Look.of(output, verbose=verbose), _NOTHING.get(options.mode), False
    with watch(output) as view, project.apply(options) as run, _signals() as obey:
        for event in run:
            if not isinstance(event, Planned):
                view.report(event)
                continue
            view.end()
            if _approve(event.plan, output, look=look, auto_approve=auto_approve, nothing=nothing):
                begun = True
                view.begin()
                obey(run.stop)
            else:
                break
    if not begun:
        output.say("Apply cancelled. Nothing was done.")
        return ExitCode.ERROR
    result = run.result()
    _summarise(run.plan, result, output)
    return result.exit_code


_WAITING = "Nothing is running, and no answer is missing."
_NOTHING = {
    Mode.WAIT: _WAITING,
    Mode.REFRESH: _WAITING,
    Mode.IMPORT: "The state has it already. Nothing is imported.",
}


def _approve(plan: Plan, output: Output, *, look: Look, auto_approve: bool, nothing: str | None) -> bool:
    """Show the plan, or `nothing` if it is empty; ask, unless there is nothing to do or the answer was given on the command line."""
    if output.json:
        output.document({"type": "plan", **plan_document(plan)}, line=True)
    else:
        output.diagnostics(plan.diagnostics)
        for line in (nothing,) if nothing and not plan.changes else plan_lines(plan, look):
            output.result(line)
    return auto_approve or not _changes_anything(plan) or ask(output, price=_price(plan))


def _price(plan: Plan) -> str:
    return f"{paid_text(plan.generations, plan.cost)}." if plan.generations else ""


def _changes_anything(plan: Plan) -> bool:
    """Collecting what is paid for needs no yes."""
    return any(
        change.kind not in {Kind.KEEP, Kind.FAILED, Kind.RESUME, Kind.UNRESOLVED} for change in plan.changes
    )


@contextmanager
def _signals() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Gives a function that is told how to stop the run.

    From then on the first Ctrl-C or SIGTERM stops it in good order, and the second one at once, which is safe too: the journal has it all.
    """
    watched = (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.getsignal(each) for each in watched}

    def obey(stop: Callable[[], None]) -> None:
        def first(_signal: int, _frame: FrameType | None) -> None:
            for each in watched:
                signal.signal(each, _at_once)
            stop()

        for each in watched:
            signal.signal(each, first)

    try:
        yield obey
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _at_once(_signal: int, _frame: FrameType | None) -> None:
    """Leave without a look back; a terminal gets its cursor back."""
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), b"\x1b[?25h\n")
    os.write(sys.stderr.fileno(), b"Stopped at once. The next apply goes on from what is recorded.\n")
    os._exit(ExitCode.INTERRUPTED)


def _summarise(plan: Plan, result: ApplyResult, output: Output) -> None:
    if output.json:
        output.document({"type": "summary", **_document(result)}, line=True)
        output.diagnostics(result.stopped)
        return
    for failure in result.failed:
        request = f" (TaskId {failure.task_id})" if failure.task_id else ""
        request += request_text(failure.request_id)
        output.say(
            f"{click.style('failed', fg='red', bold=True)}: {failure.address}: {failure.code}: {failure.message}{request}"
        )
    for skipped in result.skipped:
        output.say(
            f"{click.style('not submitted', fg='red', bold=True)}: {skipped.address}: {skipped.message}"
        )
    for unknown in result.unknown[:MOST_UNKNOWN]:
        for line in _unknown_lines(unknown):
            output.say(line)
    more = len(result.unknown) - MOST_UNKNOWN
    if more > 0:
        output.say(f"And {more} more of the same kind: see mpsjobs plan.")
    output.diagnostics(result.stopped)
    for line in _left_lines(result):
        output.say(line)
    if plan.has_changes or result.exit_code:
        output.result()
        output.result(_summary_line(plan, result))


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


def _unknown_lines(unknown: Unknown) -> Iterator[str]:
    """What is not known, since when, and the two ways on."""
    name = f"{unknown.address}, take {unknown.take}"
    yield f"{click.style('unresolved', fg='magenta', bold=True)}: {name}: the answer to its request was lost, and {unknown.message}{request_text(unknown.request_id)}."
    yield f"  A paid task may exist (attempt {unknown.attempt_id}, sent {unknown.since}). It is not sent again by itself."
    yield "  Either run mpsjobs apply later: it looks again. Or buy it again and risk paying twice:"
    yield f"  mpsjobs apply --resubmit-unknown={unknown.address}"


def _summary_line(plan: Plan, result: ApplyResult) -> str:
    """One line, with the counts that differ from nothing."""
    finished = result.exit_code is ExitCode.OK
    headline = click.style(
        "Apply complete!" if finished else "Apply incomplete.", fg="green" if finished else "red", bold=True
    )
    counts = [f"{counted(result.finished, 'take')} generated"] if result.finished else []
    counts += [f"{counted(result.copied, 'take')} copied"] if result.copied else []
    counts += [f"{counted(result.imported, 'take')} imported"] if result.imported else []
    counts += [f"{n} {word}" for kind, word in _FREE.items() if (n := plan.count([kind]))]
    counts += [f"{result.published} published"] if result.published else []
    troubles = (
        (len(result.failed) + result.still_failed, "failed"),
        (len(result.skipped) + result.unsent, "not submitted"),
        (len(result.unknown) + result.still_unknown, "unresolved"),
        (result.running, "still running"),
        (result.held, "waiting for others"),
    )
    counts += [f"{n} {word}" for n, word in troubles if n]
    return f"{headline} {', '.join(counts or [counted(result.recorded, 'asset') + ' recorded'])}."


_FREE = {Kind.RESTORE: "restored", Kind.UPDATE: "updated", Kind.MOVE: "moved", Kind.RETIRE: "retired"}


def _running(result: ApplyResult) -> str:
    return f"{counted(result.running, 'task')} {'is' if result.running == 1 else 'are'}"


def _document(
    result: ApplyResult,
) -> dict[str, Json]:
    return {
        "exit_code": int(result.exit_code),
        "submitted": result.submitted,
        "finished": result.finished,
        "recorded": result.recorded,
        "retired": result.retired,
        "copied": result.copied,
        "published": result.published,
        "imported": result.imported,
        "failed": len(result.failed) + result.still_failed,
        "skipped": len(result.skipped),
        "unsent": result.unsent,
        "held": result.held,
        "unresolved": len(result.unknown) + result.still_unknown,
        "abandoned": len(result.abandoned),
        "running": result.running,
        "interrupted": result.interrupted,
        "diagnostics": [diagnostic_document(diagnostic) for diagnostic in result.stopped],
    }
