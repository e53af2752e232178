"""`mpsjobs download`: takes as files in a folder."""

from pathlib import Path

import click

from mpsjobs.cli.addresses import addresses_then_folder, chosen_addresses
from mpsjobs.cli.options import common, open_project
from mpsjobs.cli.output import Output


@click.command("download", epilog="Example: mpsjobs download 'level1.*' build/audio")
@click.argument(
    "arguments",
    metavar="[ADDR]... DIR",
    nargs=-1,
    required=True,
    shell_complete=addresses_then_folder,
)
@click.option(
    "--picked", is_flag=True, help="The take that each asset uses, as <address>.<ext>: what is done anyway."
)
@click.option("--all", "every", is_flag=True, help="Every take, as <address>/take-<number>.<ext>.")
@common
def command(output: Output, *, arguments: tuple[str, ...], picked: bool, every: bool) -> int:
    """Fetch takes from the store into the folder DIR, of all assets or of those called ADDR; * and ? are taken. The folder comes last.

    Each file is checked by its SHA-256. What is there already is not fetched again, and a transfer that broke off goes on.
    """
    from mpsjobs.cli.fetch_progress import fetching, summed_up
    from mpsjobs.cli.log import configure_log
    from mpsjobs.upkeep.fetching import all_files, fetch_files, picked_files

    if picked and every:
        raise click.UsageError("Choose one of --picked and --all.")
    configure_log()
    *patterns, folder = arguments
    project = open_project()
    state = project.state()
    if folder in state.assets or not {*"*?"}.isdisjoint(folder):
        raise click.UsageError(f"{folder} is no folder: name one behind the addresses.")
    addresses = sorted(chosen_addresses(state, patterns))
    files = (all_files if every else picked_files)(state, addresses, Path(folder))
    with fetching(output, len(files)) as report:
        found = fetch_files(project.connections.objects, files, report) if files else ()
    return summed_up(output, found, Path(folder))
