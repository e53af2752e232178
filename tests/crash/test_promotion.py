"""SIGKILL while takes are copied from another environment: the next apply copies what is missing, and nothing is paid for."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ledger_of
from tests.crash.conftest import Crashing
from tests.crash.points import points

ENVIRONMENTS = (
    "environments: {dev: {}, prod: {reuse_from: [dev], store: {prefix: prod}, policy: {generate: false}}}\n"
)


@pytest.fixture
def promoted(few: Crashing) -> Crashing:
    """Everything is ready in dev, and nothing in prod."""
    with (few.root / "mpsjobs.yaml").open("a") as settings:
        settings.write(ENVIRONMENTS)
    assert few.run("apply", "--env", "dev", "--auto-approve").returncode == 0
    return few


def prod(crashing: Crashing, *, kill_at: str | None = None) -> int:
    return crashing.run("apply", "--env", "prod", "--auto-approve", kill_at=kill_at).returncode


def takes(root: Path) -> list[dict[str, Any]]:
    pools = json.loads((root / "mpsjobs.prod.state.json").read_text())["takes"].values()
    return [take for pool in pools for take in pool["takes"]]


@pytest.mark.parametrize(
    "point",
    points(
        ["within TakeCopied"],
        ["before copy", "after copy", "before TakeCopied", "after TakeCopied", "after AssetRecorded"],
    ),
)
def test_killed_while_copying_the_next_apply_copies_the_rest(promoted: Crashing, point: str) -> None:
    assert prod(promoted, kill_at=f"{point}:2") == -signal.SIGKILL
    assert prod(promoted) == 0
    check(promoted)


@pytest.mark.slow
def test_killed_again_and_again_it_gets_there(promoted: Crashing) -> None:
    kills = 0
    while kills < 12 and prod(promoted, kill_at="after TakeCopied:1") == -signal.SIGKILL:
        kills += 1
    assert kills == promoted.assets
    check(promoted)


def check(promoted: Crashing) -> None:
    """Each take once in the ledger and once in prod, with its file."""
    assert len(ledger_of(promoted.url)) == promoted.assets
    copied = takes(promoted.root)
    assert {take["task_id"] for take in copied} == {task["TaskId"] for task in ledger_of(promoted.url)}
    assert len(copied) == promoted.assets
    store = promoted.root / ".mpsjobs" / "store"
    for take in copied:
        (output,) = take["outputs"]
        assert (store / output["bucket"] / output["key"]).stat().st_size == output["size"]
    names = {file.name for file in (promoted.root / "audio" / "prod").iterdir()}
    assert {f"a{number}.mp3" for number in range(promoted.assets)} <= names
    assert promoted.run("plan", "--env", "prod", "--detailed-exitcode").returncode == 0
