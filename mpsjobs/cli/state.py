"""`mpsjobs state`: what has been recorded, and how to put it right."""

from fnmatch import fnmatchcase
from pathlib import Path

import click

from mpsjobs.cli.addresses import recorded_addresses
from mpsjobs.cli.options import common, lock_timeout, open_project, variables
from mpsjobs.cli.output import Output
from mpsjobs.cli.table import table_lines
from mpsjobs.model.asset import Json
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import MpsjobsError
from mpsjobs.state.codec import asset_document


@click.group("state", epilog="Example: mpsjobs state list")
def command() -> None:
    """Look at what has been recorded, or put it right."""


@command.command("list", epilog="Example: mpsjobs state list 'level1.*'")
@click.argument("pattern", required=False, default="*", shell_complete=recorded_addresses)
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
@click.argument("address", shell_complete=recorded_addresses)
@common
def show_asset(output: Output, *, address: str) -> None:
    """Print the record of one ADDRESS and its takes as JSON."""
    state = open_project().state()
    if address not in state.assets:
        raise MpsjobsError.of(
            f"{address} is not in the state.",
            hint="See what is: mpsjobs state list",
            code=Code.UNKNOWN_ADDRESS,
        )
    output.document(asset_document(state, address))


@command.command("push", epilog="Example: mpsjobs state push errored.mpsjobs.state.json")
@click.argument("file", type=click.Path(path_type=Path))
@lock_timeout
@common
def push_errored(output: Output, *, file: Path, lock_timeout: float) -> None:
    """Put back what a run could not record: FILE is the errored.mpsjobs.state.json that it wrote.

    Doing it twice does nothing the second time.
    """
    from mpsjobs.state.push import push  # nobody needs it on other days

    pushed = push(open_project().store, file, lock_timeout_s=lock_timeout)
    if output.json:
        output.document(
            {
                "format_version": 1,
                "appended": pushed.appended,
                "present": pushed.present,
                "outdated": pushed.outdated,
                "serial": pushed.serial,
            }
        )
        return
    if not pushed.appended:
        output.result(f"The state has everything from {file} already.")
    else:
        output.result(f"{_events(pushed.appended)} put back into the state.")
    if pushed.outdated:
        output.result(f"{_events(pushed.outdated)} left out: the history went on without them.")
    output.result(f"{file} is not needed any more. Next: see what is left to do with mpsjobs plan.")


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


def _events(number: int) -> str:
    return f"{number} event{'s'[: number != 1]}"
