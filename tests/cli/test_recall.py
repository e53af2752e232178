"""A plan without changes is said again as long as nothing that it depends on has changed. Each such thing is changed here."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mpsjobs.cli.app import run

SETTINGS = """\
project: aurora
provider: {kind: emulator, speed: 600, audio: stub}
defaults: {model: MiniMaxMusic, version: "2.6", format: mp3}
variables:
  mood: {default: calm}
environments:
  other: {}
"""
SPECS = """\
assets:
  menu: Warm theme, ${var.mood}
  boss: {prompt: {file: boss.md}}
"""
LONG_AGO = 1_700_000_000
IN_YEARS = 4_000_000_000
EXAMPLES = Path(__file__).parents[2] / "examples"


def mpsjobs(root: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "mpsjobs", *arguments],
        cwd=root,
        env={**os.environ, "MPSJOBS_LOG_LEVEL": "", "GITHUB_ACTIONS": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def kept(root: Path) -> set[str]:
    return {path.name for path in (root / ".mpsjobs/cache/said").glob("*.json")}


def settle(root: Path) -> None:
    """As if the last change had been made a while ago."""
    for folder, _, names in os.walk(root):
        for name in names:
            os.utime(Path(folder) / name, (LONG_AGO, LONG_AGO), follow_symlinks=False)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An applied project whose plan without changes is kept."""
    root = tmp_path_factory.mktemp("template")
    (root / "specs/more").mkdir(parents=True)
    (root / "mpsjobs.yaml").write_text(SETTINGS)
    (root / "specs/music.yaml").write_text(SPECS)
    (root / "specs/boss.md").write_text("Dark drums\n")
    assert run(("fmt", str(root))) == 0
    assert run(("-C", str(root), "apply", "--auto-approve")) == 0
    settle(root)
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "project", copy_function=shutil.copy2)
    where = tmp_path / "project"
    assert mpsjobs(where, "plan")[0] == 0
    assert len(kept(where)) == 1
    return where


def write(name: str, text: str) -> Callable[[Path], dict[str, str]]:
    def change(root: Path) -> dict[str, str]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        return {}

    return change


def outdated(root: Path) -> dict[str, str]:
    """The journal tells of one thing more: somebody else has applied, from other specs."""
    specs = root / "specs/music.yaml"
    written = specs.read_text()
    specs.write_text(f"{written}  new: Bright bells\n")
    assert run(("-C", str(root), "apply", "--auto-approve")) == 0
    specs.write_text(written)
    os.utime(specs, (LONG_AGO, LONG_AGO))
    return {}


def unlinked(root: Path) -> dict[str, str]:
    (root / "specs/boss.md").unlink()
    return {}


CHANGES: dict[str, Callable[[Path], dict[str, str]]] = {
    "a prompt in a spec": write("specs/music.yaml", SPECS.replace("Warm", "Cold")),
    "a prompt in a file": write("specs/boss.md", "Dark horns\n"),
    "a prompt's file that is gone": unlinked,
    "a new spec": write("specs/other.yaml", "assets: {new: Bright bells}\n"),
    "a new spec in a folder that was empty": write("specs/more/other.yaml", "assets: {new: Bright bells}\n"),
    "the settings": write("mpsjobs.yaml", SETTINGS.replace('"2.6"', '"2.0"')),
    "a variable's value": lambda _: {"MPSJOBS_VAR_mood": "wild"},
    "the environment of the project": lambda _: {"MPSJOBS_ENV": "other"},
    "a mistake in an environment of its own": write("mpsjobs.third.yaml", "nonsense: 1\n"),
    "a spec that belongs to a project of its own": write("specs/mpsjobs.yaml", SETTINGS),
    "what was done": outdated,
}


