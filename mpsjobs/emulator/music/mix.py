"""Mixing: every note to its place, one room for all, then loudness and a limiter."""

import math
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from mpsjobs.emulator.music.kit import LEVELS, PANS, SENDS, drum
from mpsjobs.emulator.music.prompt import Brief
from mpsjobs.emulator.music.score import Score
from mpsjobs.emulator.music.timbres import RATE, TIMBRES, Signal, noise, voice

LOUDNESS = -16.0  # LUFS, about what streaming services play at
CEILING = 0.89  # -1 dBFS leaves room for what an MP3 encoder adds

_PARTS: Mapping[str, float] = MappingProxyType(
    {"lead": 0.62, "chords": 0.34, "pad": 0.22, "arp": 0.34, "bass": 0.4}
)
_DRUMS = 0.5


def mixdown(score: Score, brief: Brief) -> Signal:
    """The piece as (samples, 2), between -1 and 1."""
    total = int(RATE * score.seconds)
    dry = np.zeros((2, total), np.float32)
    send = np.zeros(total, np.float32)
    for number, note in enumerate(score.notes):
        timbre = TIMBRES[note.timbre]
        gain = _PARTS[note.part] * note.velocity
        sound = voice(note.timbre, note.pitch, round(note.seconds * 1000))
        _add(dry, send, sound, int(note.start * RATE), gain, _pan(note.part, note.pitch, number), timbre.send)
    for hit in score.hits:
        gain = _DRUMS * LEVELS[hit.drum] * hit.velocity
        pan = PANS.get(hit.drum, 0.0)
        _add(
            dry, send, drum(hit.drum)[np.newaxis], int(hit.start * RATE), gain, pan, SENDS.get(hit.drum, 0.12)
        )
    voice.cache_clear()  # another piece has another tempo, hence other notes
    dry += _room(send, brief.room_s)
    if brief.dusty:
        dry = _dust(dry)
    return _master(dry)


def _pan(part: str, pitch: int, number: int) -> float:
    """From -1 (left) to 1: low left and high right as at a piano; arpeggios wander."""
    if part == "chords":
        return (pitch - 62) / 40
    if part == "arp":
        return 0.35 if number % 2 else -0.35
    return 0.08 if part == "lead" else 0.0


def _add(dry: Signal, send: Signal, sound: Signal, start: int, gain: float, pan: float, share: float) -> None:
    stop = min(dry.shape[1], start + sound.shape[1])
    if stop <= start:
        return
    sound = sound[:, : stop - start]
    angle = (pan + 1) * math.pi / 4
    for channel, side in ((0, math.cos(angle)), (1, math.sin(angle))):
        dry[channel, start:stop] += np.float32(gain * side * math.sqrt(2)) * sound[channel % len(sound)]
    for row in sound:
        send[start:stop] += np.float32(gain * share / len(sound)) * row


@lru_cache(maxsize=8)
def _impulse(seconds: float) -> tuple[Signal, Signal]:
    """The room's answer at half the rate: an early cluster, then noise that darkens as it dies."""
    half = RATE // 2
    count = int(half * seconds)
    time = np.arange(count, dtype=np.float32) / np.float32(half)
    sides = []
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        white = rng.standard_normal(count, np.float32)
        dark = np.convolve(white, np.full(6, 0.4, np.float32), "same")
        blend = np.exp(-time * (3.5 / seconds))
        tail = (white * blend * 0.35 + dark * (1 - 0.5 * blend)) * np.exp(-time * np.float32(5.5 / seconds))
        tail *= np.minimum(1, time / 0.02)  # a gap before the tail keeps the notes in front
        for at in rng.uniform(0.006, 0.05, 7):
            tail[int(at * half)] += rng.choice((-1, 1)) * 3.0
        sides.append((tail / np.sqrt(np.sum(tail * tail))).astype(np.float32))
    return sides[0], sides[1]


