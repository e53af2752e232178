"""`mpsjobs plan`."""

from pathlib import Path

import click

from mpsjobs.apply.result import ExitCode
from mpsjobs.cli import recall
from mpsjobs.cli.limiting import limited
from mpsjobs.cli.listening_page import ListeningPage, linked
from mpsjobs.cli.options import common, open_project, quiet, recalled, strict, variables, verbose
from mpsjobs.cli.output import Output
from mpsjobs.cli.plan_markdown import failure_markdown, plan_markdown
from mpsjobs.cli.plan_text import Look, one_line, plan_lines
from mpsjobs.cli.selecting import looking, mode_of, selected
from mpsjobs.cli.workflow import Step
from mpsjobs.model.change import Kind
from mpsjobs.model.diagnostics import SpecError
from mpsjobs.plan.document import plan_document
from mpsjobs.plan.limits import Limits
from mpsjobs.plan.selection import EVERYTHING, Selection
from mpsjobs.project import Options, Refresh


@click.command("plan", epilog="Example: mpsjobs plan --detailed-exitcode")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there is something to do.")
@click.option("--draft", is_flag=True, help="Show what `mpsjobs apply --draft` would buy.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save the plan for `mpsjobs apply FILE`.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "markdown")),
    default="text",
    show_default=True,
    help="For people, for scripts (as --json), or as a comment on a pull request.",
)
@linked
@limited
@click.option(
    "--refresh",
    is_flag=True,
    help="Look whether the outputs in use are still in the store, and plan with what is found; nothing is recorded.",
)
@looking
@selected
@strict
@variables
@verbose
@recalled
@common
@quiet
def command(  # noqa: PLR0913  # the options of the command, one to one
    output: Output,
    *,
    detailed_exitcode: bool,
    draft: bool,
    out: Path | None,
    form: str,
    page: ListeningPage | None,
    limits: Limits,
    refresh: bool,
    regenerate_missing: bool,
    selection: Selection,
    strict: bool,
    verbose: bool,
) -> int:
    """Show what apply would do. Changes nothing and costs nothing.

    Few changes are shown in full, many with one line for each asset; --verbose shows all in full. Markdown always fits into a comment.
    """
    form = "json" if output.json else form
    project = open_project()
    options = Options(
        mode=mode_of(selection, draft=draft, plan_file=out),
        strict=strict,
        selection=selection,
        refresh=Refresh.RECORD if refresh or regenerate_missing else Refresh.AS_USUAL,
        regenerate_missing=regenerate_missing,
        limits=limits,
    )
    name, step = project.settings.project, Step(output, project)
    try:
        plan = project.save_plan(out, options) if out else project.plan(options)
    except SpecError as error:
        failure = failure_markdown(name, error.diagnostics, project.settings.environment_name)
        step.planned(failure)
        if form == "markdown":  # the pull request is where the mistakes were written
            output.result(failure)
        raise
    output.diagnostics(plan.diagnostics)
    if form == "json":
        output.document(plan_document(plan))
    elif form == "markdown":
        output.result(plan_markdown(plan, name, page))
    elif output.quiet:
        output.result(one_line(plan))
    else:
        step.lines("Plan", plan_lines(plan, Look.of(output, verbose=verbose)))
    if output.github:
        step.planned(plan_markdown(plan, name, page))
    if out and not output.quiet:
        output.say(f"Saved the plan. To carry out just this: mpsjobs apply {out}")
    doubtful = (
        plan.has_changes or plan.risks or plan.diagnostics or plan.count([Kind.FAILED]) or plan.left_out
    )
    if not (doubtful or out or options.records_drift) and selection == EVERYTHING:
        recall.repeatable(ExitCode.OK)
    if any(diagnostic.is_error for diagnostic in plan.diagnostics):
        return ExitCode.ERROR
    return ExitCode.CHANGES if detailed_exitcode and plan.has_changes else ExitCode.OK
