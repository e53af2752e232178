"""The lock in a bucket, raced for on real servers: no two ever hold it at once, and in every round somebody gets it."""

import multiprocessing
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mpsjobs.cloud.clock import SystemClock
from mpsjobs.model.diagnostics import LockHeldError, StateError
from mpsjobs.model.ports import Condition, ObjectRef, ObjectStore
from mpsjobs.state.shared import Shared
from mpsjobs.state.shared_lock import SharedLock, Terms
from tests.s3 import S3Server, s3_store
from tests.s3_proxy import resolving, s3_proxy
from tests.state_places import BUCKET, KEY, REGION

TERMS = Terms(trust_s=0.2, settle_s=0.5, beat_s=0.5, ttl_s=30, poll_s=0.05)
CONDITIONS = {"s3": Condition.IF_NONE_MATCH, "cos": Condition.FORBID_OVERWRITE, "plain": None}

Held = tuple[int, float, float]
"""Round, and from when to when somebody might have acted; the machine's steady clock."""


def race(objects: ObjectStore, condition: Condition | None, rounds: int, barrier: Any) -> list[Held]:
    """Try to get the lock once a round, at the same moment as all others."""
    clock, held = SystemClock(), []
    shared = Shared(lambda: objects, ObjectRef(BUCKET, REGION, KEY), clock)
    for number in range(rounds):
        lock = SharedLock(shared, clock, "1", TERMS)
        barrier.wait()
        try:
            lock.acquire("race", timeout_s=0, condition=condition)
        except LockHeldError:
            barrier.wait()
            continue
        begun = time.monotonic()
        try:
            for _ in range(5):
                lock.confirm(freshly=True)
                time.sleep(0.01)  # noqa: TID251  # real processes take real time
        except StateError:
            pass
        held.append((number, begun, min(time.monotonic(), lock._trusted[0] + TERMS.trust_s)))
        lock.release()
        barrier.wait()
    return held


def check(found: list[list[Held]], rounds: int) -> None:
    held = sorted((begin, end, number) for each in found for number, begin, end in each)
    assert {number for _, _, number in held} == set(range(rounds))
    for (_, end, _), (begin, _, _) in pairwise(held):
        assert end <= begin


@pytest.fixture(params=CONDITIONS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_of_several_that_want_it_at_once_one_has_it(kind: str, s3_server: S3Server) -> None:
    rounds, racers = 2, 4
    s3_server.empty(BUCKET)
    with s3_proxy(s3_server.url) as proxy, resolving(), ThreadPoolExecutor(racers) as pool:
        url = habits(proxy, kind, s3_server)
        barrier = threading.Barrier(racers)
        jobs = [pool.submit(race, store(url, kind), CONDITIONS[kind], rounds, barrier) for _ in range(racers)]
        check([job.result() for job in jobs], rounds)


def habits(proxy: Any, kind: str, server: S3Server) -> str:
    """The URL of a server of this kind."""
    proxy.forbid_overwrite = kind == "cos"
    proxy.addressing = "virtual" if kind == "cos" else "path"
    return server.url if kind == "s3" else str(proxy.url)


def store(url: str, kind: str) -> ObjectStore:
    return s3_store(url, attempts=1, addressing_style="virtual" if kind == "cos" else "path")


def _racer(url: str, kind: str, rounds: int, barrier: Any, results: Any) -> None:
    with resolving():
        results.put(race(store(url, kind), CONDITIONS[kind], rounds, barrier))


@pytest.mark.slow
def test_of_sixteen_processes_one_has_it_in_each_of_fifty_rounds(
    kind: str, s3_server: S3Server, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    rounds, racers = 50, 16
    s3_server.empty(BUCKET)
    context = multiprocessing.get_context("spawn")
    with s3_proxy(s3_server.url) as proxy, resolving():
        url = habits(proxy, kind, s3_server)
        barrier, results = context.Barrier(racers), context.Queue()
        processes = [
            context.Process(target=_racer, args=(url, kind, rounds, barrier, results)) for _ in range(racers)
        ]
        begun = time.monotonic()
        for process in processes:
            process.start()
        found = [results.get(timeout=900) for _ in processes]
        for process in processes:
            process.join()
    check(found, rounds)
    record_property("holders", sum(map(len, found)))
    record_property("seconds", round(time.monotonic() - begun))
