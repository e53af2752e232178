"""`mpsjobs state`: what has been recorded, and how to put it right."""

import click

from mpsjobs.cli.addresses import chosen_addresses, recorded_addresses
from mpsjobs.cli.options import common, lock_timeout, open_project, variables
from mpsjobs.cli.output import Output
from mpsjobs.cli.state_changes import move, pull, push, remove, rollback
from mpsjobs.cli.table import table_lines
from mpsjobs.model.asset import Json
from mpsjobs.model.state import AssetStatus
from mpsjobs.plan.selection import matches
from mpsjobs.state.codec import asset_document

RETIRED = "retired"


@click.group("state", epilog="Example: mpsjobs state list")
def command() -> None:
    """Look at what has been recorded, or put it right."""


for each in (move, remove, pull, push, rollback):
    command.add_command(each)


@command.command("list", epilog="Example: mpsjobs state list 'level1.*' --status failed")
@click.argument("patterns", metavar="[ADDR]...", nargs=-1, shell_complete=recorded_addresses)
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([*map(str, AssetStatus), RETIRED]),
    help="Only assets of this status; can be given more than once.",
)
@common
def list_assets(output: Output, *, patterns: tuple[str, ...], statuses: tuple[str, ...]) -> None:
    """List the recorded assets, all or those called ADDR; * and ? are taken. Retired ones with --status retired."""
    state = open_project().state()
    rows = [
        (address, str(record.status), record.fingerprint)
        for address, record in state.assets.items()
        if not statuses or str(record.status) in statuses
    ]
    if RETIRED in statuses:
        rows += [(address, RETIRED, gone.fingerprint) for address, gone in state.retired.items()]
    rows = sorted(row for row in rows if not patterns or matches(row[0], patterns))
    if output.json:
        assets: list[Json] = [
            {"address": address, "status": status, "fingerprint": fingerprint}
            for address, status, fingerprint in rows
        ]
        output.document(
            {"format_version": 1, "serial": state.serial, "lineage": state.lineage, "assets": assets}
        )
    elif rows:
        for line in table_lines(("ADDRESS", "STATUS", "FINGERPRINT"), rows):
            output.result(line)
    else:
        output.say("Nothing in the state is like this." if state.assets else "The state holds no assets yet.")


@command.command("show", epilog="Example: mpsjobs state show level1.boss")
@click.argument("address", metavar="ADDR", shell_complete=recorded_addresses)
@common
def show_asset(output: Output, *, address: str) -> None:
    """Print the record of one ADDR and its takes as JSON; of all that fit, by address, where it holds * or ?."""
    state = open_project().state()
    found: dict[str, Json] = {
        each: asset_document(state, each) for each in sorted(chosen_addresses(state, [address]))
    }
    one = found.get(address)
    output.document({"format_version": 1, **(one if isinstance(one, dict) else {"assets": found})})


@command.command("rebase", epilog="Example: mpsjobs state rebase")
@lock_timeout
@common
def rebase(output: Output, *, lock_timeout: float) -> None:
    """Go on from the state file when its journal is lost or damaged.

    What happened after the state file was saved is then no longer known, paid tasks among it. A damaged journal is kept under another
    name.
    """
    aside = open_project().store.rebase(lock_timeout_s=lock_timeout)
    if output.json:
        output.document({"format_version": 1, "kept": str(aside) if aside else None})
        return
    output.result("The state goes on from the state file, with a new journal.")
    if aside:
        output.result(f"The old journal is kept as {aside}.")
    output.result("Next: look at what mpsjobs plan wants to buy before you apply it.")


@command.command("rebuild", epilog="Example: mpsjobs state rebuild")
@lock_timeout
@variables
@common
def rebuild(output: Output, *, lock_timeout: float) -> None:
    """Take in every take that the store has a receipt of and the state does not know.

    For a state that is lost, or older than the store. What the state has stays as it is.
    """
    from mpsjobs.cli.log import configure_log  # heavy, and the other commands here do not need it

    configure_log()
    rebuilt = open_project().rebuild(lock_timeout_s=lock_timeout)
    unreadable = [f"{ref.bucket}/{ref.key}" for ref in rebuilt.unreadable]
    if output.json:
        names: list[Json] = list(unreadable)
        output.document({"format_version": 1, "takes": rebuilt.takes, "unreadable": names})
        return
    for name in unreadable:
        output.say(f"{name} is no receipt, and left out.")
    if rebuilt.takes:
        output.result(f"{rebuilt.takes} take{'s'[: rebuilt.takes != 1]} taken into the state.")
        output.result("Next: see what is left to do with mpsjobs plan.")
    else:
        output.result("The state knows every take that the store has a receipt of.")
