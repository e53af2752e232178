"""The child process that measures: names of files as JSON lines on stdin, one line for each on stdout, until stdin ends.

So a killed parent leaves no orphan behind. A line that begins with `!` tells why a file could not be read.
"""

import os
import signal
import sys
from pathlib import Path

import orjson

from mpsjobs.audio.measurer import encode
from mpsjobs.audio.measuring import measure


def main() -> None:
    """Serve files until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin.buffer:
        try:
            answer = encode(measure(Path(orjson.loads(line))))
        except OSError as error:
            answer = f"!{error}\n".encode()
        try:
            answers.write(answer)
            answers.flush()
        except BrokenPipeError:
            os._exit(0)


if __name__ == "__main__":
    main()
