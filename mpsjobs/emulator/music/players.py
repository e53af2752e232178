"""The players: each part of the ensemble, bar by bar."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mpsjobs.emulator.music.melody import Motif, line, make_motif
from mpsjobs.emulator.music.prompt import Brief
from mpsjobs.emulator.music.theory import Chord, Key


@dataclass(frozen=True, slots=True)
class Note:
    """One sound of one player."""

    part: str
    timbre: str
    start: float
    seconds: float
    pitch: int
    """MIDI."""
    velocity: float


@dataclass(frozen=True, slots=True)
class Bar:
    start: float
    section: str
    """i (introduction), a, b or end."""
    place: int
    """In its phrase of four."""
    phrase: int
    chord: Chord
    voices: tuple[int, ...]
    level: float
    """How much is going on, 0 to 1."""


class Players:
    """Plays all parts; remembers where the melody is."""

    def __init__(self, brief: Brief, key: Key, beat: float, rng: random.Random) -> None:
        self._brief = brief
        self._cast = brief.ensemble
        self._key = key
        self._beat = beat
        self._rng = rng
        self._motifs: dict[str, Motif] = {
            name: make_motif(brief.beats, brief.energy, rng) for name in ("i", "a", "a?", "b", "b?")
        }
        self._degree = rng.choice((0, 2, 4))
        self._arp = rng.choice(((0, 1, 2, 1), (0, 2, 1, 2), (0, 1, 2, 3), (2, 1, 0, 1), (0, 2, 3, 2)))
        self._bass_style = rng.randrange(3)

    def bar(self, bar: Bar, after: Bar) -> Iterator[Note]:
        """All notes of one bar."""
        full = bar.section != "i"
        if self._cast.pad:
            yield from self._held("pad", self._cast.pad, bar, 0.30 + 0.2 * bar.level)
        if self._cast.chords:
            yield from self._comp(self._cast.chords, bar)
        if self._cast.arp and (full or not self._cast.chords or bar.place >= 2):
            yield from self._arpeggio(self._cast.arp, bar)
        if self._cast.bass and (full or bar.place >= 2 or not self._cast.chords):
            yield from self._bass(self._cast.bass, bar, after)
        if self._cast.lead and (full or self._alone()):
            yield from self._melody(self._cast.lead, bar, after)

    def ending(self, bar: Bar, seconds: float) -> Iterator[Note]:
        """The closing chord, slightly rolled."""
        for part, timbre in (("pad", self._cast.pad), ("chords", self._cast.chords), ("arp", self._cast.arp)):
            for i, pitch in enumerate(bar.voices if timbre else ()):
                roll = 0.0 if part == "pad" else 0.035 * i
                yield Note(part, str(timbre), bar.start + roll, seconds - roll, pitch, 0.55)
        if self._cast.bass:
            yield Note("bass", self._cast.bass, bar.start, min(seconds, 3.0), self._root(bar.chord), 0.75)
        if self._cast.lead:
            degree = self._key.nearest_tone(self._degree, self._key.chord(0, seventh=False))
            yield Note(
                "lead", self._cast.lead, bar.start + 0.05, seconds - 0.05, self._lead_pitch(degree), 0.6
            )

    def _alone(self) -> bool:
        cast = self._cast
        return not (cast.chords or cast.pad or cast.arp)

    def _human(self, start: float, velocity: float) -> tuple[float, float]:
        """Nobody plays on the grid."""
        return max(0.0, start + self._rng.gauss(0, 0.005)), velocity * self._rng.uniform(0.88, 1.08)

    def _note(self, part: str, timbre: str, at: tuple[float, float], pitch: int, velocity: float) -> Note:
        start, velocity = self._human(at[0], velocity)
        return Note(part, timbre, start, at[1], pitch, velocity)

    def _lead_pitch(self, degree: int) -> int:
        """Around D5, above the chords."""
        return self._key.pitch(degree, round((68.5 - self._key.tonic) / 12))

    def _root(self, chord: Chord) -> int:
        """In the octave from E1 up."""
        return 28 + (self._key.tonic + chord[0] - 28) % 12

    def _held(self, part: str, timbre: str, bar: Bar, velocity: float) -> Iterator[Note]:
        for pitch in bar.voices:
            yield Note(part, timbre, bar.start, self._beat * self._brief.beats * 1.02, pitch, velocity)

    def _comp(self, timbre: str, bar: Bar) -> Iterator[Note]:
        """Chords: held by those that can hold, else struck in the pattern of the section."""
        if timbre in {"strings", "brass", "organ", "pad", "choir"}:
            yield from self._held("chords", timbre, bar, 0.4 + 0.2 * bar.level)
            return
        beats = self._brief.beats
        if timbre == "power":
            yield from self._riff(timbre, bar)
            return
        quiet = beats != 3 and (bar.section == "i" or self._brief.energy < 0.3)
        strokes = [0.0] if quiet else [0.0, 1.5, 2.5] if beats == 4 else [0.0, 1.0, 2.0]
        if beats == 5:
            strokes = [0.0, 1.5, 3.0]
        if not self._cast.bass:  # the left hand
            length = strokes[1] if len(strokes) > 1 else beats
            yield self._note(
                "chords", timbre, (bar.start, length * self._beat), self._root(bar.chord) + 12, 0.6
            )
        oompah = beats == 3 and len(strokes) > 1
        for i, stroke in enumerate(strokes[1:] if oompah else strokes, 1 if oompah else 0):
            until = strokes[i + 1] if i + 1 < len(strokes) else beats
            for j, pitch in enumerate(bar.voices):
                at = bar.start + stroke * self._beat + 0.012 * j
                yield self._note(
                    "chords", timbre, (at, (until - stroke) * self._beat), pitch, 0.5 if i == 0 else 0.38
                )

    def _riff(self, timbre: str, bar: Bar) -> Iterator[Note]:
        """Power chords in driving eighths."""
        root = self._root(bar.chord) + 12
        for eighth in range(self._brief.beats * 2):
            accent = 0.75 if eighth % 4 == 0 or bar.section == "b" else 0.5
            at = bar.start + eighth * self._beat / 2
            for pitch in (root, root + 7, root + 12):
                yield self._note("chords", timbre, (at, self._beat * 0.48), pitch, accent)

    def _arpeggio(self, timbre: str, bar: Bar) -> Iterator[Note]:
        quick = self._brief.energy > 0.6 and self._brief.bpm < 150
        step = self._beat / (4 if quick else 2)
        voices = (*bar.voices, bar.voices[0] + 12)
        lift = 0 if timbre in {"guitar", "stab"} else 12
        for i in range(self._brief.beats * (4 if quick else 2)):
            if timbre == "stab" and i % 4 == 3:
                continue
            late = self._brief.swing * self._beat if not quick and i % 2 else 0.0
            pitch = voices[self._arp[i % 4] % len(voices)] + lift
            accent = 0.5 if i % (4 if quick else 2) == 0 else 0.36
            ring = step * (3.0 if timbre in {"guitar", "harp"} else 0.95)
            yield self._note("arp", timbre, (bar.start + i * step + late, ring), pitch, accent)

    def _bass(self, timbre: str, bar: Bar, after: Bar) -> Iterator[Note]:
        root, following = self._root(bar.chord), self._root(after.chord)
        root += 12 if timbre == "walking" else 0
        fifth = root + (bar.chord[2] - bar.chord[0])
        for beat, length, pitch in self._bass_line(root, fifth, following, bar):
            yield self._note(
                "bass", timbre, (bar.start + beat * self._beat, length * self._beat * 0.95), pitch, 0.75
            )

    def _bass_line(
        self, root: int, fifth: int, following: int, bar: Bar
    ) -> Sequence[tuple[float, float, int]]:
        beats, style = self._brief.beats, self._cast.bass
        energy = self._brief.energy * (0.6 + 0.4 * bar.level)
        if style == "walking":
            third = root + bar.chord[1] - bar.chord[0]
            lead_in = following + 12 + self._rng.choice((-1, 1))
            return [
                (float(i), 1.0, p)
                for i, p in enumerate([root, third, fifth, root + 12, lead_in][: beats - 1])
            ] + [(beats - 1.0, 1.0, lead_in)]
        if style in {"sub", "contra"} and energy < 0.7:
            return [(0.0, float(beats), root)]
        if energy > 0.66 or style == "acid":
            jump = (0, 0, 12, 0) if self._bass_style else (0, 12, 0, 12)
            return [
                (i / 2, 0.5, root + jump[i % 4] if self._bass_style < 2 else root) for i in range(beats * 2)
            ]
        if beats != 4:
            return [(0.0, float(beats - 1), root), (beats - 1.0, 1.0, fifth)]
        if self._bass_style == 0:
            return [
                (0.0, 1.5, root),
                (1.5, 0.5, root),
                (2.0, 1.5, fifth),
                (3.5, 0.5, following + self._rng.choice((-2, 2))),
            ]
        return [(0.0, 2.0, root), (2.0, 1.0, fifth), (3.0, 1.0, root + 12 if self._bass_style == 1 else root)]

    def _melody(self, timbre: str, bar: Bar, after: Bar) -> Iterator[Note]:
        # Bars 1 and 3 of a phrase call, bar 2 answers, bar 4 comes to rest.
        answer = bar.place == 1 and bar.section != "i"
        motif = self._motifs[bar.section + "?" if answer else bar.section]
        cadence = bar.place == 3 or after.section == "end"
        centre = 4 if bar.section == "b" else 2
        tune = line(
            motif,
            self._key,
            bar.chord,
            self._degree,
            centre,
            cadence=cadence,
            varied=bar.phrase > 1 or bar.place == 2,
            rng=self._rng,
        )
        for eighth, length, degree in tune:
            late = self._brief.swing * self._beat if eighth % 2 == 1 else 0.0
            at = bar.start + eighth * self._beat / 2 + late
            accent = 0.72 if eighth % 2 == 0 else 0.6
            yield self._note(
                "lead", timbre, (at, length * self._beat / 2 * 0.98), self._lead_pitch(degree), accent
            )
            self._degree = degree
