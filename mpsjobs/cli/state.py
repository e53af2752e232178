"""`mpsjobs state`: what has been recorded."""

from fnmatch import fnmatchcase

import click

from mpsjobs.cli.options import common, open_project
from mpsjobs.cli.output import Output
from mpsjobs.cli.table import table_lines
from mpsjobs.model.asset import Json
from mpsjobs.model.diagnostics import MpsjobsError
from mpsjobs.state.codec import asset_document


@click.group("state")
def command() -> None:
    """Look at what has been recorded."""


@command.command("list", epilog="Example: mpsjobs state list 'level1.*'")
@click.argument("pattern", required=False, default="*")
@common
def list_assets(output: Output, *, pattern: str) -> None:
    """List the recorded assets; PATTERN takes * and ?."""
    state = open_project().state()
    addresses = [address for address in sorted(state.assets) if fnmatchcase(address, pattern)]
    if output.json:
        assets: list[Json] = [
            {"address": address, "status": str(state.assets[address].status)} for address in addresses
        ]
        output.document(
            {"format_version": 1, "serial": state.serial, "lineage": state.lineage, "assets": assets}
        )
        return
    if addresses:
        rows = [
            (address, str(state.assets[address].status), state.assets[address].fingerprint)
            for address in addresses
        ]
        for line in table_lines(("ADDRESS", "STATUS", "FINGERPRINT"), rows):
            output.result(line)


@command.command("show", epilog="Example: mpsjobs state show level1.boss")
@click.argument("address")
@common
def show_asset(output: Output, *, address: str) -> None:
    """Print the record of one ADDRESS and its takes as JSON."""
    state = open_project().state()
    if address not in state.assets:
        raise MpsjobsError.of(f"{address} is not in the state.", hint="See what is: mpsjobs state list")
    output.document(asset_document(state, address))
