"""The scheduler under a simulated clock: hours pass in milliseconds, and every rule can be counted."""

import random
import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mpsjobs.apply.lane import GIVE_UP_AFTER
from mpsjobs.apply.polling import Poll
from mpsjobs.apply.scheduler import STAGED_AHEAD, Collect, Release, Scheduler, Send, Stage
from mpsjobs.cloud.pacer import Pacer
from mpsjobs.model.ports import Backoff
from tests.apply.simulation import Cloud

RATE = 20


def scheduler() -> Scheduler:
    return Scheduler(Pacer(RATE), Pacer(RATE), random.Random(1).random)


@dataclass
class Quota:
    """So many requests in any second, for us and for somebody else who asks evenly until a time. Refused requests do not count."""

    others_per_second: float
    until: float = float("inf")
    ours: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    throttled: list[float] = field(default_factory=list)
    _admitted: deque[float] = field(default_factory=deque)
    _next: float = 0.013

    def __call__(self, _job: int, now: float) -> Backoff | None:
        while self._next < min(now, self.until):
            if self._admit(self._next):
                self.others.append(self._next)
            self._next += 1 / self.others_per_second
        (self.ours if self._admit(now) else self.throttled).append(now)
        return None if self.ours and self.ours[-1] == now else Backoff.THROTTLED

    def _admit(self, now: float) -> bool:
        while self._admitted and now - self._admitted[0] >= 1:
            self._admitted.popleft()
        if len(self._admitted) < RATE:
            self._admitted.append(now)
            return True
        return False


def per_second(times: list[float], start: float, end: float) -> float:
    return sum(start <= time < end for time in times) / (end - start)


def test_every_job_is_sent_once_and_collected() -> None:
    work = scheduler()
    for job in range(500):
        work.add_submit(job)
    cloud = Cloud(work, duration_s=lambda job: 30 + job % 60)
    cloud.run()
    assert sorted(cloud.ended) == list(range(500))
    assert len(cloud.sends) == 500


def test_submissions_are_evenly_spaced_and_never_above_the_limit() -> None:
    work = scheduler()
    for job in range(400):
        work.add_submit(job)
    cloud = Cloud(work, duration_s=lambda _: 60)
    cloud.run()
    assert all(later - earlier > 1.0 for earlier, later in zip(cloud.sends, cloud.sends[RATE:], strict=False))
    assert cloud.sends[-1] - cloud.sends[0] <= 399 / RATE * 1.03


def test_threads_that_wake_late_never_bring_too_many_into_one_second() -> None:
    chance = random.Random(7)
    work = scheduler()
    for job in range(600):
        work.add_submit(job)
    cloud = Cloud(work, lambda _: 60, latency_s=0.4, late=lambda: chance.choice([0.0, 0.001, 0.03, 0.2]))
    cloud.run()
    sends = sorted(cloud.sends)
    assert all(later - earlier > 1.0 for earlier, later in zip(sends, sends[RATE:], strict=False))


@pytest.mark.parametrize("staging_s", [0.05, 0.2, 0.5])
def test_the_rate_is_kept_however_long_it_takes_to_make_a_request_ready(staging_s: float) -> None:
    work = scheduler()
    for job in range(400):
        work.add_submit(job)
    cloud = Cloud(work, duration_s=lambda _: 60, staging_s=staging_s)
    cloud.run()
    assert cloud.sends[-1] - cloud.sends[100] <= 299 / RATE * 1.03


def test_waiting_tasks_hold_up_neither_submissions_nor_each_other() -> None:
    work = scheduler()
    for job in range(300):
        work.add_submit(job)
    cloud = Cloud(work, duration_s=lambda _: 600)
    cloud.run(until=20)
    assert work.running == 300


def test_polls_keep_to_their_own_limit() -> None:
    work = scheduler()
    for job in range(300):
        work.add_running(job, now=0.0, age_s=100)
    cloud = Cloud(work, duration_s=lambda _: 0, _started=dict.fromkeys(range(300), 0.0))
    cloud.run()
    assert all(later - earlier > 1.0 for earlier, later in zip(cloud.polls, cloud.polls[RATE:], strict=False))
    assert len(cloud.ended) == 300


def test_throttling_pauses_the_lane_and_loses_nothing() -> None:
    work = scheduler()
    for job in range(50):
        work.add_submit(job)
    refused: set[int] = set()

    def once(job: int, _now: float) -> Backoff | None:
        if job % 10 or job in refused:
            return None
        refused.add(job)
        return Backoff.THROTTLED

    cloud = Cloud(work, duration_s=lambda _: 5, refuse=once)
    cloud.run()
    assert sorted(cloud.ended) == list(range(50))


