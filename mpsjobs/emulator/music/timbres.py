"""The players' sounds: wavetables in bands that fade at their own speed, or partials where a spectrum is not harmonic."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

RATE = 44_100
Signal = npt.NDArray[np.float32]

_BITS = 12
_SIZE = 1 << _BITS
_SHIFT = np.uint32(32 - _BITS)
_TOP_HZ = 15_000.0
_SINE = np.sin(2 * np.pi * np.arange(_SIZE) / _SIZE).astype(np.float32)

Amplitudes = npt.NDArray[np.float64]
Spectrum = Callable[[Amplitudes, float], Amplitudes]
"""Strength of the harmonics 1, 2, 3 … of a note of so many Hz."""


def _saw(softness: float) -> Spectrum:
    return lambda k, hz: np.exp(-k * hz / softness) / k


def _pulse(width: float) -> Spectrum:
    return lambda k, _: np.sin(np.pi * k * width) / k


def _plucked(place: float, softness: float) -> Spectrum:
    return lambda k, hz: np.sin(np.pi * k * place) / k * np.exp(-k * hz / softness)


def _drawbars(k: Amplitudes, _: float) -> Amplitudes:
    bars = {1: 1.0, 2: 0.8, 3: 0.5, 4: 0.35, 6: 0.2, 8: 0.18}
    return np.array([bars.get(int(harmonic), 0.0) for harmonic in k])


def _vowel(*formants: tuple[float, float]) -> Spectrum:
    def spectrum(k: Amplitudes, hz: float) -> Amplitudes:
        peaks = sum(
            (gain * np.exp(-(((k * hz - at) / (90 + at * 0.09)) ** 2)) for at, gain in formants),
            np.zeros(len(k)),
        )
        result: Amplitudes = (peaks + 0.06 + 0.5 * (k == 1)) / np.sqrt(k)
        return result

    return spectrum


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the spectrum with its own course."""

    spectrum: Spectrum
    gain: float = 1.0
    attack: float = 0.01
    decay: float = 0.0
    """Seconds to fall to 1/e; 0 holds."""
    hold: float = 0.0
    """The level that the decay ends on."""


@dataclass(frozen=True, slots=True)
class Timbre:
    """How a player sounds."""

    bands: tuple[Band, ...] = ()
    partials: tuple[tuple[float, float, float], ...] = ()
    """Ratio to the note, strength, seconds to fall to 1/e."""
    release: float = 0.15
    detune: tuple[tuple[float, ...], ...] = ((0.0,),)
    """Cents of the copies of each channel; two channels are wide, one is panned."""
    vibrato: tuple[float, float, float] = (5.2, 0.0, 0.3)
    """Hz, cents, seconds until it is there."""
    breath: float = 0.0
    drive: float = 0.0
    level: float = 1.0
    send: float = 0.25
    """How much goes to the room."""
    octave: int = 0


_WIDE = ((-7.0, 4.0), (6.0, -3.0))
_PIANO = tuple(
    (k * math.sqrt(1 + 0.00035 * k * k), 1 / k**1.15 * (0.55 if k == 7 else 1.0), 1.5 / (1 + 0.33 * (k - 1)))
    for k in range(1, 10)
)

