"""Hear it before the merge: drafts on a branch, end to end. The bill is the emulator's ledger."""

import json
import subprocess
from typing import Any

import pytest

from tests.conftest import SETTINGS, Folder

MAIN = "assets: {menu: Warm, old: Flute}\n"
BRANCH = "assets: {menu: {prompt: Cold, takes: 2}, boss: Dark}\n"


def git(project: Folder, *arguments: str) -> str:
    command = ["git", "-c", "user.name=Someone", "-c", "user.email=someone@example.com", *arguments]
    ran = subprocess.run(command, cwd=project.root, check=True, capture_output=True, text=True)
    return ran.stdout.strip()


def state(project: Folder) -> Any:
    return json.loads((project.root / "mpsjobs.state.json").read_text())


def drafts(project: Folder) -> dict[str, list[bool]]:
    """Prompt → whether its takes are drafts."""
    pools = state(project)["takes"].values()
    return {pool["fields"]["prompt"]: [take["draft"] for take in pool["takes"]] for pool in pools}


def ok(project: Folder, *arguments: str) -> str:
    ran = project(*arguments)
    assert ran.code == 0, ran.out + ran.err
    return ran.out


@pytest.fixture
def repository(project: Folder) -> Folder:
    """A repository whose main branch is applied, and a branch `louder` on top of it, checked out."""
    project.settings(SETTINGS.replace("format: mp3", "format: mp3, publish: 'music/${asset.path}.${format}'"))
    project.write(music=MAIN)
    (project.root / ".gitignore").write_text(".mpsjobs/\naudio/\nmpsjobs.state.json*\npicks.json\npublic/\n")
    git(project, "init", "--quiet", "--initial-branch", "main")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "The menu")
    ok(project, "apply", "--auto-approve")
    git(project, "checkout", "--quiet", "-b", "louder")
    project.write(music=BRANCH)
    git(project, "commit", "--quiet", "--all", "--message", "Louder")
    return project


def test_a_draft_of_a_branch_is_adopted_after_the_merge_and_nothing_is_paid_twice(repository: Folder) -> None:
    before, bill = state(repository), repository.bill()
    planned = repository("plan", "--draft", "--json").json()
    assert planned["draft"]
    assert {each["address"]: each["kind"] for each in planned["changes"]} == {
        "boss": "generate",
        "menu": "generate",
    }
    shown = ok(repository, "plan", "--draft")
    assert shown.startswith(
        "As a draft, mpsjobs will do the following (emulator); nothing that is in use changes:"
    )

    done = ok(repository, "apply", "--draft", "--auto-approve")
    assert "Draft complete! 3 takes generated; an apply after the merge adopts" in done
    assert len(repository.bill()) == len(bill) + 3
    after = state(repository)
    for same in ("assets", "retired", "superseded", "commit"):
        assert after[same] == before[same]
    assert drafts(repository) == {"Warm": [False], "Flute": [False], "Cold": [True, True], "Dark": [True]}
    commit = git(repository, "rev-parse", "HEAD")
    assert {t["draft_commit"] for p in after["takes"].values() for t in p["takes"] if t["draft"]} == {commit}
    assert "Every take that the specs ask for is there" in ok(
        repository, "apply", "--draft", "--auto-approve"
    )

    git(repository, "checkout", "--quiet", "main")
    assert repository("plan", "--detailed-exitcode").code == 0
    git(repository, "merge", "--quiet", "louder")
    plan = repository("plan", "--json").json()
    assert plan["summary"]["generations"] == 0
    assert {each["address"]: each["kind"] for each in plan["changes"]} == {
        "boss": "restore",
        "menu": "restore",
        "old": "retire",
    }
    assert "adopts drafts, free: takes 1 and 2" in plan["changes"][1]["message"]
    ok(repository, "apply", "--auto-approve")
    assert len(repository.bill()) == len(bill) + 3
    assert {each["status"] for each in state(repository)["assets"].values()} == {"ready"}
    assert drafts(repository) == {"Warm": [False], "Flute": [False], "Cold": [False, False], "Dark": [False]}


