"""Ten mistakes in three files: one run shows all ten, each with the right line and column, in every form."""

import re
import subprocess
from pathlib import Path

import pytest

from mpsjobs.cli.github import annotations, counts
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Severity
from tests.conftest import Folder

FILES = {
    "one": "assets:\n  a: {promt: calm}\n  b: {prompt: x, takes: many}\n  b: {prompt: y}\n  bad name: z\n",
    "two": "group: g\nassets:\n  c:\n    prompt: x\n    format: flac\n  d: {prompt: x, model: MiniMaxMusik}\n  e: ${var.mood}\n",
    "three": "assets:\n  f: {prompt: {file: gone.md}}\n  g: {prompt: x, depends_on: nothing}\n  h: {prompt: x, preset: loud}\n",
}
MISTAKES = [
    ("E0201", "specs/one.yaml", 2, 7),
    ("E0204", "specs/one.yaml", 3, 25),
    ("E0104", "specs/one.yaml", 4, 3),
    ("E0206", "specs/one.yaml", 5, 3),
    ("E0401", "specs/three.yaml", 2, 22),
    ("E0701", "specs/three.yaml", 3, 30),
    ("E0210", "specs/three.yaml", 4, 26),
    ("E0305", "specs/two.yaml", 5, 13),
    ("E0301", "specs/two.yaml", 6, 25),
    ("E0601", "specs/two.yaml", 7, 12),
]


@pytest.fixture
def broken(project: Folder) -> Folder:
    project.write(**FILES)
    return project


def test_as_text(broken: Folder) -> None:
    ran = broken("validate")
    found = re.findall(r"^error\[(E\d{4})\]: .+\n  --> (.+):(\d+):(\d+)$", ran.err, re.MULTILINE)
    assert [(code, file, int(line), int(column)) for code, file, line, column in found] == MISTAKES
    assert (ran.code, ran.out) == (1, "")


@pytest.mark.parametrize("option", ["--json", "--format=json"])
def test_as_json(broken: Folder, option: str) -> None:
    ran = broken("validate", option)
    found = ran.json()["diagnostics"]
    assert [(each["code"], each["file"], each["line"], each["column"]) for each in found] == MISTAKES
    assert ran.code == 1


def test_as_annotations_of_github(broken: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    subprocess.run(["git", "init", "-q", broken.root.parent], check=True)
    ran = broken("validate", "--format", "github")
    *lines, last = ran.out.splitlines()
    found = [
        re.match(r"::error title=mpsjobs (E\d{4}),file=([^,]+),line=(\d+),col=(\d+)::.", line)
        for line in lines
    ]
    assert [(m[1], m[2], int(m[3]), int(m[4])) for m in found if m] == [
        (code, f"{broken.root.name}/{file}", line, column) for code, file, line, column in MISTAKES
    ]
    assert (ran.code, ran.err, last) == (1, "", "10 errors.")


def test_a_valid_project_has_no_annotation_but_those_of_warnings(project: Folder) -> None:
    project.write(music="assets: {a: {prompt: x, model: Brand-new}}\n")
    ran = project("validate", "--format", "github")
    assert ran.code == 0
    assert ran.out.startswith("::warning title=mpsjobs E0301,file=")
    assert ran.out.endswith("\n1 warning.\n")
    project.write(music="assets: {a: x}\n")
    assert project("validate", "--format", "github").out == "No mistakes.\n"


def test_what_has_a_meaning_in_workflow_commands_is_escaped(tmp_path: Path) -> None:
    at = Position("specs/a,b:c 100%.yaml", 1, 2)
    told = Diagnostic("50% of it: x,\r\n::error::y", "more\nlines", "mend", position=at, code=Code.CIRCLE)
    (line,) = annotations([told], tmp_path, {})
    assert line == (
        "::error title=mpsjobs E0702,file=specs/a%2Cb%3Ac 100%25.yaml,line=1,col=2"
        "::50%25 of it: x,%0D%0A::error::y%0Amore%0Alines%0Ahelp: mend"
    )


def test_what_has_no_place_has_no_file(tmp_path: Path) -> None:
    assert (
        next(annotations([Diagnostic("a", severity=Severity.NOTICE)], tmp_path))
        == "::notice title=mpsjobs::a"
    )
    assert next(annotations([Diagnostic("a", position=Position("b"))], None)) == "::error title=mpsjobs::a"


def test_paths_are_relative_to_the_workspace(tmp_path: Path) -> None:
    told = [Diagnostic("a", position=Position("specs/a.yaml"))]
    root = tmp_path / "game" / "audio"
    for workspace, file in ((tmp_path, "game/audio/specs/a.yaml"), (tmp_path / "other", "specs/a.yaml")):
        (line,) = annotations(told, root, {"GITHUB_WORKSPACE": str(workspace)})
        assert f"file={file},line=1" in line


def test_the_last_line_says_what_github_leaves_out() -> None:
    told = [Diagnostic("a")] * 11 + [Diagnostic("b", severity=Severity.WARNING)]
    assert counts(told) == "11 errors, 1 warning. GitHub shows 10 of a kind; this log has all."
