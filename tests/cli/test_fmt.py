"""`mpsjobs fmt` and `mpsjobs schema` as a person, an editor and CI use them."""

import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import SETTINGS, Folder, Ran

UNTIDY = "assets:\n    a:\n        format: wav\n        prompt: x   # why\n"
TIDY = "assets:\n  a:\n    prompt: x   # why\n    format: wav\n"


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    return lambda data: monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def text(path: Path) -> str:
    return path.read_bytes().decode()


def test_fmt_writes_what_changes_and_names_it(project: Folder) -> None:
    project.settings(SETTINGS)
    project.write(a=UNTIDY, b=TIDY)
    ran = project("fmt")
    assert (ran.code, ran.err) == (0, "")
    assert [Path(line).name for line in ran.out.splitlines()] == ["a.yaml"]
    assert text(project.root / "specs" / "a.yaml") == TIDY
    assert project("fmt").out == ""


def test_fmt_changes_no_plan(project: Folder) -> None:
    project.write(
        a=UNTIDY, b="defaults: {takes: 2, version: '2.5'}\nassets: {z: y, x: {prompt: &p q, lyrics: *p}}\n"
    )
    assert project("apply", "--auto-approve").code == 0
    assert len(project("fmt").out.splitlines()) == 2
    assert set(project.kinds().values()) == {"keep"}


def test_check_writes_nothing_and_fails(project: Folder) -> None:
    project.write(a=UNTIDY, b=TIDY)
    ran = project("fmt", "--check")
    assert ran.code == 1
    assert [Path(line).name for line in ran.out.splitlines()] == ["a.yaml"]
    assert "1 of 3 files would change" in ran.err
    assert text(project.root / "specs" / "a.yaml") == UNTIDY
    project("fmt")
    assert project("fmt", "--check") == Ran(0, "", "")


def test_diff_shows_what_would_change(project: Folder) -> None:
    project.write(a=UNTIDY)
    ran = project("fmt", "--diff")
    assert ran.code == 0
    assert "-        prompt: x   # why\n" in ran.out
    assert "+    prompt: x   # why\n" in ran.out
    assert text(project.root / "specs" / "a.yaml") == UNTIDY
    assert project("fmt", "--check", "--diff").code == 1


def test_json(project: Folder) -> None:
    project.write(a=UNTIDY, b=TIDY, c="a: [")
    ran = project("fmt", "--json", "--check")
    document = ran.json()
    assert ran.code == 1
    assert [Path(name).name for name in document["changed"]] == ["a.yaml"]
    assert (document["unchanged"], document["written"]) == (2, False)
    assert document["diagnostics"][0]["severity"] == "error"


def test_a_file_with_mistakes_is_left_alone_and_the_others_are_formatted(project: Folder) -> None:
    broken = "assets:\n    a: x\n    a: y\n    b: !t z\n"
    project.write(a=UNTIDY, broken=broken)
    ran = project("fmt")
    assert ran.code == 1
    assert "broken.yaml:3:5" in ran.err
    assert "broken.yaml:4:8" in ran.err
    assert text(project.root / "specs" / "broken.yaml") == broken
    assert text(project.root / "specs" / "a.yaml") == TIDY


def test_settings_with_mistakes_are_formatted_all_the_same(project: Folder) -> None:
    project.settings("specs: [other/*.yaml]\nproject: x\nprovider: {speed: 1, kind: nothing}\n")
    (project.root / "other").mkdir()
    (project.root / "other" / "a.yaml").write_text(UNTIDY)
    assert project("fmt").code == 0
    assert text(project.root / "mpsjobs.yaml") == (
        "project: x\nspecs: [other/*.yaml]\nprovider: {kind: nothing, speed: 1}\n"
    )
    assert text(project.root / "other" / "a.yaml") == TIDY


