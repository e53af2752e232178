"""SIGKILL while takes are deleted and the state is put right: the state never counts on what is gone, and once more finishes the job."""

import json
import signal
from pathlib import Path

import pytest

from tests.crash.conftest import Crashing
from tests.crash.points import points

GC = ("gc", "--older-than", "0s", "--auto-approve")
DESTROY = ("destroy", "--delete-outputs", "--auto-approve")


def objects(crashing: Crashing) -> set[str]:
    store = crashing.root / ".mpsjobs" / "store"
    return {file.relative_to(store).as_posix() for file in store.glob("*/takes/*/*")}


def counted_on(crashing: Crashing) -> set[str]:
    """The objects that the state says are there."""
    pulled = json.loads(crashing.run("state", "pull").stdout)
    return {
        f"{output['bucket']}/{output['key']}"
        for pool in pulled["takes"].values()
        for take in pool["takes"]
        if take["status"] != "deleted"
        for output in take["outputs"]
    }


def counted_on_after_a_rebuild(crashing: Crashing, elsewhere: Path) -> set[str]:
    """The same, had the state been lost and made again from the receipts."""
    for file in crashing.root.glob("mpsjobs.state*"):
        file.rename(elsewhere / file.name)
    assert crashing.run("state", "rebuild").returncode == 0
    found = counted_on(crashing)
    for file in crashing.root.glob("mpsjobs.state*"):
        file.unlink()
    for file in elsewhere.glob("mpsjobs.state*"):
        file.rename(crashing.root / file.name)
    return found


@pytest.fixture
def retired(few: Crashing) -> Crashing:
    """Three assets are there; then only the first is wanted."""
    assert few.apply().returncode == 0
    (few.root / "specs" / "songs.yaml").write_text("assets:\n  a0: song 0\n")
    assert few.apply().returncode == 0
    return few


@pytest.mark.parametrize(
    "point",
    points(
        ["within TakeDeleted:1", "before delete:2"],
        [
            *("before TakeDeleted:1", "after TakeDeleted:1"),
            *("before OutputsErased:1", "within OutputsErased:1", "after OutputsErased:1"),
            *("before RunStarted:1", "within RunStarted:1", "after RunStarted:1"),
            *("before RunFinished:1", "within RunFinished:1", "after RunFinished:1"),
            *("before delete:1", "after delete:1"),
            *("before save:1", "after save:1", "before snapshot rename:1"),
        ],
    ),
)
def test_killed_while_takes_are_deleted(retired: Crashing, tmp_path: Path, point: str) -> None:
    killed = retired.run(*GC, kill_at=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert counted_on(retired) <= objects(retired)
    if "delete" in point:
        assert counted_on_after_a_rebuild(retired, tmp_path) <= objects(retired)
    again = retired.run(*GC)
    assert again.returncode == 0, again.stderr
    assert counted_on(retired) == objects(retired)
    assert len(objects(retired)) == 1
    assert retired.run("plan", "--detailed-exitcode").returncode == 0


@pytest.mark.parametrize(
    "point",
    points(["before delete:2"], ["within AssetRetired:1", "after AssetRetired:1", "after TakeDeleted:1"]),
)
def test_killed_while_everything_is_destroyed(retired: Crashing, point: str) -> None:
    killed = retired.run(*DESTROY, kill_at=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert counted_on(retired) <= objects(retired)
    again = retired.run(*DESTROY)
    assert again.returncode == 0, again.stderr
    assert (objects(retired), counted_on(retired)) == (set(), set())


@pytest.mark.parametrize("when", points(["within"], ["before", "after"]))
@pytest.mark.parametrize(
    ("command", "event"),
    [(("state", "mv", "a*", "b*"), "AssetRecorded"), (("state", "rm", "a*"), "AssetForgotten")],
)
def test_killed_while_the_state_is_put_right(
    few: Crashing, command: tuple[str, ...], event: str, when: str
) -> None:
    assert few.apply().returncode == 0
    killed = few.run(*command, kill_at=f"{when} {event}:1")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    if when == "before":
        assert few.run(*command).returncode == 0
    assert few.apply().returncode == 0
    few.check()


@pytest.fixture
def left(few: Crashing) -> Crashing:
    """Three assets are published under other keys than before."""
    settings = few.root / "mpsjobs.yaml"
    for folder in ("music", "sounds"):
        lines = [line for line in settings.read_text().splitlines() if not line.startswith("defaults:")]
        publish = f"defaults: {{model: MiniMaxMusic, format: mp3, publish: '{folder}/${{asset.path}}.${{format}}'}}\n"
        settings.write_text("\n".join([*lines, publish]))
        assert few.apply().returncode == 0
    return few


@pytest.mark.parametrize(
    "point",
    points(
        ["within PublishedErased:2"],
        [
            *("before delete:1", "before delete:2", "after delete:3"),
            *("before PublishedErased:1", "within PublishedErased:1", "after PublishedErased:3"),
        ],
    ),
)
def test_killed_while_it_deletes_what_was_published_before_once_more_finishes_it(
    left: Crashing, point: str
) -> None:
    now = ("gc", "--published", "--older-than", "0s", "--auto-approve")
    killed = left.run(*now, kill_at=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = left.run(*now)
    assert again.returncode == 0, again.stderr
    bucket = left.root / ".mpsjobs" / "store" / "local-1250000000"
    assert not list((bucket / "music").rglob("*.mp3"))
    assert len(list((bucket / "sounds").rglob("*.mp3"))) == left.assets
    assert json.loads(left.run("state", "pull").stdout)["superseded"] == {}
    assert left.run("plan", "--detailed-exitcode").returncode == 0
