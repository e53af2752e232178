"""From a branch to the director's ears and back: drafts are heard on an exported page, and what is decided there is applied after the merge."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.cli.test_drafts import git, ok, repository, state
from tests.conftest import Folder

__all__ = ["repository"]


def test_what_the_director_decides_on_a_drafted_branch_is_applied_after_the_merge_for_free(
    repository: Folder, tmp_path: Path, page: Page
) -> None:
    paid = len(repository.bill())
    ok(repository, "apply", "--draft", "--auto-approve")
    assert len(repository.bill()) == paid + 3
    ok(repository, "review", "--export", str(tmp_path / "public"))

    # The old sound beside the drafts; the second one is picked and approved, from a folder.
    page.goto(f"{(tmp_path / 'public' / 'index.html').as_uri()}#menu")
    expect(page.locator(".of-old .take")).to_have_count(1)
    drafts = page.locator(".of-new .take")
    expect(drafts).to_have_count(2)
    expect(drafts.locator(".badge", has_text="draft")).to_have_count(2)
    expect(page.locator(".reasons")).to_contain_text("WarmCold")
    page.keyboard.press("2")
    page.keyboard.press("a")
    page.keyboard.press("d")
    with page.expect_download() as picks:
        page.get_by_role("button", name="Download picks.json").click()
    picks.value.save_as(tmp_path / "picks.json")

    ok(repository, "pick", "--from", str(tmp_path / "picks.json"))
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "What the director decided")
    git(repository, "checkout", "--quiet", "main")
    git(repository, "merge", "--quiet", "louder")
    plan = ok(repository, "plan")
    assert re.search(r"\+ pick += 2", plan)
    assert "Nothing to pay." in plan
    ok(repository, "apply", "--auto-approve")

    assert len(repository.bill()) == paid + 3
    assets = state(repository)["assets"]
    assert {each["status"] for each in assets.values()} == {"ready"}
    assert (assets["menu"]["pick"], assets["menu"]["published"][0]["take"]) == (2, 2)
    repository.write(music="assets: {menu: {prompt: Slow, takes: 2}, boss: Dark}\n")
    refused = repository("plan")
    assert refused.code == 1
    assert "menu is approved, and would be regenerated" in refused.err
