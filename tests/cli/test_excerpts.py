"""How a mistake looks: code, place, the line itself with carets, why, and how to mend it."""

import os
import pty
import subprocess
import sys
import unicodedata
from pathlib import Path

import click
import pytest

from mpsjobs.cli.excerpt import _SPEC_KEYS, WIDTH, Sources
from mpsjobs.model.diagnostics import Position
from mpsjobs.spec.documents import SpecFile
from tests.conftest import Folder


def shown(root: Path, text: str, column: int, line: int = 1) -> list[str]:
    (root / "a.yaml").write_text(text, encoding="utf-8", newline="")
    return [each.text for each in Sources(root).excerpt(Position("a.yaml", line, column))][1:]


def test_a_mistake_is_shown_with_its_line(project: Folder) -> None:
    project.write(music="assets:\n  theme: {promt: calm}\n")
    ran = project("validate")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[:5] == [
        'error[E0201]: Unknown key "promt"',
        "  --> specs/music.yaml:2:11",
        "   |",
        " 2 |   theme: {promt: calm}",
        "   |           ^^^^^",
    ]
    assert ran.err.splitlines()[5].startswith("  Keys of an asset: model, version, ")
    assert ran.err.splitlines()[-1] == '  help: Did you mean "prompt"?'


def test_the_other_place_is_named_too(project: Folder) -> None:
    project.write(music="assets:\n  a: x\n  a: y\n")
    assert "  ::: specs/music.yaml:2:3: first written here" in project("validate").err.splitlines()


def test_carets_stand_below_wide_letters_and_behind_tabs(tmp_path: Path) -> None:
    assert shown(tmp_path, "森林: 平静 x\n", 5) == ["森林: 平静 x", "      ^^^^"]
    assert shown(tmp_path, "a\tb: c\n", 3) == ["a   b: c", "    ^"]
    assert shown(tmp_path, "e\u0301a: b\n", 6) == ["e\u0301a: b", "    ^"]


def test_what_cannot_be_seen_or_turns_the_writing_around_is_spelled_out(tmp_path: Path) -> None:
    line, carets = shown(tmp_path, "a: \u202eevil\x1b[31m b\n", 4)
    assert line == "a: <U+202E>evil<U+001B>[31m b"
    assert carets == "   ^^^^^^^^"


def test_a_long_line_is_cut_around_the_place(tmp_path: Path) -> None:
    line, carets = shown(tmp_path, "x" * 5000 + " here " + "y" * 5000 + "\n", 5002)
    assert len(line) <= WIDTH + 2
    assert (line[0], line[-1]) == ("…", "…")
    assert line[carets.index("^") : len(carets)] == "here"


@pytest.mark.parametrize("column", [1, 3, 40, 4000, 8000])
def test_a_long_line_of_wide_letters_stays_within_the_width(tmp_path: Path, column: int) -> None:
    line, carets = shown(tmp_path, "静 " * 4000 + "\n", column)
    assert sum(2 if unicodedata.east_asian_width(char) == "W" else 1 for char in line) <= WIDTH + 2
    assert "^" in carets


def test_the_end_of_a_line_has_a_caret_behind_it(tmp_path: Path) -> None:
    assert shown(tmp_path, "a: [b\r\nc", 6) == ["a: [b", "     ^"]
    assert shown(tmp_path, "a\rb\n", 1, line=2) == ["b", "^"]


def test_a_line_that_is_not_there_is_not_shown(tmp_path: Path) -> None:
    assert shown(tmp_path, "a\n", 1, line=9) == []
    assert list(Sources(tmp_path).excerpt(Position("nowhere.yaml"))) == []
    assert list(Sources(None).excerpt(Position("a.yaml"))) == []


SECRETS = [
    'variables: {code: {default: "Hush Hush", allowed: [x], sensitive: true}}\n',
    "variables:\n  code:\n    sensitive: true\n    allowed: [x]\n    default: Hush Hush\n",
    '{"project": "p", "variables": {\n"code": {"sensitive": true, "allowed": ["x"],\n"default": "Hush Hush"}}}\n',
    "variables:\n  code:\n    sensitive: true\n    allowed: [x]\n    default: Hush Hush: [\nproject: p\n",
    "variables:\n  code:\n    sensitive: true\n    default:\n     - [Hush Hush]\n",
    "variables:\n  code:\n    sensitive: true\n    default: |\n      one\n       Hush Hush\n    alowed: 3\n",
]


