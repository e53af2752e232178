"""What a take misses, in figures."""

from dataclasses import replace
from typing import Any

import pytest

from mpsjobs.model.expectations import Expectations, OnFail, Range, verdict
from mpsjobs.model.measures import Measures
from mpsjobs.model.state import Output

GOOD = Measures(
    duration_s=61.2,
    sample_rate=44_100,
    channels=2,
    bitrate=192_000,
    loudness=-16.2,
    loudness_range=5.0,
    true_peak=-1.3,
    clipped=0,
    silence_start_s=0.2,
    silence_end_s=0.5,
    silence_inner_s=0.0,
    dc_offset=0.0,
)


def output(**other: Any) -> Output:
    return Output("b", "r", "k.mp3", "e", 1, "00", "mp3", 61.2, replace(GOOD, **other))


EXPECT = Expectations(
    duration=Range(30, 90),
    loudness=Range(-18, -14),
    loudness_range=Range(None, 12),
    true_peak=Range(None, -1),
    silence=Range(None, 2),
    not_silent=True,
    clipping=False,
    format="mp3",
    sample_rate=44_100,
    channels=2,
)


def test_a_good_file_misses_nothing() -> None:
    assert not list(EXPECT.misses(output()))


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"duration_s": 12.345}, "duration is 12.35 s, wanted 30s..90s"),
        ({"loudness": -9.1}, "loudness is -9.1 LUFS, wanted -18..-14 LUFS"),
        ({"loudness": -13.98}, "loudness is -13.98 LUFS, wanted -18..-14 LUFS"),
        ({"loudness": None}, "loudness is not there, wanted -18..-14 LUFS"),
        ({"loudness_range": 14.0}, "loudness range is 14 LU, wanted ..12 LU"),
        ({"true_peak": 0.3}, "true peak is 0.3 dBTP, wanted ..-1 dBTP"),
        ({"silence_inner_s": 3.5}, "silence is 3.5 s, wanted ..2s"),
        ({"clipped": 1}, "it is clipped in 1 place"),
        ({"sample_rate": 16_000}, "sample rate is 16000 Hz, wanted 44100 Hz"),
        ({"channels": 1}, "channels are 1, wanted 2"),
    ],
)
def test_each_miss_is_said_with_its_figure(figures: dict[str, Any], said: str) -> None:
    assert list(EXPECT.misses(output(**figures))) == [said]


def test_silence_and_another_format_are_said() -> None:
    silent = {"silence_start_s": 61.2, "loudness": None, "true_peak": None, "loudness_range": None}
    assert "it is silent" in list(EXPECT.misses(output(**silent)))
    wav = replace(output(), format="wav")
    assert list(EXPECT.misses(wav)) == ["format is wav, wanted mp3"]


def test_what_cannot_be_measured_misses_every_figure_and_what_nobody_measured_none() -> None:
    corrupt = replace(output(), measures=None, unmeasured="the file is empty")
    assert list(EXPECT.misses(corrupt)) == ["cannot be measured: the file is empty"]
    assert not list(Expectations(format="mp3", on_fail=OnFail.FAIL).misses(corrupt))
    assert not list(EXPECT.misses(replace(output(), measures=None)))


def test_those_who_share_a_take_judge_it_together_and_a_video_is_not_judged() -> None:
    strict = Expectations(duration=Range(70, None), on_fail=OnFail.RETAKE)
    lax = Expectations(duration=Range(None, 60))
    found = verdict([lax, strict], [output(), replace(output(), format="mp4")])
    assert found.misses == ("duration is 61.2 s, wanted ..60s", "duration is 61.2 s, wanted 70s..")
    assert found.unfit
    assert not verdict([lax], [output()]).unfit


@pytest.mark.parametrize(
    ("text", "unit", "found"),
    [
        ("30s..90s", "s", Range(30, 90)),
        ("1.5m..", "s", Range(90, None)),
        (" ..2s ", "s", Range(None, 2)),
        ("-18..-14 LUFS", "LUFS", Range(-18, -14)),
        ("-18 .. -14", "LUFS", Range(-18, -14)),
        ("..-1dBTP", "dBTP", Range(None, -1)),
        ("-14..-14", "LUFS", Range(-14, -14)),
    ],
)
def test_ranges_are_read_and_written(text: str, unit: str, found: Range) -> None:
    assert Range.of(text, unit) == found
    assert Range.of(found.text(unit), unit) == found


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("30..90", "s"),
        ("..", "s"),
        ("", "s"),
        ("30s", "s"),
        ("90s..30s", "s"),
        ("1..2..3", "LU"),
        ("-14..-18", "LUFS"),
        ("..-1 LU", "dBTP"),
        ("nan..", "LU"),
    ],
)
def test_what_is_no_range_is_refused(text: str, unit: str) -> None:
    assert Range.of(text, unit) is None
