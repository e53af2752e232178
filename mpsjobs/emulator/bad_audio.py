"""Files as they should not be, made on request in about a millisecond: what comes of a generation that went wrong without an error."""

import array
import io
import math
import os
import wave
from pathlib import Path
from typing import Final, assert_never

from mpsjobs.emulator.faults import AudioFault
from mpsjobs.emulator.stub import FRAME, FRAME_S, stub_mp3, tagged, write_stub

SHORT_S: Final = 0.252
"""Seven frames of an MP3."""

_RATE: Final = 16_000
_SILENT_FRAME: Final = bytes.fromhex("fff338c4") + bytes(FRAME - 4)
"""The head of each frame of the stub, and nothing to decode."""


def spoil(path: Path, kind: str, fault: AudioFault, seed: str, seconds: float) -> float:
    """Replace a file of the format `kind` (`mp3`, `wav`), `seconds` long, by a bad one, synced to disk; the length that it says it has."""
    match fault:
        case AudioFault.SILENT:
            frames = round(seconds / FRAME_S) * _SILENT_FRAME
            _write(path, _wav(0, seconds) if kind == "wav" else tagged(seed, frames))
        case AudioFault.CLIPPED:
            clipped = Path(__file__).with_name("clipped.mp3").read_bytes()
            _write(path, _wav(4, 1.0) if kind == "wav" else tagged(seed, clipped))
            return 1.0
        case AudioFault.SHORT:
            frames = stub_mp3()[FRAME : FRAME + round(SHORT_S / FRAME_S) * FRAME]
            _write(path, _wav(0.3, SHORT_S) if kind == "wav" else tagged(seed, frames))
            return SHORT_S
        case AudioFault.CORRUPT:
            content = path.read_bytes()
            _write(path, bytes(byte ^ 0x5A for byte in content[: len(content) // 2]))
        case AudioFault.OTHER_FORMAT:
            return write_stub(path, "mp3" if kind == "wav" else "wav", seed)
        case _:
            assert_never(fault)
    return seconds


def _wav(gain: float, seconds: float) -> bytes:
    """A tone of 220 Hz, cut off at full scale."""
    samples = array.array("h")
    for i in range(round(seconds * _RATE)):
        level = gain * math.sin(2 * math.pi * 220 * i / _RATE)
        samples.append(round(32767 * max(-1.0, min(1.0, level))))
    content = io.BytesIO()
    with wave.open(content, "wb") as out:
        out.setparams((1, 2, _RATE, 0, "NONE", ""))
        out.writeframes(samples.tobytes())
    return content.getvalue()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
