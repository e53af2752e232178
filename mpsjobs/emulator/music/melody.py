"""Melody: a motif of one bar that comes back, moves with the harmony, varies, and comes to rest."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mpsjobs.emulator.music.theory import Chord, Key

# Rhythms of one bar in eighths, from calm to lively; negative is a rest.
_RHYTHMS: Mapping[int, tuple[tuple[int, ...], ...]] = MappingProxyType({
    3: ((4, 2), (2, 4), (2, 2, 2), (3, 1, 2), (2, 1, 1, 2), (1, 1, 1, 1, 2)),
    4: ((6, 2), (4, 4), (4, 2, 2), (3, 3, 2), (2, 2, 4), (3, 1, 2, 2), (-2, 2, 2, 2), (2, 1, 1, 2, 2),
        (1, 1, 2, 3, 1), (-1, 1, 1, 1, 2, 2), (1, 1, 1, 1, 2, 1, 1)),
    5: ((6, 4), (4, 2, 4), (3, 3, 4), (2, 2, 2, 4), (3, 3, 2, 1, 1), (2, 1, 1, 2, 2, 2)),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Motif:
    """Rhythm in eighths and the steps from note to note."""

    rhythm: tuple[int, ...]
    steps: tuple[int, ...]


def make_motif(beats: int, energy: float, rng: random.Random) -> Motif:
    """A motif that is livelier with more energy; mostly steps, and one leap that is filled in again."""
    rhythms = _RHYTHMS[beats]
    middle = min(1.0, 0.15 + energy * 0.75) * (len(rhythms) - 1)
    index = round(min(len(rhythms) - 1, max(0.0, rng.gauss(middle, 1.4))))
    rhythm = rhythms[index]
    direction = rng.choice((-1, 1))
    steps = [rng.choice((1, 1, 2, -1)) * direction for _ in rhythm]
    leap = rng.randrange(len(steps))
    steps[leap] = 3 * direction
    if leap + 1 < len(steps):
        steps[leap + 1] = -direction
    return Motif(rhythm, tuple(steps))


def line(  # noqa: PLR0913 — a bar of melody hangs on all of them
    motif: Motif,
    key: Key,
    chord: Chord,
    before: int,
    centre: int,
    *,
    cadence: bool,
    varied: bool,
    rng: random.Random,
) -> list[tuple[int, int, int]]:
    """The motif over a chord as (eighth, length in eighths, degree).

    Long notes and the first of a bar belong to the chord; what lies between may pass through.
    """
    total = sum(abs(length) for length in motif.rhythm)
    rhythm = _rest(motif.rhythm, total) if cadence else _vary(motif.rhythm, rng) if varied else motif.rhythm
    # Every bar starts near the end of the last, drawn to the middle of the range.
    degree = key.nearest_tone(round((3 * before + centre) / 4), chord)
    notes: list[tuple[int, int, int]] = []
    at = 0
    for index, length in enumerate(rhythm):
        if length > 0:
            if notes:
                step = motif.steps[index % len(motif.steps)]
                if not centre - 4 <= degree + step <= centre + 5:
                    step = -step  # turn back at the edge of the range
                last, degree = degree, degree + step
                if length >= 3 or at == total // 2:
                    degree = key.nearest_tone(degree, chord, upward=step > 0)
                if degree == last:
                    degree = key.nearest_tone(degree + (2 if step > 0 else -2), chord, upward=step > 0)
            notes.append((at, length, degree))
        at += abs(length)
    return notes


def _rest(rhythm: tuple[int, ...], total: int) -> tuple[int, ...]:
    """The start of the motif, then one long note."""
    first = abs(rhythm[0])
    return (rhythm[0], total - first) if first <= total // 2 else (total,)


def _vary(rhythm: tuple[int, ...], rng: random.Random) -> tuple[int, ...]:
    """The same bar with one longer note in two."""
    long = [i for i, length in enumerate(rhythm) if length >= 2]
    if not long:
        return rhythm
    chosen = rng.choice(long)
    length = rhythm[chosen]
    return (*rhythm[:chosen], length - length // 2, length // 2, *rhythm[chosen + 1 :])
