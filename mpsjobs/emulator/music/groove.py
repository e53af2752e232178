"""Drum patterns."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Hit:
    """One stroke."""

    drum: str
    start: float
    velocity: float


# One bar of sixteenths: X loud, x soft, ? now and then. Other metres take as much as fits.
_PATTERNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "rock": {"kick": "X.....?.X.X...?.", "snare": "....X.......X..?", "hat": "x.x.x.x.x.x.x.x."},
    "four": {"kick": "X...X...X...X...", "clap": "....X.......X...", "open": "..x...x...x...x.", "hat": "?.?x?.?x?.?x?.?x"},
    "lofi": {"kick": "X......?.xX.....", "rim": "....X.......X..?", "hat": "x.x.x.x?x.x.x.x."},
    "light": {"kick": "x.......x.....?.", "rim": "....x.......x...", "shaker": "x.?xx.?xx.?xx.?x"},
    "brush": {"kick": "x.......?.......", "hat": "....x.......x...", "ride": "X...x.?xX...x.?x"},
    "chip": {"chipkick": "X...?.X.X.....?.", "chipsnare": "....X.......X.?.", "chiphat": "x.x.x.x.x.x.x.x."},
    "taiko": {"taiko": "X..x..X.x..x?.xx", "tom": "..............?x", "shaker": "x.x.x.x.x.x.x.x."},
    "timpani": {"timpani": "X.........?.?.x."},
    "sparse": {"taiko": "X...............", "shaker": "............?..."},
})  # fmt: skip
_WALTZ: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "rock": {"kick": "X.........?.", "snare": "....x...x...", "hat": "x.x.x.x.x.x."},
    "light": {"kick": "x...........", "shaker": "....x...x.?."},
    "brush": {"kick": "x...........", "ride": "X...x...x.?x"},
    "taiko": {"taiko": "X...x...x.?x", "shaker": "x.x.x.x.x.x."},
})  # fmt: skip
_FILLS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "rock": ("snare", "tom", "lowtom"), "four": ("clap", "snare"), "chip": ("chipsnare",),
    "taiko": ("taiko", "tom"), "timpani": ("timpani",), "lofi": ("rim",),
})  # fmt: skip


def bar_hits(
    style: str, start: float, beat: float, beats: int, level: float, swing: float, rng: random.Random
) -> Iterator[Hit]:
    """One bar of the style."""
    patterns = _WALTZ.get(style, _PATTERNS[style]) if beats == 3 else _PATTERNS[style]
    for drum, pattern in patterns.items():
        for i in range(beats * 4):
            mark = pattern[i % len(pattern)]
            if mark == "." or (mark == "?" and rng.random() > 0.35 * level + 0.1):
                continue
            loud = {"X": 0.95, "x": 0.6, "?": 0.4}[mark] * (0.7 + 0.3 * level) * rng.uniform(0.88, 1.05)
            late = swing * beat if i % 4 == 2 else 0.0
            yield Hit(drum, start + i * beat / 4 + late + abs(rng.gauss(0, 0.003)), loud)


def fill_hits(style: str, start: float, beat: float, beats: int, rng: random.Random) -> Iterator[Hit]:
    """A run into the next phrase, over the last beat or so."""
    drums = _FILLS.get(style, ())
    steps = rng.choice((3, 4, 6)) if drums else 0
    for i in range(steps):
        at = start + beats * beat - (steps - i) * beat / 4
        yield Hit(drums[i * len(drums) // steps], at, 0.5 + 0.4 * i / steps)
