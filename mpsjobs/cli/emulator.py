"""`mpsjobs emulator`: the API on loopback, by itself."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from mpsjobs.cli.output import Output
from mpsjobs.emulator.config import Addressing, AudioKind, check_endpoint
from mpsjobs.emulator.fault_input import check_delays, check_probabilities, pairs
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import MpsjobsError

_HELP = """Serve CreateAigcAudioTask and DescribeAigcAudioTask on this machine, without an account.

\b
It verifies signatures against TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY
of its own environment, else against the pair AKIDemulator / emulator. With
TENCENTCLOUD_TOKEN it wants that token too. Temporary keys are lent by
AssumeRole and AssumeRoleWithWebIdentity at the same address.
GET /_emulator/ledger lists every task that was ever created: the bill.

\b
Faults, for trying what a program makes of them:
  nothing created    drop-before-create throttle bad-gateway
  created, but the   drop-after-create truncate bad-gateway-after-create
  answer is spoilt   internal-error slow
  the task           fail (after RUN) url-expired write-late never-write
                     duplicate-write create-and-never-write (RUN for ever,
                     and the answer is dropped)
  its audio          audio-silent audio-clipped audio-short audio-corrupt
                     audio-other-format (the task is DONE all the same)
  describe           describe-drop describe-error
A create can have one in its answer, one in its task and one in its
audio; a prompt with the word mpsaudio-silent (mpsaudio-silent:2: its
first two tasks) has that one. While it runs,
GET, POST and DELETE /_emulator/faults show, set and clear them:
  {"faults": {NAME: P}, "delays": {NAME: SECONDS},
   "next": [{"fault": NAME, "match": REGEX_IN_THE_PROMPT, "times": 1}]}
"""


def _address(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter("give HOST:PORT, such as 127.0.0.1:9000")
    return host.strip("[]"), int(port)


def _endpoint(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        try:
            check_endpoint(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
    return value


def _numbers(
    check: Callable[[Mapping[str, float]], None],
) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], Mapping[str, float]]:
    def read(
        _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
    ) -> Mapping[str, float]:
        try:
            given = pairs(values)
            check(given)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
        return given

    return read


@click.command(
    "emulator",
    help=_HELP,
    epilog="Example: mpsjobs emulator --listen 127.0.0.1:9000 --data /tmp/mps --speed 10",
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
    "--store-endpoint",
    metavar="URL",
    callback=_endpoint,
    help="Where outputs go instead: the buckets of an S3 server, http[s]://HOST[:PORT].",
)
@click.option(
    "--store-addressing",
    type=click.Choice(("virtual", "path")),
    default="virtual",
    show_default=True,
    help="Whether the bucket stands in the host's name or in the path.",
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
@click.option(
    "--requests-per-second",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="The limit for each action.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    callback=_numbers(check_probabilities),
    metavar="NAME=P[,NAME=P...]",
    help="Go wrong with the probability P; may be repeated. The names are above.",
)
@click.option(
    "--fault-seed",
    type=int,
    default=0,
    show_default=True,
    help="The same seed and requests give the same faults.",
)
@click.option(
    "--fault-delay",
    "fault_delays",
    multiple=True,
    callback=_numbers(check_delays),
    metavar="NAME=SECONDS",
    help="For slow and write-late, whatever the speed. [default: slow=120,write-late=5]",
)
def command(  # noqa: PLR0913 — one for each option
    *,
    listen: tuple[str, int],
    data: Path,
    store: Path | None,
    store_endpoint: str | None,
    store_addressing: Addressing,
    speed: float,
    audio: AudioKind,
    requests_per_second: int,
    faults: Mapping[str, float],
    fault_seed: int,
    fault_delays: Mapping[str, float],
) -> None:
    from mpsjobs.emulator import EmulatorBusy, EmulatorConfig, serve_forever

    if store and store_endpoint:
        raise click.UsageError("Outputs go to a folder (--store) or to an S3 server (--store-endpoint).")
    host, port = listen
    config = EmulatorConfig(
        data=data,
        store=store,
        store_endpoint=store_endpoint,
        store_addressing=store_addressing,
        host=host,
        port=port,
        speed=speed,
        audio=audio,
        requests_per_second=requests_per_second,
        faults=faults,
        fault_seed=fault_seed,
        fault_delays=fault_delays,
    )
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
            code=Code.EMULATOR_BUSY,
        ) from busy
    except OSError as error:
        raise MpsjobsError.of(
            f"The emulator cannot listen on {host}:{port}.", detail=str(error), code=Code.EMULATOR_BUSY
        ) from error
