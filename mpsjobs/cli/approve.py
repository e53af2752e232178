"""`mpsjobs approve`: a take that nothing replaces unasked."""

import click

from mpsjobs.cli.addresses import any_addresses
from mpsjobs.cli.deciding import deciding, settle
from mpsjobs.cli.output import Output


@click.command("approve", epilog="Example: mpsjobs approve level1.boss 'menus.*'")
@click.argument("addresses", metavar="ADDR...", nargs=-1, required=True, shell_complete=any_addresses)
@click.option("--undo", is_flag=True, help="Take the approval back. The pick stays.")
@deciding
def command(output: Output, *, addresses: tuple[str, ...], undo: bool, dry_run: bool) -> None:
    """Approve the take that each ADDR, an address or a glob, uses: a plan that would buy another sound in its place is an error from then on.

    A yes to it is --allow-regenerate ADDR, at plan and apply. The decision is a line of mpsjobs.picks.yaml, which belongs into git.
    """
    from mpsjobs.deciding import Verdict

    settle(output, [Verdict(each, approved=not undo) for each in addresses], dry_run=dry_run)
