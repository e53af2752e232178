"""The child process that makes music: jobs as JSON lines on stdin, results on stdout, until stdin ends.

So a killed parent leaves no orphan behind.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import orjson


def _render(job: dict[str, Any]) -> list[float]:
    from mpsjobs.emulator.music import Wish, write_audio

    seconds = []
    for index, path in enumerate(job["paths"]):
        wish = Wish(
            prompt=job["prompt"],
            lyrics="" if job["instrumental"] else job["lyrics"],
            seed=f"{job['task_id']}/{index}",
            short=job["short"],
            recording=Path(job["recording"]) if job["recording"] else None,
        )
        seconds.append(write_audio(wish, Path(path), job["format"]))
    return seconds


def main() -> None:
    """Serve jobs until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin.buffer:
        answer: dict[str, Any] = {"seconds": [], "error": None}
        try:
            answer["seconds"] = _render(orjson.loads(line))
        except Exception as error:  # noqa: BLE001 — whatever it is, the task fails with this message
            answer["error"] = f"Rendering failed: {type(error).__name__}: {error}"
        try:
            answers.write(orjson.dumps(answer) + b"\n")
            answers.flush()
        except BrokenPipeError:
            os._exit(0)


if __name__ == "__main__":
    main()
