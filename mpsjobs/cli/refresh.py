"""`mpsjobs refresh`."""

import click

from mpsjobs.apply.mode import Mode
from mpsjobs.cli.options import common, lock_timeout, quiet, variables
from mpsjobs.cli.output import Output
from mpsjobs.cli.running import carry_out
from mpsjobs.project import Options


@click.command("refresh", epilog="Example: mpsjobs refresh")
@lock_timeout
@variables
@common
@quiet
def command(output: Output, *, lock_timeout: float) -> int:
    """Look once: collect what is done, and what has shown of attempts whose answer was lost. Submits nothing, waits for nothing."""
    return carry_out(output, Options(mode=Mode.REFRESH, lock_timeout_s=lock_timeout), auto_approve=True)
