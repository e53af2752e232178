"""`mpsjobs reject`: a take that is never used again."""

import click

from mpsjobs.cli.addresses import any_addresses
from mpsjobs.cli.deciding import deciding, settle
from mpsjobs.cli.output import Output


@click.command("reject", epilog="Example: mpsjobs reject level1.boss 1")
@click.argument("address", metavar="ADDR", shell_complete=any_addresses)
@click.argument("takes", metavar="TAKE...", nargs=-1, required=True, type=click.IntRange(min=1))
@click.option("--undo", is_flag=True, help="Take the rejection back: the take may be used again.")
@deciding
def command(output: Output, *, address: str, takes: tuple[int, ...], undo: bool, dry_run: bool) -> None:
    """Never use these takes of ADDR, an address or a glob, again. They are kept, and the next apply buys as many new ones as are wanted.

    The decision is a line of mpsjobs.picks.yaml, which belongs into git.
    """
    from mpsjobs.deciding import Verdict

    verdict = Verdict(address, take_back=takes) if undo else Verdict(address, reject=dict.fromkeys(takes))
    settle(output, [verdict], dry_run=dry_run)