TIMBRES: Mapping[str, Timbre] = MappingProxyType({
    "piano": Timbre(partials=_PIANO, release=0.22, level=1.1, send=0.22),
    "epiano": Timbre(partials=((1, 1, 1.6), (2, 0.22, 1.0), (3, 0.10, 0.6), (7.02, 0.06, 0.15), (14.1, 0.05, 0.08)), release=0.2, send=0.2),
    "vibes": Timbre(partials=((1, 1, 1.5), (3.98, 0.22, 0.5), (9.6, 0.07, 0.15)), release=0.5, vibrato=(5.5, 0, 0.1), level=0.95, send=0.3, octave=1),
    "bells": Timbre(partials=((1, 1, 1.9), (2.01, 0.35, 1.2), (3.01, 0.22, 0.8), (5.4, 0.2, 0.4), (8.9, 0.1, 0.2)), release=1.0, level=0.68, send=0.45),
    "harp": Timbre(bands=(Band(_plucked(0.3, 1400), 1, 0.004, 0.9), Band(_plucked(0.2, 4200), 0.5, 0.002, 0.25)), release=0.5, level=1.3, send=0.38),
    "guitar": Timbre(bands=(Band(_plucked(0.18, 1500), 1, 0.003, 0.75), Band(_plucked(0.13, 5200), 0.6, 0.002, 0.16)), level=1.45, release=0.25, send=0.2),
    "pluck": Timbre(bands=(Band(_saw(900), 1, 0.003, 0.22), Band(_saw(5200), 0.6, 0.002, 0.07)), release=0.12, detune=_WIDE, level=1.6, send=0.32),
    "stab": Timbre(bands=(Band(_saw(1800), 1, 0.012, 0.13, 0.15), Band(_saw(4200), 0.5, 0.008, 0.06)), release=0.12, detune=_WIDE, level=1.7, send=0.3),
    "strings": Timbre(bands=(Band(_saw(1500), 1, 0.13), Band(_saw(6000), 0.6, 0.25)), release=0.4, detune=((-8.0, 5.0), (7.0, -4.0)), vibrato=(5.3, 9, 0.5), send=0.4),
    "pad": Timbre(bands=(Band(_saw(650), 1, 0.5), Band(_saw(2200), 0.4, 1.6)), release=0.9, detune=((-9.0, 5.0), (8.0, -6.0)), send=0.45),
    "choir": Timbre(bands=(Band(_vowel((420, 1), (900, 0.35), (2500, 0.08)), 1, 0.25), Band(_vowel((700, 1), (1150, 0.6), (2700, 0.2)), 0.6, 0.7)), release=0.6, detune=_WIDE, vibrato=(5.0, 11, 0.4), level=0.95, send=0.5),
    "voice": Timbre(bands=(Band(_vowel((380, 1), (1000, 0.5), (2500, 0.2)), 1, 0.05, 0.25, 0.5), Band(_vowel((720, 1), (1200, 0.7), (2650, 0.3), (3400, 0.15)), 0.9, 0.16)), release=0.18, detune=((-3.0, 3.0),), vibrato=(5.6, 16, 0.35), breath=0.03, level=1.05, send=0.32),
    "brass": Timbre(bands=(Band(_saw(1100), 1, 0.05), Band(_saw(3600), 0.5, 0.11, 0.5, 0.5)), level=0.8, release=0.16, detune=((-4.0, 4.0),), vibrato=(5.0, 6, 0.5), send=0.34),
    "flute": Timbre(bands=(Band(lambda k, _: np.exp(-1.1 * (k - 1)), 1, 0.06),), level=0.62, release=0.14, vibrato=(5.1, 13, 0.4), breath=0.07, send=0.38),
    "organ": Timbre(bands=(Band(_drawbars, 1, 0.015),), release=0.08, detune=((-2.0, 2.0), (1.5, -2.5)), vibrato=(6.2, 4, 0.1), level=0.75, send=0.28),
    "saw": Timbre(bands=(Band(_saw(2300), 1, 0.012), Band(_saw(8000), 0.5, 0.006, 0.3, 0.2)), release=0.2, detune=((-9.0, 0.0), (8.0, 1.0)), vibrato=(5.4, 10, 0.4), level=0.75, send=0.3),
    "square": Timbre(bands=(Band(_pulse(0.5), 1, 0.004, 0.6, 0.6),), release=0.05, vibrato=(6.0, 12, 0.25), level=0.7, send=0.12),
    "pulse": Timbre(bands=(Band(_pulse(0.25), 1, 0.003, 0.18, 0.25),), release=0.04, level=1.1, send=0.12),
    "triangle": Timbre(bands=(Band(lambda k, _: np.where(k % 2 == 1, 1 / k**1.5, 0), 1, 0.004),), release=0.03, level=0.65, send=0.02),
    "overdrive": Timbre(bands=(Band(_saw(2600), 1, 0.01),), release=0.16, detune=((-5.0, 4.0),), vibrato=(5.6, 15, 0.35), drive=3.0, level=0.62, send=0.24),
    "power": Timbre(bands=(Band(_plucked(0.22, 2200), 1, 0.004, 1.2, 0.4),), release=0.06, detune=((-7.0,), (6.0,)), drive=5.0, level=1.0, send=0.1),
    "finger": Timbre(bands=(Band(_saw(300), 1, 0.008, 1.2, 0.2), Band(_plucked(0.2, 1100), 0.5, 0.004, 0.25)), release=0.08, send=0.03),
    "pick": Timbre(bands=(Band(_saw(420), 1, 0.005, 1.0, 0.3), Band(_plucked(0.14, 2400), 0.6, 0.003, 0.25)), level=1.25, release=0.06, drive=0.8, send=0.03),
    "walking": Timbre(bands=(Band(_plucked(0.3, 380), 1, 0.01, 0.6, 0.05), Band(_plucked(0.2, 1300), 0.3, 0.004, 0.12)), release=0.1, send=0.06),
    "contra": Timbre(bands=(Band(_saw(480), 1, 0.12), Band(_saw(1500), 0.3, 0.25)), release=0.35, detune=((-4.0, 4.0),), vibrato=(4.8, 5, 0.5), level=0.8, send=0.2),
    "sub": Timbre(bands=(Band(lambda k, _: np.exp(-1.1 * (k - 1)), 1, 0.09),), release=0.4, level=0.6, send=0.05),
    "acid": Timbre(bands=(Band(_saw(420), 1, 0.005, 0.5, 0.5), Band(_saw(2600), 0.8, 0.004, 0.09)), level=1.5, release=0.05, drive=0.6, send=0.04),
})  # fmt: skip


