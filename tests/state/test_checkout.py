"""Where a checkout stands to the commit that was applied last, asked of real git."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mpsjobs.model.checkout import Standing
from mpsjobs.state.checkout import standing
from mpsjobs.state.identity import git_commit

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *arguments: str) -> str:
    options = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main")
    return subprocess.run(
        ["git", "-C", str(folder), *options, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(folder: Path, words: str) -> str:
    git(folder, "commit", "-q", "--allow-empty", "-m", words)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "repository" / "project"
    folder.mkdir(parents=True)
    git(folder.parent, "init", "-q")
    return folder


def test_a_commit_is_contained_or_the_checkout_is_behind(checkout: Path) -> None:
    old, new = commit(checkout, "old"), commit(checkout, "new")
    assert git_commit(checkout) == new
    assert standing(checkout, old) is standing(checkout, new) is Standing.AHEAD
    git(checkout, "checkout", "-q", old)
    assert standing(checkout, new) is Standing.BEHIND


def test_what_is_not_committed_does_not_matter(checkout: Path) -> None:
    last = commit(checkout, "last")
    (checkout / "mpsjobs.yaml").write_text("project: changed\n")
    assert standing(checkout, last) is Standing.AHEAD


def test_a_clone_that_is_cut_off_says_so(checkout: Path, tmp_path: Path) -> None:
    old = commit(checkout, "old")
    new = commit(checkout, "new")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{checkout.parent}", "shallow")
    assert standing(tmp_path / "shallow", old) is Standing.SHALLOW
    assert standing(tmp_path / "shallow", new) is Standing.AHEAD


def test_a_commit_that_nobody_knows_is_unknown(checkout: Path) -> None:
    commit(checkout, "here")
    assert standing(checkout, "0123456789" * 4) is Standing.UNKNOWN


@pytest.mark.parametrize("recorded", [None, "--exec=x", "HEAD", "0123456789" * 4])
def test_outside_of_git_and_without_a_commit_nothing_is_behind(tmp_path: Path, recorded: str | None) -> None:
    assert standing(tmp_path, recorded) is Standing.AHEAD
