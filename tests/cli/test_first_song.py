"""What the first song on the real cloud may show, and the settings that follow from it (docs/first-run-on-tencent-cloud.md)."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import SETTINGS, Folder

GUIDE = (Path(__file__).parents[2] / "docs" / "first-run-on-tencent-cloud.md").read_text(encoding="utf-8")
SONG = "assets:\n  first: {prompt: A ballad, lyrics: The northern light, format: wav}\n"


def test_settings_say_how_a_request_is_written(project: Folder) -> None:
    project.write(first=SONG)
    assert project("apply", "--auto-approve").code == 0
    project.settings(
        SETTINGS.replace("audio: stub", "audio: stub, format_place: extra_parameters")
        + "models: {MiniMaxMusic: {lyrics: lyric}}\n"
    )
    assert project.kinds() == {"first": "keep"}, "what is bought stays"
    assert project("apply", "--auto-approve", "--replace", "first").code == 0
    before, after = (task["request"] for task in project.ledger())
    assert before["OutputAudioFormat"] == "wav"
    assert json.loads(before["AdditionalParameters"]) == {"lyrics": "The northern light"}
    assert "OutputAudioFormat" not in after
    assert after["ExtraParameters"] == {"OutputAudioFormat": "wav"}
    assert json.loads(after["AdditionalParameters"]) == {"lyric": "The northern light"}


def test_the_song_shows_its_format_its_key_and_its_length(project: Folder) -> None:
    project.write(first=SONG)
    ran = project("apply", "--auto-approve", "--log-level", "info")
    assert re.search(r"done in the cloud .*said_durations=\[1\.0\]", ran.err)
    (song,) = project("output", "--json").json()["outputs"]["first"]["objects"]
    assert (song["format"], song["duration_s"]) == ("wav", 1.0)
    assert re.fullmatch(r"takes/\w{26}/.*AigcAudio.*\.wav", song["key"])


@pytest.mark.parametrize("block", re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL))
def test_the_policies_of_the_guide_are_json_with_the_least_rights(block: str) -> None:
    policy = json.loads(block)
    assert policy["version"] == "2.0"
    for statement in policy["statement"]:
        for action in statement["action"]:
            assert re.fullmatch(r"mps:\w+|name/cos:\w+", action)
        cos = [action for action in statement["action"] if action.startswith("name/")]
        assert ("*" in statement["resource"]) is not bool(cos)


def test_the_settings_of_the_guide_are_accepted(project: Folder) -> None:
    settings, credentials, spec = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    project.settings(settings + credentials)
    project.write(first=spec)
    plan = project("plan", "--json")
    assert plan.code == 0
    assert plan.json()["summary"]["generations"] == 1
    assert plan.json()["diagnostics"] == []
