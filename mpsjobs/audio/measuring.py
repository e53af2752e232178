"""Measuring one file: decoded once, block by block, in memory that does not grow with its length (but by a few numbers a second)."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from mpsjobs.audio.loudness import Loudness, Samples, TruePeak
from mpsjobs.audio.probe import probe
from mpsjobs.model.measures import PAIRS, Measured, Measures

if TYPE_CHECKING:
    import soundfile

SILENCE: Final = 10 ** (-60 / 20)
"""What stays below -60 dBFS cannot be heard beside anything else."""

FULL_SCALE: Final = 1 - 1.5 / 32768
"""The highest step of 16 bits, within half a step."""

CLIP_RUN: Final = 3
"""So many samples in a row at full scale are no peak but a cut."""

_FRAMES_A_SECOND: Final = 100


def measure(path: Path) -> Measured:
    """Read the whole file. Never fails because of what is in it.

    Raises:
        OSError: the file cannot be read.
    """
    import soundfile

    seen = probe(path)
    if seen is None:
        empty = not path.stat().st_size
        return Measured(
            None, unmeasured="the file is empty" if empty else "this is no audio that can be decoded"
        )
    if seen.duration_s is None:
        return Measured(seen.format, unmeasured=f"{seen.format} is not decoded")
    try:
        with soundfile.SoundFile(str(path)) as file:
            return _measured(file, seen.format, path.stat().st_size)
    except soundfile.SoundFileError as error:
        return Measured(seen.format, unmeasured=f"it cannot be decoded to its end: {error}")


def _measured(file: "soundfile.SoundFile", form: str, size: int) -> Measured:
    rate, channels = file.samplerate, file.channels
    loudness, true_peak, shape = Loudness(rate, channels), TruePeak(rate, channels), _Shape(rate, channels)
    while len(block := file.read(loudness.most, dtype="float64", always_2d=True)):
        samples: Samples = np.ascontiguousarray(block.T)
        if not np.isfinite(samples).all():
            return Measured(form, unmeasured="it holds samples that are no numbers")
        loudness.feed(samples)
        true_peak.feed(samples)
        shape.feed(samples)
    shape.end()
    if not shape.length:
        return Measured(form, unmeasured="it holds no sound: not a single sample")
    start, end, inner = shape.silences()
    duration = shape.length / rate
    return Measured(
        form,
        Measures(
            duration_s=round(duration, 3),
            sample_rate=rate,
            channels=channels,
            bitrate=round(size * 8 / duration),
            loudness=_rounded(loudness.integrated),
            loudness_range=_rounded(loudness.range),
            true_peak=_rounded(true_peak.end()),
            clipped=shape.clipped,
            silence_start_s=round(start / rate, 3),
            silence_end_s=round(end / rate, 3),
            silence_inner_s=round(inner / rate, 3),
            dc_offset=round(shape.dc_offset, 5) + 0.0,  # no minus before a zero
        ),
        peaks=shape.peaks(),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


class _Shape:
    """The outline of the sound: its lowest and highest point in every hundredth of a second, and what can be counted on the way."""

    def __init__(self, rate: int, channels: int) -> None:
        self._step = max(1, round(rate / _FRAMES_A_SECOND))
        self._pending: Samples = np.zeros((channels, 0))
        self._low: list[NDArray[np.float64]] = []
        self._high: list[NDArray[np.float64]] = []
        self._sum = np.zeros(channels)
        self._run = np.zeros(channels, dtype=np.int64)
        self.length = 0
        self.clipped = 0

    def feed(self, samples: Samples) -> None:
        self.length += samples.shape[1]
        self._sum += samples.sum(axis=1)
        for channel, values in enumerate(samples):
            self._count_clips(channel, values)
        joined = np.concatenate((self._pending, samples), axis=1)
        whole = joined.shape[1] // self._step * self._step
        self._add(joined[:, :whole])
        self._pending = joined[:, whole:]

    def end(self) -> None:
        """Take in the last stretch, which is shorter."""
        if left := self._pending.shape[1]:
            self._low.append(np.array([self._pending.min()]))
            self._high.append(np.array([self._pending.max()]))
            self._pending = self._pending[:, left:]

    def _add(self, samples: Samples) -> None:
        if samples.shape[1]:
            frames = samples.reshape(len(samples), -1, self._step)
            self._low.append(frames.min(axis=(0, 2)))
            self._high.append(frames.max(axis=(0, 2)))

    def _count_clips(self, channel: int, values: NDArray[np.float64]) -> None:
        """Count the runs at full scale that are long enough; one may go on from the block before, and have been counted there."""
        at = np.flatnonzero(np.abs(values) >= FULL_SCALE)
        if not len(at):
            self._run[channel] = 0
            return
        lengths = np.diff(np.flatnonzero(np.diff(at, prepend=-2) > 1), append=len(at))
        before = int(self._run[channel]) if at[0] == 0 else 0
        lengths[0] += before
        self.clipped += int((lengths >= CLIP_RUN).sum()) - (before >= CLIP_RUN)
        self._run[channel] = lengths[-1] if at[-1] == len(values) - 1 else 0

    @property
    def dc_offset(self) -> float:
        means = self._sum / self.length
        return float(means[np.abs(means).argmax()])

    def silences(self) -> tuple[int, int, int]:
        """Samples of silence at the beginning, at the end, and in the longest stretch between."""
        low, high = np.concatenate(self._low), np.concatenate(self._high)
        loud = np.flatnonzero(np.maximum(high, -low) >= SILENCE)
        if not len(loud):
            return self.length, 0, 0
        inner = int(np.diff(loud).max(initial=1)) - 1
        after = self.length - min(self.length, (int(loud[-1]) + 1) * self._step)
        return int(loud[0]) * self._step, after, inner * self._step

    def peaks(self) -> bytes:
        low, high = np.concatenate(self._low), np.concatenate(self._high)
        pairs = min(PAIRS, len(low))
        starts = np.arange(pairs) * len(low) // pairs
        both = np.stack((np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)), axis=1)
        return bytes(np.round(np.clip(both, -1, 1) * 127).astype(np.int8))
