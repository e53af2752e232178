"""SIGKILL while takes are imported or deleted: the next apply goes on, pays for nothing, and nobody counts on what is gone."""

import signal
from typing import Any

import pytest

from tests.conftest import ledger_of
from tests.crash.conftest import Crashing
from tests.crash.points import points


def takes(crashing: Crashing) -> list[dict[str, Any]]:
    return [take for pool in crashing.state()["takes"].values() for take in pool["takes"]]


@pytest.fixture
def elsewhere(few: Crashing) -> Crashing:
    """Three tasks and an object that the state knows nothing of, and specs that import them."""
    assert few.apply().returncode == 0
    store = few.root / ".mpsjobs" / "store" / "local-1250000000"
    song = next((store / "takes").rglob("*.mp3"))
    (store / "old.mp3").write_bytes(song.read_bytes())
    for file in (*few.root.glob("mpsjobs.state*"), *(store / "receipts").rglob("*.json")):
        file.unlink()
    tasks = [
        f"{{to: a{number}, task_id: {task['TaskId']}}}" for number, task in enumerate(ledger_of(few.url))
    ]
    lines = [f"  - {each}\n" for each in [*tasks, "{to: a0, object: old.mp3}"]]
    (few.root / "specs" / "imports.yaml").write_text(f"import:\n{''.join(lines)}")
    return few


@pytest.mark.parametrize(
    "point",
    points(
        ["within TakeImported:2", "after adopt:1"],
        [
            *("before TakeImported:2", "after TakeImported:2"),
            *("before collect:2", "before OutputsRecorded:1", "after OutputsRecorded:1"),
        ],
    ),
)
def test_killed_while_importing_the_next_apply_imports_the_rest(elsewhere: Crashing, point: str) -> None:
    before = len(ledger_of(elsewhere.url))
    assert elsewhere.apply(kill_at=point).returncode == -signal.SIGKILL
    last = elsewhere.apply()
    assert last.returncode == 0, last.stderr
    assert len(ledger_of(elsewhere.url)) == before
    found = takes(elsewhere)
    assert sorted(take["imported"] for take in found) == [
        "object local-1250000000/old.mp3",
        *sorted(f"task {task['TaskId']}" for task in ledger_of(elsewhere.url)),
    ]
    assert {take["status"] for take in found} == {"done"}
    assert elsewhere.run("plan", "--detailed-exitcode").returncode == 0


@pytest.fixture
def unwanted(few: Crashing) -> Crashing:
    """Three assets whose outputs are to be deleted, gone from the specs."""
    specs = few.root / "specs" / "songs.yaml"
    specs.write_text(f"defaults: {{on_remove: delete}}\n{specs.read_text()}")
    assert few.apply().returncode == 0
    specs.write_text("assets: {kept: a song that stays}\n")
    return few


def songs(crashing: Crashing) -> int:
    return len(list((crashing.root / ".mpsjobs" / "store").rglob("takes/**/*.mp3")))


POINTS = points(
    ["within TakeDeleted:2", "after delete:2"],
    [
        *("before TakeDeleted:2", "after TakeDeleted:2", "before delete:2"),
        *("before AssetForgotten:1", "within AssetForgotten:2", "after AssetForgotten:2"),
    ],
)


@pytest.mark.parametrize("point", POINTS)
def test_killed_while_deleting_the_next_apply_deletes_the_rest(unwanted: Crashing, point: str) -> None:
    delete = ("apply", "--auto-approve", "--allow-delete")
    assert unwanted.run(*delete, kill_at=point).returncode == -signal.SIGKILL
    last = unwanted.run(*delete)
    assert last.returncode == 0, last.stderr
    assert songs(unwanted) == 1
    state = unwanted.state()
    assert (list(state["assets"]), state["retired"]) == (["kept"], {})
    assert sorted(take["status"] for take in takes(unwanted)) == ["deleted", "deleted", "deleted", "done"]
    assert unwanted.run("plan", "--detailed-exitcode").returncode == 0
    assert len(ledger_of(unwanted.url)) == 4


def test_nobody_counts_on_what_a_killed_run_may_have_deleted(unwanted: Crashing) -> None:
    killed = unwanted.run("apply", "--auto-approve", "--allow-delete", kill_at="after delete:1")
    assert killed.returncode == -signal.SIGKILL
    specs = unwanted.root / "specs" / "songs.yaml"
    specs.write_text("assets:\n  a0: song 0\n  a1: song 1\n  a2: song 2\n")
    last = unwanted.apply()
    assert last.returncode == 0, last.stderr
    state = unwanted.state()
    store = unwanted.root / ".mpsjobs" / "store"
    for record in state["assets"].values():
        usable = [take for take in state["takes"][record["fingerprint"]]["takes"] if take["status"] == "done"]
        assert usable
        for take in usable:
            for output in take["outputs"]:
                assert (store / output["bucket"] / output["key"]).exists()
