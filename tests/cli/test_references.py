"""Recordings of the project that models work from: put into the store once, known by what they hold."""

import json
from pathlib import Path
from urllib.request import urlopen

from tests.conftest import Folder

SPEC = """\
assets:
  menu: {prompt: Like this, reference_audio: {file: hum.wav}}
  boss: {prompt: Darker, reference_audio: [{file: hum.wav}, {url: 'https://example.com/a.mp3'}]}
"""


def objects(project: Folder) -> list[Path]:
    return sorted((project.root / ".mpsjobs" / "store").glob("*/references/*"))


def references(project: Folder) -> dict[str, list[str]]:
    return {
        task["request"]["Prompt"]: [info["AudioUrl"] for info in task["request"]["AudioInfos"]]
        for task in project.ledger()
    }


def test_a_file_is_put_into_the_store_once_and_handed_over_by_a_url(project: Folder) -> None:
    project.write(music=SPEC)
    (project.root / "specs" / "hum.wav").write_bytes(b"a recording")
    assert project("apply", "--auto-approve").code == 0
    (stored,) = objects(project)
    assert stored.read_bytes() == b"a recording"
    urls = references(project)
    assert urls["Darker"][1] == "https://example.com/a.mp3"
    assert urls["Darker"][0] == urls["Like this"][0]
    with urlopen(urls["Like this"][0], timeout=10) as answer:
        assert answer.read() == b"a recording"

    written = stored.stat().st_mtime_ns
    project.write(music=SPEC.replace("Darker", "Brighter"))
    assert project("apply", "--auto-approve").code == 0
    assert stored.stat().st_mtime_ns == written


def test_what_the_file_holds_counts_and_not_where_it_lies(project: Folder) -> None:
    project.write(music=SPEC)
    hum = project.root / "specs" / "hum.wav"
    hum.write_bytes(b"a recording")
    project("apply", "--auto-approve")
    hum.rename(hum.with_name("renamed.wav"))
    project.write(music=SPEC.replace("hum.wav", "renamed.wav"))
    assert project("plan", "--detailed-exitcode").code == 0
    hum.with_name("renamed.wav").write_bytes(b"another recording")
    assert project.kinds() == {"boss": "regenerate", "menu": "regenerate"}
    state = json.loads((project.root / "mpsjobs.state.json").read_text())
    assert "file:" not in json.dumps(state["takes"])
