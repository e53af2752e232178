"""Loudness, range and true peak are those of EBU Tech 3341 and 3342, and of libebur128, which somebody else wrote."""

import math

import numpy as np
import pytest

from mpsjobs.audio.loudness import Loudness, TruePeak
from tests.audio.signals import RATE, Samples, burst, faded, noise, steps, stereo, surround, tone


def fed(samples: Samples, rate: int = RATE) -> tuple[Loudness, TruePeak]:
    loudness, peak = Loudness(rate, len(samples)), TruePeak(rate, len(samples))
    for start in range(0, samples.shape[1], loudness.most):
        loudness.feed(samples[:, start : start + loudness.most])
        peak.feed(samples[:, start : start + loudness.most])
    return loudness, peak


TECH_3341 = {
    "1": (steps((-23, 20)), -23.0),
    "2": (steps((-33, 20)), -33.0),
    "3": (steps((-36, 10), (-23, 60), (-36, 10)), -23.0),
    "4": (steps((-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)), -23.0),
    "5": (steps((-26, 20), (-20, 20.1), (-26, 20)), -23.0),
    "6": (surround((-28, -28, -24, -30, -30), 20), -23.0),
}
TECH_3342 = {
    "1": (steps((-20, 20), (-30, 20)), 10.0),
    "2": (steps((-20, 20), (-15, 20)), 5.0),
    "3": (steps((-40, 20), (-20, 20)), 20.0),
    "4": (steps((-50, 20), (-35, 20), (-20, 20), (-35, 20), (-50, 20)), 15.0),
}
PEAKS = {
    "15": (faded(-6.02, cycles=4), -6.0),
    "16": (faded(-6.02, cycles=4, phase=45), -6.0),
    "17": (faded(-6.02, cycles=6, phase=60), -6.0),
    "18": (faded(-6.02, cycles=8, phase=67.5), -6.0),
    "19": (faded(2.98, cycles=4, phase=45), 3.0),
    "20": (burst(0), 0.0),
    "21": (burst(1), 0.0),
    "22": (burst(2), 0.0),
    "23": (burst(3), 0.0),
}
MORE = {
    "44.1 kHz": (noise(20, 44_100), 44_100),
    "96 kHz": (noise(8, 96_000), 96_000),
    "16 kHz, one channel": (noise(20, 16_000, 1), 16_000),
    "5.1": (noise(8, RATE, 6), RATE),
}


@pytest.mark.parametrize("number", TECH_3341)
def test_integrated_loudness_of_the_signals_of_tech_3341(number: str) -> None:
    samples, expected = TECH_3341[number]
    assert fed(samples)[0].integrated == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("number", TECH_3342)
def test_loudness_range_of_the_signals_of_tech_3342(number: str) -> None:
    samples, expected = TECH_3342[number]
    assert fed(samples)[0].range == pytest.approx(expected, abs=0.2)  # it allows 1 LU


@pytest.mark.parametrize("number", PEAKS)
def test_true_peaks_of_the_signals_of_tech_3341(number: str) -> None:
    samples, expected = PEAKS[number]
    found = fed(samples)[1].end()
    assert found is not None
    assert expected - 0.4 <= found <= expected + 0.2


JUDGED = {
    **{f"3341-{number}": (samples, RATE) for number, (samples, _) in (TECH_3341 | PEAKS).items()},
    **{f"3342-{number}": (samples, RATE) for number, (samples, _) in TECH_3342.items()},
    **MORE,
}


@pytest.mark.parametrize("name", JUDGED)
def test_an_independent_implementation_agrees(name: str) -> None:
    judge = pytest.importorskip("pyebur128", reason="libebur128 has no wheel for this Python")
    samples, rate = JUDGED[name]
    mode = judge.MeasurementMode
    theirs = judge.R128State(len(samples), rate, mode.MODE_I | mode.MODE_LRA | mode.MODE_TRUE_PEAK)
    if len(samples) == 5:
        kinds = judge.ChannelType
        for channel, kind in enumerate(
            (kinds.LEFT, kinds.RIGHT, kinds.CENTER, kinds.LEFT_SURROUND, kinds.RIGHT_SURROUND)
        ):
            theirs.set_channel(channel, kind)
    theirs.add_frames(np.ascontiguousarray(samples.T).ravel(), samples.shape[1])
    loudness, peak = fed(samples, rate)
    if samples.shape[1] >= 0.4 * rate:
        assert loudness.integrated == pytest.approx(judge.get_loudness_global(theirs), abs=0.1)
    if (
        name not in MORE and samples.shape[1] >= 3 * rate
    ):  # it looks once a second; that differs where the sound is uneven
        assert loudness.range == pytest.approx(judge.get_loudness_range(theirs), abs=0.1)
    highest = max(judge.get_true_peak(theirs, channel) for channel in range(len(samples)))
    assert peak.end() == pytest.approx(20 * math.log10(highest), abs=0.2)


def test_where_the_blocks_are_cut_makes_no_difference() -> None:
    samples = noise(7, 44_100)
    whole, pieces = fed(samples, 44_100), (Loudness(44_100, 2), TruePeak(44_100, 2))
    for piece in np.array_split(samples, 97, axis=1):
        pieces[0].feed(piece)
        pieces[1].feed(piece)
    assert pieces[0].integrated == pytest.approx(whole[0].integrated, abs=1e-9)
    assert pieces[0].range == pytest.approx(whole[0].range, abs=1e-9)
    assert pieces[1].end() == pytest.approx(whole[1].end(), abs=1e-9)


def test_silence_and_a_moment_have_no_loudness() -> None:
    assert fed(np.zeros((2, RATE)))[0].integrated is None
    assert fed(np.zeros((2, RATE)))[1].end() is None
    assert fed(stereo(tone(-6, 0.3)))[0].integrated is None
    assert fed(stereo(tone(-6, 2)))[0].range is None
