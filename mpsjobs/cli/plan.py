"""`mpsjobs plan`."""

import click

from mpsjobs.apply.result import ExitCode
from mpsjobs.cli.options import common, open_project, strict
from mpsjobs.cli.output import Output
from mpsjobs.cli.plan_text import plan_lines
from mpsjobs.plan.document import plan_document


@click.command("plan", epilog="Example: mpsjobs plan --detailed-exitcode")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there is something to do.")
@strict
@common
def command(output: Output, *, detailed_exitcode: bool, strict: bool) -> int:
    """Show what apply would do. Changes nothing and costs nothing."""
    plan = open_project().plan(strict=strict)
    if output.json:
        output.document(plan_document(plan))
    output.diagnostics(plan.diagnostics)
    if not output.json:
        for line in plan_lines(plan):
            output.result(line)
    if any(diagnostic.is_error for diagnostic in plan.diagnostics):
        return ExitCode.ERROR
    return ExitCode.CHANGES if detailed_exitcode and plan.has_changes else ExitCode.OK
