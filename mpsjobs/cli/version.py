"""`mpsjobs version`."""

import platform

import click

from mpsjobs._version import __version__
from mpsjobs.cli.options import printing
from mpsjobs.cli.output import Output


@click.command("version", epilog="Example: mpsjobs version --json")
@printing
def command(output: Output) -> None:
    """Show the version."""
    if output.json:
        output.document({"format_version": 1, "version": __version__, "python": platform.python_version()})
    else:
        output.result(f"mpsjobs {__version__}")
