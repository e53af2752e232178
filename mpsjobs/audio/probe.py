"""A first look at a result: what it is and how long it plays."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_WAV: Final = frozenset({"wavex", "rf64"})
"""What libsndfile calls a WAV of a later day."""


@dataclass(frozen=True, slots=True)
class Probe:
    """`format` is the container in lower case (`mp3`, `wav`, `mp4`), `duration_s` in seconds, None where it was not measured.

    An MP3's length may be off by its encoder delay.
    """

    format: str
    duration_s: float | None


def probe(path: Path) -> Probe | None:
    """Read the head of the file. None when it is neither audio that can be decoded nor a known container of video."""
    import soundfile  # heavy: a run that collects nothing must not pay for it

    try:
        info = soundfile.info(str(path))
    except soundfile.SoundFileError:
        return _container(path)
    if not info.samplerate:
        return None
    form = info.format.lower()
    return Probe("wav" if form in _WAV else form, round(info.frames / info.samplerate, 3))


def _container(path: Path) -> Probe | None:
    """What the first bytes say, as the formats' own documents have them: ISO/IEC 14496-12, RFC 8794 and RIFF."""
    with path.open("rb") as file:
        head = file.read(64)
    if head[4:8] == b"ftyp":
        brands = {b"qt  ": "mov", b"M4A ": "m4a"}
        return Probe(brands.get(head[8:12], "mp4"), None)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return Probe("webm" if b"webm" in head else "mkv", None)
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return Probe("avi", None)
    return None
