"""The limit of requests, kept against a limiter in another process: nothing is refused, and nothing is wasted."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from mpsjobs.cloud.clock import SystemClock
from mpsjobs.cloud.credentials import Credentials
from mpsjobs.cloud.mps import MpsClient
from mpsjobs.cloud.pacer import Pacer
from mpsjobs.model.ports import NotCreated
from tests.conftest import Folder, Ran, ledger_of
from tests.emulator_process import emulator_process

RATE = 20
OTHERS = "somebody else's"


@contextmanager
def another_client(url: str, per_second: float) -> Iterator[None]:
    """Somebody else with the same account, who asks evenly and gives way to nobody."""
    over = threading.Event()

    def work() -> None:
        pacer, body = Pacer(per_second), f'{{"ModelName":"GL","Prompt":"{OTHERS}"}}'.encode()
        with closing(MpsClient(url, lambda: Credentials("AKIDemulator", "emulator"), SystemClock())) as mps:
            while not over.wait(max(0.0, pacer.ready_at() - time.monotonic())):
                stage = mps.stage(body)
                assert not isinstance(stage, NotCreated)
                pacer.sent(time.monotonic())
                stage.send()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def apply_many(project: Folder, url: str, count: int, prompt: str = "Sound") -> Ran:
    project.settings(
        f"project: test\nprovider: {{kind: emulator, endpoint: '{url}'}}\n"
        "store: {kind: directory, path: .mpsjobs/cloud/store}\ndefaults: {model: GL, format: mp3}\n"
    )
    project.write(music="assets:\n" + "".join(f"  a{number}: {prompt} {number}\n" for number in range(count)))
    return project("apply", "--auto-approve", "--log-level", "info", "--log-format", "json")


def refused(ran: Ran) -> int:
    """How many requests were one too many."""
    return len(re.findall(r'"code": ?"RequestLimitExceeded', ran.err))


@pytest.mark.slow
def test_two_hundred_submissions_take_ten_seconds_and_none_is_refused(project: Folder) -> None:
    """A machine that is busy with something else may stop us for longer than any margin: one quiet run of three is enough."""
    with emulator_process(project.root / ".mpsjobs" / "cloud", "--speed", "1000") as (_, url):
        runs: list[tuple[int, float]] = []
        while len(runs) < 3 and not (runs and runs[-1][0] == 0):
            ran = apply_many(project, url, 200, f"Sound {len(runs)}")
            assert ran.code == 0
            times = sorted(task["created_at"] for task in ledger_of(url)[200 * len(runs) :])
            assert len(times) == 200
            runs.append((refused(ran), times[-1] - times[0]))
    ideal = 199 / RATE
    for count, seconds in runs:
        print(f"{seconds:.3f} s, {100 * (seconds / ideal - 1):.1f} % over {ideal} s; {count} refused first")  # noqa: T201
    assert runs[-1][0] == 0


@pytest.mark.slow
def test_with_somebody_else_on_half_of_the_quota_all_of_it_is_used_and_nothing_fails(project: Folder) -> None:
    with (
        emulator_process(project.root / ".mpsjobs" / "cloud", "--speed", "1000") as (_, url),
        another_client(url, RATE / 2),
    ):
        ran = apply_many(project, url, 300)
        ledger = ledger_of(url)
    assert ran.code == 0
    ours = sorted(task["created_at"] for task in ledger if task["request"]["Prompt"] != OTHERS)
    assert len(ours) == 300
    together = [task["created_at"] for task in ledger if ours[0] <= task["created_at"] <= ours[-1]]
    rate = len(together) / (ours[-1] - ours[0])
    print(f"together {rate:.2f} a second, {refused(ran)} of 300 refused first")  # noqa: T201
    assert rate > 0.85 * RATE
    assert refused(ran) < 30
