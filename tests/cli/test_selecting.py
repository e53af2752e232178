"""Selection from the command line, on the bill: what is bought, what is left, and what stops an apply."""

from tests.conftest import Folder

SPEC = """\
defaults: {tags: [sfx]}
assets:
  a: {prompt: A calm theme, tags: [menu]}
  b: {prompt: A march, reference_audio: {asset: a}}
  c: A chase
  d: A waltz
"""


def test_tags_files_and_limits_choose_what_is_bought(project: Folder) -> None:
    project.write(music=SPEC)
    project.write(battle="assets: {e: {prompt: Drums, tags: [battle]}}\n")
    ran = project("apply", "--auto-approve", "--target", "file:specs/battle.yaml", "--target", "tag:menu")
    assert ran.code == 0
    assert len(project.ledger()) == 2
    plan = project("plan", "--json", "--exclude", "tag:menu", "--limit", "2").json()
    assert [change["address"] for change in plan["changes"] if change["kind"] == "generate"] == ["c", "d"]
    assert [each["address"] for each in plan["left_out"]] == ["b"]
    assert project("apply", "--auto-approve", "--exclude", "tag:menu", "--limit", "2").code == 0
    assert len(project.ledger()) == 4
    assert project.kinds()["b"] == "generate", "the next apply goes on"


def test_a_saved_plan_buys_what_the_selection_came_to_and_no_more(project: Folder) -> None:
    project.write(music=SPEC)
    assert project("plan", "--out", str(project.root / "p"), "--exclude", "a", "--limit", "1").code == 0
    assert project("apply", str(project.root / "p")).code == 0
    assert len(project.ledger()) == 1
    assert project.kinds() == {"a": "generate", "b": "generate", "c": "keep", "d": "generate"}


def test_a_pattern_that_stands_for_nothing_is_an_error_and_buys_nothing(project: Folder) -> None:
    project.write(music=SPEC)
    for option in ("--target", "--exclude", "--replace"):
        ran = project("apply", "--auto-approve", option, "chase.*")
        assert ran.code == 1
        assert "E0840" in ran.err
    assert not project.ledger()


def test_after_a_failure_nothing_more_is_submitted_and_the_next_apply_goes_on(project: Folder) -> None:
    songs = "".join(f"  z{number:02}: song number {number}\n" for number in range(40))
    project.write(music=f"assets:\n  a: mpsblockedword\n{songs}")
    events = project("apply", "--auto-approve", "--json", "--fail-fast").events()
    summary = events[-1]
    assert summary["exit_code"] == 3
    assert summary["unsent"] == 40 - len(project.ledger()) > 0
    assert summary["finished"] == len(project.ledger()), "what was in flight is collected"
    assert [event["type"] for event in events].count("stopping") == 1
    ran = project("apply", "--auto-approve", "--max-failures", "1", "--parallelism", "5")
    assert ran.code == 3, "what failed before is no failure of this run"
    assert len(project.ledger()) == 40


def test_detached_takes_cannot_be_counted(project: Folder) -> None:
    project.write(music=SPEC)
    ran = project("apply", "--auto-approve", "--detach", "--parallelism", "2")
    assert ran.code == 1
    assert "--parallelism" in ran.err