@pytest.mark.parametrize("settings", SECRETS)
def test_no_excerpt_shows_the_value_of_a_sensitive_variable(project: Folder, settings: str) -> None:
    project.settings(settings if "project" in settings else f"project: p\n{settings}")
    project.write(music="assets: {a: x}\n")
    ran = project("validate")
    assert ran.code == 1
    assert "Hush" not in ran.out + ran.err
    assert "not shown" in ran.err
    folder = Sources(project.root)
    lines = (project.root / "mpsjobs.yaml").read_text().splitlines()
    for number in range(1, len(lines) + 1):
        assert not any("Hush" in each.text for each in folder.excerpt(Position("mpsjobs.yaml", number, 1)))


@pytest.mark.parametrize(
    "written",
    [
        "encryption: {key: HushHush}",
        "encryption:\n    key: HushHush",
        "encryption:\n    write: plain\n    key: HushHush",
        "encryption: {key_env: HushHush=}",
        "encryption:\n    key_env: HushHush=",
    ],
)
def test_no_excerpt_shows_a_key_that_somebody_wrote_into_the_settings(project: Folder, written: str) -> None:
    project.settings(f"project: p\nstate:\n  backend: file\n  {written}\n")
    ran = project("validate")
    assert (ran.code, "Hush" in ran.out + ran.err) == (1, False)
    assert "key_file" in ran.err or "MPSJOBS_STATE_KEY" in ran.err


def test_no_excerpt_shows_what_an_environment_or_a_file_sets_a_sensitive_variable_to(
    project: Folder, tmp_path: Path
) -> None:
    project.settings(
        "project: p\nvariables: {code: {sensitive: true, allowed: [x]}}\nenvironments:\n  prod:\n    variables:\n      code: Hush\n"
    )
    project.write(music="assets: {a: '${var.code}'}\n")
    assert "Hush" not in project("--env", "prod", "validate").err
    (project.root / "mpsjobs.dev.yaml").write_text("variables:\n  code: Hush\n  cod: Hush\n")
    ran = project("--env", "dev", "validate")
    assert ran.code == 1
    assert "Hush" not in ran.err
    values = tmp_path / "values.yaml"
    for text in ("code: Hush\n", "code: Hush\ncod: Hush\n", "code: Hush: [\n"):
        values.write_text(text)
        ran = project("validate", "--var-file", str(values))
        assert ran.code == 1
        assert "Hush" not in ran.err


def test_other_lines_of_a_project_with_sensitive_variables_are_shown(project: Folder) -> None:
    project.settings("project: p\nvariables:\n  code: {sensitive: true, default: Hush}\npolcy: {}\n")
    assert " 4 | polcy: {}" in project("validate").err


def test_colours_are_for_terminals_and_the_text_is_the_same(project: Folder) -> None:
    project.write(music="assets: {a: {promt: x}}\n")
    command = [sys.executable, "-m", "mpsjobs", "-C", str(project.root), "validate"]
    environment = {
        name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}
    } | {"TERM": "xterm"}
    piped = subprocess.run(command, capture_output=True, text=True, check=False, env=environment).stderr
    main, side = pty.openpty()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=side, env=environment) as process:
        os.close(side)
        seen = b""
        while chunk := _read(main):
            seen += chunk
        process.wait()
    os.close(main)
    coloured = seen.decode().replace("\r\n", "\n")
    assert "\x1b[" not in piped
    assert "\x1b[31m" in coloured
    assert click.unstyle(coloured) == piped


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end was closed
        return b""


def test_the_files_of_a_format_are_looked_for_where_the_user_stands(
    project: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(music="assets: [\n")
    monkeypatch.chdir(project.root / "specs")
    ran = project._run("fmt", "music.yaml")
    assert "  --> music.yaml:2:1" in ran.err
    project.write(music="a: {b\n c: [\nd\n")
    assert "|" in project._run("fmt", "music.yaml").err


def test_what_a_url_proves_a_right_with_is_not_shown(project: Folder) -> None:
    project.write(
        music='assets:\n  a: {prompt: x, reference_audio: {url: "https://u:hush@host/a.wav?sign=hush2&x=1", typo: 1}}\n'
    )
    ran = project("validate")
    assert ran.code == 1
    assert "https://*******host/a.wav****" in ran.err
    assert "hush" not in ran.out + ran.err


def test_every_key_of_a_spec_file_tells_it_from_a_file_of_variables() -> None:
    """A file without any of them may hold values of sensitive variables, and is not shown."""
    assert (
        frozenset(SpecFile.model_fields[name].alias or name for name in SpecFile.model_fields) == _SPEC_KEYS
    )
