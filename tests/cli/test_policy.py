"""Policies at work: what breaches one submits nothing, which the emulator's ledger tells."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import SETTINGS, Folder

PRICES = "prices: {currency: USD, MiniMaxMusic: 0.1, GL: {3.0-pro: 1}}\n"
SPEC = "assets: {a: one, b: two, c: {prompt: in the style of someone, model: GL, version: 3.0-clip}}\n"


def test_a_breach_is_an_error_of_plan_and_of_apply_and_submits_nothing(project: Folder) -> None:
    project.settings(
        SETTINGS
        + PRICES
        + "policy: {max_cost_per_apply: 0.1, allow_models: [MinimaxMusic], deny_prompt: [style of]}\n"
    )
    project.write(music=SPEC)
    codes = ["E0820", "E0821", "E0825", "E0826"]
    planned = project("plan", "--json")
    assert planned.code == 1
    assert [each["code"] for each in planned.json()["diagnostics"]] == codes
    assert [each["line"] for each in planned.json()["diagnostics"]] == [None, None, 1, 1]
    ran = project("apply", "--auto-approve")
    assert ran.code == 1
    assert [code for code in codes if f"error[{code}]" in ran.err] == codes
    assert "specs/music.yaml:1:" in ran.err
    assert project.bill() == []
    project.write(music="assets: {a: one, b: two}\n")
    assert project("apply", "--auto-approve").code == 1
    assert project("apply", "--auto-approve", "--max-cost", "0.2").code == 0
    assert len(project.bill()) == 2


def test_what_is_paid_for_is_waited_for_whatever_the_policy_says_by_now(project: Folder) -> None:
    project.write(music="assets: {a: one}\n")
    assert project("apply", "--auto-approve", "--detach").code == 0
    project.settings(SETTINGS + "policy: {max_generations_per_apply: 0}\n")
    project.write(music="assets: {a: one, b: two}\n")
    ran = project("wait")
    assert (ran.code, "E0801" in ran.err) == (0, False)
    assert len(project.bill()) == 1


def test_a_budget_counts_retakes_and_takes_of_assets_that_are_gone(project: Folder) -> None:
    project.settings(SETTINGS + "policy: {budget: {generations: 3, per: month}}\n")
    project.write(music="assets: {a: one}\n")
    assert project("apply", "--auto-approve").code == 0
    assert project("apply", "--auto-approve", "--replace", "a").code == 0
    project.write(music="assets: {b: two, c: three}\n")
    ran = project("apply", "--auto-approve")
    assert ran.code == 1
    assert "error[E0822]: This plan pays for 2 generations; the budget of this month has 1 left." in ran.err
    assert len(project.bill()) == 2
    assert project("apply", "--auto-approve", "--target", "b").code == 0
    assert len(project.bill()) == 3


def test_a_saved_plan_is_held_against_the_policy_of_its_apply(
    project: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(music=SPEC)
    assert project("plan", "--out", str(tmp_path / "p")).code == 0
    policy = tmp_path / "policy.yaml"
    policy.write_text("max_generations_per_apply: 2\n")
    monkeypatch.setenv("MPSJOBS_POLICY", str(policy))
    ran = project("apply", str(tmp_path / "p"), "--max-generations", "10")
    assert ran.code == 1
    assert f"That is max_generations_per_apply of {policy}, and no flag goes beyond it." in ran.err
    assert project.bill() == []
    policy.write_text("max_generations_per_aply: 2\n")
    ran = project("apply", str(tmp_path / "p"))
    assert ran.code == 1
    assert f"{policy}:1:1" in ran.err
    monkeypatch.delenv("MPSJOBS_POLICY")
    assert project("apply", str(tmp_path / "p")).code == 0
    assert len(project.bill()) == 3


def test_in_ci_what_is_behind_is_not_applied(project: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> None:
        options = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        subprocess.run(
            ["git", "-C", str(project.root), *options, *arguments], check=True, capture_output=True
        )

    git("init")
    project.write(music="assets: {a: one}\n")
    git("add", "specs", "mpsjobs.yaml")
    git("commit", "-m", "old")
    project.write(music="assets: {a: one, b: two}\n")
    git("commit", "-am", "new")
    assert project("apply", "--auto-approve").code == 0
    assert "behind" not in project("plan").out
    git("checkout", "-q", "HEAD~1")
    planned = project("plan")
    assert planned.code == 0
    assert "*: behind: the commit that was applied last, " in planned.out
    monkeypatch.setenv("CI", "true")
    ran = project("apply", "--auto-approve")
    assert ran.code == 1
    assert "error[E0827]" in ran.err
    assert project("state", "list").out.count("ready") == 2
    assert project("apply", "--auto-approve", "--allow-behind").code == 0
    assert project("apply", "--auto-approve").code == 0
