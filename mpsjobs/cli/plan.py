"""`mpsjobs plan`."""

from pathlib import Path

import click

from mpsjobs.apply.result import ExitCode
from mpsjobs.cli.options import common, open_project, selected, strict, variables
from mpsjobs.cli.output import Output
from mpsjobs.cli.plan_text import plan_lines
from mpsjobs.plan.document import plan_document
from mpsjobs.plan.selection import Selection
from mpsjobs.project import Options


@click.command("plan", epilog="Example: mpsjobs plan --detailed-exitcode")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there is something to do.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save the plan for `mpsjobs apply FILE`.",
)
@selected
@strict
@variables
@common
def command(
    output: Output, *, detailed_exitcode: bool, out: Path | None, selection: Selection, strict: bool
) -> int:
    """Show what apply would do. Changes nothing and costs nothing."""
    project, options = open_project(), Options(strict=strict, selection=selection)
    plan = project.save_plan(out, options) if out else project.plan(options)
    if output.json:
        output.document(plan_document(plan))
    output.diagnostics(plan.diagnostics)
    if not output.json:
        for line in plan_lines(plan):
            output.result(line)
    if out:
        output.say(f"Saved the plan. To carry out just this: mpsjobs apply {out}")
    if any(diagnostic.is_error for diagnostic in plan.diagnostics):
        return ExitCode.ERROR
    return ExitCode.CHANGES if detailed_exitcode and plan.has_changes else ExitCode.OK
