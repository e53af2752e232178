"""Specs in, plan, apply, audio and a state out: what the README promises, on the embedded emulator."""

import json
from pathlib import Path

import soundfile

from tests.conftest import Folder

TWO = """\
assets:
  menu: Warm theme, 92 bpm
  boss:
    prompt: Dark drums, 140 bpm
    format: wav
"""


def everything_below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_apply_generates_audio_that_plays_and_records_the_tasks(project: Folder) -> None:
    project.write(music=TWO)
    ran = project("apply", "--auto-approve")
    assert ran.code == 0
    assert "Apply complete! 2 takes generated." in ran.out
    for name in ("menu.mp3", "boss.wav"):
        assert soundfile.info(project.root / "audio" / name).frames > 0
    state = json.loads((project.root / "mpsjobs.state.json").read_text())
    recorded = {take["task_id"] for pool in state["takes"].values() for take in pool["takes"]}
    assert recorded == {task["TaskId"] for task in project.ledger()}
    assert {record["status"] for record in state["assets"].values()} == {"ready"}


def test_a_second_apply_has_nothing_to_do_and_submits_nothing(project: Folder) -> None:
    project.write(music=TWO)
    project("apply", "--auto-approve")
    before = project.bill()
    ran = project("apply", "--auto-approve")
    assert (ran.code, ran.out) == (0, "No changes. All 2 assets are as the specs want them.\n")
    assert project.bill() == before


def test_one_changed_prompt_is_one_regenerate_and_one_task(project: Folder) -> None:
    project.write(music=TWO)
    project("apply", "--auto-approve")
    project.write(music=TWO.replace("Warm", "Cold"))
    ran = project("plan", "--detailed-exitcode")
    assert ran.code == 2
    assert '~ prompt = "[-Warm-]{+Cold+} theme, 92 bpm"' in ran.out
    assert ran.out.splitlines()[-1] == "Plan: 1 to regenerate. 1 generation to pay."
    assert project("apply", "--auto-approve").code == 0
    assert len(project.ledger()) == 3
    assert project("plan", "--detailed-exitcode").code == 0


def test_style_is_no_change(project: Folder) -> None:
    project.write(music=TWO)
    project("apply", "--auto-approve")
    project.write(
        music="# comment\nassets:\n  boss: {format: 'wav', \"prompt\": 'Dark drums, 140 bpm'}\n"
        "  menu:\n    prompt: |\n      Warm theme, 92 bpm\n"
    )
    assert project("plan").out.startswith("No changes.")


def test_renames_and_reverts_are_free_and_the_old_file_comes_back(project: Folder) -> None:
    project.write(music=TWO)
    project("apply", "--auto-approve")
    first = (project.root / "audio" / "menu.mp3").read_bytes()
    project.write(music=TWO.replace("Warm", "Cold"))
    project("apply", "--auto-approve")
    assert (project.root / "audio" / "menu.mp3").read_bytes() != first
    bill = project.bill()

    project.write(music=TWO)
    assert project.kinds() == {"boss": "keep", "menu": "restore"}
    project("apply", "--auto-approve")
    assert (project.root / "audio" / "menu.mp3").read_bytes() == first

    project.write(music=TWO.replace("menu", "title"))
    assert project.kinds() == {"boss": "keep", "title": "move"}
    assert "title: moved from menu" in project("apply", "--auto-approve").err
    assert (project.root / "audio" / "title.mp3").read_bytes() == first
    assert not (project.root / "audio" / "menu.mp3").exists()
    assert project.bill() == bill


def test_removed_assets_are_retired_and_come_back_for_free(project: Folder) -> None:
    project.write(music=TWO)
    project("apply", "--auto-approve")
    bill = project.bill()
    project.write(music="assets:\n  menu: Warm theme, 92 bpm\n")
    assert project.kinds() == {"boss": "retire", "menu": "keep"}
    assert project("apply", "--auto-approve").code == 0
    project.write(music=TWO)
    assert project.kinds() == {"boss": "restore", "menu": "keep"}
    assert project("apply", "--auto-approve").code == 0
    assert project.bill() == bill


def test_several_takes_share_a_fingerprint_and_a_pick_chooses(project: Folder) -> None:
    spec = "assets:\n  a: {prompt: x, takes: 2}\n  b: {prompt: x}\n"
    project.write(music=spec)
    assert project("apply", "--auto-approve").code == 0
    assert len(project.ledger()) == 2
    first = (project.root / "audio" / "a.mp3").read_bytes()
    assert (project.root / "audio" / "b.mp3").read_bytes() == first
    project.write(music=spec.replace("takes: 2", "takes: 2, pick: 2"))
    assert project.kinds() == {"a": "update", "b": "keep"}
    project("apply", "--auto-approve")
    assert (project.root / "audio" / "a.mp3").read_bytes() != first
    assert len(project.ledger()) == 2