@pytest.mark.parametrize(("others", "latency_s"), [(10, 0.05), (10, 0.4), (4, 0.1), (15, 0.1)])
def test_a_quota_that_others_use_too_is_used_up_and_hardly_ever_exceeded(
    others: float, latency_s: float
) -> None:
    work = scheduler()
    for job in range(1500):
        work.add_submit(job)
    quota = Quota(others)
    cloud = Cloud(work, duration_s=lambda _: 5, refuse=quota, latency_s=latency_s)
    cloud.run(until=100)
    assert not cloud.gave_up
    start, end = 10, 100
    assert per_second(quota.ours, start, end) + per_second(quota.others, start, end) > 0.9 * RATE
    assert per_second(quota.others, start, end) > 0.9 * others
    settled = [time for time in quota.throttled if time >= start]
    assert len(settled) < 0.05 * len(quota.ours)
    assert len(quota.throttled) < 0.1 * len(quota.ours)


@pytest.mark.parametrize(("others", "within_s"), [(10, 25), (15, 45), (20, 120)])
def test_the_full_rate_is_back_soon_after_others_have_left(others: float, within_s: float) -> None:
    work, left_at = scheduler(), 60.0
    for job in range(4000):
        work.add_submit(job)
    quota = Quota(others, until=left_at)
    cloud = Cloud(work, duration_s=lambda _: 5, refuse=quota)
    cloud.run(until=left_at + within_s + 10)
    assert not cloud.gave_up
    assert per_second(quota.ours, left_at + within_s, left_at + within_s + 10) > 0.97 * RATE
    assert all(time < left_at + 1.1 for time in quota.throttled)


def test_requests_that_left_before_the_lane_went_slower_slow_it_once() -> None:
    submits = Pacer(RATE)
    work = Scheduler(submits, Pacer(RATE), random.Random(1).random)
    for job in range(10):
        work.add_submit(job)
    sent: list[int] = []
    now = 0.0
    while len(sent) < 5:
        for command in work.commands(now):
            if isinstance(command, Stage):
                work.staged(command.job, now)
            elif isinstance(command, Send):
                sent.append(command.job)
        now += 0.01
    for job in sent:
        assert work.not_created(job, Backoff.THROTTLED, now)
        now += 0.2
    assert submits.per_second == RATE * 0.95


def test_throttled_questions_are_asked_slower_and_none_is_dropped() -> None:
    polls = Pacer(RATE)
    work = Scheduler(Pacer(RATE), polls, random.Random(1).random)
    for job in range(3):
        work.add_running(job, now=0.0, age_s=100)
    now = 0.0
    asked: list[int] = []
    while len(asked) < 3:
        for command in work.commands(now):
            assert isinstance(command, Poll)
            asked.append(command.job)
            assert work.poll_failed(command.job, Backoff.THROTTLED, now + 0.01)
        now += 0.05
    assert sorted(asked) == [0, 1, 2]
    assert polls.per_second < RATE
    assert work.running == 3


@pytest.mark.parametrize("backoff", [Backoff.SHORT, Backoff.LONG])
def test_a_dead_network_is_given_up_after_a_bounded_number_of_tries(backoff: Backoff) -> None:
    work = scheduler()
    for job in range(1000):
        work.add_submit(job)
    cloud = Cloud(work, duration_s=lambda _: 5, refuse=lambda _job, _now: backoff)
    cloud.run()
    assert cloud.gave_up
    assert GIVE_UP_AFTER[backoff] <= len(cloud.sends) <= (GIVE_UP_AFTER[backoff] + 1) * STAGED_AHEAD


def test_after_stop_nothing_is_sent() -> None:
    work = scheduler()
    for job in range(10):
        work.add_submit(job)
    stages = [command for command in work.commands(0.0) if isinstance(command, Stage)]
    assert len(stages) == STAGED_AHEAD
    work.staged(stages[0].job, 0.0)
    work.stop()
    assert work.staged(stages[1].job, 0.0) is False
    assert list(work.commands(100.0)) == []
    assert work.sending == 0


def test_a_running_task_is_asked_for_less_often_the_older_it_gets() -> None:
    work = scheduler()
    work.add_running(0, now=0.0, age_s=0.0)
    cloud = Cloud(work, duration_s=lambda _: 200, _started={0: 0.0})
    cloud.run()
    gaps = [round(later - earlier, 6) for earlier, later in zip(cloud.polls, cloud.polls[1:], strict=False)]
    assert gaps == sorted(gaps)
    assert len(cloud.polls) < 30


def test_outputs_that_are_late_are_looked_for_again() -> None:
    work = scheduler()
    work.add_running(0, now=0.0, age_s=0.0)
    assert list(work.commands(0.0)) == [Poll(0)]
    work.finished(0)
    now = 0.0
    for tries in range(1, 4):
        assert list(work.commands(now)) == [Collect(0)]
        work.not_there_yet(0, now)
        assert work.tries(0) == tries
        assert list(work.commands(now)) == []
        wake = work.wake_at()
        assert wake is not None
        now = wake
    list(work.commands(now))
    work.ended(0)
    assert work.idle