def test_files_and_folders_can_be_named_without_a_project(
    mpsjobs: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / ".hidden").mkdir()
    files = [
        tmp_path / "one.yml",
        tmp_path / "deep" / "er" / "two.yaml",
        tmp_path / "deep" / ".hidden" / "three.yaml",
    ]
    for file in files:
        file.write_text(UNTIDY)
    ran = mpsjobs("fmt", str(files[0]), str(tmp_path / "deep"))
    assert ran.code == 0
    assert [text(file) for file in files] == [TIDY, TIDY, UNTIDY]
    assert mpsjobs("fmt", str(tmp_path / "none.yaml")).code == 1


def test_without_a_project_or_files_it_says_so(
    mpsjobs: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = mpsjobs("fmt")
    assert ran.code == 1
    assert "no project here" in ran.err


def test_stdin_comes_out_on_stdout(mpsjobs: Callable[..., Ran], stdin: Callable[[bytes], None]) -> None:
    stdin(UNTIDY.encode())
    assert mpsjobs("fmt", "-") == Ran(0, TIDY, "")
    stdin(b"specs: a\nproject: x")
    assert mpsjobs("fmt", "-", "--stdin-name", "mpsjobs.yaml").out == "project: x\nspecs: a\n"
    stdin(b"a: [")
    ran = mpsjobs("fmt", "-", "--stdin-name", "specs/x.yaml")
    assert (ran.code, ran.out) == (1, "")
    assert "specs/x.yaml:" in ran.err
    stdin(UNTIDY.encode())
    assert mpsjobs("fmt", "-", "--check").code == 1


def test_marks_of_other_systems_go(project: Folder) -> None:
    project.write(a="")
    file = project.root / "specs" / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + TIDY.replace("\n", "\r\n").encode())
    assert project("fmt", "--check").code == 1
    assert project("fmt").code == 0
    assert text(file) == TIDY


def test_permissions_and_links_stay(project: Folder, tmp_path: Path) -> None:
    project.write(a=UNTIDY)
    file = project.root / "specs" / "a.yaml"
    file.chmod(0o640)
    link = project.root / "specs" / "b.yaml"
    link.symlink_to("a.yaml")
    assert project("fmt", str(link)).code == 0
    assert link.is_symlink()
    assert text(file) == TIDY
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(path.name for path in file.parent.iterdir()) == ["a.yaml", "b.yaml"]


def test_a_file_that_cannot_be_written_is_as_it_was(project: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write(a=UNTIDY)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ran = project("fmt")
    assert ran.code == 1
    assert "No space left" in ran.err
    assert [path.name for path in (project.root / "specs").iterdir()] == ["a.yaml"]
    assert text(project.root / "specs" / "a.yaml") == UNTIDY


def test_what_init_makes_is_formatted_and_its_editor_lines_lead_to_the_schemas(
    mpsjobs: Callable[..., Ran], tmp_path: Path
) -> None:
    root = tmp_path / "new"
    root.mkdir()
    assert mpsjobs("-C", str(root), "init").code == 0
    assert mpsjobs("-C", str(root), "fmt", "--check") == Ran(0, "", "")
    for file in ("mpsjobs.yaml", "specs/soundtrack.yaml"):
        first = text(root / file).splitlines()[0]
        schema = (root / file).parent / first.removeprefix("# yaml-language-server: $schema=")
        assert schema.is_file()


def test_schema_prints_and_writes_with_the_models_of_the_project(project: Folder) -> None:
    project.settings("project: x\nmodels: {Mine: {versions: [v1]}}\n")
    assert '"Mine"' in project("schema", "spec").out
    assert project("schema", "settings").json()["required"] == ["project"]
    ran = project("schema", "--write")
    assert ran.code == 0
    assert '"Mine"' in text(project.root / "schemas" / "mpsjobs-spec.schema.json")
    listed = project("schema")
    assert (listed.code, "mpsjobs.yaml: the settings" in listed.out) == (0, True)


def test_schema_needs_no_project(
    mpsjobs: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mpsjobs("schema", "spec").json()["title"] == "A spec file of mpsjobs"
