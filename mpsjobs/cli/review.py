"""`mpsjobs review`: hear what a plan changes."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mpsjobs.cli.options import common, open_project, variables
from mpsjobs.cli.output import Output, shown

if TYPE_CHECKING:
    from mpsjobs.review.listening import Listening


@click.command("review", epilog="Example: mpsjobs review --export public/")
@click.option(
    "--export",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the page and its audio as files into DIR instead, for a CI artifact or a bucket.",
)
@click.option("--all", "everything", is_flag=True, help="With --export: all assets, not only changed ones.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Where to serve; 0 takes a free port.",
)
@click.option("--open", "opened", is_flag=True, help="Open the page in the browser.")
@variables
@common
def command(output: Output, *, folder: Path | None, everything: bool, port: int, opened: bool) -> int:
    """Hear what the plan changes: a page with the takes of each asset, old and new.

    It is served on this machine alone, under an address that nobody can guess, until Ctrl-C. Changes nothing and costs nothing. With --json
    it prints what the page would show.
    """
    from mpsjobs.cli.log import configure_log
    from mpsjobs.review.document import review_document
    from mpsjobs.review.listening import Listening

    if everything and folder is None:
        raise click.UsageError("--all is for --export: the page that is served has all assets.")
    configure_log()
    listening = Listening(open_project(), only_changed=folder is not None and not everything)
    if output.json and folder is None:
        output.document(review_document(listening.look(), "served"))
        return 0
    return (
        _serve(listening, output, port, opened=opened)
        if folder is None
        else _export(listening, output, folder)
    )


def _export(listening: "Listening", output: Output, folder: Path) -> int:
    from mpsjobs.cli.fetch_progress import fetching, summed_up
    from mpsjobs.review.export import export_page

    found = export_page(listening, folder, lambda files: fetching(output, files))
    code = summed_up(output, found, folder)
    output.say(f"Open {shown(folder / 'index.html')} in a browser.")
    return code


def _serve(listening: "Listening", output: Output, port: int, *, opened: bool) -> int:
    from mpsjobs.review.web import Server

    try:
        server = Server(listening, port)
    except OSError as error:
        raise click.BadParameter(
            f"{error.strerror}. Without it a free port is taken.", param_hint="'--port'"
        ) from error
    with server:
        output.result(f"Listen at {server.url}")
        output.say("Stop it with Ctrl-C.")
        if opened:
            click.launch(server.url)
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            return 0
    return 0
