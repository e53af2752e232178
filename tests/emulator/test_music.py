import itertools
import random
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings, strategies as st

from mpsjobs.emulator.music import RATE, Wish, plan, render, write_audio
from mpsjobs.emulator.music.mix import CEILING, loudness
from mpsjobs.emulator.music.prompt import Brief, read
from mpsjobs.emulator.music.theory import SCALES, Key, voicing

PROMPTS = [
    "Warm orchestral main theme, 92 bpm, hopeful",
    "Dark aggressive boss battle, driving taiko drums",
    "8-bit chiptune, happy",
    "lofi hip hop beat to study to",
    "ambient soft pad",
    "a gentle piano waltz, sad",
    "energetic rock",
]


def brief(prompt: str, seed: str = "1") -> Brief:
    return read(prompt, random.Random(seed))


@pytest.mark.parametrize(
    ("prompt", "bpm"),
    [
        ("piano, 92 bpm", 92),
        ("techno at 128BPM", 128),
        ("bpm: 70, sad", 70),
        ("very fast, 60-bpm", 60),
        ("999 bpm", 240),
    ],
)
def test_a_tempo_in_the_prompt_is_kept_exactly(prompt: str, bpm: float) -> None:
    assert {brief(prompt, str(seed)).bpm for seed in range(5)} == {bpm}


def test_words_move_the_tempo() -> None:
    slow, usual, fast = (
        np.mean([brief(p, str(i)).bpm for i in range(20)]) for p in ("slow tune", "tune", "fast tune")
    )
    assert slow < usual - 5 < usual + 5 < fast


@pytest.mark.parametrize(
    ("prompt", "modes"),
    [
        ("dark and tense", {"minor", "dorian", "phrygian"}),
        ("sad violin", {"minor", "dorian", "phrygian"}),
        ("happy tune", {"major", "lydian", "mixolydian"}),
        ("hopeful and bright", {"major", "lydian", "mixolydian"}),
        ("tune in D dorian", {"dorian"}),
    ],
)
def test_words_choose_the_mode(prompt: str, modes: set[str]) -> None:
    assert {brief(prompt, str(seed)).mode for seed in range(20)} <= modes