def test_five_mistakes_are_shown_at_once_and_nothing_is_touched(project: Folder) -> None:
    project.write(
        one="assets:\n  a: {promt: x}\n  b: {prompt: y, takes: many}\n  b: {prompt: z}\n",
        two="assets:\n  c: {prompt: y, format: flac}\n  d: {prompt: y, model: MiniMaxMusik}\n",
    )
    before = everything_below(project.root)
    ran = project("apply", "--auto-approve")
    assert ran.code == 1
    places = [line.removeprefix("  --> ") for line in ran.err.splitlines() if line.startswith("  --> ")]
    assert places == [
        "specs/one.yaml:2:7",
        "specs/one.yaml:3:25",
        "specs/one.yaml:4:3",
        "specs/two.yaml:2:26",
        "specs/two.yaml:3:25",
    ]
    assert everything_below(project.root) == before


def test_what_the_review_refuses_is_reported_and_not_paid_for_again(project: Folder) -> None:
    project.write(music="assets:\n  bad: a song about mpsblockedword\n  good: a fine song\n")
    ran = project("apply", "--auto-approve")
    assert ran.code == 3
    assert "InvalidParameter.ViolationContent" in ran.err
    assert "RequestId" in ran.err
    assert (project.root / "audio" / "good.mp3").exists()
    assert len(project.ledger()) == 1
    assert project.kinds() == {"bad": "failed", "good": "keep"}
    again = project("apply", "--auto-approve")
    assert again.code == 3
    assert len(project.ledger()) == 1
    project.write(music="assets:\n  bad: a song about nothing bad\n  good: a fine song\n")
    assert project("apply", "--auto-approve").code == 0


def test_a_task_that_fails_is_reported_with_the_clouds_words_and_tried_three_times(project: Folder) -> None:
    project.write(music="assets:\n  odd: {prompt: x, model: Unheard-of, version: '1'}\n  good: fine\n")
    for tries in (1, 2, 3):
        ran = project("apply", "--auto-approve")
        assert ran.code == 3
        assert "Invalid model name for music" in ran.err
        assert len(project.ledger()) == tries + 1
    assert project.kinds() == {"odd": "failed", "good": "keep"}
    assert project("apply", "--auto-approve").code == 3
    assert len(project.ledger()) == 4


def test_from_the_emulator_to_the_real_cloud_everything_is_generated(project: Folder) -> None:
    project.write(music=TWO)
    project("apply", "--auto-approve")
    project.settings(
        "project: test\nprovider: {kind: tencent}\nstore: {kind: cos, bucket: b-1250000000, region: ap-guangzhou}\n"
        "defaults: {model: MiniMaxMusic, version: '2.6', format: mp3}\n"
    )
    assert project.kinds() == {"boss": "generate", "menu": "generate"}


def test_spending_is_capped_unless_told_otherwise(project: Folder) -> None:
    project.settings(
        "project: t\nprovider: {kind: emulator, speed: 1000, audio: stub}\npolicy: {max_generations_per_apply: 1}\n"
        "defaults: {model: GL}\n"
    )
    project.write(music="assets: {a: x, b: y}\n")
    assert project("plan").code == 1
    refused = project("apply", "--auto-approve")
    assert refused.code == 1
    assert "--max-generations 2" in refused.err
    assert project("apply", "--auto-approve", "--max-generations", "2").code == 0
    assert len(project.ledger()) == 2


def test_a_refused_change_of_a_good_asset_is_no_change_to_wait_for(project: Folder) -> None:
    project.write(music="assets: {a: fine}\n")
    project("apply", "--auto-approve")
    project.write(music="assets: {a: mpsblockedword}\n")
    assert project("apply", "--auto-approve").code == 3
    assert project.kinds() == {"a": "failed"}
    assert project("plan", "--detailed-exitcode").code == 0
    assert (project.root / "audio" / "a.mp3").exists()


def test_a_lost_object_or_a_file_changed_by_hand_is_never_shown_as_the_take(project: Folder) -> None:
    project.write(music="assets: {a: fine}\n")
    project("apply", "--auto-approve")
    (project.root / "audio" / "a.mp3").write_bytes(b"mine")
    shown = project("output", "a").out.strip()
    assert shown.startswith(str(project.root / ".mpsjobs" / "store"))
    assert Path(shown).is_file()
