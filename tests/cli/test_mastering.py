"""Finishing from the spec to what people and game builds get: free, whatever the settings become."""

import hashlib
import json
from pathlib import Path

from mpsjobs.audio.measuring import measure
from tests.conftest import SETTINGS, Folder

SPEC = """\
defaults: {master: {loudness: -20 LUFS, true_peak: -1 dBTP}}
assets:
  theme: Warm theme
  boss: {prompt: Dark drums, master: {format: [ogg, wav]}}
  plain: {prompt: Soft pad, master: null}
"""


def published(project: Folder) -> dict[str, float | None]:
    """The loudness of what lies under the stable keys."""
    folder = project.root / ".mpsjobs/store/local-1250000000/music"
    found = {path.name: measure(path).measures for path in sorted(folder.iterdir())}
    return {name: each.loudness if each else None for name, each in found.items()}


def store_file(project: Folder, sha256: str) -> Path:
    """The finished file of this content."""
    files = (project.root / ".mpsjobs/store/local-1250000000/finished").rglob("*.*")
    return next(file for file in files if hashlib.sha256(file.read_bytes()).hexdigest() == sha256)


def near(value: float | None, wanted: float) -> bool:
    return value is not None and abs(value - wanted) <= 0.3


def test_finished_files_are_published_and_downloaded_and_other_settings_make_others_for_free(
    project: Folder,
) -> None:
    project.settings(SETTINGS.replace("format: mp3", 'format: mp3, publish: "music/${asset.path}.${format}"'))
    project.write(music=SPEC)
    ran = project("apply", "--auto-approve")
    assert ran.code == 0, ran.err
    assert "2 finished, 3 published" in ran.out
    bill = project.bill()
    first = published(project)
    assert list(first) == ["boss.ogg", "boss.wav", "plain.mp3", "theme.mp3"]
    assert all(near(first[name], -20) for name in ("boss.ogg", "boss.wav", "theme.mp3"))
    assert not near(first["plain.mp3"], -20)
    assert {path.name for path in (project.root / "audio").iterdir()} >= {"boss.ogg", "boss.wav", "theme.mp3"}
    assert set(project.kinds().values()) == {"keep"}

    project.write(music=SPEC.replace("-20 LUFS", "-24 LUFS"))
    plan = project("plan")
    assert "~ master.loudness = -20.0 -> -24.0" in plan.out
    assert plan.out.endswith("Plan: 2 to update. Nothing to pay.\n")
    ran = project("apply", "--auto-approve")
    assert ran.code == 0
    assert ran.err.count("theme: wrote") == 1, "the raw take is put nowhere in between"
    second = published(project)
    assert all(near(second[name], -24) for name in ("boss.ogg", "boss.wav", "theme.mp3"))
    manifest = project("output", "--manifest").json()["assets"]
    assert near(manifest["theme"]["loudness"], -24)
    assert (manifest["theme"]["key"], manifest["theme"]["finished"]) == ("music/theme.mp3", True)
    assert manifest["plain"]["finished"] is False
    outputs = project("output", "--json").json()["outputs"]
    assert [each["finished"] for each in outputs["boss"]["objects"]] == [True, True]
    assert "boss#1 finished: " in project("show", "boss").out

    # What somebody took out of the store is made again, and is the same again.
    gone = store_file(project, manifest["theme"]["sha256"])
    gone.unlink()
    assert "theme: finished files of take 1 are missing in the store" in project("refresh").err
    assert project.kinds() == {"boss": "keep", "plain": "keep", "theme": "update"}
    assert project("apply", "--auto-approve").code == 0
    assert store_file(project, manifest["theme"]["sha256"]) == gone

    project.write(
        music=SPEC.replace("loudness: -20 LUFS, true_peak: -1 dBTP", "").replace(
            ", master: {format: [ogg, wav]}", ""
        )
    )
    assert project("apply", "--auto-approve").code == 0
    assert not near(published(project)["theme.mp3"], -24)
    assert project.bill() == bill
    assert set(project.kinds().values()) == {"keep"}


def test_what_cannot_be_finished_is_a_failure_that_leaves_the_take_and_pays_for_nothing_more(
    project: Folder,
) -> None:
    project.write(music="assets: {a: {prompt: A tune mpsaudio-silent, master: {loudness: -16 LUFS}}}\n")
    ran = project("apply", "--auto-approve")
    assert ran.code == 3
    assert (
        "NotFinished: take 1 is there and not handed out: no finished file can be made of it: it is silent"
        in ran.err
    )
    assert not (project.root / "audio" / "a.mp3").exists()
    assert project.kinds() == {"a": "update"}
    assert project("apply", "--auto-approve").code == 3
    assert len(project.bill()) == 1


def test_finished_files_go_with_their_take(project: Folder) -> None:
    project.write(music="assets: {a: {prompt: One, master: {loudness: -16 LUFS}}, b: Two}\n")
    assert project("apply", "--auto-approve").code == 0
    store = project.root / ".mpsjobs/store/local-1250000000"
    state = json.loads((project.root / "mpsjobs.state.json").read_text())
    (take,) = next(pool["takes"] for pool in state["takes"].values() if pool["takes"][0]["masters"])
    objects = [store / each["key"] for each in (*take["outputs"], *take["masters"][0]["outputs"])]
    assert all(path.is_file() for path in objects)
    project.write(music="assets: {b: Two}\n")
    assert project("apply", "--auto-approve").code == 0
    assert project("gc", "--older-than", "0s", "--auto-approve").code == 0
    assert not any(path.exists() for path in objects)
    assert _below(store / "finished") == []


def _below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
