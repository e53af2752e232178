"""Drift on a real store, on the bill: what is missing or changed behind our back, and what comes of it."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.applied import applied_project
from tests.conftest import Folder

SPEC = """\
defaults: {publish: "music/${asset.path}.${format}"}
assets:
  a: A calm theme
  b: {prompt: A march, depends_on: [a]}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return applied_project(tmp_path_factory.mktemp("drift"), SPEC)


@pytest.fixture
def applied(made: Path, project: Folder) -> Folder:
    """Its files have other times and numbers than those that were recorded, as after any copy: the content counts."""
    shutil.copytree(made, project.root, dirs_exist_ok=True)
    return project


def store(project: Folder) -> Path:
    return project.root / ".mpsjobs" / "store" / "local-1250000000"


def output_of(project: Folder, address: str) -> Path:
    """The file of the first take of an asset."""
    state = json.loads((project.root / "mpsjobs.state.json").read_text())
    pool = state["takes"][state["assets"][address]["fingerprint"]]
    return store(project) / str(pool["takes"][0]["outputs"][0]["key"])


def left_out(project: Folder, *options: str) -> dict[str, bool]:
    return {
        each["address"]: each["missing"] for each in project("plan", "--json", *options).json()["left_out"]
    }


def test_a_copied_store_has_nothing_missing_and_nothing_changed(applied: Folder) -> None:
    ran = applied("apply", "--auto-approve")
    assert ran.code == 0
    assert "Risks" not in ran.out
    assert "4 of 4 objects in use are there and unchanged" in applied("refresh").err


def test_what_is_missing_is_never_bought_again_without_a_yes_of_its_own(applied: Folder) -> None:
    output_of(applied, "a").unlink()
    assert set(applied.kinds().values()) == {"keep"}, "a plan does not look by itself"
    ran = applied("apply", "--auto-approve")
    assert ran.code == 3
    assert "a: take 1 is missing in the store" in ran.out
    assert left_out(applied) == {}, "apply only tells"
    assert left_out(applied, "--refresh") == {"a": True}

    assert applied("refresh").code == 3
    for command in (("apply", "--auto-approve"), ("apply", "--auto-approve", "--target", "failed:")):
        assert applied(*command).code == 3
    assert left_out(applied) == {"a": True}
    assert len(applied.ledger()) == 2

    plan = applied("plan", "--json", "--regenerate-missing").json()
    assert {each["address"]: each["kind"] for each in plan["changes"]} == {"a": "regenerate", "b": "keep"}
    assert applied("apply", "--auto-approve", "--regenerate-missing").code == 0
    assert len(applied.ledger()) == 3
    assert applied("apply", "--auto-approve", "--regenerate-missing").code == 0
    assert len(applied.ledger()) == 3, "it is bought once"
    assert "take 1 is missing in the store" in applied("history", "a").out


def test_an_object_that_is_there_again_is_used_again(applied: Folder) -> None:
    file = output_of(applied, "a")
    aside = file.rename(applied.root / "aside")
    assert applied("refresh", "--target", "b").code == 0, "nobody asked for a"
    assert applied("refresh").code == 3
    assert json.loads(applied("state", "show", "a").out)["status"] == "failed"
    aside.rename(file)
    assert applied("refresh").code == 0
    assert json.loads(applied("state", "show", "a").out)["status"] == "ready"
    assert applied("apply", "--auto-approve", "--regenerate-missing").code == 0
    assert len(applied.ledger()) == 2


def test_a_missing_copy_is_published_again_for_free_and_a_changed_one_is_left_alone(applied: Folder) -> None:
    copy, other = store(applied) / "music" / "a.mp3", store(applied) / "music" / "b.mp3"
    content = copy.read_bytes()
    copy.unlink()
    other.write_bytes(b"somebody's own")
    flagged = applied("apply", "--auto-approve")
    assert flagged.code == 0
    assert "a: its published copy is missing" in flagged.out
    assert "was changed from outside" in flagged.out
    assert not copy.exists()
    assert applied("apply", "--auto-approve", "--refresh").code == 0
    assert copy.read_bytes() == content
    assert other.read_bytes() == b"somebody's own"
    assert len(applied.ledger()) == 2


def test_a_saved_plan_that_looked_does_what_it_says(applied: Folder) -> None:
    output_of(applied, "a").unlink()
    (store(applied) / "music" / "b.mp3").unlink()
    assert applied("plan", "--refresh", "--regenerate-missing", "--out", str(applied.root / "p")).code == 0
    assert applied("apply", str(applied.root / "p"), "--refresh").code == 1
    ran = applied("apply", str(applied.root / "p"))
    assert ran.code == 0, ran.out + ran.err
    assert (store(applied) / "music" / "b.mp3").exists()
    assert len(applied.ledger()) == 3


def test_a_changed_output_is_told_with_what_differs(applied: Folder) -> None:
    output_of(applied, "b").write_bytes(b"x")
    risks = applied("plan", "--refresh", "--json").json()["risks"]
    assert [each["address"] for each in risks] == ["b"]
    assert "1 bytes instead of" in risks[0]["summary"]
    assert set(applied.kinds().values()) == {"keep"}
