"""`mpsjobs apply`."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

from mpsjobs.apply.result import ApplyResult, ExitCode
from mpsjobs.cli.log import configure_log
from mpsjobs.cli.options import common, open_project, strict
from mpsjobs.cli.output import Output
from mpsjobs.cli.plan_text import plan_lines
from mpsjobs.cli.watch import View, watch
from mpsjobs.model.asset import Json
from mpsjobs.model.change import Kind, Plan
from mpsjobs.plan.document import plan_document


@click.command("apply", epilog="Example: mpsjobs apply --auto-approve")
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option(
    "--max-generations",
    type=click.IntRange(min=1),
    metavar="N",
    help="Allow so many paid generations this once.",
)
@click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=0,
    metavar="SECONDS",
    help="Wait so long for another run.",
)
@strict
@common
def command(
    output: Output, *, auto_approve: bool, max_generations: int | None, lock_timeout: float, strict: bool
) -> int:
    """Generate what is new or changed, and record what came out."""
    if output.json and not auto_approve:
        raise click.UsageError("--json needs --auto-approve: a question cannot be asked in JSON.")
    configure_log()
    project = open_project()
    with watch(output, project.root) as view, _signals() as on_start:
        applied = project.apply(
            approve=lambda plan: _approve(plan, output, view, auto_approve=auto_approve),
            report=view.report,
            on_start=on_start,
            strict=strict,
            max_generations=max_generations,
            lock_timeout_s=lock_timeout,
        )
    if applied.result is None:
        output.say("Apply cancelled. Nothing was done.")
        return ExitCode.ERROR
    _summarise(applied.plan, applied.result, output)
    return applied.result.exit_code


def _approve(plan: Plan, output: Output, view: View, *, auto_approve: bool) -> bool:
    """Show the plan; ask, unless there is nothing to do or the answer was given on the command line."""
    if output.json:
        output.document({"type": "plan", **plan_document(plan)}, line=True)
    else:
        output.diagnostics(plan.diagnostics)
        for line in plan_lines(plan):
            output.result(line)
    approved = auto_approve or not plan.has_changes or _ask(output)
    if approved:
        view.begin()
    return approved


def _ask(output: Output) -> bool:
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on. Look at the plan and say --auto-approve.")
    output.say()
    output.say("Do you want mpsjobs to do this? Only 'yes' is taken as a yes.")
    return str(click.prompt("Enter a value", err=True, default="", show_default=False)).strip() == "yes"


@contextmanager
def _signals() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Gives a function that is told how to stop the run.

    From then on the first Ctrl-C or SIGTERM stops it in good order, and the second one at once, which is safe too: the journal has it all.
    """
    watched = (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.getsignal(each) for each in watched}

    def on_start(stop: Callable[[], None]) -> None:
        def first(_signal: int, _frame: FrameType | None) -> None:
            for each in watched:
                signal.signal(each, lambda *_: os._exit(ExitCode.INTERRUPTED))
            stop()

        for each in watched:
            signal.signal(each, first)

    try:
        yield on_start
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _summarise(plan: Plan, result: ApplyResult, output: Output) -> None:
    if output.json:
        output.document({"type": "summary", **_document(result)}, line=True)
        return
    for failure in result.failed:
        request = f" (TaskId {failure.task_id})" if failure.task_id else ""
        request += f" (RequestId {failure.request_id})" if failure.request_id else ""
        output.say(
            f"{click.style('failed', fg='red', bold=True)}: {failure.address}: {failure.code}: {failure.message}{request}"
        )
    for unknown in result.unknown:
        output.say(
            f"{click.style('unresolved', fg='magenta', bold=True)}: {unknown.address}: {unknown.message} "
            f"A paid task may exist (attempt {unknown.attempt_id}); it is not sent again."
        )
    output.diagnostics(result.stopped)
    if result.interrupted:
        output.say(
            f"Interrupted. {result.running} tasks are still running in the cloud and will be picked up by the next apply."
        )
    elif result.running:
        output.say(
            f"{result.running} tasks are still running in the cloud and will be picked up by the next apply."
        )
    if plan.has_changes or result.exit_code:
        output.result()
        output.result(_summary_line(plan, result))


def _summary_line(plan: Plan, result: ApplyResult) -> str:
    """One line, with the counts that differ from nothing."""
    finished = result.exit_code is ExitCode.OK
    headline = click.style(
        "Apply complete!" if finished else "Apply incomplete.", fg="green" if finished else "red", bold=True
    )
    counts = [f"{result.finished} take{'s'[: result.finished != 1]} generated"] if result.finished else []
    counts += [f"{n} {word}" for kind, word in _FREE.items() if (n := plan.count([kind]))]
    troubles = (
        (len(result.failed) + result.open, "failed"),
        (len(result.unknown), "unresolved"),
        (result.running, "still running"),
    )
    counts += [f"{n} {word}" for n, word in troubles if n]
    return f"{headline} {', '.join(counts) or f'{result.recorded} assets recorded'}."


_FREE = {Kind.RESTORE: "restored", Kind.UPDATE: "updated", Kind.MOVE: "moved", Kind.RETIRE: "retired"}


def _document(
    result: ApplyResult,
) -> dict[str, Json]:
    return {
        "exit_code": int(result.exit_code),
        "submitted": result.submitted,
        "finished": result.finished,
        "recorded": result.recorded,
        "retired": result.retired,
        "failed": len(result.failed) + result.open,
        "unresolved": len(result.unknown),
        "running": result.running,
        "interrupted": result.interrupted,
    }
