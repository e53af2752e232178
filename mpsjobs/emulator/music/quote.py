"""A piece that is made from a recording begins with a little of it, so that one can hear from what."""

from pathlib import Path

import numpy as np
import soundfile

from mpsjobs.emulator.music.timbres import RATE, Signal

SECONDS = 4.0
_LEVEL = 0.7
_BEHIND = 0.3
"""How loud the piece is while the recording is heard."""


def quote(piece: Signal, recording: Path) -> Signal:
    """The piece (n, 2) with the beginning of the recording laid over its own; as long as before, still between -1 and 1.

    Raises:
        soundfile.SoundFileError: the recording cannot be read.
    """
    info = soundfile.info(recording)
    found, rate = soundfile.read(
        recording, frames=int(SECONDS * info.samplerate), dtype="float32", always_2d=True
    )
    count = min(len(piece), int(len(found) * RATE / rate))
    if not count:
        return piece
    places = np.arange(count) * (rate / RATE)
    sides = (found[:, 0], found[:, min(1, found.shape[1] - 1)])
    heard = np.stack([np.interp(places, np.arange(len(found)), side) for side in sides], axis=1)
    fade = np.clip((count - np.arange(count)) / (count / 3), 0, 1)[:, np.newaxis]
    mixed = piece.copy()
    behind = _BEHIND + (1 - _BEHIND) * (1 - fade)
    mixed[:count] = np.clip(piece[:count] * behind + heard * fade * _LEVEL, -1, 1)
    return mixed
