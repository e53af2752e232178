"""A machine vanishes in mid-apply, with its folder and its home; another one finishes the job from the state in the bucket."""

import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.clouds import PERMANENT, cloud
from tests.crash.killed import POINTS, SHARED_POINTS
from tests.crash.machines import Team, clone
from tests.crash.points import points
from tests.s3 import S3Server


@pytest.fixture
def team(tmp_path: Path, s3_server: S3Server) -> Iterator[Callable[[int], Team]]:
    with cloud(tmp_path / "emulator", s3_server, PERMANENT) as running:

        def clones(assets: int, *, encrypted: bool = False) -> Team:
            a, b = (clone(tmp_path / name, running, assets, encrypted=encrypted) for name in "AB")
            return Team(a, b, assets)

        yield clones


EVERY_TIME = {"after Sending"}
ONCE = ("RunStarted", "RunFinished", "save", "rename", "snapshot", "head", "release", "hold")
NOT_HERE = {"before snapshot rename"}


@pytest.mark.parametrize(
    "point", points(sorted(EVERY_TIME), sorted({*POINTS, *SHARED_POINTS} - EVERY_TIME - NOT_HERE))
)
def test_a_machine_vanishes_at_a_point_and_another_one_finishes(
    team: Callable[[int], Team], point: str
) -> None:
    both = team(3)
    killed = both.a.apply(kill_at=f"{point}:{1 if point.endswith(ONCE) else 2}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    both.a.vanish()
    both.b.finish()
    both.b.check(both.assets)


@pytest.mark.parametrize(
    "point", points([], ["after SubmitIntended", "after Sending", "before head", "after snapshot"])
)
def test_of_an_encrypted_state_everything_is_found_as_well(team: Callable[..., Team], point: str) -> None:
    both = team(3, encrypted=True)
    killed = both.a.apply(kill_at=f"{point}:{1 if point.endswith(ONCE) else 2}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    both.a.vanish()
    both.b.finish()
    both.b.check(both.assets)


@pytest.mark.parametrize("seed", points([], [str(seed) for seed in range(1, 9)]))
def test_killed_on_one_machine_at_any_time_it_is_finished_from_another(
    team: Callable[[int], Team], seed: str
) -> None:
    """And the machine that comes back finds everything done."""
    both, rng = team(40), random.Random(seed)
    with both.a.start("apply", "--auto-approve") as process:
        assert process.stderr
        for _ in range(rng.randint(1, 20)):
            process.stderr.readline()
        process.kill()
        _, told = process.communicate()
    assert process.returncode == -signal.SIGKILL, told
    both.b.finish()
    both.b.check(both.assets)
    assert both.a.apply().returncode == 0
    both.a.check(both.assets)
