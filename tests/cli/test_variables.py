"""Variables, tables and `show --spec` on the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SETTINGS, Folder

SECRET = "Zelda-seven"


def write_cues(project: Folder, *rows: str) -> None:
    project.write(music="assets: {cue: {for_each: {file: cues.csv}, prompt: '${each.mood} cue'}}\n")
    (project.root / "specs/cues.csv").write_text("\n".join(["id,mood", *rows, ""]), encoding="utf-8")


def written_by(root: Path) -> Iterator[tuple[Path, bytes]]:
    """Everything under a project but what the stand-in for the cloud keeps for itself."""
    for path in root.rglob("*"):
        if path.is_file() and "emulator" not in path.relative_to(root).parts:
            yield path, path.read_bytes()


def test_a_variable_is_set_in_three_ways(project: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    project.settings(f"{SETTINGS}variables: {{mood: }}\n")
    project.write(music='assets: {a: "a ${var.mood} theme"}\n')
    ran = project("plan")
    assert ran.code == 1
    for way in ("--var mood=", "--var-file", "MPSJOBS_VAR_mood", "default:"):
        assert way in ran.err
    monkeypatch.setenv("MPSJOBS_VAR_mood", "calm")
    assert '"a calm theme"' in project("plan").out
    values = project.root / "values.yaml"
    values.write_text("mood: tense\n")
    assert '"a tense theme"' in project("plan", "--var-file", str(values)).out
    assert '"a wild theme"' in project("plan", "--var-file", str(values), "--var", "mood=wild").out


@pytest.mark.parametrize("command", ["plan", "apply", "validate", "wait", "refresh", "show", "state rebuild"])
def test_every_command_that_reads_specs_takes_variables(project: Folder, command: str) -> None:
    project.settings(f"{SETTINGS}variables: {{mood: }}\n")
    project.write(music='assets: {a: "a ${var.mood} theme"}\n')
    more = {"apply": ["--auto-approve"], "show": ["--spec", "a"]}.get(command, [])
    assert project(*command.split(), *more).code == 1
    assert project(*command.split(), *more, "--var", "mood=calm").code == 0


def test_a_slip_in_the_name_of_a_variable_is_told(project: Folder) -> None:
    project.settings(f"{SETTINGS}variables: {{mood: calm}}\n")
    project.write(music="assets: {a: x}\n")
    ran = project("plan", "--var", "modo=tense")
    assert ran.code == 1
    assert 'Did you mean "mood"?' in ran.err
    assert project("plan", "--var", "mood").code == 1


def test_a_sensitive_value_is_sent_and_nowhere_else_in_clear(project: Folder) -> None:
    project.settings(f"{SETTINGS}variables: {{code: {{sensitive: true}}, style: old}}\n")
    project.write(
        music="assets: {a: {prompt: 'A theme for ${var.code}', operator: '${var.code}', takes: 1,"
        " additional_parameters: {note: '${var.code}'}}}\n"
    )
    secret = ("--var", f"code={SECRET}")
    told = [
        project("plan", *secret),
        project("plan", "--json", "--out", str(project.root / "a.plan"), *secret),
        project("show", "--spec", "a", *secret),
        project("show", "--spec", "a", "--json", *secret),
        project("validate", "--json", *secret),
        project("apply", "--auto-approve", "--json", "--log-level", "debug", *secret),
        project("show", "a"),
        project("show", "a", "--json"),
        project("state", "show", "a"),
        project("plan", "--var", f"code={SECRET}-and-more"),
        project("plan", "--json", "--var", f"code={SECRET}-and-more"),
    ]
    assert all(ran.code == 0 for ran in told)
    assert [ran for ran in told if SECRET in ran.out + ran.err] == []
    assert "(sensitive)" in told[0].out
    assert 'prompt = "(sensitive)" -> "(sensitive)"' in " ".join(told[-2].out.split())
    assert told[-1].json()["changes"][0]["kind"] == "regenerate"
    assert [path for path, content in written_by(project.root) if SECRET.encode() in content] == []
    (task,) = project.ledger()
    assert SECRET in json.dumps(task)


def test_one_changed_row_is_one_regenerate_that_names_its_line(project: Folder) -> None:
    write_cues(project, "boss,dark", "menu,calm", "shop,happy")
    assert project("apply", "--auto-approve").code == 0
    write_cues(project, "boss,dark", "menu,wide", "shop,happy")
    plan = project("plan", "--json").json()
    assert plan["summary"]["regenerate"] == plan["summary"]["generations"] == 1
    (change,) = [each for each in plan["changes"] if each["kind"] != "keep"]
    assert change["address"] == "cue.menu"
    assert change["message"] == "from specs/cues.csv:3"
    assert "from specs/cues.csv:3" in project("plan").out


def test_a_row_more_above_touches_no_other(project: Folder) -> None:
    write_cues(project, "boss,dark", "menu,calm")
    assert project("apply", "--auto-approve").code == 0
    write_cues(project, "shop,happy", "menu,calm", "boss,dark")
    assert project.kinds() == {"cue.boss": "keep", "cue.menu": "keep", "cue.shop": "generate"}


def test_assets_of_one_sound_are_told_of_once_and_only_while_it_matters(project: Folder) -> None:
    rows = [f"r{n},calm" for n in range(500)]
    write_cues(project, *rows, "other,dark")
    plan = project("plan", "--json").json()
    (notice,) = plan["diagnostics"]
    assert notice["severity"] == "notice"
    assert "500 assets" in notice["summary"]
    assert "variation:" in notice["hint"]
    assert (notice["file"], notice["line"]) == ("specs/cues.csv", 3)
    assert plan["summary"]["generations"] == 2
    assert project("apply", "--auto-approve").code == 0
    assert len(project.bill()) == 2
    assert project("plan", "--json").json()["diagnostics"] == []


def test_show_spec_tells_where_each_field_was_written(project: Folder) -> None:
    project.settings(f"{SETTINGS}presets:\n  battle: {{takes: 2, tags: [battle]}}\n")
    project.write(
        music="defaults:\n  format: wav\nassets:\n  cue:\n    for_each: {file: cues.csv}\n    preset: battle\n"
        "    prompt: '${each.mood} cue'\n    description: ${each.note}\n    store: {prefix: 'p/${asset.path}'}\n"
    )
    (project.root / "specs/cues.csv").write_text("id;mood;note\nboss;dark;heard often\n", encoding="utf-8")
    document = project("show", "--spec", "cue.boss", "--json").json()
    assert (document["origin"]["line"], document["source"]["file"]) == (4, "specs/cues.csv")
    told = {
        each["path"]: (each["value"], each["file"], each["line"], each["said_by"])
        for each in document["fields"]
    }
    assert told == {
        "model": ("MiniMaxMusic", "mpsjobs.yaml", 4, "defaults"),
        "version": ("2.6", "mpsjobs.yaml", 4, "defaults"),
        "format": ("wav", "specs/music.yaml", 2, "defaults"),
        "takes": (2, "mpsjobs.yaml", 6, "preset battle"),
        "tags": (["battle"], "mpsjobs.yaml", 6, "preset battle"),
        "prompt": ("dark cue", "specs/music.yaml", 7, "asset"),
        "description": ("heard often", "specs/cues.csv", 2, "asset"),
        "store.prefix": ("p/cue/boss", "specs/music.yaml", 9, "asset"),
    }
    text = project("show", "--spec", "cue.boss").out
    assert "specs/music.yaml:4, row specs/cues.csv:2" in text
    assert "mpsjobs.yaml:6 (preset battle)" in text
    unknown = project("show", "--spec", "cue.bos")
    assert unknown.code == 1
    assert 'Did you mean "cue.boss"?' in unknown.err
    assert project("show", "--spec").code == 1
