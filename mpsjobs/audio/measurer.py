"""Who measures: child processes for whole songs, this very process for a few seconds, and a cache for what was measured before.

A song takes some tenths of a second of a CPU. That happens neither in the loop that submits nor under its interpreter's lock, and a file
that brings a decoder down brings down a child.
"""

import contextlib
import os
import subprocess
import sys
import threading
from base64 import b64decode, b64encode
from dataclasses import asdict
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

import orjson

from mpsjobs.model.measures import Measured, Measures

_VERSION: Final = 1
"""Of what is cached; raise it when a figure is computed in another way."""

_FEW: Final = 1 << 20
"""Samples, about ten seconds of a song, that are measured in less time than a process takes to start."""

_MP3_FRAMES: Final = frozenset({b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2"})
"""How an MP3 without a title begins."""

_Child = subprocess.Popen[bytes]


class Measurer:
    """Measures files, and remembers in `cache` by their SHA-256. Thread-safe; a call waits while `workers` others are under way."""

    def __init__(self, cache: Path, workers: int | None = None) -> None:
        self._cache = cache
        self._slots = threading.BoundedSemaphore(workers or min(4, max(1, (os.cpu_count() or 1) // 2)))
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._children: set[_Child] = set()
        self._closed = False

    def known(self, sha256: str) -> Measured | None:
        """What was measured of this content before, on this machine."""
        try:
            return _read(self._place(sha256).read_bytes())
        except (OSError, ValueError, TypeError, KeyError):
            return None  # never measured, or by another version: it can be done again

    def measure(self, file: Path, sha256: str) -> Measured:
        """Measure a file with this content. Never fails because of what is in it.

        Raises:
            OSError: the file cannot be read.
        """
        if known := self.known(sha256):
            return known
        with self._slots:
            if _is_small(file):
                document: bytes | None = _measured_here(file)
            else:
                document = self._ask(file) or self._ask(
                    file
                )  # a child may have been killed by another's need of memory
        if document is None:
            return Measured(None, unmeasured="the process that decoded it crashed")
        self._remember(sha256, document)
        return _read(document)

    def close(self) -> None:
        """Stop the children at once; what they were measuring is unmeasured."""
        with self._lock:
            self._closed = True
            children = [*self._children]
        for child in children:
            child.kill()
            _reap(child)

    def _place(self, sha256: str) -> Path:
        return self._cache / sha256[:2] / f"{sha256}.json"

    def _remember(self, sha256: str, document: bytes) -> None:
        """A cache that cannot be written is no reason to fail."""
        place = self._place(sha256)
        with contextlib.suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=place.parent, prefix=".", delete=False) as half:
                half.write(document)
            Path(half.name).replace(place)

    def _ask(self, file: Path) -> bytes | None:
        """The document from a child; None when that crashed. One that has crashed is not used again."""
        with self._lock:
            child = self._idle.pop() if self._idle else None
        child = child or self._start()
        answer = _answer(child, file)
        if not answer.endswith(b"\n"):
            with self._lock:
                self._children.discard(child)
            child.kill()
            _reap(child)
            return None
        with self._lock:
            self._idle.append(child)
        if answer.startswith(b"!"):
            raise OSError(answer[1:-1].decode())
        return answer

    def _start(self) -> _Child:
        root = Path(__file__).parents[2]
        path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
        child = subprocess.Popen(
            (sys.executable, "-P", "-m", "mpsjobs.audio.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C in the terminal is for the command alone
        )
        with self._lock:
            self._children.add(child)
            if self._closed:
                child.kill()
        return child


def _answer(child: _Child, file: Path) -> bytes:
    """What a child says of a file: a whole line, unless it crashed."""
    if child.stdin is None or child.stdout is None:
        raise TypeError("a child that measures needs pipes")
    try:
        child.stdin.write(orjson.dumps(str(file.absolute())) + b"\n")
        child.stdin.flush()
        return child.stdout.readline()
    except OSError:
        return b""


def _reap(child: _Child) -> None:
    with contextlib.suppress(OSError):  # the last file's name may sit in the buffer of a broken pipe
        child.__exit__(None, None, None)


def _is_small(file: Path) -> bool:
    """Whether it looks like audio, and there is little to decode in it. A decoder that has to search for a beginning talks to stderr."""
    import soundfile

    with file.open("rb") as stream:
        head = stream.read(4)
    if not (head.startswith((b"RIFF", b"RF64", b"fLaC", b"OggS", b"ID3")) or head[:2] in _MP3_FRAMES):
        return False
    try:
        info = soundfile.info(str(file))
    except soundfile.SoundFileError:
        return True
    return bool(info.frames * info.channels <= _FEW)


def _measured_here(file: Path) -> bytes:
    from mpsjobs.audio.measuring import measure

    return encode(measure(file))


def encode(measured: Measured) -> bytes:
    """One line: what a child answers and what stands in the cache."""
    return orjson.dumps(
        {
            "version": _VERSION,
            "format": measured.format,
            "measures": asdict(measured.measures) if measured.measures else None,
            "unmeasured": measured.unmeasured,
            "peaks": b64encode(measured.peaks).decode(),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _read(document: bytes) -> Measured:
    """Raises ValueError, TypeError or KeyError for anything that this version did not write."""
    found: dict[str, Any] = orjson.loads(document)
    if found["version"] != _VERSION:
        raise ValueError("another version")
    measures = found["measures"]
    return Measured(
        found["format"],
        Measures(**measures) if measures else None,
        found["unmeasured"],
        b64decode(found["peaks"]),
    )