def test_a_named_key_is_kept() -> None:
    assert [(b.tonic, b.mode) for b in map(brief, ("in F# minor", "Bb major waltz", "C-sharp lydian", "song in e minor"))] == [
        (6, "minor"), (10, "major"), (1, "lydian"), (4, "minor"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("prompt", "seconds"),
    [
        ("45 seconds", 45),
        ("a 1 minute song", 60),
        ("1:30 long", 90),
        ("30s loop", 30),
        ("10 minutes", 120),
        ("half a minute", 30),
        ("one tune", None),
    ],
)
def test_a_length_in_the_prompt_is_kept(prompt: str, seconds: float | None) -> None:
    assert brief(prompt).seconds == seconds
    if seconds:
        assert plan(Wish(prompt, "1"))[1].seconds == seconds


def test_a_length_is_twenty_to_forty_seconds_otherwise() -> None:
    for prompt, seed in itertools.product(PROMPTS, "123"):
        assert 20 <= plan(Wish(prompt, seed))[1].seconds <= 40.5
        assert 3 <= plan(Wish(prompt, seed, short=True))[1].seconds <= 5.5


def parts(prompt: str, seed: str = "1") -> set[tuple[str, str]]:
    return {(note.part, note.timbre) for note in plan(Wish(prompt, seed))[1].notes}


def test_named_instruments_play_and_refused_ones_do_not() -> None:
    assert ("pad", "strings") in parts("piano and strings")
    assert ("chords", "piano") in parts("piano and strings")
    assert ("lead", "flute") in parts("a flute over guitar")
    assert ("arp", "guitar") in parts("a flute over guitar")
    assert ("pad", "choir") in parts("a choir")
    assert {timbre for _, timbre in parts("solo piano")} == {"piano"}
    assert not any(part == "bass" for part, _ in parts("techno without bass or drums"))


def test_chinese_words_are_read() -> None:
    sad = brief("悲伤的钢琴曲, 慢, 45秒")
    assert (sad.mode in {"minor", "dorian", "phrygian"}, sad.ensemble.chords, sad.seconds) == (
        True,
        "piano",
        45,
    )
    assert not plan(Wish("摇滚, 没有鼓", "1"))[1].hits


def test_drums_play_when_asked_for_and_not_when_refused() -> None:
    for prompt in ("piano with drums", "energetic rock", "taiko battle", "8-bit chiptune", "lofi beats"):
        assert plan(Wish(prompt, "1"))[1].hits
    for prompt in ("solo piano", "rock, no drums", "techno without drums", "ambient pad"):
        assert not plan(Wish(prompt, "1"))[1].hits


def test_a_waltz_has_three_beats_and_lyrics_a_voice() -> None:
    assert brief("a waltz").beats == 3
    assert brief("tune in 5/4").beats == 5
    assert {n.timbre for n in plan(Wish("tune", "1", lyrics="la la"))[1].notes if n.part == "lead"} == {
        "voice"
    }


def test_every_note_is_in_the_piece_and_ends_on_the_tonic() -> None:
    for prompt, seed in itertools.product(PROMPTS, "12"):
        how, score = plan(Wish(prompt, seed))
        assert all(
            0 <= note.start < score.seconds and note.seconds > 0 and 24 <= note.pitch <= 108
            for note in score.notes
        )
        assert all(0 <= hit.start < score.seconds for hit in score.hits)
        scale = {(how.tonic + step) % 12 for step in SCALES[how.mode]}
        foreign = [
            note for note in score.notes if note.pitch % 12 not in scale and note.part in {"pad", "arp"}
        ]
        assert len(foreign) < len(score.notes) / 8  # the leading note of a minor key
        bass = [note for note in score.notes if note.part == "bass"]
        if bass:
            assert max(bass, key=lambda note: note.start).pitch % 12 == how.tonic


@given(st.text(max_size=300), st.integers(0, 50))
@settings(max_examples=60, deadline=None)
def test_any_prompt_makes_a_piece(prompt: str, seed: int) -> None:
    _, score = plan(Wish(prompt, str(seed)))
    assert score.notes
    assert 5 <= score.seconds <= 120


@given(
    st.sampled_from(sorted(SCALES)), st.integers(0, 11), st.lists(st.integers(0, 6), min_size=2, max_size=8)
)
def test_voices_lead_smoothly(mode: str, tonic: int, degrees: list[int]) -> None:
    key = Key(tonic, mode)
    before: tuple[int, ...] | None = None
    for degree in degrees:
        chord = key.chord(degree, seventh=False)
        voices = voicing(chord, tonic, before)
        assert {v % 12 for v in voices} == {(tonic + n) % 12 for n in chord}
        if before:
            assert sum(abs(a - b) for a, b in zip(before, voices, strict=True)) <= 15
        before = voices


@pytest.mark.parametrize("prompt", PROMPTS)
def test_it_sounds_like_music(prompt: str) -> None:
    samples = render(Wish(prompt, "take-1"))
    assert samples.dtype == np.float32
    assert samples.shape[1] == 2
    assert np.isfinite(samples).all()
    assert 0.2 < np.abs(samples).max() <= CEILING + 1e-6
    assert loudness(samples.T.copy()) == pytest.approx(-16, abs=1.2)
    assert np.abs(samples[0]).max() < 1e-3
    assert np.abs(samples[-1]).max() < 1e-3
    assert np.abs(samples.mean(axis=0)).max() < 0.003
    second = RATE
    loud = [
        float(np.sqrt(np.mean(samples[i : i + second] ** 2)))
        for i in range(0, len(samples) - 4 * second, second)
    ]
    assert min(loud) > 0.01  # no holes
    side = samples[:, 0] - samples[:, 1]
    assert np.sqrt(np.mean(side**2)) > 0.003  # really stereo


def test_takes_differ_and_a_task_is_always_the_same() -> None:
    first, second = Wish("calm piano", "task-1", short=True), Wish("calm piano", "task-2", short=True)
    assert render(first).tobytes() == render(first).tobytes()
    assert plan(first) == plan(first)
    tunes = [
        [n.pitch for n in plan(Wish("calm piano, C major, 90 bpm", f"take-{i}"))[1].notes] for i in range(4)
    ]
    assert len({tuple(tune) for tune in tunes}) == 4
    assert render(first).shape != render(second).shape or not np.array_equal(render(first), render(second))


@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_files_are_decodable(tmp_path: Path, kind: str) -> None:
    seconds = write_audio(Wish("happy bells", "1", short=True), tmp_path / "a", kind)
    info = soundfile.info(tmp_path / "a")
    assert (info.samplerate, info.channels, info.format) == (RATE, 2, kind.upper())
    assert info.duration == pytest.approx(seconds, abs=0.1)


def test_a_piece_made_from_a_recording_begins_with_it(tmp_path: Path) -> None:
    recording = tmp_path / "theme.wav"
    tone = 0.5 * np.sin(np.arange(22_050 * 6) * (2 * np.pi * 1234.0 / 22_050))
    soundfile.write(recording, tone, 22_050)
    alone, made = (render(Wish("calm piano", "1", short=True, recording=each)) for each in (None, recording))

    def tone_in(piece: np.ndarray) -> float:
        """How much of the tone sounds in the first second."""
        spectrum = np.abs(np.fft.rfft(piece[:RATE, 0]))
        return float(spectrum[1230:1239].max() / spectrum.max())

    assert made.shape == alone.shape
    assert np.abs(made).max() <= 1
    assert tone_in(made) > 0.5 > tone_in(alone)
    assert np.array_equal(made, render(Wish("calm piano", "1", short=True, recording=recording)))
