"""`mpsjobs refresh`."""

import click

from mpsjobs.apply.mode import Mode
from mpsjobs.cli.options import common, lock_timeout, quiet, variables
from mpsjobs.cli.output import Output
from mpsjobs.cli.running import carry_out
from mpsjobs.cli.selecting import narrowed
from mpsjobs.plan.selection import Selection
from mpsjobs.project import Options


@click.command("refresh", epilog="Example: mpsjobs refresh --target 'level1.*'")
@lock_timeout
@narrowed
@variables
@common
@quiet
def command(output: Output, *, lock_timeout: float, selection: Selection) -> int:
    """Look once: collect what is done, and what has shown of attempts whose answer was lost. Submits nothing, waits for nothing.

    Looks whether the outputs in use are still in the store and unchanged. What is missing is collected again if the provider still has it;
    else it is recorded as lost, and nothing uses it any more. The exit code is 3 when something is missing.
    """
    options = Options(mode=Mode.REFRESH, lock_timeout_s=lock_timeout, selection=selection)
    return carry_out(output, options, auto_approve=True)
