"""`mpsjobs emulator`: the API on loopback, by itself."""

from pathlib import Path

import click

from mpsjobs.cli.output import Output
from mpsjobs.emulator.config import AudioKind
from mpsjobs.model.diagnostics import MpsjobsError


def _address(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter("give HOST:PORT, such as 127.0.0.1:9000")
    return host.strip("[]"), int(port)


@click.command(
    "emulator", epilog="Example: mpsjobs emulator --listen 127.0.0.1:9000 --data /tmp/mps --speed 10"
)
@click.option(
    "--listen",
    default="127.0.0.1:9000",
    show_default=True,
    callback=_address,
    metavar="HOST:PORT",
    help="Where to answer; port 0 takes a free one.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The ledger and all else that must last.",
)
@click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where outputs go, as BUCKET/KEY. [default: DATA/store]",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="1 takes as long as the cloud does.",
)
@click.option(
    "--audio",
    type=click.Choice(("full", "short", "stub")),
    default="full",
    show_default=True,
    help="How much music to make.",
)
def command(
    *, listen: tuple[str, int], data: Path, store: Path | None, speed: float, audio: AudioKind
) -> None:
    r"""Serve CreateAigcAudioTask and DescribeAigcAudioTask on this machine, without an account.

    \b
    It verifies signatures against TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY
    of its own environment, else against the pair AKIDemulator / emulator.
    GET /_emulator/ledger lists every task that was ever created: the bill.
    """
    from mpsjobs.emulator import EmulatorBusy, EmulatorConfig, serve_forever  # noqa: PLC0415

    host, port = listen
    config = EmulatorConfig(data=data, store=store, host=host, port=port, speed=speed, audio=audio)
    output = Output()
    try:
        serve_forever(
            config, lambda url: output.result(f"The emulator answers at {url}. Stop it with Ctrl-C.")
        )
    except EmulatorBusy as busy:
        raise MpsjobsError.of(
            "Another emulator holds this data.",
            detail=str(busy),
            hint="Use it, stop it, or give another --data.",
        ) from busy
    except OSError as error:
        raise MpsjobsError.of(f"The emulator cannot listen on {host}:{port}.", detail=str(error)) from error
