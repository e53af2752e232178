"""`mpsjobs explain`: what a code means."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from mpsjobs.model.codes import Code
from tests.conftest import Folder

ROOT = Path(__file__).parent.parent.parent


def test_a_code_is_explained_by_its_page(project: Folder) -> None:
    page = (ROOT / "docs" / "errors" / "E0201.md").read_text(encoding="utf-8")
    for word in ("E0201", "e0201", "[E0201]"):
        assert project("explain", word).out == page


def test_without_a_code_all_are_listed_with_their_titles(project: Folder) -> None:
    out = project("explain").out
    assert "  E0201  Unknown key\n" in out
    assert sum(line.startswith("  E") for line in out.splitlines()) == len(Code)


def test_explanations_come_as_json_too(project: Folder) -> None:
    (only,) = project("explain", "E0201", "--json").json()["codes"]
    assert (only["code"], only["title"]) == ("E0201", "Unknown key")
    assert only["page"].startswith("# E0201: Unknown key\n")
    assert [each["code"] for each in project("explain", "--json").json()["codes"]] == list(Code)


def test_an_unknown_code_is_refused_with_the_nearest_one(project: Folder) -> None:
    ran = project("explain", "E020l")
    assert ran.code == 1
    assert "error[E0809]" in ran.err
    assert 'help: Did you mean "E0201"?' in ran.err
    assert "help: List them all: mpsjobs explain" in project("explain", "nonsense").err


def test_a_page_needs_no_project(project: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert project._run("explain", "E1001").code == 0


def test_a_wheel_brings_the_pages_along(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "installed")
    run = subprocess.run(
        [sys.executable, "-c", "from mpsjobs.cli import main; main()", "explain", "E0201"],
        cwd=tmp_path / "installed",
        env={"PYTHONPATH": str(tmp_path / "installed"), "PYTHONSAFEPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == (ROOT / "docs" / "errors" / "E0201.md").read_text(encoding="utf-8"), run.stderr
    assert len(list((tmp_path / "installed" / "mpsjobs" / "errors").glob("E*.md"))) == len(Code)
