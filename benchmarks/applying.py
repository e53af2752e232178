"""Apply: really, against an emulator in a process of its own; simulated, with the very scheduler that apply uses; and what recording costs."""

import json
import os
import random
import re
import statistics
import subprocess
import time
import tracemalloc
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import MPSJOBS
from benchmarks.projects import events_of_take, new_project
from benchmarks.table import Row
from mpsjobs._version import __version__
from mpsjobs.apply.scheduler import Scheduler
from mpsjobs.cloud.clock import SystemClock
from mpsjobs.cloud.pacer import Pacer
from mpsjobs.state.file_store import FileStateStore
from tests.apply.simulation import Cloud
from tests.emulator_process import emulator_process

RATE = 20


def real_rows(root: Path, tasks: int) -> Iterator[Row]:
    """So many tasks, submitted over a connection, at the documented 20 a second."""
    project = new_project(root / "applied", tasks)
    with emulator_process(project / ".mpsjobs" / "cloud", "--speed", "600") as (_, url):
        (project / "mpsjobs.yaml").write_text(
            f"project: bench\nprovider: {{kind: emulator, endpoint: '{url}'}}\n"
            "store: {kind: directory, path: .mpsjobs/cloud/store}\ndefaults: {model: GL, format: mp3}\n",
            encoding="utf-8",
        )
        command = (
            *MPSJOBS,
            "-C",
            str(project),
            "apply",
            "--auto-approve",
            "--log-level",
            "info",
            "--log-format",
            "json",
        )
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert child.stderr is not None
        told = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        with urllib.request.urlopen(f"{url}/_emulator/ledger") as answer:
            ledger = json.load(answer)
    times = sorted(task["created_at"] for task in (ledger["tasks"] if isinstance(ledger, dict) else ledger))
    assert len(times) == tasks, "not every task was bought once"
    ideal, took = (tasks - 1) / RATE, times[-1] - times[0]
    cpu = usage.ru_utime + usage.ru_stime
    refused = len(re.findall(r'"code": ?"RequestLimitExceeded', told))
    name = f"{tasks:,} tasks submitted to the emulator in another process"
    yield Row(f"{name}, over (N−1)/20 s", took / ideal, 1.03, "×", f"{took:.2f} s of {ideal:.2f} s")
    yield Row(f"{name}: refused for being one too many", refused, 0, "", "of all requests")
    yield Row(
        f"{name}: CPU of apply",
        100 * cpu / took,
        2,
        "% of a core",
        f"{cpu:.2f} s: submitted, asked for, collected, recorded",
    )


def simulated_rows(tasks: int) -> Iterator[Row]:
    """Durations log-normal, median 90 s, tail to 15 min, 2 % fail; a collection takes 0.3 s, a page of a listing 0.05 s."""
    title = f"simulated apply of {tasks:,} tasks"
    big = tasks >= 100_000  # the goals are for that: before, nothing is learned yet
    for lists, lag_s in ((True, 0.0), (True, 5.0), (False, 0.0)):
        cloud, shortest, peak = _simulated(tasks, lists=lists, lag_s=lag_s)
        how = f"listings {lag_s:g} s late" if lag_s else "with LIST" if lists else "LIST denied"
        good = [delay for job, delay in cloud.delays_s.items() if not cloud.fails(job)]
        delay = statistics.mean(good)
        detail = f"{cloud.now:,.0f} s of {shortest:,.0f} s; {cloud.pages:,} pages listed"
        yield Row(
            f"{title}, {how}: makespan over the shortest",
            cloud.now / shortest,
            1.03 if lists and big else None,
            "×",
            detail,
        )
        yield Row(
            f"{title}, {how}: Describe calls a task",
            len(cloud.polls) / tasks,
            0.2 if lists else 1.15,
            "",
            detail,
        )
        yield Row(
            f"{title}, {how}: mean from done to recorded",
            delay,
            8 if lists and not lag_s and big else None,
            "s",
            f"99 of 100 within {sorted(good)[int(len(good) * 0.99)]:.0f} s",
        )
        if lists and not lag_s:
            yield Row(
                f"{title}: memory of a task in flight",
                peak,
                2,
                "KiB",
                "of the scheduler, at most 4,000 in flight",
            )


def _simulated(tasks: int, *, lists: bool, lag_s: float) -> tuple[Cloud, float, float]:
    chance = random.Random(5)
    durations = [min(chance.lognormvariate(4.4998, 0.6), 900) for _ in range(tasks)]
    failing = {job for job in range(tasks) if chance.random() < 0.02}
    cloud = _cloud(tasks, durations, failing, lists=lists, lag_s=lag_s)
    cloud.run()
    assert sorted(cloud.ended) == list(range(tasks))
    return cloud, max(job / RATE + took for job, took in enumerate(durations)), _memory()


def _cloud(tasks: int, durations: list[float], failing: set[int], *, lists: bool, lag_s: float) -> Cloud:
    work = Scheduler(Pacer(RATE), Pacer(RATE), random.Random(1).random)
    for job in range(tasks):
        work.add_submit(job)
    return Cloud(
        work,
        durations.__getitem__,
        fails=failing.__contains__,
        lists=lists,
        list_lag_s=lag_s,
        collecting_s=0.3,
    )


def _memory() -> float:
    """KiB that the scheduler holds for each of 4,000 tasks in flight."""
    cloud = _cloud(4000, [1e6] * 4000, set(), lists=True, lag_s=0.0)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    cloud.run(until=4000 / RATE + 10)
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert cloud.scheduler.running == 4000
    return held / 4000 / 1024


def recording_rows(root: Path, runs: int) -> Iterator[Row]:
    small, large = _recording(root, 1_000, runs), _recording(root, 100_000, runs)
    detail = f"durable, median of {40 * runs}; {small * 1000:.2f} ms at 1,000 assets"
    yield Row("recording a completion at 100,000 assets", large * 1000, 5, "ms", detail)
    yield Row("recording a completion, 100,000 over 1,000 assets", large / small, 1.5, "×", detail)


def _recording(root: Path, assets: int, runs: int) -> float:
    """Seconds to record one completion, durable, in a state of so many assets."""
    store = FileStateStore(root / f"{assets}.json", clock=SystemClock(), version=__version__)
    session = store.open("bench", lock_timeout_s=0)
    session.append([event for number in range(assets) for event in events_of_take(number)], sync=False)
    figures = []
    for number in range(assets, assets + 40 * runs):
        *first, completion = events_of_take(number)
        session.append(first)
        started = time.perf_counter()
        session.append([completion])
        figures.append(time.perf_counter() - started)
    session.close()
    return statistics.median(figures)
