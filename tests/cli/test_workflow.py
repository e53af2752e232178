"""A plan and an apply as steps of GitHub Actions."""

import re
from pathlib import Path

import pytest

from mpsjobs.cli.github import inert
from mpsjobs.cli.workflow import LARGEST_SUMMARY, fitting
from tests.conftest import Folder

HOSTILE = """\
assets:
  fine:
    prompt: |
      Calm
      ::error::gotcha
        ##[add-mask]gotcha
      %0A::warning::gotcha
  bad:
    prompt: |
      mpsblockedword
      ::set-output name=x::gotcha
"""
COMMAND = re.compile(r"^\s*::(\w+)", re.MULTILINE)


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the job's summary goes, on GitHub Actions."""
    file = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    return file


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::x", ": :error::x"),
        ("a\n\t ::error::x", "a\n\t : :error::x"),
        ("a\r::error::x", "a\r: :error::x"),
        ("\u2003::error::x", "\u2003: :error::x"),
        ("a ##[error]x", "a ## [error]x"),
        ("menu::error::x is no command", "menu::error::x is no command"),
    ],
)
def test_no_text_is_a_command_to_the_runner(text: str, shown: str) -> None:
    assert inert(text) == shown
    assert inert(shown) == shown


def test_failed_assets_are_annotated_where_they_are_written_and_hostile_texts_command_nothing(
    project: Folder, summary: Path
) -> None:
    project.write(music=HOSTILE)
    ran = project("apply", "--auto-approve")
    assert ran.code == 3
    both = f"{ran.out}\n{ran.err}"
    assert set(COMMAND.findall(both)) == {"group", "endgroup", "error"}
    assert "##[" not in both
    (annotation,) = [line for line in ran.err.splitlines() if line.startswith("::error")]
    assert annotation.startswith(
        "::error title=mpsjobs E1040,file=project/specs/music.yaml,line=8,col=3::bad: InvalidParameter.ViolationContent: "
    )
    assert "%0ARequestId " in annotation
    assert ran.err.count("::group::Progress\n") == ran.err.count("::endgroup::\n") == 1
    text = summary.read_text()
    assert "**Apply incomplete. 1 take generated, 1 failed.**" in text
    assert "| `bad` | 1 | `InvalidParameter.ViolationContent: " in text

    again = project("apply", "--auto-approve")
    assert again.code == 3
    assert "line=8,col=3::bad: failed: " in again.err, "it stays refused, and is told again"


def test_a_long_plan_is_a_closed_group_with_its_last_line_below_and_stands_in_the_summary(
    project: Folder, summary: Path
) -> None:
    project.write(music="assets:\n" + "".join(f"  a{number}: x{number}\n" for number in range(30)))
    ran = project("plan")
    lines = ran.out.splitlines()
    assert re.fullmatch(r"::group::Plan, \d+ lines", lines[0])
    assert lines[-2:] == ["::endgroup::", "Plan: 30 to generate. 30 generations to pay."]
    assert summary.read_text().startswith("<!-- mpsjobs plan: test -->\n## mpsjobs plan for `test`")
    before = summary.read_text()
    project.write(music="assets: {a: {promt: x}}\n")
    assert project("plan").code == 1
    assert summary.read_text().startswith(before)
    assert "E0201" in summary.read_text().removeprefix(before)


def test_json_stays_json_and_mistakes_are_annotated_beside_it(project: Folder, summary: Path) -> None:
    project.write(music=HOSTILE)
    ran = project("apply", "--auto-approve", "--json")
    assert {event["type"] for event in ran.events()} >= {"plan", "failed", "summary"}
    assert "::error title=mpsjobs E1040,file=project/specs/music.yaml,line=8" in ran.err
    project.write(music="assets: {a: {promt: x}}\n")
    ran = project("apply", "--auto-approve", "--json")
    assert ran.json()["type"] == "error"
    assert "::error title=mpsjobs E0201,file=project/specs/music.yaml,line=1,col=14::" in ran.err


def test_elsewhere_there_are_no_commands_and_no_summary(project: Folder, tmp_path: Path) -> None:
    project.write(music=HOSTILE)
    ran = project("apply", "--auto-approve")
    assert not re.search(r"^::(group|error title)", f"{ran.out}\n{ran.err}", re.MULTILINE)
    assert not (tmp_path / "summary.md").exists()


def test_a_summary_that_cannot_be_written_fails_nothing(
    project: Folder, summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary / "no" / "folder"))
    project.write(music="assets: {a: x}\n")
    ran = project("apply", "--auto-approve")
    assert ran.code == 0
    assert "The job's summary cannot be written" in ran.err


def test_the_summary_never_grows_beyond_what_github_takes() -> None:
    line = "| é |\n"
    assert fitting(line * 3, 1_000).decode() == f"{(line * 3).rstrip()}\n\n"
    cut = fitting(line * 300_000, LARGEST_SUMMARY)
    assert LARGEST_SUMMARY - 50 < len(cut) <= LARGEST_SUMMARY
    assert cut.decode().endswith("(cut: the log has all of it)\n\n")
    assert fitting(line, 10) == b"| \xc3\xa9 |\n\n"
    assert fitting(line * 9, 10) == b""


def test_quietly_there_are_only_errors_and_the_last_line(project: Folder) -> None:
    project.write(music=HOSTILE)
    plan = project("plan", "--quiet")
    assert (plan.out, plan.err) == ("Plan: 2 to generate. 2 generations to pay.\n", "")
    ran = project("apply", "--auto-approve", "-q")
    assert ran.out == "Apply incomplete. 1 take generated, 1 failed.\n"
    (line,) = ran.err.splitlines()
    assert line.startswith("failed: bad: InvalidParameter.ViolationContent: ")
    project.write(music="assets: {fine: Calm}\n")
    project("apply", "--auto-approve", "-q")
    assert project("apply", "-q").out == "No changes. The one asset is as the specs want it.\n"
    assert project("wait", "-q").out == "Nothing is running, and no answer is missing.\n"
