"""Signals to measure, made by the words of EBU Tech 3341 and 3342. Samples by channel; levels in dB of full scale."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATE: Final = 48_000


def tone(
    db: float, seconds: float, *, rate: int = RATE, hertz: float = 1000.0, phase: float = 0.0
) -> Samples:
    """One channel of a sine; `phase` in degrees."""
    at = np.arange(round(seconds * rate)) / rate
    return np.asarray(10 ** (db / 20) * np.sin(2 * np.pi * hertz * at + np.radians(phase)))


def faded(db: float, *, cycles: float, phase: float = 0.0) -> Samples:
    """A stereo tone of a few samples a cycle that fades in and out, so that only its own crests are peaks."""
    samples = tone(db, 0.1, hertz=RATE / cycles, phase=phase)
    edge = np.minimum(1, np.minimum(np.arange(len(samples)), np.arange(len(samples))[::-1]) / 480)
    return stereo(samples * edge)


def steps(*levels: tuple[float, float], rate: int = RATE) -> Samples:
    """A stereo tone whose level (dB) changes after so many seconds."""
    return stereo(np.concatenate([tone(db, seconds, rate=rate) for db, seconds in levels]))


def stereo(channel: Samples) -> Samples:
    return np.stack((channel, channel))


def surround(levels: Sequence[float], seconds: float) -> Samples:
    return np.stack([tone(db, seconds) for db in levels])


def burst(offset: int) -> Samples:
    """A period of double amplitude in a tone of a sixth of the rate, made at four times the rate and taken from it `offset` steps later."""
    many = tone(-6.02, 0.25, rate=4 * RATE, hertz=RATE / 6)
    middle = len(many) // 2 // 24 * 24
    many[middle : middle + 24] *= 2
    spectrum = np.fft.rfft(many)
    spectrum[round(len(spectrum) / 4) :] = 0
    return stereo(np.fft.irfft(spectrum)[offset::4])


def noise(seconds: float, rate: int, channels: int = 2) -> Samples:
    """Something uneven: noise that swells and has pauses."""
    random = np.random.default_rng(7)
    length = round(seconds * rate)
    swell = np.abs(np.sin(np.arange(length) * 2 * np.pi / rate / 11)) ** 3
    return np.asarray(random.normal(0, 0.2, (channels, length)) * swell)
