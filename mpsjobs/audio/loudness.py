"""Loudness and true peak as ITU-R BS.1770-4, EBU Tech 3341 and EBU Tech 3342 define them, block by block.

Only energies of tenths of a second are kept, so an hour takes a few hundred kilobytes.
"""

from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
"""Of full scale; channels first."""

BLOCK: Final = 1 << 16
"""Samples that one transform takes; what is fed at once is shorter by `Weighting.memory`."""

_ABSOLUTE_GATE: Final = -70.0
_RELATIVE_GATE: Final = -10.0
_RANGE_GATE: Final = -20.0
_MOMENT, _SHORT_TERM = 4, 30
"""Tenths of a second: 400 ms and 3 s."""


class Loudness:
    """Takes the samples of a file in order, and then says how loud they are."""

    def __init__(self, rate: int, channels: int) -> None:
        self._weighting = Weighting(rate, channels)
        self._gains = _gains(channels)
        self._step = round(rate / 10)
        self._pending = np.zeros(0)
        self._tenths: list[NDArray[np.float64]] = []

    @property
    def most(self) -> int:
        """So many samples may be fed at once."""
        return BLOCK - self._weighting.memory

    def feed(self, samples: Samples) -> None:
        power = self._gains @ self._weighting(samples) ** 2
        power = np.concatenate((self._pending, power))
        whole = len(power) // self._step
        self._tenths.append(power[: whole * self._step].reshape(whole, self._step).mean(axis=1))
        self._pending = power[whole * self._step :]

    @cached_property
    def integrated(self) -> float | None:
        """In LUFS; None when nothing is as loud as -70 LUFS, or the file is shorter than 400 ms."""
        power = self._power(_MOMENT)
        audible = power[_level(power) > _ABSOLUTE_GATE]
        if not len(audible):
            return None
        gate = float(_level(audible.mean())) + _RELATIVE_GATE
        return float(_level(audible[_level(audible) > gate].mean()))

    @cached_property
    def range(self) -> float | None:
        """In LU; None when nothing is as loud as -70 LUFS, or the file is shorter than 3 s."""
        power = self._power(_SHORT_TERM)
        audible = power[_level(power) > _ABSOLUTE_GATE]
        if not len(audible):
            return None
        gate = float(_level(audible.mean())) + _RANGE_GATE
        levels = _level(audible[_level(audible) > gate])
        low, high = np.percentile(levels, (10, 95))
        return float(high - low)

    def _power(self, tenths: int) -> NDArray[np.float64]:
        """Mean power of every window of so many tenths of a second, a tenth apart."""
        power = np.concatenate(self._tenths) if self._tenths else np.zeros(0)
        if len(power) < tenths:
            return np.zeros(0)
        windows: NDArray[np.float64] = np.lib.stride_tricks.sliding_window_view(power, tenths).mean(axis=1)
        return windows


class Weighting:
    """The K filter. It is a product in the frequency domain, on blocks that overlap by what the filter remembers.

    The impulse response has fallen by 200 dB after `memory` samples, so the blocks join without a seam.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self.memory = min(rate // 8, BLOCK // 2)
        self._before = np.zeros((channels, self.memory))
        z = np.exp(-2j * np.pi * np.fft.rfftfreq(BLOCK))
        self._response = _shelf(rate, z) * _high_pass(rate, z)

    def __call__(self, samples: Samples) -> Samples:
        joined = np.concatenate((self._before, samples), axis=1)
        self._before = joined[:, joined.shape[1] - self.memory :]
        filtered: Samples = np.fft.irfft(np.fft.rfft(joined, BLOCK) * self._response, BLOCK)
        return filtered[:, self.memory : joined.shape[1]]


def _shelf(rate: int, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Stage 1. BS.1770 gives its coefficients for 48 kHz; these are the analogue values that lead to them there, and fit any rate."""
    gain, quality = 3.999843853973347, 0.7071752369554196
    k = np.tan(np.pi * 1681.974450955533 / rate)
    high = 10 ** (gain / 20)
    middle = high**0.4996667741545416
    a0 = 1 + k / quality + k * k
    b = (high + middle * k / quality + k * k, 2 * (k * k - high), high - middle * k / quality + k * k)
    return _biquad(b, (a0, 2 * (k * k - 1), 1 - k / quality + k * k), z)


def _high_pass(rate: int, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Stage 2, likewise. Its numerator is not divided, as in BS.1770."""
    quality = 0.5003270373238773
    k = np.tan(np.pi * 38.13547087602444 / rate)
    a0 = 1 + k / quality + k * k
    return _biquad((a0, -2 * a0, a0), (a0, 2 * (k * k - 1), 1 - k / quality + k * k), z)


def _biquad(
    b: tuple[float, float, float], a: tuple[float, float, float], z: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    return np.asarray((b[0] + b[1] * z + b[2] * z * z) / (a[0] + a[1] * z + a[2] * z * z))


def _gains(channels: int) -> NDArray[np.float64]:
    """Weights by channel, in the order of WAV: left, right, centre, (bass, which does not count,) and two from behind."""
    match channels:
        case 5:
            return np.array([1, 1, 1, 1.41, 1.41])
        case 6:
            return np.array([1, 1, 1, 0, 1.41, 1.41])
        case _:
            return np.ones(channels)


def _level(power: NDArray[np.float64] | np.floating) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.asarray(-0.691 + 10 * np.log10(power))


class TruePeak:
    """The highest point between the samples, found at four times the rate (at twice of 96 kHz and more), as BS.1770-4 annex 2 has it."""

    _TAPS: Final = 12
    """On each phase; the whole filter is a sinc under a Hann window."""

    def __init__(self, rate: int, channels: int) -> None:
        factor = 4 if rate < 96_000 else 2 if rate < 192_000 else 1
        length = self._TAPS * factor + 1
        at = np.arange(length) - length // 2
        taps = np.sinc(at / factor) * np.hanning(length)
        # The phase without a shift is the samples themselves.
        self._phases = [taps[phase::factor][::-1] for phase in range(1, factor)]
        self._most = max((float(np.abs(phase).sum()) for phase in self._phases), default=1.0)
        self._before = np.zeros((channels, self._TAPS - 1))
        self.highest = 0.0

    def feed(self, samples: Samples) -> None:
        joined = np.concatenate((self._before, samples), axis=1)
        self._before = joined[:, joined.shape[1] - (self._TAPS - 1) :]
        for channel, new in zip(joined, samples, strict=True):
            self.highest = max(self.highest, float(np.abs(new).max(initial=0.0)))
            if float(np.abs(channel).max(initial=0.0)) * self._most <= self.highest:
                continue  # it cannot rise above what there was
            for phase in self._phases:
                between = np.correlate(channel, phase, "valid")
                self.highest = max(
                    self.highest, float(between.max(initial=0.0)), -float(between.min(initial=0.0))
                )

    def end(self) -> float | None:
        """In dBTP, with what follows the last sample; None when there was no sound at all."""
        self.feed(np.zeros((len(self._before), self._TAPS)))
        return 20 * float(np.log10(self.highest)) if self.highest else None
