"""What keeps an apply from going on: failures, and how many takes may be in flight. Under a simulated clock."""

import random
from dataclasses import dataclass, field

from hypothesis import given, settings, strategies as st

from mpsjobs.apply.scheduler import Scheduler
from mpsjobs.cloud.pacer import Pacer
from tests.apply.simulation import Cloud

RATE = 20


def scheduler(*, in_flight: int | None = None, failures: int | None = None) -> Scheduler:
    chance = random.Random(1).random
    return Scheduler(Pacer(RATE), Pacer(RATE), chance, in_flight=in_flight, failures_left=failures)


@dataclass
class Failing(Cloud):
    """Whoever sees a task fail says so. Notes how many were in flight at most."""

    unsent: list[int] = field(default_factory=list)
    most: int = 0

    def _sent(self, job: int) -> None:
        super()._sent(job)
        self.most = max(self.most, self.scheduler.running)

    def _over(self, job: int) -> None:
        super()._over(job)
        if self.fails(job) and (unsent := self.scheduler.failed_once()) is not None:
            self.unsent.append(unsent)


def test_after_the_first_failure_nothing_is_sent_and_what_is_in_flight_is_collected() -> None:
    work = scheduler(failures=1)
    for job in range(100):
        work.add_submit(job)
    cloud = Failing(work, duration_s=lambda job: 1 if job == 3 else 30, fails=lambda job: job == 3)
    cloud.run()
    assert sorted(cloud.ended) == list(range(len(cloud.sends))), "all that was sent is collected"
    assert 3 < len(cloud.sends) < 60
    assert cloud.unsent == [100 - len(cloud.sends)]


def test_as_many_failures_are_borne_as_were_allowed_and_no_more() -> None:
    work = scheduler(failures=3)
    for job in range(400):
        work.add_submit(job)
    cloud = Failing(work, duration_s=lambda _: 2, fails=lambda job: job in {5, 50, 120, 121})
    cloud.run()
    assert cloud.sends[-1] > cloud.sends[50] + 3, "two failures stop nothing"
    assert cloud.unsent == [400 - len(cloud.sends)]


def test_jobs_that_wait_for_others_are_among_those_that_are_not_sent() -> None:
    work = scheduler(failures=1)
    work.add_submit(0)
    for job in range(1, 5):
        work.add_submit(job, after=[0])
    cloud = Failing(work, duration_s=lambda _: 2, fails=lambda job: job == 0)
    cloud.run()
    assert cloud.ended == [0]
    assert cloud.unsent == [4]


def test_without_failures_the_allowance_changes_nothing() -> None:
    work = scheduler(failures=1)
    for job in range(50):
        work.add_submit(job)
    cloud = Failing(work, duration_s=lambda _: 5)
    cloud.run()
    assert len(cloud.ended) == 50
    assert not cloud.unsent


@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(0, 6), st.integers(1, 40))
def test_never_more_takes_are_in_flight_than_said_and_all_are_made(
    most: int, running: int, jobs: int
) -> None:
    work = scheduler(in_flight=most)
    for job in range(jobs):
        work.add_submit(job)
    for job in range(1000, 1000 + running):
        work.add_running(job, now=0.0, age_s=0)
    started = dict.fromkeys(range(1000, 1000 + running), 0.0)
    cloud = Failing(work, duration_s=lambda job: 3 + job % 7, _started=started)
    cloud.run()
    assert len(cloud.ended) == jobs + running
    assert cloud.most <= max(most, running)


def test_the_places_in_flight_are_used_up() -> None:
    work = scheduler(in_flight=10)
    for job in range(100):
        work.add_submit(job)
    cloud = Failing(work, duration_s=lambda _: 20)
    cloud.run()
    assert cloud.most == 10
    assert 200 < cloud.now <= 250, "ten at a time; polls come late by a quarter of the age at the most"


def test_an_attempt_whose_answer_was_lost_holds_no_place() -> None:
    work = scheduler(in_flight=1)
    work.add_unknown(99, now=0.0, age_s=0)
    list(work.commands(0.0))  # it is being looked for
    for job in range(10):
        work.add_submit(job)
    cloud = Failing(work, duration_s=lambda _: 5)
    cloud.run(until=20)
    assert cloud.ended[:2] == [0, 1]
