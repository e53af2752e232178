"""SIGKILL while takes are published: the next apply puts what is missing, and nothing is paid for."""

import json
import signal
from hashlib import sha256

import pytest

from tests.conftest import ledger_of
from tests.crash.conftest import Crashing
from tests.crash.points import points

POINTS = points(
    ["after publish", "within AssetPublished"],
    ["before publish", "before AssetPublished", "after AssetPublished"],
)


def publish_as(crashing: Crashing, key: str) -> None:
    """Change the published key of all assets."""
    settings = crashing.root / "mpsjobs.yaml"
    lines = [line for line in settings.read_text().splitlines() if not line.startswith("defaults:")]
    lines.append(f"defaults: {{model: MiniMaxMusic, format: mp3, publish: '{key}'}}\n")
    settings.write_text("\n".join(lines))


def check(crashing: Crashing, folder: str, *left: str) -> None:
    """Each take is paid once and lies whole under its key, and so does what was left behind, if anything was."""
    assert len(ledger_of(crashing.url)) == crashing.assets
    state = json.loads((crashing.root / "mpsjobs.state.json").read_text())
    bucket = crashing.root / ".mpsjobs" / "store" / "local-1250000000"
    for address, record in state["assets"].items():
        (there,) = record["published"]
        assert there["key"] == f"{folder}/{address}.mp3"
        assert sha256((bucket / there["key"]).read_bytes()).hexdigest() == there["sha256"]
        (take,) = state["takes"][record["fingerprint"]]["takes"]
        assert there["attempt_id"] == take["attempt_id"]
        assert there["sha256"] == take["outputs"][0]["sha256"]
    assert sorted(each["key"] for each in state["superseded"].values()) == sorted(left)
    for key in left:
        assert (bucket / key).stat().st_size
    assert crashing.run("plan", "--detailed-exitcode").returncode == 0


@pytest.mark.parametrize("point", POINTS)
def test_killed_while_publishing_what_it_makes_the_next_apply_publishes_the_rest(
    few: Crashing, point: str
) -> None:
    publish_as(few, "music/${asset.path}.${format}")
    killed = few.apply(kill_at=f"{point}:2")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert few.apply().returncode == 0
    check(few, "music")


@pytest.mark.parametrize("point", POINTS)
def test_killed_while_moving_what_is_published_all_can_be_read_all_the_time(
    few: Crashing, point: str
) -> None:
    publish_as(few, "music/${asset.path}.${format}")
    assert few.apply().returncode == 0
    old = [f"music/a{number}.mp3" for number in range(few.assets)]
    bucket = few.root / ".mpsjobs" / "store" / "local-1250000000"
    before = {key: (bucket / key).read_bytes() for key in old}
    publish_as(few, "sounds/${asset.path}.${format}")
    killed = few.apply(kill_at=f"{point}:2")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert {key: (bucket / key).read_bytes() for key in old} == before
    assert few.apply().returncode == 0
    check(few, "sounds", *old)


@pytest.mark.slow
def test_killed_again_and_again_it_gets_there(few: Crashing) -> None:
    publish_as(few, "music/${asset.path}.${format}")
    kills = 0
    while kills < 12 and few.apply(kill_at="after AssetPublished:1").returncode == -signal.SIGKILL:
        kills += 1
    assert kills >= few.assets
    check(few, "music")


@pytest.mark.parametrize(
    "point",
    points(
        ["within TakeFinished"],
        ["before finish", "after finish", "before TakeFinished", "after TakeFinished"],
    ),
)
def test_killed_while_finishing_the_next_apply_makes_the_rest_and_publishes_it(
    few: Crashing, point: str
) -> None:
    publish_as(few, "music/${asset.path}.${format}")
    settings = few.root / "mpsjobs.yaml"
    settings.write_text(settings.read_text().replace("publish:", "master: {format: wav}, publish:"))
    killed = few.apply(kill_at=f"{point}:2")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert few.apply().returncode == 0
    assert len(ledger_of(few.url)) == few.assets
    state = json.loads((few.root / "mpsjobs.state.json").read_text())
    bucket = few.root / ".mpsjobs" / "store" / "local-1250000000"
    for address, record in state["assets"].items():
        (there,) = record["published"]
        assert there["key"] == f"music/{address}.wav"
        assert sha256((bucket / there["key"]).read_bytes()).hexdigest() == there["sha256"]
        (take,) = state["takes"][record["fingerprint"]]["takes"]
        ((finished,),) = (each["outputs"] for each in take["masters"])
        assert there["sha256"] == finished["sha256"]
    assert few.run("plan", "--detailed-exitcode").returncode == 0
