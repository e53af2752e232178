"""What apply, wait and refresh have in common: show the plan, ask, watch, and sum up."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

from mpsjobs.apply.mode import Mode
from mpsjobs.apply.progress import Noticed, Planned
from mpsjobs.apply.result import ApplyResult, ExitCode
from mpsjobs.cli.asking import ask
from mpsjobs.cli.log import configure_log
from mpsjobs.cli.notifying import tell_failure, tell_result
from mpsjobs.cli.options import open_project
from mpsjobs.cli.output import Output
from mpsjobs.cli.plan_text import Look, one_line, plan_lines
from mpsjobs.cli.plan_words import paid_text, retakes_text
from mpsjobs.cli.summing_up import summarise
from mpsjobs.cli.watch import View, watch
from mpsjobs.cli.workflow import Step
from mpsjobs.model.change import Kind, Plan
from mpsjobs.plan.document import plan_document
from mpsjobs.project import Options, Project


def carry_out(output: Output, options: Options, *, auto_approve: bool, verbose: bool = False) -> int:
    """Run it and return the exit code. Without `auto_approve` a paid or changing plan is asked about."""
    configure_log()
    project = open_project()
    try:
        done = _run(output, project, options, auto_approve=auto_approve, verbose=verbose)
    except (click.ClickException, click.Abort, BrokenPipeError):
        raise  # nobody was asked, or nobody listens
    except Exception as error:
        tell_failure(output, project, options.mode, error)
        raise
    if done is None:
        output.say("Apply cancelled. Nothing was done.")
        return ExitCode.ERROR
    plan, result = done
    summarise(plan, result, output)
    Step(output, project).applied(plan, result)
    tell_result(output, project, options.mode, plan, result)
    return result.exit_code


def _run(
    output: Output, project: Project, options: Options, *, auto_approve: bool, verbose: bool
) -> tuple[Plan, ApplyResult] | None:
    """The last plan and what came of it; None when it was declined."""
    step, begun = Step(output, project), False
    look, nothing = Look.of(output, verbose=verbose), _NOTHING.get(options.mode)
    with watch(output) as view, _telling(project, view).apply(options) as run, _signals() as obey:
        for event in run:
            if not isinstance(event, Planned):
                view.report(event)
                continue
            view.end()
            asks = not auto_approve and _changes_anything(event.plan)
            if output.json:
                output.document({"type": "plan", **plan_document(event.plan)}, line=True)
            else:
                output.diagnostics(event.plan.diagnostics)
                step.lines("Plan", _lines(event.plan, look, nothing, quiet=output.quiet, asks=asks))
            if asks and not ask(output, price=_price(event.plan)):
                break
            begun = True
            if event.plan.has_changes:
                view.begin()
            obey(run.stop)
    return (run.plan, run.result()) if begun else None


def _telling(project: Project, view: View) -> Project:
    """The project, which tells the view when its lock has to be waited for."""
    project.tell = lambda words: view.report(Noticed(None, words))
    return project


_WAITING = "Nothing is running, and no answer is missing."
_NOTHING = {
    Mode.WAIT: _WAITING,
    Mode.REFRESH: _WAITING,
    Mode.IMPORT: "The state has it already. Nothing is imported.",
}


def _lines(plan: Plan, look: Look, nothing: str | None, *, quiet: bool, asks: bool) -> Iterator[str]:
    """The plan, or `nothing` if it is empty. Quietly, just what somebody is asked about, or that there is nothing to do."""
    if nothing and not plan.changes:
        yield nothing
    elif not quiet:
        yield from plan_lines(plan, look)
    elif asks or not plan.has_changes:
        yield one_line(plan)


def _price(plan: Plan) -> str:
    paid = f"{paid_text(plan.generations, plan.cost)}." if plan.generations else ""
    return (paid + retakes_text(plan)).lstrip()


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
