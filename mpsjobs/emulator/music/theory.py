"""Scales, chord progressions and voice leading."""

import itertools
import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType

SCALES: Mapping[str, tuple[int, ...]] = MappingProxyType({
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
})  # fmt: skip

# Four bars each, as degrees of the scale from 0. Verses rest on the tonic, choruses start away from it.
_VERSES: Mapping[str, tuple[tuple[int, ...], ...]] = MappingProxyType({
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 2, 3, 4), (0, 3, 5, 4), (0, 5, 1, 4)),
    "minor": ((0, 5, 2, 6), (0, 3, 5, 4), (0, 6, 5, 4), (0, 5, 3, 4), (0, 2, 5, 6)),
    "dorian": ((0, 3, 0, 6), (0, 2, 3, 6), (0, 6, 3, 4)),
    "phrygian": ((0, 1, 0, 6), (0, 5, 1, 0), (0, 1, 2, 1)),
    "lydian": ((0, 1, 4, 0), (0, 1, 5, 4), (0, 4, 1, 5)),
    "mixolydian": ((0, 6, 3, 0), (0, 3, 6, 3), (0, 4, 6, 3)),
})  # fmt: skip
_CHORUSES: Mapping[str, tuple[tuple[int, ...], ...]] = MappingProxyType({
    "major": ((3, 4, 2, 5), (5, 3, 0, 4), (3, 0, 4, 5), (1, 4, 0, 5)),
    "minor": ((5, 6, 0, 2), (3, 6, 2, 5), (5, 2, 6, 4), (2, 6, 3, 4)),
    "dorian": ((3, 6, 0, 3), (2, 3, 6, 0)),
    "phrygian": ((5, 6, 1, 0), (3, 1, 6, 0)),
    "lydian": ((4, 1, 5, 2), (1, 4, 5, 4)),
    "mixolydian": ((3, 6, 0, 4), (6, 3, 4, 0)),
})  # fmt: skip

Chord = tuple[int, ...]
"""Semitones above the tonic, root first, in one stack of thirds."""


class Key:
    """A tonic and a mode."""

    def __init__(self, tonic: int, mode: str) -> None:
        self.tonic = tonic
        self.scale = SCALES[mode]
        self._mode = mode

    def progressions(self, rng: random.Random) -> tuple[Sequence[int], Sequence[int]]:
        """One for verses and one for choruses."""
        return rng.choice(_VERSES[self._mode]), rng.choice(_CHORUSES[self._mode])

    def step(self, degree: int) -> int:
        """Semitones above the tonic of any degree, also beyond the octave."""
        octave, index = divmod(degree, 7)
        return 12 * octave + self.scale[index]

    def chord(self, degree: int, *, seventh: bool) -> Chord:
        """The chord on a degree. A minor dominant gets its leading note."""
        notes = [self.step(degree + third) for third in ((0, 2, 4, 6) if seventh else (0, 2, 4))]
        if self._mode == "minor" and degree % 7 == 4:
            notes[1] += 1
        if (notes[2] - notes[0]) % 12 == 6 and degree % 7 != 6:
            notes[2] += 1  # a diminished fifth in the middle of things sounds like a mistake
        return tuple(notes)

    def pitch(self, degree: int, octave: int = 5) -> int:
        """The MIDI pitch of a degree above the tonic of that octave."""
        return 12 * octave + self.tonic + self.step(degree)

    def nearest_tone(self, degree: int, chord: Chord, *, upward: bool = False) -> int:
        """The degree next to this one that belongs to the chord; of two, the one further up or down."""
        classes = {note % 12 for note in chord}
        side = 1 if upward else -1
        for distance in (0, 1, -1, 2, -2, 3):
            if self.step(degree + side * distance) % 12 in classes:
                return degree + side * distance
        return degree


def voicing(chord: Chord, tonic: int, before: Sequence[int] | None, centre: int = 60) -> tuple[int, ...]:
    """MIDI pitches of the chord, moving as little as possible from the chord before."""
    target = sorted(before) if before else [centre - 4, centre, centre + 4, centre + 8][: len(chord)]
    best: tuple[float, tuple[int, ...]] | None = None
    for octaves in itertools.product((-12, 0, 12, 24), repeat=len(chord)):
        notes = tuple(
            sorted(
                centre - 12 + (tonic + note - centre) % 12 + shift
                for note, shift in zip(chord, octaves, strict=True)
            )
        )
        gaps = [high - low for low, high in itertools.pairwise(notes)]
        if min(gaps) < 1 or notes[-1] - notes[0] > 16:
            continue
        cost = (
            sum(abs(a - b) for a, b in zip(notes, target, strict=False))
            + abs(sum(notes) / len(notes) - centre - 2) / 2
        )
        if best is None or cost < best[0]:
            best = cost, notes
    if best is None:
        raise ValueError("a chord has at least two different notes")
    return best[1]
