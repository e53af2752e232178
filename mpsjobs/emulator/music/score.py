"""From a brief to a score: length, form and harmony. Times are in seconds from the start."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from mpsjobs.emulator.music.groove import Hit, bar_hits, fill_hits
from mpsjobs.emulator.music.players import Bar, Note, Players
from mpsjobs.emulator.music.prompt import Brief
from mpsjobs.emulator.music.theory import Key, voicing

_RING_S = 3.6  # the last chord of a piece whose length was not asked for


@dataclass(frozen=True, slots=True)
class Score:
    """A whole piece."""

    seconds: float
    notes: tuple[Note, ...]
    hits: tuple[Hit, ...]
    """Drums."""


def compose(brief: Brief, rng: random.Random, *, short: bool) -> Score:
    """A piece for the brief; another generator gives another piece."""
    beat = 60 / brief.bpm
    room = 4.4 if short else brief.seconds or 40.0
    while beat * brief.beats > room - 1.2:  # not even one bar fits: count twice as fast
        beat /= 2
    bar_s = beat * brief.beats
    count, total = _length(brief, bar_s, rng, short=short)
    key = Key(brief.tonic, brief.mode)
    bars = _form(brief, key, count, bar_s, rng)
    players = Players(brief, key, beat, rng)
    notes = [note for i, bar in enumerate(bars[:-1]) for note in players.bar(bar, bars[i + 1])]
    notes += players.ending(bars[-1], total - bars[-1].start)
    hits: list[Hit] = []
    if brief.ensemble.drums:
        for i, bar in enumerate(bars[:-1]):
            hits += _drums(brief, bar, bars[i + 1], beat, rng)
        if brief.energy > 0.3:
            hits += [Hit("crash", bars[-1].start, 0.6), Hit("kick", bars[-1].start, 0.9)]
    return Score(total, tuple(notes), tuple(hits))


def _length(brief: Brief, bar_s: float, rng: random.Random, *, short: bool) -> tuple[int, float]:
    """Bars before the last chord, and seconds in all: 20 to 40 unless the prompt says otherwise."""
    if short:
        count = max(1, round(2.6 / bar_s))
        return count, count * bar_s + 1.6
    if brief.seconds is not None:
        return max(1, int((brief.seconds - 2.0) / bar_s)), brief.seconds
    wanted = rng.uniform(23, 34)
    count = max(4, 2 * round(wanted / bar_s / 2))
    while count * bar_s + _RING_S > 40:
        count -= 1
    return count, count * bar_s + _RING_S


def _form(brief: Brief, key: Key, count: int, bar_s: float, rng: random.Random) -> list[Bar]:
    """Bars with their section and harmony; the last one is the closing tonic."""
    phrases = max(1, count // 4)
    sections = {1: "a", 2: "aa", 3: "iaa", 4: "iaba", 5: "iaaba", 6: "iaabba"}.get(phrases)
    sections = sections or "i" + ("aaba" * 8)[: phrases - 2] + "a"
    verse, chorus = key.progressions(rng)
    spare = count - 4 * phrases  # bars that make no phrase come first
    if spare >= 2:
        sections = sections.replace("i", "a")  # they are the introduction
    bars: list[Bar] = []
    before: tuple[int, ...] | None = None
    for index in range(count + 1):
        place = (index - spare) % 4
        phrase = max(0, (index - spare) // 4)
        section = "i" if index < spare and phrases > 1 else sections[min(phrase, phrases - 1)]
        degree = (chorus if section == "b" else verse)[place]
        if index == count - 1 and count > 2:
            degree = 6 if brief.mode in {"mixolydian", "phrygian", "dorian"} else 4
        if index == count:
            section, degree = "end", 0
        chord = key.chord(degree, seventh=brief.sevenths)
        before = voicing(chord, key.tonic, before)
        rise = index / max(1, count)
        level = {"i": 0.45, "a": 0.65 + 0.15 * rise, "b": 1.0, "end": 0.7}[section]
        bars.append(Bar(index * bar_s, section, place, phrase, chord, before, level))
    return bars


def _drums(brief: Brief, bar: Bar, after: Bar, beat: float, rng: random.Random) -> Iterator[Hit]:
    style = brief.ensemble.drums or ""
    if bar.section == "i" and brief.energy < 0.75 and bar.phrase == 0 and after.section == "i":
        return
    last = bar.place == 3 or after.section == "end"
    yield from bar_hits(style, bar.start, beat, brief.beats, bar.level, brief.swing, rng)
    if last and bar.level > 0.5:
        yield from fill_hits(style, bar.start, beat, brief.beats, rng)
    if bar.place == 0 and bar.section != "i" and style not in {"lofi", "light", "brush", "sparse"}:
        yield Hit("crash", bar.start, 0.5)
