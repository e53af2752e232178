"""The command line: click commands, and how results look. It knows no rules; `mpsjobs.project` does the work."""

import os
import sys


def main() -> None:
    """Entry point of the console script. Never returns; every exit code is one of the contract's."""
    if sys.argv[1:] == ["version"]:
        from mpsjobs._version import __version__  # the quick way: nothing else is loaded

        print(f"mpsjobs {__version__}")  # noqa: T201
        sys.exit(0)
    from mpsjobs.cli.app import run

    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        pass
    os._exit(code)  # everything is closed; threads that still wait for an answer must not hold anybody up
