"""Expectations from the spec to the exit code, on audio that is bad on request."""

import json
from dataclasses import replace
from typing import Any

import pytest

from mpsjobs.model.events import OutputsMeasured
from mpsjobs.project import Project
from mpsjobs.upkeep.operation import operation
from tests.conftest import SETTINGS, Folder


def missed(project: Folder) -> dict[str, list[str]]:
    ran = project("check", "--json")
    found = {each["address"]: each["misses"] for each in ran.json()["assets"] if each["misses"]}
    assert ran.code == (3 if found else 0)
    return found


def summary(project: Folder, code: int) -> Any:
    ran = project("apply", "--auto-approve", "--json")
    assert ran.code == code, ran.err
    return ran.events()[-1]


BAD = """\
defaults: {expect: {duration: 0.5s..2s, not_silent: true, clipping: false, loudness: -30..-14 LUFS, true_peak: ..-1 dBTP, silence: ..2s}}
assets:
  good: A tune
  silent: A tune mpsaudio-silent
  clipped: A tune mpsaudio-clipped
  short: A tune mpsaudio-short
  corrupt: A tune mpsaudio-corrupt
  still: {prompt: A tune mpsaudio-silent with bells, expect: {silence: ..0.1s, loudness_range: 3..12 LU}}
  other: {prompt: A tune mpsaudio-other-format, expect: {format: mp3, sample_rate: 16000, channels: 2}}
"""


def test_each_expectation_fails_on_audio_that_is_bad_in_its_way(project: Folder) -> None:
    project.write(music=BAD)
    told = summary(project, 0)
    assert {each["address"] for each in told["missed"]} == {
        "silent",
        "still",
        "clipped",
        "short",
        "corrupt",
        "other",
    }
    found = missed(project)
    assert "good" not in found
    assert "it is silent" in found["silent"]
    said = " / ".join(found["still"])
    assert "silence is 1.01 s, wanted ..0.1s" in said
    assert "loudness range is not there, wanted 3..12 LU" in said
    said = " / ".join(found["clipped"])
    assert all(
        word in said for word in ("loudness is -1.2 LUFS", "true peak is 0.4 dBTP", "it is clipped in")
    )
    assert found["short"] == [
        "duration is 0.25 s, wanted 0.5s..2s",
        "loudness is not there, wanted -30..-14 LUFS",
    ]
    assert found["corrupt"] == ["cannot be measured: this is no audio that can be decoded"]
    assert found["other"] == [
        "format is wav, wanted mp3",
        "sample rate is 8000 Hz, wanted 16000 Hz",
        "channels are 1, wanted 2",
    ]
    assert "silent#1 misses: " in project("show", "silent").out
    plan = project("plan")
    assert "short: take 1: duration is 0.25 s" in plan.out
    assert project("plan", "--detailed-exitcode").code == 0, "what is not as expected is no change"
    assert json.loads(project("output", "--manifest").out)["assets"]["good"]["loudness"] == pytest.approx(
        -18.7, abs=1
    )


def test_fail_ends_every_apply_with_3_until_it_is_expected_no_more(project: Folder) -> None:
    spec = "assets: {short: {prompt: A tune mpsaudio-short, on_fail: fail, expect: {duration: 1s..}}}\n"
    project.write(music=spec)
    assert summary(project, 3)["finished"] == 1
    assert summary(project, 3)["finished"] == 0
    project.write(music=spec.replace("1s..", "0.1s.."))
    assert project.kinds() == {"short": "update"}
    assert summary(project, 0)["submitted"] == 0
    assert project.kinds() == {"short": "keep"}
    assert len(project.bill()) == 1


def test_a_take_that_misses_something_is_taken_again_within_bounds(project: Folder) -> None:
    project.settings(SETTINGS + "policy: {max_generations_per_apply: 5}\n")
    project.write(
        music="""\
defaults: {publish: "music/${asset.path}.${format}", on_fail: retake, expect: {not_silent: true}}
assets:
  again: "A tune mpsaudio-silent:1"
  worn: {prompt: A tune mpsaudio-silent, max_retakes: 2}
  made: {prompt: A cover, reference_audio: {asset: again}, expect: {not_silent: false}}
"""
    )
    plan = project("plan", "--json").json()
    assert (plan["summary"]["generations"], plan["summary"]["retakes"]) == (3, 4)
    assert project("apply", "--auto-approve").code == 1, (
        "more than the policy allows, counting what may be taken again"
    )
    assert project.bill() == []
    project.settings(SETTINGS)
    told = summary(project, 3)
    assert (told["submitted"], told["finished"]) == (6, 6)
    assert len(project.bill()) == 6
    document = project("output", "--json").json()["outputs"]
    assert document["again"]["take"] == 2
    assert document["again"]["published"][0]["take"] == 2
    assert document["worn"]["take"] is None
    assert document["worn"]["published"] == []
    assert document["made"]["take"] == 1, "what waited for the take that was taken again was made from it"
    show = project("show", "made").out
    assert "was made from again#2" in show
    assert project.kinds() == {"again": "keep", "made": "keep", "worn": "failed"}
    assert summary(project, 3)["submitted"] == 0
    assert len(project.bill()) == 6
    again = project("plan", "--target", "failed:", "--json").json()
    assert [(each["address"], each["generations"]) for each in again["changes"]] == [("worn", 1)]


def test_what_was_collected_before_there_were_measures_is_measured_by_check(project: Folder) -> None:
    project.write(music="assets: {a: A tune, b: A tune mpsaudio-short}\n")
    project("apply", "--auto-approve")
    with operation(Project.open(project.root), "older") as held:
        old = [
            OutputsMeasured(held.now(), take.attempt_id, (replace(take.outputs[0], measures=None),))
            for _, take in held.state.takes()
        ]
        held.commit(old)
    for file in (project.root / ".mpsjobs" / "cache").rglob("*.json"):
        file.unlink()
    project.write(music="assets: {a: A tune, b: {prompt: A tune mpsaudio-short, expect: {duration: 1s..}}}\n")
    assert project.kinds() == {"a": "keep", "b": "keep"}, "nothing is known of them"
    assert missed(project) == {"b": ["duration is 0.25 s, wanted 1s.."]}
    assert project.kinds() == {"a": "keep", "b": "update"}
    assert project("history").out.count("check") == 1
    assert missed(project).keys() == {"b"}
    assert project("history").out.count("check") == 1, "nothing is measured twice"
