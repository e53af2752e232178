"""Tiny audio in about a millisecond and without numpy, for tests: decodable, and different for each seed."""

import array
import hashlib
import math
import os
import wave
from functools import cache
from pathlib import Path

SECONDS = 1.0
FRAME, FRAME_S = 108, 0.036
"""Bytes and length of each frame of the MP3 (MPEG-2 layer III, 24 kbit/s). The first one holds no sound."""

_RATE = 8000


def write_stub(path: Path, kind: str, seed: str) -> float:
    """Write a tone that depends on `seed` as `mp3` or `wav`, synced to disk; its length in seconds."""
    with path.open("wb") as file:
        if kind == "wav":
            with wave.open(file, "wb") as out:
                out.setparams((1, 2, _RATE, 0, "NONE", ""))
                out.writeframes(_tone(seed))
        else:
            file.write(tagged(seed, stub_mp3()))
        file.flush()
        os.fsync(file.fileno())
    return SECONDS


def _tone(seed: str) -> bytes:
    """A decaying tone between 220 and 880 Hz: one period, repeated and faded in blocks of ten milliseconds."""
    digest = hashlib.sha256(seed.encode()).digest()
    period = 9 + digest[0] % 28
    cycle = [9000 * math.sin(2 * math.pi * i / period) for i in range(period)]
    samples = array.array("h", (0,)) * int(SECONDS * _RATE)
    for start in range(0, len(samples), 80):
        # Cube of the time left: no click at the end. The digest makes every stub's bytes its own.
        level = (1 - start / len(samples)) ** 3 * (1 - digest[1 + start // 80 % 31] / 4000)
        for i in range(start, min(start + 80, len(samples))):
            samples[i] = int(level * cycle[i % period])
    return samples.tobytes()


def tagged(seed: str, frames: bytes) -> bytes:
    """An MP3 with an ID3v2.3 title: it makes each file its own without encoding anew."""
    text = b"\x00" + seed.encode("ascii", "replace")
    frame = b"TIT2" + len(text).to_bytes(4, "big") + b"\x00\x00" + text
    size = len(frame)
    return b"ID3\x03\x00\x00" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0)) + frame + frames


@cache
def stub_mp3() -> bytes:
    """One second of a decaying tone, encoded once by libsndfile (mono, 16 kHz)."""
    return Path(__file__).with_name("stub.mp3").read_bytes()