@lru_cache(maxsize=512)
def _table(spectrum: Spectrum, pitch: int) -> Signal:
    """One period, with the same power for every note."""
    hz = hertz(pitch)
    k = np.arange(1, min(_SIZE // 2, int(_TOP_HZ / hz) + 1), dtype=np.float64)
    bins = np.zeros(_SIZE // 2 + 1, np.complex128)
    # Spread phases keep the peaks low; a fixed rule keeps them the same for ever.
    bins[1 : len(k) + 1] = spectrum(k, hz) * np.exp(1j * 1.7 * k * k)
    wave = np.fft.irfft(bins)
    return np.asarray(wave / math.sqrt(np.mean(wave * wave)), np.float32)


def hertz(pitch: float) -> float:
    """Equal temperament, A4 = 69 = 440 Hz."""
    return 440.0 * 2 ** ((pitch - 69) / 12)


@lru_cache(maxsize=128)
def voice(name: str, pitch: int, millis: int) -> Signal:
    """A note held for so many milliseconds and let ring: one or two channels, at full velocity."""
    timbre = TIMBRES[name]
    pitch += 12 * timbre.octave
    count = int(RATE * (millis / 1000 + timbre.release))
    time = np.arange(count, dtype=np.float32) / np.float32(RATE)
    if timbre.partials:
        sound = _struck(timbre, pitch, count)[np.newaxis]
    else:
        wobble = _wobble(timbre, pitch, time)
        sound = np.stack([_sung(timbre, pitch, time, cents, wobble) for cents in timbre.detune])
    if timbre.breath:
        sound += timbre.breath * noise(count) * np.minimum(1, 0.35 + np.exp(-time / 0.06) * 2)
    if timbre.drive:
        sound = np.tanh(sound * np.float32(timbre.drive)) * np.float32(0.9)
        sound[:, 3:] = (sound[:, 3:] + sound[:, 2:-1] + sound[:, 1:-2] + sound[:, :-3]) / 4
    release = int(RATE * timbre.release)
    sound[:, -release:] *= np.linspace(1, 0, release, dtype=np.float32) ** 2
    return np.asarray(sound * np.float32(0.3 * timbre.level), np.float32)


@lru_cache(maxsize=8)
def _noise(count: int) -> Signal:
    return np.random.default_rng(7).standard_normal(count, np.float32)


def noise(count: int) -> Signal:
    """White noise, the same every time."""
    return _noise(1 << max(14, (count - 1).bit_length()))[:count]


def _steps(count: int, hz: float) -> npt.NDArray[np.uint32]:
    """The phase at each sample in fractions of 2**32: integers wrap where floats would lose precision."""
    steps: npt.NDArray[np.uint32] = np.arange(count, dtype=np.uint32) * np.uint32(hz / RATE * 2**32)
    return steps


def _struck(timbre: Timbre, pitch: int, count: int) -> Signal:
    hz = hertz(pitch)
    sound = np.zeros(count, np.float32)
    power = math.sqrt(sum(gain * gain for _, gain, _ in timbre.partials) / 2)
    for ratio, gain, decay in timbre.partials:
        if hz * ratio > _TOP_HZ:
            continue
        decay *= (60 / pitch) ** 1.5  # noqa: PLW2901 — high notes die sooner
        length = min(count, int(RATE * decay * 6))
        envelope = np.exp(np.arange(length, dtype=np.float32) * np.float32(-1 / (decay * RATE)))
        sound[:length] += (
            np.float32(gain / power * 1.3) * envelope * _SINE[_steps(length, hz * ratio) >> _SHIFT]
        )
    attack = min(count, int(RATE * 0.003))
    sound[:attack] *= np.linspace(0, 1, attack, dtype=np.float32)
    return sound


def _wobble(timbre: Timbre, pitch: int, time: Signal) -> npt.NDArray[np.uint32] | None:
    """The phase that vibrato adds."""
    speed, cents, delay = timbre.vibrato
    if not cents:
        return None
    swing = hertz(pitch) * cents * math.log(2) / 1200 / (2 * math.pi * speed)
    phase = swing * np.minimum(1, time / delay) * (1 - np.cos(np.float32(2 * math.pi * speed) * time))
    added: npt.NDArray[np.uint32] = (phase * np.float32(2**24)).astype(np.int64).astype(
        np.uint32
    ) << np.uint32(8)
    return added


def _sung(
    timbre: Timbre, pitch: int, time: Signal, cents: tuple[float, ...], wobble: npt.NDArray[np.uint32] | None
) -> Signal:
    """One channel of a tone that is held."""
    sound = np.zeros(len(time), np.float32)
    envelopes = [_envelope(band, time) for band in timbre.bands]
    for number, detune in enumerate(cents):
        phase = _steps(len(time), hertz(pitch + detune / 100)) + np.uint32(
            number * 1_234_567_891 + pitch * 7_654_321
        )
        if wobble is not None:
            phase += wobble
        index = phase >> _SHIFT
        for band, envelope in zip(timbre.bands, envelopes, strict=True):
            sound += _table(band.spectrum, pitch)[index] * envelope
    return sound / np.float32(math.sqrt(len(cents) * len(timbre.bands)))


def _envelope(band: Band, time: Signal) -> Signal:
    rise = np.minimum(1, time * np.float32(1 / band.attack))
    level: Signal = np.float32(band.gain) * rise * (2 - rise)
    if band.decay:
        level *= np.float32(band.hold) + np.float32(1 - band.hold) * np.exp(
            time * np.float32(-1 / band.decay)
        )
    return level
