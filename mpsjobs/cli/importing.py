"""`mpsjobs import`."""

import click

from mpsjobs.apply.mode import Mode
from mpsjobs.cli.addresses import any_addresses
from mpsjobs.cli.options import common, lock_timeout, open_project, quiet, variables
from mpsjobs.cli.output import Output
from mpsjobs.cli.running import carry_out
from mpsjobs.project import Options


@click.command("import", epilog="Example: mpsjobs import level1.boss --object old/boss.mp3")
@click.argument("address", metavar="ADDR", shell_complete=any_addresses)
@click.option("--task-id", metavar="ID", help="A task of this account, running or done.")
@click.option(
    "--object",
    "object_name",
    metavar="OBJECT",
    help="An object of the store: KEY, BUCKET/KEY, BUCKET/KEY@REGION, or its URL.",
)
@lock_timeout
@variables
@common
@quiet
def command(
    output: Output, *, address: str, task_id: str | None, object_name: str | None, lock_timeout: float
) -> int:
    """Make what was made elsewhere a take of the asset ADDR. Costs nothing.

    The task's results, or the object, are copied to where takes lie. What is a take already stays as it is.
    """
    if (task_id is None) is (object_name is None):
        raise click.UsageError("Name one thing: either --task-id or --object.")
    found = open_project().imported(address, task_id=task_id, object_name=object_name)
    options = Options(mode=Mode.IMPORT, lock_timeout_s=lock_timeout, imports=(found,))
    return carry_out(output, options, auto_approve=True)
