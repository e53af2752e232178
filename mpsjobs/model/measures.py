"""What was measured of an audio file, as figures that people compare."""

from dataclasses import dataclass
from typing import Final

VIDEO: Final = frozenset({"mp4", "mov", "webm", "mkv", "avi", "flv"})
"""Formats of files that are no audio."""

PAIRS: Final = 1000
"""So many pairs of a lowest and a highest sample make a waveform."""


@dataclass(frozen=True, slots=True)
class Measures:
    """Figures of one file, rounded to what they can be trusted for.

    `duration_s` is what can be decoded, in seconds; `sample_rate` in Hz; `bitrate` in bit/s over the whole file. `loudness` is integrated,
    in LUFS, `loudness_range` in LU (EBU R 128, BS.1770-4), `true_peak` in dBTP: None where a file is too short or too quiet to have
    one. `clipped` counts the places where a channel stands at full scale for three samples or more. `silence_start_s`, `silence_end_s` and
    `silence_inner_s` are the stretches below -60 dBFS at the beginning, at the end, and the longest between; a file that is silent from
    beginning to end is one stretch, at its beginning. `dc_offset` is the mean of the worst channel, of full scale.
    """

    duration_s: float
    sample_rate: int
    channels: int
    bitrate: int
    loudness: float | None
    loudness_range: float | None
    true_peak: float | None
    clipped: int
    silence_start_s: float
    silence_end_s: float
    silence_inner_s: float
    dc_offset: float

    @property
    def silent(self) -> bool:
        """Whether nothing in it can be heard."""
        return self.silence_start_s >= self.duration_s

    @property
    def silence_s(self) -> float:
        """The longest stretch of silence, wherever it is."""
        return max(self.silence_start_s, self.silence_inner_s, self.silence_end_s)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a file is. Either `measures` or the reason why there are none.

    `peaks` are the lowest and the highest sample, in turn, of `PAIRS` equal stretches (fewer in a very short file), as signed bytes of
    127 for full scale.
    """

    format: str | None
    measures: Measures | None = None
    unmeasured: str | None = None
    peaks: bytes = b""
