"""`mpsjobs export`: everything, in files that need no mpsjobs."""

from pathlib import Path

import click

from mpsjobs.cli.options import common, open_project
from mpsjobs.cli.output import Output


@click.command("export", epilog="Example: mpsjobs export archive/")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@common
def command(output: Output, *, folder: Path) -> int:
    """Write every take, what it was made from, and a table assets.csv into the folder DIR.

    Earlier takes and those of retired assets are in it. A README.txt in it says what is where. Doing it again fetches only what is new.
    """
    from mpsjobs.cli.fetch_progress import fetching, summed_up
    from mpsjobs.cli.log import configure_log
    from mpsjobs.upkeep.export import export

    configure_log()
    project = open_project()
    found = export(project, folder, lambda files: fetching(output, files))
    return summed_up(output, found, folder)
