"""`mpsjobs pick`: which take an asset uses."""

from pathlib import Path

import click

from mpsjobs.cli.addresses import any_addresses
from mpsjobs.cli.deciding import deciding, settle
from mpsjobs.cli.output import Output, shown


@click.command("pick", epilog="Example: mpsjobs pick level1.boss 2")
@click.argument("address", metavar="[ADDR]", required=False, shell_complete=any_addresses)
@click.argument("take", metavar="[TAKE]", required=False, type=click.IntRange(min=1))
@click.option(
    "--from",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Take over what was decided elsewhere, such as the picks.json of an exported listening page.",
)
@click.option("--undo", is_flag=True, help="Pick nothing any more: the first good take is used.")
@deciding
def command(
    output: Output, *, address: str | None, take: int | None, file: Path | None, undo: bool, dry_run: bool
) -> None:
    """Use take number TAKE for ADDR, an address or a glob, from the next apply on. That is free.

    The decision is a line of mpsjobs.picks.yaml, which belongs into git; where the spec has a `pick:`, that is changed. It names the sound
    and the very recording, so that it never comes to mean another one.
    """
    from mpsjobs.deciding import Verdict, read_verdicts

    if file is not None:
        if address is not None or undo:
            raise click.UsageError("--from has the addresses and the takes; name none beside it.")
        settle(output, read_verdicts(file, shown(file)), dry_run=dry_run)
        return
    if address is None or (take is None) is not undo:
        raise click.UsageError("Say which: mpsjobs pick ADDR TAKE, mpsjobs pick --undo ADDR, or --from FILE.")
    settle(output, [Verdict(address, pick=0 if undo else take)], dry_run=dry_run)
