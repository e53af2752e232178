"""What is said of a file is what is in it, and nothing in it makes measuring fail."""

import os
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mpsjobs.audio.measurer import Measurer
from mpsjobs.audio.measuring import measure
from mpsjobs.model.measures import PAIRS, Measures
from tests.audio.signals import noise, stereo, tone

RATE = 44_100


def written(folder: Path, samples: np.ndarray, name: str = "a.wav") -> Path:
    soundfile.write(folder / name, samples.T, RATE)
    return folder / name


def figures(file: Path) -> Measures:
    measured = measure(file)
    assert measured.measures, measured.unmeasured
    return measured.measures


def test_length_rate_channels_and_bitrate(tmp_path: Path) -> None:
    file = written(tmp_path, stereo(tone(-20, 2.5, rate=RATE)))
    found = figures(file)
    assert (found.duration_s, found.sample_rate, found.channels) == (2.5, RATE, 2)
    assert found.bitrate == round(file.stat().st_size * 8 / 2.5)
    assert found.loudness == pytest.approx(-20, abs=0.1)
    assert found.true_peak == pytest.approx(-20, abs=0.1)


def test_silence_is_found_at_both_ends_and_within(tmp_path: Path) -> None:
    pause = np.zeros(RATE)
    sound = tone(-20, 1, rate=RATE)
    quiet = tone(-70, 1, rate=RATE)
    file = written(
        tmp_path,
        stereo(np.concatenate((pause, sound, pause, quiet, sound, pause, sound, quiet[: RATE // 2]))),
    )
    found = figures(file)
    assert found.silence_start_s == pytest.approx(1, abs=0.02)
    assert found.silence_inner_s == pytest.approx(2, abs=0.02)
    assert found.silence_end_s == pytest.approx(0.5, abs=0.02)
    assert not found.silent


def test_a_file_without_a_sound_is_silent(tmp_path: Path) -> None:
    found = figures(written(tmp_path, np.zeros((2, RATE))))
    assert found.silent
    assert found.silence_s == 1
    assert (found.loudness, found.loudness_range, found.true_peak) == (None, None, None)


@pytest.mark.parametrize(
    ("at", "samples", "clips"),
    [(1000, 3, 1), (1000, 2, 0), (1000, 500, 1), (60_000, 1000, 1), (60_024 - 1, 3, 1), (60_024 - 2, 3, 1)],
    ids=["three", "two", "many", "over the seam of blocks", "one before the seam", "two before the seam"],
)
def test_clipping_is_counted_in_places(tmp_path: Path, at: int, samples: int, clips: int) -> None:
    sound = stereo(tone(-20, 2, rate=RATE))
    sound[0, at : at + samples] = 1.0
    assert figures(written(tmp_path, sound)).clipped == clips


def test_an_offset_shows(tmp_path: Path) -> None:
    sound = stereo(tone(-20, 1, rate=RATE))
    sound[1] -= 0.05
    assert figures(written(tmp_path, sound)).dc_offset == pytest.approx(-0.05, abs=0.001)


def test_the_waveform_follows_the_sound(tmp_path: Path) -> None:
    swelling = stereo(tone(0, 5, rate=RATE) * np.linspace(0, 0.99, 5 * RATE))
    peaks = np.frombuffer(measure(written(tmp_path, swelling)).peaks, dtype=np.int8).reshape(-1, 2)
    assert len(peaks) == 500  # no more than a hundred a second
    assert abs(int(peaks[0, 1])) <= 1
    assert peaks[-1, 1] == pytest.approx(126, abs=1)
    assert peaks[249, 0] == pytest.approx(-63, abs=1)
    long = np.frombuffer(measure(written(tmp_path, noise(12, RATE))).peaks, dtype=np.int8)
    assert len(long) == 2 * PAIRS


def test_an_mp3_measures_like_what_it_was_made_from(tmp_path: Path) -> None:
    sound = stereo(tone(-18, 5, rate=RATE, hertz=440))
    wav, mp3 = figures(written(tmp_path, sound)), figures(written(tmp_path, sound, "a.mp3"))
    assert mp3.loudness == pytest.approx(wav.loudness, abs=0.5)  # the encoder takes a little off
    assert mp3.duration_s == pytest.approx(wav.duration_s, abs=0.1)


def mp4(file: Path) -> None:
    file.write_bytes(b"\0\0\0\x18ftypisom" + bytes(200))


def cut(file: Path) -> None:
    soundfile.write(file, noise(1, RATE).T, RATE, format="FLAC")
    file.write_bytes(file.read_bytes()[:60])


def not_numbers(file: Path) -> None:
    samples = stereo(tone(-20, 1, rate=RATE)).T
    samples[100] = np.nan
    soundfile.write(file, samples, RATE, format="WAV", subtype="FLOAT")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda file: file.write_bytes(b""), "empty"),
        (lambda file: file.write_bytes(b"<html>404</html>"), "no audio"),
        (lambda file: file.write_bytes(os.urandom(5000)), "decoded"),
        (lambda file: soundfile.write(file, np.zeros((0, 2)), RATE, format="WAV"), "no sound"),
        (mp4, "mp4 is not decoded"),
        (cut, "decoded|sound"),
        (not_numbers, "no numbers"),
    ],
    ids=["empty", "a page", "random bytes", "no samples", "video", "cut off", "not a number"],
)
def test_what_is_no_audio_is_said_to_be_none(
    tmp_path: Path, make: Callable[[Path], object], why: str
) -> None:
    make(tmp_path / "x")
    measured = measure(tmp_path / "x")
    assert measured.measures is None
    assert measured.unmeasured
    assert any(word in measured.unmeasured for word in why.split("|"))


def test_a_long_file_is_measured_in_a_child_and_a_content_once(tmp_path: Path) -> None:
    file = written(tmp_path, noise(20, RATE), "song.mp3")
    name = sha256(file.read_bytes()).hexdigest()
    measurer = Measurer(tmp_path / "cache", workers=1)
    try:
        threads = [threading.Thread(target=measurer.measure, args=(file, name)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert measurer.known(name) == measure(file)
        file.unlink()
        assert measurer.measure(file, name).measures  # from the cache: nothing is read
    finally:
        measurer.close()


def test_a_child_that_dies_is_replaced(tmp_path: Path) -> None:
    measurer = Measurer(tmp_path / "cache", workers=1)
    try:
        for number in range(2):
            file = written(tmp_path, noise(13 + number, RATE), f"{number}.wav")
            assert measurer.measure(file, f"{number:064}").measures
            for child in measurer._children:
                child.kill()
                child.wait()
        file = written(tmp_path, noise(15, RATE), "last.wav")
        assert measurer.measure(file, "f" * 64).measures
    finally:
        measurer.close()


def test_a_damaged_cache_is_measured_again(tmp_path: Path) -> None:
    file, measurer = written(tmp_path, noise(1, RATE)), Measurer(tmp_path / "cache")
    found = measurer.measure(file, "a" * 64)
    (place,) = (tmp_path / "cache").rglob("*.json")
    for damage in (b"", b"{}", b'{"version": 0}', b"[1"):
        place.write_bytes(damage)
        assert measurer.known("a" * 64) is None
        assert measurer.measure(file, "a" * 64) == found


def test_a_file_that_kills_its_child_twice_is_unmeasured_and_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, measurer = written(tmp_path, noise(13, RATE)), Measurer(tmp_path / "cache")
    monkeypatch.setattr("sys.executable", "/bin/false")
    assert measurer.measure(file, "b" * 64).unmeasured == "the process that decoded it crashed"
    assert measurer.known("b" * 64) is None
