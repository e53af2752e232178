"""Finished files: as loud as is wanted, no louder than their peaks allow, cut, faded, and the same each time."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mpsjobs.audio.finishing import UnfinishedError, finish
from mpsjobs.audio.measuring import measure
from mpsjobs.model.mastering import FORMATS, Mastering
from mpsjobs.model.measures import Measures

RATE = 44_100


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds that swell, between one second and two of silence."""
    time = np.arange(RATE * 8) / RATE
    noise = np.random.default_rng(1).standard_normal(len(time))
    sound = 0.05 * np.sin(2 * np.pi * 440 * time) * (1.2 + np.sin(np.pi * time)) + 0.005 * noise
    whole = np.concatenate([np.zeros(RATE), sound, np.zeros(2 * RATE)])
    file = tmp_path_factory.mktemp("finishing") / "song.wav"
    soundfile.write(str(file), np.stack([whole, 0.8 * whole], axis=1), RATE)
    return file


def finished(song: Path, mastering: Mastering, form: str = "wav", name: str = "finished") -> Path:
    file = song.parent / f"{name}.{form}"
    finish(song, mastering, form, file)
    return file


def measures(file: Path) -> Measures:
    found = measure(file).measures
    assert found is not None
    return found


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_of_each_format_has_the_wanted_loudness_and_is_the_same_each_time(
    song: Path, form: str
) -> None:
    mastering = Mastering(loudness=-18, true_peak=-1, trim_silence=True, fade_out=1)
    file = finished(song, mastering, form)
    found = measures(file)
    assert found.loudness is not None
    assert found.true_peak is not None
    assert abs(found.loudness + 18) <= 0.2
    assert found.true_peak <= -0.9
    assert 8.0 <= found.duration_s <= 8.1
    assert (found.sample_rate, found.channels) == (RATE, 2)
    again = finished(song, mastering, form, "again")
    assert hashlib.sha256(file.read_bytes()).digest() == hashlib.sha256(again.read_bytes()).digest()


def test_a_file_is_no_louder_than_its_peaks_allow(song: Path) -> None:
    found = measures(finished(song, Mastering(loudness=-3, true_peak=-2)))
    assert found.true_peak is not None
    assert found.loudness is not None
    assert abs(found.true_peak + 2) <= 0.15
    assert found.loudness < -5
    assert found.clipped == 0


def test_without_a_wish_the_sound_is_left_as_it_is(song: Path) -> None:
    before, _ = soundfile.read(str(song))
    after, _ = soundfile.read(str(finished(song, Mastering(format=("flac",)), "flac")))
    assert np.abs(before - after).max() < 1e-4


def test_the_end_is_faded_and_the_rest_is_not(song: Path) -> None:
    before, _ = soundfile.read(str(song))
    after, _ = soundfile.read(str(finished(song, Mastering(fade_out=4))))
    assert np.abs(before[: 7 * RATE] - after[: 7 * RATE]).max() < 1e-4
    third = slice(int(8.5 * RATE), int(8.9 * RATE))
    assert 0 < np.abs(after[third]).max() < 0.5 * np.abs(before[third]).max()
    assert np.abs(after[-10:]).max() < 1e-4


def test_silence_and_what_is_no_audio_are_said_to_be_just_that(tmp_path: Path) -> None:
    silent, broken = tmp_path / "silent.wav", tmp_path / "broken.mp3"
    soundfile.write(str(silent), np.zeros(RATE), RATE)
    broken.write_bytes(b"nothing to hear")
    with pytest.raises(UnfinishedError, match="it is silent"):
        finish(silent, Mastering(loudness=-16), "mp3", tmp_path / "out.mp3")
    with pytest.raises(UnfinishedError, match="no audio"):
        finish(broken, Mastering(loudness=-16), "mp3", tmp_path / "out.mp3")


def test_a_rate_that_a_format_does_not_have_is_said(tmp_path: Path) -> None:
    file = tmp_path / "fine.wav"
    time = np.arange(96_000) / 96_000
    soundfile.write(str(file), 0.1 * np.sin(2 * np.pi * 440 * time), 96_000)
    with pytest.raises(UnfinishedError, match="cannot be written as mp3"):
        finish(file, Mastering(loudness=-16), "mp3", tmp_path / "out.mp3")
