"""One suite for every implementation of the Mps port. A new one joins with a context manager in IMPLEMENTATIONS."""

import contextlib
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from mpsjobs.cloud.clock import SystemClock
from mpsjobs.cloud.credentials import Credentials
from mpsjobs.cloud.mps import MpsClient
from mpsjobs.cloud.pacer import Pacer
from mpsjobs.cloud.request import Destination, WireNames, create_body
from mpsjobs.emulator import Emulator, EmulatorConfig
from mpsjobs.emulator.config import BLOCKED_WORD
from mpsjobs.model.asset import Reference, ReferenceKind, Sound
from mpsjobs.model.ports import (
    Backoff,
    Created,
    DescribeFailed,
    Mps,
    NotCreated,
    Refused,
    Scope,
    StagedCreate,
    Task,
    TaskStatus,
)

KEYS = {"AKIDemulator": "emulator"}
WAIT_S = 20


@dataclass(frozen=True)
class Service:
    """An implementation, its bill, and the same service as seen by somebody with a wrong key."""

    mps: Mps
    intruder: Mps
    bill: Callable[[], list[dict[str, Any]]]


@contextlib.contextmanager
def over_the_emulator(data: Path) -> Iterator[Service]:
    config = EmulatorConfig(data=data, audio="stub", speed=1000, credentials=KEYS)
    with Emulator(config) as emulator:

        def client(key: str) -> MpsClient:
            return MpsClient(emulator.url, lambda: Credentials("AKIDemulator", key), SystemClock())

        def bill() -> list[dict[str, Any]]:
            with urllib.request.urlopen(f"{emulator.url}/_emulator/ledger") as answer:
                tasks: list[dict[str, Any]] = orjson.loads(answer.read())["tasks"]
                return tasks

        with contextlib.closing(client("emulator")) as mps, contextlib.closing(client("wrong")) as intruder:
            yield Service(mps, intruder, bill)


IMPLEMENTATIONS: dict[str, Callable[[Path], AbstractContextManager[Service]]] = {
    "emulator": over_the_emulator
}


@pytest.fixture(params=IMPLEMENTATIONS)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    with IMPLEMENTATIONS[request.param](tmp_path) as service:
        yield service


def body(prompt: str = "Ein Lied, 92 bpm, 小马", model: str = "MiniMaxMusic", **fields: Any) -> bytes:
    to = Destination("aurora-1250000000", "ap-guangzhou", "audio/takes/01/")
    return create_body(Sound(model, prompt=prompt, **fields), to, WireNames())


def staged(mps: Mps, content: bytes) -> StagedCreate:
    stage = mps.stage(content)
    assert not isinstance(stage, NotCreated), stage
    return stage


def created(service: Service, content: bytes) -> Created:
    outcome = staged(service.mps, content).send()
    assert isinstance(outcome, Created), outcome
    return outcome


def ended(service: Service, task_id: str) -> Task:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        task = service.mps.describe(task_id)
        if isinstance(task, Task) and task.status in {TaskStatus.DONE, TaskStatus.FAIL}:
            return task
        time.sleep(0.06)  # noqa: TID251  # a real server, in real time
    pytest.fail("the task did not end")


def test_a_task_is_created_once_and_ends_with_its_files(service: Service) -> None:
    outcome = created(service, body(format="wav", lyrics="La la", extra_parameters={"resource_id": "1"}))
    assert outcome.request_id
    task = ended(service, outcome.task_id)
    assert (task.status, len(task.audio), task.video) == (TaskStatus.DONE, 1, ())
    assert task.audio[0].url.startswith("http")
    assert task.request_id
    (entry,) = service.bill()
    assert entry["TaskId"] == outcome.task_id
    assert entry["request"] == orjson.loads(
        body(format="wav", lyrics="La la", extra_parameters={"resource_id": "1"})
    )


def test_what_is_staged_or_abandoned_is_not_on_the_bill(service: Service) -> None:
    stage = staged(service.mps, body())
    staged(service.mps, body()).abandon()
    assert service.bill() == []
    assert isinstance(stage.send(), Created)
    assert len(service.bill()) == 1


def test_references_are_accepted(service: Service) -> None:
    references = (Reference(ReferenceKind.URL, "https://example.com/hum.wav"),)
    assert created(service, body(reference_audio=references)).task_id
    assert len(service.bill()) == 1


def test_a_bad_model_is_accepted_and_fails_later(service: Service) -> None:
    task = ended(service, created(service, body(model="Nonesuch")).task_id)
    assert (task.status, task.audio) == (TaskStatus.FAIL, ())
    assert task.message


@pytest.mark.parametrize(
    "content", [body(BLOCKED_WORD), body("x" * 2001), body(format="ogg"), b'{"Prompt": 7}', b"[]"]
)
def test_a_refused_sound_concerns_the_asset(service: Service, content: bytes) -> None:
    outcome = staged(service.mps, content).send()
    assert isinstance(outcome, Refused), outcome
    assert outcome.scope is Scope.ASSET
    assert outcome.message
    assert outcome.request_id
    assert service.bill() == []


def test_a_wrong_key_concerns_the_account(service: Service) -> None:
    outcome = staged(service.intruder, body()).send()
    assert isinstance(outcome, Refused)
    assert (outcome.scope, outcome.code.partition(".")[0]) == (Scope.ACCOUNT, "AuthFailure")
    described = service.intruder.describe("t")
    assert isinstance(described, DescribeFailed)
    assert (described.retry, described.scope) == (None, Scope.ACCOUNT)
    assert service.bill() == []


def test_an_unknown_task_is_not_asked_for_again(service: Service) -> None:
    outcome = service.mps.describe("24000145AigcAudio-none")
    assert isinstance(outcome, DescribeFailed)
    assert (outcome.retry, outcome.scope) == (None, Scope.ASSET)


def test_too_many_at_once_are_throttled_and_not_created(service: Service) -> None:
    outcomes = [staged(service.mps, body()).send() for _ in range(40)]
    throttled = [outcome for outcome in outcomes if isinstance(outcome, NotCreated)]
    assert throttled
    assert {outcome.backoff for outcome in throttled} == {Backoff.THROTTLED}
    assert len(service.bill()) == len(outcomes) - len(throttled)


def test_paced_requests_are_never_throttled(service: Service) -> None:
    pacer = Pacer(20)
    for _ in range(30):
        time.sleep(max(0.0, pacer.ready_at() - time.monotonic()))  # noqa: TID251  # a real limiter, in real time
        stage = staged(service.mps, body())
        pacer.sent(time.monotonic())
        assert isinstance(stage.send(), Created)
