"""`changed-since:REVISION`: what an asset means decides, not which files were touched."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import SETTINGS, Folder

SPEC = """\
assets:
  theme: {prompt: {file: theme.md}}
  cover: {prompt: on a flute, reference_audio: {asset: theme}}
  boss: {preset: loud, takes: 2}
  hum: {prompt: like this, reference_audio: {file: refs/hum.wav}}
  cue:
    for_each: {file: cues.csv, key: name}
    prompt: ${each.prompt}
"""
PROJECT = SETTINGS + "presets: {loud: {prompt: Dark drums}}\n"


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *identity, "-C", str(root), *arguments], check=True, capture_output=True, text=True
    ).stdout


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / "specs" / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def tracked(project: Folder) -> Folder:
    """A project in a folder of a repository, committed."""
    project.settings(PROJECT)
    write(
        project.root,
        music_yaml=SPEC,
        theme_md="Warm theme\n",
        cues_csv="name,prompt\ndoor,A door\ngate,A gate\n",
        refs__hum_wav="RIFF",
    )
    top = project.root.parent
    git(top, "init", "-q", "-b", "main")
    git(top, "add", project.root.name)
    git(top, "commit", "-q", "-m", "first")
    return project


def changed(project: Folder, revision: str = "main") -> set[str]:
    ran = project("plan", "--json", "--target", f"changed-since:{revision}")
    assert ran.code == 0, ran.err
    return {
        change["address"]
        for change in ran.json()["changes"]
        if "not selected" not in (change["message"] or "")
    }


def test_nothing_has_changed_since_the_commit_itself_however_its_files_are_laid_out(tracked: Folder) -> None:
    assert changed(tracked) == set()
    write(tracked.root, music_yaml="# a comment\n" + SPEC.replace("takes: 2", "takes: 2, tags: [x]"))
    (tracked.root / "specs" / "theme.md").rename(tracked.root / "specs" / "main-theme.md")
    text = (tracked.root / "specs" / "music.yaml").read_text()
    write(tracked.root, music_yaml=text.replace("theme.md", "main-theme.md"))
    assert changed(tracked) == set()


def test_whatever_an_asset_is_made_of_counts_and_nothing_else(tracked: Folder) -> None:
    root = tracked.root
    write(root, theme_md="Cold theme\n")
    assert changed(tracked) == {"theme", "cover"}, "a cover of another theme is another cover"
    write(root, theme_md="Warm theme\n", cues_csv="name,prompt\ndoor,A door\ngate,A heavy gate\n")
    assert changed(tracked) == {"cue.gate"}
    git(root, "checkout", "-q", ".")
    tracked.settings(PROJECT.replace("Dark drums", "Light drums"))
    assert changed(tracked) == {"boss"}
    git(root, "checkout", "-q", ".")
    write(root, refs__hum_wav="RIFFx")
    assert changed(tracked) == {"hum"}
    git(root, "checkout", "-q", ".")
    write(root, music_yaml=SPEC.replace("takes: 2", "takes: 2, prevent_retire: true") + "  new: A song\n")
    assert changed(tracked) == {"boss", "new"}


def test_an_earlier_revision_is_compared_with_the_working_tree(tracked: Folder) -> None:
    write(tracked.root, music_yaml=SPEC.replace("on a flute", "on a horn"))
    git(tracked.root, "commit", "-qam", "second")
    assert changed(tracked, "HEAD") == set()
    assert changed(tracked, "HEAD~1") == {"cover"}
    before = git(tracked.root, "status", "--porcelain")
    ran = tracked("apply", "--auto-approve", "--exclude", "changed-since:HEAD~1", "--target", "c*")
    assert ran.code == 0
    assert len(tracked.ledger()) == 2, "the two cues, and no cover"
    assert git(tracked.root, "status", "--porcelain").startswith(before)
    assert not list((tracked.root / ".mpsjobs" / "scratch").glob("revision-*"))


def test_a_project_that_was_not_there_yet_is_new_as_a_whole(tracked: Folder) -> None:
    top = tracked.root.parent
    git(top, "checkout", "-q", "--orphan", "empty")
    git(top, "rm", "-q", "-r", "--cached", ".")
    (top / "readme").write_text("x")
    git(top, "add", "readme")
    git(top, "commit", "-q", "-m", "empty")
    assert changed(tracked, "empty") == {"theme", "cover", "boss", "hum", "cue.door", "cue.gate"}


@pytest.mark.parametrize(
    ("revision", "code", "words"),
    [
        ("mian", "E0842", 'Did you mean "main"?'),
        ("-x", "E0842", "Name a branch"),
        ("", "E0842", "no git revision"),
    ],
)
def test_an_unknown_revision_is_an_error_with_a_way_on(
    tracked: Folder, revision: str, code: str, words: str
) -> None:
    ran = tracked("plan", "--target", f"changed-since:{revision}")
    assert ran.code == 1
    assert code in ran.err
    assert words in ran.err


def test_a_shallow_clone_says_how_to_fetch_the_rest(tracked: Folder, tmp_path: Path) -> None:
    write(tracked.root, music_yaml=SPEC.replace("on a flute", "on a horn"))
    git(tracked.root, "commit", "-qam", "second")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{tracked.root.parent}", str(clone))
    ran = tracked("-C", str(clone / tracked.root.name), "plan", "--target", "changed-since:HEAD~1")
    assert ran.code == 1
    assert "E0842" in ran.err
    assert "git fetch --unshallow" in ran.err


def test_without_git_or_with_specs_that_cannot_be_read_nothing_is_guessed(
    tracked: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tracked.root, music_yaml="assets: {a: {prompt: x, pormpt: y}}\n")
    git(tracked.root, "commit", "-qam", "broken")
    write(tracked.root, music_yaml=SPEC)
    ran = tracked("plan", "--target", "changed-since:main")
    assert ran.code == 1
    assert "E0843" in ran.err
    assert "specs/music.yaml" in ran.err
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    ran = tracked("plan", "--exclude", "changed-since:main")
    assert ran.code == 1
    assert "E0841" in ran.err