AT_LENGTH = {
    "a prompt in a spec",
    "a prompt's file that is gone",
    "a new spec in a folder that was empty",
    "the environment of the project",
    "a mistake in an environment of its own",
    "a spec that belongs to a project of its own",
}
"""Seen in the same way as one of the others, so they are tried with the long tests."""


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(change, id=name, marks=pytest.mark.slow if name in AT_LENGTH else ())
        for name, change in CHANGES.items()
    ],
)
def test_whatever_a_plan_depends_on_makes_it_look_anew(
    root: Path, change: Callable[[Path], dict[str, str]]
) -> None:
    environment = change(root)
    remembering = mpsjobs(root, "plan", **environment)
    assert remembering == mpsjobs(root, "plan", "--no-cache", **environment)
    assert remembering != (0, "No changes. All 2 assets are as the specs want them.\n", "")


def test_what_is_said_again_is_what_was_said_byte_by_byte_without_looking_at_anything_else(
    root: Path,
) -> None:
    for arguments in (["plan", "--json"], ["fmt", "--check"], ["validate"], ["-C", ".", "plan"]):
        first = mpsjobs(root, *arguments)
        assert mpsjobs(root, *arguments) == first
        assert mpsjobs(root, *arguments, "--no-cache") == first
    assert len(kept(root)) == 5
    (root / "sitecustomize.py").write_text("")
    broken = {"PYTHONPATH": str(root), "PYTHONPROFILEIMPORTTIME": "1"}
    mpsjobs(root, "plan", **broken)
    imported = mpsjobs(root, "plan", **broken)[2]
    assert "mpsjobs.cli.recall" in imported
    assert not any(name in imported for name in ("click", "pydantic", "ruamel", "mpsjobs.project"))


def test_nothing_is_kept_of_a_plan_with_changes_or_of_files_that_changed_just_now(root: Path) -> None:
    before = kept(root)
    (root / "specs/music.yaml").write_text(SPECS.replace("Warm", "Cold"))
    settle(root)
    assert "1 to regenerate" in mpsjobs(root, "plan")[1]
    spec = root / "specs/music.yaml"
    spec.write_text(SPECS + "\n")
    os.utime(spec, (IN_YEARS, IN_YEARS))  # as if just now, however long this machine takes to begin
    assert "No changes" in mpsjobs(root, "plan")[1]
    assert kept(root) == before
    settle(root)
    assert "No changes" in mpsjobs(root, "plan")[1]
    assert mpsjobs(root, "plan", "--no-cache")[1].startswith("No changes")


def test_a_damaged_memory_is_no_memory_and_old_ones_go(root: Path) -> None:
    folder = root / ".mpsjobs/cache/said"
    only = next(folder.iterdir())
    only.write_bytes(b'{"text": "lies", "code": 0, "inputs": [["sun", "", ""]]}')
    assert mpsjobs(root, "plan")[1].startswith("No changes")
    for number in range(40):
        (folder / f"{number}.json").write_text("{}")
    settle(root)
    assert mpsjobs(root, "plan", "--detailed-exitcode")[0] == 0
    assert len(kept(root)) == 16


def test_whatever_is_opened_and_however_following_it_breaks_nothing(root: Path) -> None:
    """Folders are listed by descriptors too, where a tree is removed."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], cwd=root, check=True)
    code, out, err = mpsjobs(root, "plan", "--target", "changed-since:HEAD")
    assert (code, err) == (0, "")
    assert out.startswith("No changes.")


@pytest.mark.slow
@pytest.mark.parametrize(
    "example", sorted(each.parent for each in EXAMPLES.glob("*/mpsjobs.yaml")), ids=lambda path: path.name
)
def test_of_every_example_a_plan_says_the_same_word_for_word_with_a_memory_and_without(
    example: Path, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(example, tmp_path / "project"))
    assert mpsjobs(root, "apply", "--auto-approve", "--quiet", "--max-generations", "1000")[0] == 0
    settle(root)
    for arguments in (["plan"], ["plan", "--json"], ["plan", "--format", "markdown"], ["plan", "--verbose"]):
        anew = mpsjobs(root, *arguments, "--no-cache")
        assert [mpsjobs(root, *arguments) for _ in range(2)] == [anew, anew]
    assert len(kept(root)) == 4
