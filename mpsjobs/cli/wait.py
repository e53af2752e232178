"""`mpsjobs wait`."""

import click

from mpsjobs.apply.mode import Mode
from mpsjobs.cli.options import common, lock_timeout, quiet, variables
from mpsjobs.cli.output import Output
from mpsjobs.cli.running import carry_out
from mpsjobs.project import Options


@click.command("wait", epilog="Example: mpsjobs apply --detach --auto-approve && mpsjobs wait")
@lock_timeout
@variables
@common
@quiet
def command(output: Output, *, lock_timeout: float) -> int:
    """Wait for the tasks that are running, and collect them. Submits nothing.

    Others may apply, and wait, meanwhile: the state is held only while something is recorded. When another run holds it, what is done waits
    for that, for a minute at least and as long as --lock-timeout says; what the other run records is done, too.
    """
    return carry_out(output, Options(mode=Mode.WAIT, lock_timeout_s=lock_timeout), auto_approve=True)