def _room(send: Signal, seconds: float) -> Signal:
    """The room's sound in both ears, by FFT at half the rate: a room is dark, nobody misses the top."""
    even = send[: len(send) // 2 * 2]
    low = (even[0::2] + even[1::2]) * np.float32(0.5)
    sides = _impulse(seconds)
    size = _smooth_size(len(low) + len(sides[0]))
    spectrum = np.fft.rfft(low, size)
    wet = np.empty((2, len(send)), np.float32)
    for channel, side in enumerate(sides):
        heard = np.fft.irfft(spectrum * np.fft.rfft(side, size), size)[: len(low) + 1].astype(np.float32)
        padded = np.append(heard, np.zeros(2, np.float32))[: (len(send) + 1) // 2 + 1]
        wet[channel, 0::2] = padded[: len(wet[channel, 0::2])]
        wet[channel, 1::2] = ((padded[:-1] + padded[1:]) / 2)[: len(wet[channel, 1::2])]
    return wet * np.float32(1.5)


def _smooth_size(least: int) -> int:
    """A length near above that an FFT likes."""
    power = 1 << (least - 1).bit_length()
    return min(size for size in (power, power * 3 // 4, power * 5 // 8, power * 9 // 16) if size >= least)


def _dust(sound: Signal) -> Signal:
    """An old record: no top, and crackle."""
    soft = sound.copy()
    for lag in (1, 2, 3, 4, 5):
        soft[:, lag:] += sound[:, :-lag]
    soft /= 6
    hiss = noise(sound.shape[1])
    crackle = np.where(np.abs(hiss) > 3.9, hiss, 0).astype(np.float32) * np.float32(0.012)
    return np.asarray(soft * 1.1 + crackle + hiss * np.float32(0.0006), np.float32)


def _master(sound: Signal) -> Signal:
    sound -= sound.mean(axis=1, keepdims=True)
    sound *= np.float32(10 ** ((LOUDNESS - loudness(sound)) / 20))
    _limit(sound)
    fade_in, fade_out = int(RATE * 0.004), int(RATE * min(1.6, sound.shape[1] / RATE / 3))
    sound[:, :fade_in] *= np.linspace(0, 1, fade_in, dtype=np.float32)
    sound[:, -fade_out:] *= np.cos(np.linspace(0, np.pi / 2, fade_out, dtype=np.float32)) ** 2
    return np.ascontiguousarray(sound.T)


def loudness(sound: Signal) -> float:
    """About LUFS: the weighting is a shelf and a cut below 40 Hz, made of running means; the gate drops blocks that are 10 LU below the rest."""
    lows = np.cumsum(sound, axis=1, dtype=np.float64)
    smooth = (lows[:, 8:] - lows[:, :-8]) / 8
    rumble = (lows[:, 700:] - lows[:, :-700]) / 700
    weighted = (sound[:, 8:] * 1.585 - 0.585 * smooth)[:, 692:] - rumble
    block = int(RATE * 0.4)
    power = np.array(
        [
            np.sum(np.mean(weighted[:, i : i + block] ** 2, axis=1))
            for i in range(0, max(1, weighted.shape[1] - block + 1), block // 2)
        ]
    )
    power = power[power > 1e-7]
    if not len(power):
        return -70.0
    kept = power[power >= 0.1 * power.mean()]
    return float(-0.691 + 10 * np.log10(kept.mean()))


def _limit(sound: Signal) -> None:
    """Turn loud moments down smoothly, a few milliseconds ahead."""
    block, reach = 64, 6
    blocks = -(-sound.shape[1] // block)
    peaks = np.zeros(blocks * block, np.float32)
    peaks[: sound.shape[1]] = np.abs(sound).max(axis=0)
    wanted = np.minimum(1, CEILING / np.maximum(peaks.reshape(blocks, block).max(axis=1), 1e-9))
    padded = np.pad(wanted, 2 * reach, mode="edge")
    lowest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).min(axis=1)
    gain = np.convolve(lowest, np.full(2 * reach + 1, 1 / (2 * reach + 1)), "valid")
    centres = np.arange(blocks) * block + block / 2
    sound *= np.interp(np.arange(sound.shape[1]), centres, gain).astype(np.float32)
    np.clip(sound, -CEILING, CEILING, out=sound)