@st.composite
def graphs(draw: st.DrawFn) -> list[set[int]]:
    """For each job the earlier ones that it comes after."""
    size = draw(st.integers(1, 40))
    return [draw(st.sets(st.integers(0, job - 1), max_size=4)) if job else set() for job in range(size)]


@given(graphs(), st.randoms(use_true_random=False))
def test_every_job_is_sent_after_all_that_it_comes_after_and_none_is_lost(
    after: list[set[int]], rng: random.Random
) -> None:
    work = scheduler()
    for job, before in enumerate(after):
        work.add_submit(job, before or None)
    durations = [rng.uniform(0, 100) for _ in after]
    bad = {job for job in range(len(after)) if rng.random() < 0.1}
    missing: set[int] = set()
    cloud = Cloud(work, duration_s=durations.__getitem__)

    def skip(job: int) -> bool:
        assert after[job] <= {*cloud.ended, *missing}, "released too early"
        if after[job] & (bad | missing):
            missing.add(job)
        return job in missing

    cloud.skip = skip
    cloud.run()
    assert {*cloud.ended, *missing} == set(range(len(after)))
    assert len(cloud.ended) + len(missing) == len(after)
    assert sorted(cloud.released) == [job for job, before in enumerate(after) if before]


def test_a_job_is_sent_as_soon_as_what_it_needs_is_there_and_waits_for_nothing_else() -> None:
    work = scheduler()
    work.add_submit(0)
    work.add_submit(1)
    work.add_submit(2, after=[0])
    cloud = Cloud(work, duration_s=lambda job: 500 if job == 1 else 10)
    cloud.run(until=100)
    assert 2 in cloud.ended
    assert 1 not in cloud.ended


def test_a_task_of_an_earlier_run_is_waited_for_too() -> None:
    work = scheduler()
    work.add_running(0, now=0.0, age_s=5.0)
    work.add_submit(1, after=[0])
    cloud = Cloud(work, duration_s=lambda _: 30, _started={0: -5.0})
    cloud.run()
    assert cloud.ended == [0, 1]


def test_a_refused_job_releases_what_comes_after_it() -> None:
    work = scheduler()
    work.add_submit(0)
    work.add_submit(1, after=[0])
    assert list(work.commands(0.0)) == [Stage(0)]
    work.staged(0, 0.0)
    assert list(work.commands(0.0)) == [Send(0)]
    work.refused(0)
    assert list(work.commands(0.1)) == [Release(1)]
    work.skipped(1)
    assert work.idle


def test_after_a_stop_nothing_is_released() -> None:
    work = scheduler()
    work.add_running(0, now=0.0, age_s=0.0)
    work.add_submit(1, after=[0])
    work.add_submit(2, after=[])
    work.close_submits()
    assert list(work.commands(0.0)) == [Poll(0)]
    work.ended(0)
    assert list(work.commands(1.0)) == []
    assert work.idle


def test_a_long_chain_costs_no_more_than_its_length() -> None:
    work = scheduler()
    for job in range(2000):
        work.add_submit(job, after=[job - 1] if job else None)
    cloud = Cloud(work, duration_s=lambda _: 0)
    cloud.run()
    assert cloud.ended == list(range(2000))


def big_run(jobs: int, **cloud: Any) -> tuple[Cloud, float]:
    """A run of tasks as they are in life: half of them take up to 90 seconds, some 15 minutes, a few fail. And the shortest time for it."""
    chance = random.Random(5)
    durations = [min(chance.lognormvariate(4.5, 0.6), 900) for _ in range(jobs)]
    failing = {job for job in range(jobs) if chance.random() < 0.02}
    work = scheduler()
    for job in range(jobs):
        work.add_submit(job)
    run = Cloud(work, durations.__getitem__, fails=failing.__contains__, collecting_s=0.3, **cloud)
    run.run()
    assert sorted(run.ended) == list(range(jobs))
    return run, max(job / RATE + took for job, took in enumerate(durations))


@pytest.mark.parametrize("list_lag_s", [0.0, 20.0])
def test_of_many_tasks_listings_show_what_is_done_and_few_are_asked_for(list_lag_s: float) -> None:
    run, shortest = big_run(6000, lists=True, list_lag_s=list_lag_s)
    assert run.now <= 1.03 * shortest
    assert len(run.polls) <= 0.45 * 6000
    assert run.pages <= 0.1 * 6000
    assert statistics.mean(run.delays_s.values()) <= 10 + list_lag_s


def test_where_listing_is_denied_tasks_are_asked_for_hardly_more_than_once_and_submitted_as_fast_as_that_allows() -> (
    None
):
    run, shortest = big_run(6000, lists=False)
    assert run.now <= 1.2 * shortest
    assert len(run.polls) <= 1.2 * 6000
    assert max(run.delays_s.values()) <= 600


def test_the_last_tasks_of_a_big_run_are_asked_for_as_those_of_a_small_one() -> None:
    run, _ = big_run(600, lists=True, list_lag_s=1e6)
    last = run.ended[-20:]
    assert statistics.mean(run.delays_s[job] for job in last) < 45
