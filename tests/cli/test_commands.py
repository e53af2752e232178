"""The commands that look, and the words they use."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from ruamel.yaml import YAML

from mpsjobs._version import __version__
from tests.conftest import Folder, Ran

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent for path in (REPOSITORY / "examples").glob("*/mpsjobs.yaml"))


def test_version(mpsjobs: Callable[..., Ran]) -> None:
    assert mpsjobs("version").out == f"mpsjobs {__version__}\n"
    assert mpsjobs("version", "--json").json()["version"] == __version__


def test_without_a_command_it_says_what_there_is(mpsjobs: Callable[..., Ran]) -> None:
    ran = mpsjobs()
    assert ran.code == 0
    assert "mpsjobs init" in ran.out


def test_a_wrong_option_is_an_error_of_exit_code_1(mpsjobs: Callable[..., Ran]) -> None:
    assert mpsjobs("plan", "--no-such-option").code == 1
    assert mpsjobs("no-such-command").code == 1


def test_outside_of_a_project_it_says_how_to_make_one(mpsjobs: Callable[..., Ran], tmp_path: Path) -> None:
    ran = mpsjobs("-C", str(tmp_path), "plan")
    assert ran.code == 1
    assert "mpsjobs init" in ran.err
    as_json = mpsjobs("-C", str(tmp_path), "plan", "--json")
    assert as_json.json()["diagnostics"][0]["severity"] == "error"


def test_init_makes_a_project_that_applies(mpsjobs: Callable[..., Ran], tmp_path: Path) -> None:
    root = tmp_path / "My Game"
    root.mkdir()
    (root / ".gitignore").write_text("*.tmp")
    ran = mpsjobs("-C", str(root), "init")
    assert ran.code == 0
    ignored = (root / ".gitignore").read_text().splitlines()
    assert ignored[0] == "*.tmp"
    assert {"mpsjobs*.state.json*", ".mpsjobs/", "/audio/"} <= set(ignored)
    assert "project: my-game" in (root / "mpsjobs.yaml").read_text()
    plan = mpsjobs("-C", str(root), "plan", "--json").json()
    assert plan["summary"]["generate"] == 2


def test_init_touches_nothing_that_is_there(mpsjobs: Callable[..., Ran], project: Folder) -> None:
    before = (project.root / "mpsjobs.yaml").read_text()
    ran = project("init")
    assert ran.code == 1
    assert (project.root / "mpsjobs.yaml").read_text() == before


def test_validate_counts_what_is_right(project: Folder) -> None:
    project.write(music="assets: {a: x, b: y}\n")
    assert project("validate").out == "The specs are valid: 2 assets.\n"
    assert project("validate", "--json").json() == {
        "format_version": 1,
        "valid": True,
        "assets": 2,
        "diagnostics": [],
    }


def test_validate_warns_of_unknown_models_and_refuses_them_when_strict(project: Folder) -> None:
    project.write(music="assets:\n  a: {prompt: x, model: Brand-new}\n")
    ran = project("validate")
    assert ran.code == 0
    assert ran.err.startswith('warning[E0301]: Unknown model "Brand-new"\n  --> specs/music.yaml:2:25\n')
    assert project("validate", "--strict").code == 1


def test_models_lists_the_catalogue_with_the_projects_own(project: Folder) -> None:
    project.settings("project: t\nmodels: {Mine: {versions: ['9']}}\n")
    ran = project("models")
    assert "MiniMaxMusic (also MinimaxMusic)" in ran.out
    assert "Mine" in ran.out
    assert "Mine" in project("models", "--json").json()["models"]


def test_models_works_outside_of_a_project(
    mpsjobs: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "MiniMaxMusic" in mpsjobs("models").out


def test_output_show_and_state_tell_what_came_out(project: Folder) -> None:
    project.write(music="group: g\nassets: {a: x, b: {prompt: y, format: wav}}\n")
    assert project("output").out.startswith("Nothing has been generated yet.")
    project("apply", "--auto-approve")
    tasks = {task["request"]["Prompt"]: task["TaskId"] for task in project.ledger()}

    table = project("output").out
    assert "audio/g.a.mp3" in table
    assert tasks["x"] in table
    assert project("output", "g.b").out == f"{project.root / 'audio' / 'g.b.wav'}\n"
    document = project("output", "--json").json()["outputs"]["g.a"]
    assert document["task_id"] == tasks["x"]
    assert document["objects"][0]["sha256"]

    assert "g.a#1 (used)" in project("show", "g.a").out
    assert "2 assets: 2 ready" in project("show").out
    assert [a["address"] for a in project("state", "list", "g.*", "--json").json()["assets"]] == [
        "g.a",
        "g.b",
    ]
    assert project("state", "list", "other.*").out == ""
    assert project("state", "show", "g.a").json()["takes"][0]["task_id"] == tasks["x"]
    for command in (["output", "nope"], ["show", "nope"], ["state", "show", "nope"]):
        ran = project(*command)
        assert ran.code == 1
        assert "mpsjobs state list" in ran.err


def test_apply_tells_events_as_json_lines(project: Folder) -> None:
    project.write(music="assets: {a: x}\n")
    events = project("apply", "--auto-approve", "--json").events()
    assert [event["type"] for event in events] == [
        "plan",
        "recorded",
        "submitted",
        "finished",
        "downloaded",
        "summary",
    ]
    assert events[-1]["exit_code"] == 0
    assert project("apply", "--json").code == 1


def test_hostile_texts_do_not_disturb_the_terminal(project: Folder) -> None:
    project.write(music='assets:\n  a: "[red]x[/] \\e[31m \\u202e \\a \\n line"\n')
    out = project("plan").out
    assert "[red]x[/]" in out
    assert not {"\x1b", "\u202e", "\x07"} & set(out)


def test_a_broken_state_is_an_error_and_never_no_state(project: Folder) -> None:
    project.write(music="assets: {a: x}\n")
    project("apply", "--auto-approve")
    (project.root / "mpsjobs.state.json").write_text("")
    for command in (["plan"], ["apply", "--auto-approve"], ["state", "list"]):
        ran = project(*command)
        assert ran.code == 1
        assert "mpsjobs.state.json.journal" in ran.err
    (project.root / "mpsjobs.state.json").unlink()
    assert project.kinds() == {"a": "keep"}
    assert len(project.ledger()) == 1


@pytest.mark.parametrize("root", [REPOSITORY, *EXAMPLES], ids=lambda root: root.name)
def test_the_demo_and_every_example_runs(root: Path, tmp_path: Path, mpsjobs: Callable[..., Ran]) -> None:
    shutil.copytree(root / "specs", tmp_path / "specs")
    yaml = YAML()
    settings = yaml.load((root / "mpsjobs.yaml").read_text())
    settings["provider"].update(speed=1000, audio="stub")
    with (tmp_path / "mpsjobs.yaml").open("w") as file:
        yaml.dump(settings, file)
    ran = mpsjobs("-C", str(tmp_path), "apply", "--auto-approve", "--strict")
    assert ran.code == 0, ran.err
    outputs = mpsjobs("-C", str(tmp_path), "output", "--json").json()["outputs"]
    assert len(outputs) >= 3
    for address, output in outputs.items():
        assert output["status"] == "ready", address
        assert all(soundfile.info(tmp_path / name).frames for name in output["files"]), address
    assert mpsjobs("-C", str(tmp_path), "plan", "--detailed-exitcode").code == 0


def test_the_plan_document_has_the_keys_that_scripts_rely_on(project: Folder) -> None:
    project.write(music="assets: {a: x}\n")
    document = project("plan", "--json").json()
    assert {"format_version", "summary", "changes", "risks", "diagnostics"} <= document.keys()
    assert {
        "generate",
        "regenerate",
        "restore",
        "update",
        "move",
        "retire",
        "resume",
        "unresolved",
        "failed",
        "keep",
        "generations",
        "retakes",
        "cost",
    } == document["summary"].keys()
    assert {"address", "kind", "reasons", "generations"} <= document["changes"][0].keys()
    assert json.dumps(document)
