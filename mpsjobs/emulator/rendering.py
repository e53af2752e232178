"""Who makes the audio: child processes for music, a few milliseconds in place for stubs.

The server process never loads numpy, and taking 20 tasks a second is never slowed by making music.
"""

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import orjson

from mpsjobs.emulator.stub import write_stub

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class RenderJob:
    """One task's audio. The same job gives the same sound."""

    task_id: str
    prompt: str
    lyrics: str
    instrumental: bool
    format: str
    paths: tuple[str, ...]
    """One file to write for each output; written and synced when the job is done."""
    recording: str | None = None
    """A file that the audio is made from."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Seconds of each output, or why there are none."""

    seconds: tuple[float, ...] = ()
    error: str | None = None


Done = Callable[[Rendered], None]


class Renderer(Protocol):
    """Makes audio and calls back once for each job, from any thread, unless it was closed before."""

    def submit(self, job: RenderJob, done: Done) -> None: ...

    def close(self) -> None: ...


class StubRenderer:
    """Writes tiny files at once."""

    def submit(self, job: RenderJob, done: Done) -> None:
        try:
            seconds = tuple(
                write_stub(Path(path), job.format, f"{job.task_id}/{i}") for i, path in enumerate(job.paths)
            )
        except OSError as error:
            done(Rendered(error=f"Failed to write the audio: {error}"))
        else:
            done(Rendered(seconds))

    def close(self) -> None:
        pass


class ProcessRenderer:
    """Hands jobs to at most one child process per CPU, each started when there is work for it."""

    def __init__(
        self, *, short: bool = False, command: tuple[str, ...] = ("-m", "mpsjobs.emulator.renderer")
    ) -> None:
        self._short = short
        self._command = (sys.executable, "-P", *command)
        self._jobs: queue.SimpleQueue[tuple[RenderJob, Done] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._children: set[subprocess.Popen[bytes]] = set()
        self._pending = 0
        self._closed = threading.Event()

    def submit(self, job: RenderJob, done: Done) -> None:
        with self._lock:
            if self._closed.is_set():
                return
            self._jobs.put((job, done))
            self._pending += 1
            if len(self._threads) < min(self._pending, os.cpu_count() or 1):
                thread = threading.Thread(target=self._work, name="emulator-renderer", daemon=True)
                self._threads.append(thread)
                thread.start()

    def close(self) -> None:
        """Stop the children at once; unfinished jobs are not called back."""
        with self._lock:
            self._closed.set()
            for child in self._children:
                child.kill()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        child: subprocess.Popen[bytes] | None = None
        while (item := self._jobs.get()) is not None:
            job, done = item
            rendered: Rendered | None = None
            for _ in range(_ATTEMPTS):
                if self._closed.is_set():
                    break
                child = child or self._start()
                rendered = _ask(child, job, short=self._short)
                if rendered is not None:
                    break
                self._drop(child)
                child = None
            if self._closed.is_set():
                break
            done(rendered or Rendered(error=f"The renderer crashed {_ATTEMPTS} times on this task"))
            with self._lock:
                self._pending -= 1
        if child is not None:
            self._drop(child)

    def _start(self) -> subprocess.Popen[bytes]:
        root = Path(__file__).parents[2]
        path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
        child = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C in the terminal is for the server alone
        )
        with self._lock:
            self._children.add(child)
            if self._closed.is_set():
                child.kill()
        return child

    def _drop(self, child: subprocess.Popen[bytes]) -> None:
        child.kill()
        with self._lock:
            self._children.discard(child)
        with contextlib.suppress(OSError):  # the last job may sit in the buffer of a broken pipe
            child.__exit__(None, None, None)


def _ask(child: subprocess.Popen[bytes], job: RenderJob, *, short: bool) -> Rendered | None:
    """The child's answer; None when it crashed."""
    if child.stdin is None or child.stdout is None:
        raise TypeError("the renderer needs pipes")
    try:
        child.stdin.write(orjson.dumps({**asdict(job), "short": short}) + b"\n")
        child.stdin.flush()
        line = child.stdout.readline()
        answer = orjson.loads(line) if line else None
    except (OSError, orjson.JSONDecodeError):
        return None
    return Rendered(tuple(answer["seconds"]), answer["error"]) if answer else None