def test_drafts_that_nobody_adopted_are_known_to_gc_and_no_others(repository: Folder) -> None:
    repository.write(music="assets: {menu: {prompt: Warm, takes: 2}, boss: Dark}\n")
    ok(repository, "apply", "--draft", "--auto-approve")
    assert drafts(repository)["Warm"] == [False, True]
    gc = ("gc", "--drafts", "--older-than", "0s")
    assert "nothing to delete" in ok(repository, *gc, "--dry-run"), "the specs ask for them"
    git(repository, "checkout", "--quiet", "--force", "main")
    shown = ok(repository, *gc, "--dry-run")
    assert [line.split()[1] for line in shown.splitlines() if "draft of" in line] == ["boss#1", "menu#2"]
    assert "nothing to delete" in ok(repository, "gc", "--drafts")
    assert "nothing to delete" in ok(repository, "gc", "--older-than", "0s")
    ok(repository, *gc, "--auto-approve")
    assert repository("plan", "--detailed-exitcode").code == 0
    statuses = [take["status"] for pool in state(repository)["takes"].values() for take in pool["takes"]]
    assert sorted(statuses) == ["deleted", "deleted", "done", "done"]


def test_a_branch_that_is_behind_is_drafted_in_ci_and_a_lost_state_knows_its_drafts(
    repository: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repository, "checkout", "--quiet", "main")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "Main goes on")
    repository.write(music=MAIN.replace("Flute", "Oboe"))
    ok(repository, "apply", "--auto-approve")
    git(repository, "checkout", "--quiet", "--force", "louder")
    monkeypatch.setenv("CI", "true")
    assert "behind" in repository("apply", "--auto-approve").err
    assert "behind" not in ok(repository, "plan", "--draft")
    ok(repository, "apply", "--draft", "--auto-approve")
    bill, before = repository.bill(), drafts(repository)
    for file in repository.root.glob("mpsjobs.state.json*"):
        file.unlink()
    ok(repository, "state", "rebuild")
    assert drafts(repository) == before
    assert sorted(state(repository)["assets"]) == ["menu", "old"]
    assert repository("plan", "--json").json()["summary"]["generations"] == 0
    assert repository.bill() == bill


def test_a_draft_keeps_to_the_budget_and_takes_nothing_away(repository: Folder) -> None:
    bill = repository.bill()
    repository.settings(f"{SETTINGS}policy: {{max_generations_per_apply: 2}}\n")
    refused = repository("apply", "--draft", "--auto-approve")
    assert refused.code == 1
    assert "3 generations" in refused.err
    for more in (["--replace", "menu"], ["--detach"]):
        assert repository("apply", "--draft", "--auto-approve", *more).code == 1
    assert repository.bill() == bill


def test_decisions_of_two_branches_about_different_assets_merge_by_themselves(project: Folder) -> None:
    settings = (project.root / "mpsjobs.yaml").read_text()
    (project.root / "mpsjobs.yaml").unlink()
    assert project("init").code == 0
    project.settings(settings)
    project.write(soundtrack="assets: {boss: {prompt: Dark, takes: 2}, menu: Warm}\n")
    assert project("apply", "--auto-approve").code == 0
    git(project, "init", "--quiet", "--initial-branch", "main")
    decisions = {"one": ("approve", "menu"), "two": ("pick", "boss", "2"), "three": ("pick", "boss", "1")}
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "The menu")
    for branch, decision in decisions.items():
        git(project, "checkout", "--quiet", "-b", branch, "main")
        assert project(*decision).code == 0
        git(project, "add", "--all")
        git(project, "commit", "--quiet", "--message", branch)
    git(project, "merge", "--quiet", "--no-edit", "one")
    assert project("validate").code == 0
    text = (project.root / "mpsjobs.picks.yaml").read_text()
    assert text.count("menu: {take: 1") == text.count("boss: {take: 1") == 1
    git(project, "merge", "--quiet", "--no-edit", "two")
    ran = project("validate")
    assert ran.code == 1
    assert 'The key "boss" is there twice' in ran.err
