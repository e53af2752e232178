"""A first look at an audio file: what it is and how long it plays."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Probe:
    """`format` is the container in lower case (`mp3`, `wav`), `duration_s` in seconds. An MP3's length may be off by its encoder delay."""

    format: str
    duration_s: float


def probe(path: Path) -> Probe | None:
    """Read the head of the file. None when it is not audio that can be decoded."""
    import soundfile  # heavy: a run that collects nothing must not pay for it

    try:
        info = soundfile.info(str(path))
    except soundfile.SoundFileError:
        return None
    return Probe(info.format.lower(), round(info.frames / info.samplerate, 3)) if info.samplerate else None
