"""`python -m mpsjobs.emulator --data DIR`: the emulator by itself. Prints its URL, then serves until SIGTERM."""

import argparse
import sys
from pathlib import Path

from mpsjobs.emulator import EmulatorConfig, serve_forever
from mpsjobs.emulator.fault_input import pairs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m mpsjobs.emulator")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--store-endpoint", metavar="URL")
    parser.add_argument("--store-addressing", choices=["virtual", "path"], default="virtual")
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--audio", choices=["full", "short", "stub"], default="full")
    parser.add_argument("--requests-per-second", type=int, default=20)
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=P[,NAME=P...]")
    parser.add_argument("--fault-seed", type=int, default=0)
    parser.add_argument("--fault-delay", action="append", default=[], metavar="NAME=SECONDS")
    given = parser.parse_args()
    host, _, port = given.listen.rpartition(":")
    try:
        config = EmulatorConfig(
            data=given.data,
            store=given.store,
            store_endpoint=given.store_endpoint,
            store_addressing=given.store_addressing,
            host=host.strip("[]"),
            port=int(port),
            speed=given.speed,
            audio=given.audio,
            requests_per_second=given.requests_per_second,
            faults=pairs(given.fault),
            fault_seed=given.fault_seed,
            fault_delays=pairs(given.fault_delay),
        )
    except ValueError as error:
        parser.error(str(error))
    serve_forever(config, lambda url: print(url, file=sys.stdout, flush=True))  # noqa: T201 — the URL is the output


if __name__ == "__main__":
    main()
