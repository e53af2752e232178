"""SIGKILL before, within and after every durable step; then one more apply finishes the job and nothing was paid twice."""

import random
import signal
import subprocess
from collections import Counter
from collections.abc import Callable

import pytest

from tests.conftest import ledger_of
from tests.crash.conftest import Crashing, script
from tests.crash.killed import POINTS, TROUBLES
from tests.crash.points import points

NEVER_LEFT = {"after Sending", "before send"}
"""Between the mark and the last byte nobody can know afterwards: here the user is asked. (A kill elsewhere may hit another request there.)"""


EVERY_TIME = {
    "after SubmitIntended",
    "after Sending",
    "before send",
    "after send",
    "within TaskSubmitted",
    "before OutputsRecorded",
    "before snapshot rename",
}
"""The points where most is at stake run with every test run, the others with the long ones."""


@pytest.mark.parametrize("point", points(sorted(EVERY_TIME), sorted(set(POINTS) - EVERY_TIME)))
def test_killed_at_a_point_the_next_apply_finishes_the_job(few: Crashing, point: str) -> None:
    kill_at = f"{point}:{1 if point.endswith(('RunStarted', 'RunFinished', 'save', 'rename')) else 2}"
    killed = few.apply(kill_at=kill_at)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    asked = few.finish()
    assert asked or point not in NEVER_LEFT
    few.check()


@pytest.mark.parametrize(
    "point", points(["after TaskSubmitted:1"], ["after SubmitIntended:1", "before OutputsRecorded:1"])
)
def test_killed_again_and_again_during_its_own_recovery(few: Crashing, point: str) -> None:
    kills = 0
    while kills < 12 and few.apply(kill_at=point).returncode == -signal.SIGKILL:
        kills += 1
    assert kills
    few.finish()
    few.check()


def bill(crashing: Crashing) -> Counter[str]:
    return Counter(task["request"]["Prompt"] for task in ledger_of(crashing.url))


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "within", "after"])
@pytest.mark.parametrize("event", TROUBLES)
def test_killed_in_trouble_the_next_applies_mend_it(in_trouble: Crashing, when: str, event: str) -> None:
    killed = in_trouble.apply(kill_at=f"{when} {event}:1")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    in_trouble.apply()
    in_trouble.apply()
    unanswered = "unresolved" in in_trouble.run("plan").stdout
    assert not unanswered or event in {
        "SubmitWithdrawn",
        "SubmitRefused",
    }  # the answer was known, and died with the run
    last = in_trouble.run("apply", "--auto-approve", *(["--resubmit-unknown"] if unanswered else []))
    assert last.returncode == 3  # the refused one stays refused
    assert bill(in_trouble) == {"once": 1, "song 0": 1, "song 1": 2, "song 2": 1}
    state = in_trouble.state()
    assert {address: record["status"] for address, record in state["assets"].items()} == {
        "a0": "ready",
        "a1": "ready",
        "a2": "ready",
    }
    assert list(state["retired"]) == ["gone"]


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "within", "after"])
def test_killed_while_a_lost_take_is_given_up_it_is_bought_again_once(few: Crashing, when: str) -> None:
    script(few.url, {"fault": "create-and-never-write", "match": "song 0"})
    assert few.apply().returncode == 3
    again = ("apply", "--auto-approve", "--resubmit-unknown")
    assert few.run(*again, kill_at=f"{when} AttemptAbandoned:1").returncode == -signal.SIGKILL
    assert few.run(*again).returncode == 0
    assert bill(few) == {"song 0": 2, "song 1": 1, "song 2": 1}
    assert few.run("plan", "--detailed-exitcode").returncode == 0


def kill_at_random(crashing: Crashing, kills: int, seed: int) -> int:
    """Start so many applies and kill each after a random time; returns how many died before they were done."""
    rng = random.Random(seed)
    died = 0
    for _ in range(kills):
        with crashing.start("apply", "--auto-approve") as process:
            try:
                process.communicate(timeout=rng.uniform(0.2, 1.2))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
            died += process.returncode == -signal.SIGKILL
    return died


def test_killed_at_random_times(many: Crashing) -> None:
    assert kill_at_random(many, kills=8, seed=1) > 4
    many.finish()
    many.check()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_killed_at_random_times_at_length(
    many: Crashing, seed: int, record_property: Callable[[str, object], None]
) -> None:
    record_property("kills", kill_at_random(many, kills=20, seed=100 + seed))
    record_property("asked", many.finish())
    many.check()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_times_in_bad_weather(in_bad_weather: Crashing, seed: int) -> None:
    kill_at_random(in_bad_weather, kills=15, seed=200 + seed)
    in_bad_weather.finish()
    in_bad_weather.check()
