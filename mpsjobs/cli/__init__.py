"""The command line: click commands, and how results look. It knows no rules; `mpsjobs.project` does the work."""

import gc
import os
import sys


def main() -> None:
    """Entry point of the console script. Never returns; every exit code is one of the contract's."""
    if sys.argv[1:] == ["version"]:
        from mpsjobs._version import __version__  # the quick way: nothing else is loaded

        print(f"mpsjobs {__version__}")  # noqa: T201
        sys.exit(0)
    from mpsjobs.cli import recall

    if recall.COMMANDS.intersection(sys.argv[1:]):
        gc.disable()  # they end before there is garbage worth a search: a sixth of their time
    memory = recall.of_command(sys.argv[1:])
    if memory:
        if said := memory.recall():
            sys.stdout.write(said[0])
            sys.exit(said[1])
        memory.watch()
    from mpsjobs.cli.app import run

    code = run(sys.argv[1:])
    if memory:
        memory.keep()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        pass
    os._exit(code)  # everything is closed; threads that still wait for an answer must not hold anybody up
