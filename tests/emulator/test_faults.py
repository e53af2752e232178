"""Each fault: what the client sees, what the ledger says, what the store holds."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.client import RemoteDisconnected
from typing import Any

import orjson
import pytest

from mpsjobs.emulator import Emulator, EmulatorConfig
from mpsjobs.emulator.clock import SystemClock
from mpsjobs.emulator.faults import AnswerFault, DescribeFault, TaskFault
from mpsjobs.emulator.task import pace

from .emulator_client import DEADLINE_S, Client, HandClock

CREATE, DESCRIBE = "CreateAigcAudioTask", "DescribeAigcAudioTask"
BODY = {
    "ModelName": "GL",
    "Prompt": "a tune",
    "StoreCosParam": {
        "CosBucketName": "aurora-1250000000",
        "CosBucketRegion": "ap-guangzhou",
        "CosBucketPath": "takes/1",
    },
}


def stored(config: EmulatorConfig) -> list[str]:
    """The keys in the bucket."""
    bucket = config.objects / "aurora-1250000000"
    return sorted(str(path.relative_to(bucket)) for path in bucket.rglob("*") if path.is_file())


def parts(answer: bytes) -> tuple[bytes, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


def only(client: Client) -> dict[str, Any]:
    (task,) = client.ledger()
    return task


def is_written(client: Client, clock: HandClock, config: EmulatorConfig) -> None:
    """The one task of the ledger ends well, whatever its answer was."""
    task = only(client)
    clock.advance(700)
    assert client.finished(task["TaskId"])["status"] == "DONE"
    assert stored(config) == [f"takes/1/{task['TaskId']}-0.mp3"]


# The answer to a create


def test_drop_before_create(client: Client) -> None:
    client.next("drop-before-create")
    assert client.exchange(CREATE, BODY) == b""
    assert client.ledger() == []
    client.create()


def test_a_dropped_connection_is_no_answer_to_an_http_client(client: Client) -> None:
    client.next("drop-before-create")
    with pytest.raises(RemoteDisconnected):
        client.create()


def test_throttle(client: Client) -> None:
    client.next("throttle")
    assert client.code(CREATE, BODY) == "RequestLimitExceeded"
    assert client.ledger() == []


def test_bad_gateway(client: Client) -> None:
    client.next("bad-gateway")
    head, body = parts(client.exchange(CREATE, BODY))
    assert head.startswith(b"HTTP/1.1 502 ")
    assert b"Content-Type: text/html" in head
    assert body.startswith(b"<html>")
    assert client.ledger() == []


def test_drop_after_create(client: Client, clock: HandClock, config: EmulatorConfig) -> None:
    client.next("drop-after-create")
    assert client.exchange(CREATE, BODY) == b""
    assert only(client)["answer_fault"] == "drop-after-create"
    is_written(client, clock, config)


def test_truncate(client: Client, clock: HandClock, config: EmulatorConfig) -> None:
    client.next("truncate")
    head, body = parts(client.exchange(CREATE, BODY))
    assert head.startswith(b"HTTP/1.1 200 ")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    assert 0 < len(body) < length
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(body)
    is_written(client, clock, config)


def test_bad_gateway_after_create(client: Client, clock: HandClock, config: EmulatorConfig) -> None:
    client.next("bad-gateway-after-create")
    assert client.exchange(CREATE, BODY).startswith(b"HTTP/1.1 502 ")
    is_written(client, clock, config)


def test_internal_error(client: Client, clock: HandClock, config: EmulatorConfig) -> None:
    client.next("internal-error")
    answer = client.call(CREATE, BODY)
    assert answer["Error"]["Code"] == "InternalError"
    assert answer["RequestId"] == only(client)["RequestId"]
    is_written(client, clock, config)


def test_slow_answers_late_and_the_task_exists_meanwhile(client: Client) -> None:
    client.control({"delays": {"slow": 0.2}, "next": [{"fault": "slow"}]})
    answers: list[str] = []
    start = time.monotonic()
    thread = threading.Thread(target=lambda: answers.append(client.create()))
    thread.start()
    while not client.ledger():
        assert time.monotonic() < start + DEADLINE_S
    assert answers == []
    thread.join()
    assert time.monotonic() >= start + 0.2
    assert answers == [only(client)["TaskId"]]


def test_stopping_does_not_wait_for_slow_answers(config: EmulatorConfig) -> None:
    with Emulator(replace(config, faults={"slow": 1})) as emulator:
        client = Client(emulator.url, SystemClock().now)
        answers: list[bytes] = []
        thread = threading.Thread(target=lambda: answers.append(client.exchange(CREATE, BODY)))
        thread.start()
        while not client.ledger():
            pass
        start = time.monotonic()
    assert time.monotonic() < start + 1.5
    thread.join(DEADLINE_S)
    assert answers == [b""]


# The task


def test_fail(client: Client, clock: HandClock, config: EmulatorConfig) -> None:
    client.next("fail")
    task_id = client.create(**BODY)
    wait, total = pace(task_id, 1)
    clock.advance((wait + total) / 2)
    assert client.describe(task_id)["Status"] == "RUN"
    clock.advance(total)
    assert only(client)["fault"] == "fail"
    assert client.finished(task_id)["status"] == "FAIL"
    answer = client.describe(task_id)
    assert (answer["Status"], bool(answer["Message"]), answer["AudioInfos"]) == ("FAIL", True, [])
    assert stored(config) == []


def test_url_expired(client: Client, clock: HandClock, config: EmulatorConfig) -> None:
    client.next("url-expired")
    task_id = client.create(**BODY)
    clock.advance(700)
    client.finished(task_id)
    for _ in range(2):
        status, _, answer = client.get(client.describe(task_id)["AudioInfos"][0]["Url"])
        assert (status, orjson.loads(answer)["error"]) == (403, "the URL has expired")
    assert stored(config) == [f"takes/1/{task_id}-0.mp3"]


def test_write_late(client: Client, clock: HandClock, config: EmulatorConfig) -> None:
    client.next("write-late")
    task_id = client.create(**BODY)
    clock.advance(700)
    output = client.finished(task_id)["outputs"][0]
    assert client.describe(task_id)["Status"] == "DONE"
    clock.advance(4.9)
    assert stored(config) == []
    audio = client.get(output["url"])[2]
    clock.advance(0.2)
    wait_until(lambda: stored(config) == [output["key"]])
    assert (config.objects / output["bucket"] / output["key"]).read_bytes() == audio
    assert client.get(output["url"])[2] == audio


def test_never_write(client: Client, clock: HandClock, config: EmulatorConfig) -> None:
    client.next("never-write")
    task_id = client.create(**BODY)
    clock.advance(700)
    assert client.finished(task_id)["outputs"][0]["key"] == f"takes/1/{task_id}-0.mp3"
    clock.advance(3600)
    status, _, audio = client.get(client.describe(task_id)["AudioInfos"][0]["Url"])
    assert (status, audio[:3]) == (200, b"ID3")
    assert stored(config) == []


def test_duplicate_write(client: Client, clock: HandClock, config: EmulatorConfig) -> None:
    client.next("duplicate-write")
    task_id = client.create(**BODY)
    clock.advance(700)
    (output,) = client.finished(task_id)["outputs"]
    assert stored(config) == [f"takes/1/{task_id}-0-again.mp3", f"takes/1/{task_id}-0.mp3"]
    contents = {path.read_bytes() for path in (config.objects / output["bucket"]).rglob("*.mp3")}
    assert contents == {client.get(output["url"])[2]}


def test_create_and_never_write(client: Client, clock: HandClock, config: EmulatorConfig) -> None:
    client.next("create-and-never-write")
    assert client.exchange(CREATE, BODY) == b""
    task = only(client)
    assert (task["fault"], task["answer_fault"]) == ("create-and-never-write", "drop-after-create")
    clock.advance(100_000)
    assert client.describe(task["TaskId"])["Status"] == "RUN"
    assert stored(config) == []


def test_every_output_of_a_task_shares_its_fault(
    client: Client, clock: HandClock, config: EmulatorConfig
) -> None:
    client.next("write-late")
    task_id = client.create(**{**BODY, "ModelName": "Mureka"}, AdditionalParameters='{"n": 3}')
    clock.advance(700)
    client.finished(task_id)
    assert stored(config) == []
    clock.advance(6)
    wait_until(lambda: len(stored(config)) == 3)


def test_a_fault_of_the_answer_and_one_of_the_task_can_come_together(client: Client) -> None:
    client.next(["drop-after-create", "duplicate-write"])
    assert client.exchange(CREATE, BODY) == b""
    assert (only(client)["fault"], only(client)["answer_fault"]) == ("duplicate-write", "drop-after-create")


# Describe


def test_describe_drop_and_describe_error(client: Client) -> None:
    task_id = client.create()
    client.next("describe-drop")
    assert client.exchange(DESCRIBE, {"TaskId": task_id}) == b""
    client.next("describe-error")
    assert client.describe(task_id)["Error"]["Code"] == "InternalError"
    assert client.describe(task_id)["Status"] == "WAIT"


# What lasts, and what is struck


@pytest.mark.parametrize("fault", [*TaskFault])
def test_a_tasks_fault_outlives_a_restart(config: EmulatorConfig, clock: HandClock, fault: TaskFault) -> None:
    with Emulator(replace(config, faults={fault: 1}), clock=clock) as emulator:
        client = Client(emulator.url, clock.now)
        client.exchange(CREATE, BODY)
    with Emulator(config, clock=clock) as emulator:
        client = Client(emulator.url, clock.now)
        task = only(client)
        assert task["fault"] == fault
        clock.advance(700)
        if fault is TaskFault.CREATE_AND_NEVER_WRITE:
            assert client.describe(task["TaskId"])["Status"] == "RUN"
            return
        done = client.finished(task["TaskId"])
        assert done["status"] == ("FAIL" if fault is TaskFault.FAIL else "DONE")
        written = {TaskFault.URL_EXPIRED: 1, TaskFault.DUPLICATE_WRITE: 2}.get(fault, 0)
        assert len(stored(config)) == written
        if fault is TaskFault.NEVER_WRITE:
            assert client.get(done["outputs"][0]["url"])[0] == 200


def test_a_late_write_comes_after_a_restart_and_only_once(config: EmulatorConfig, clock: HandClock) -> None:
    with Emulator(
        replace(config, faults={"write-late": 1}, fault_delays={"write-late": 60}), clock=clock
    ) as one:
        client = Client(one.url, clock.now)
        task_id = client.create(**BODY)
        clock.advance(700)
        key = client.finished(task_id)["outputs"][0]["key"]
    with Emulator(config, clock=clock):
        clock.advance(59)
        assert stored(config) == []
    clock.advance(2)
    with Emulator(config, clock=clock):
        wait_until(lambda: stored(config) == [key])
        wait_until(lambda: b'"written"' in (config.data / "ledger.jsonl").read_bytes())
    (config.objects / "aurora-1250000000" / key).unlink()
    with Emulator(config, clock=clock) as two:
        assert Client(two.url, clock.now).get(only(Client(two.url, clock.now))["outputs"][0]["url"])[0] == 200
        assert stored(config) == []


@pytest.mark.parametrize("fault", [*AnswerFault, *TaskFault])
def test_whatever_the_fault_a_created_task_is_in_the_ledger_and_a_bad_request_creates_none(
    config: EmulatorConfig, fault: AnswerFault | TaskFault
) -> None:
    with Emulator(replace(config, faults={fault: 1}, fault_delays={"slow": 0})) as emulator:
        client = Client(emulator.url, SystemClock().now)
        assert client.code(CREATE, {"Prompt": 7}) == "InvalidParameter"
        assert client.code(CREATE, {"Prompt": "mpsblockedword"}) == "InvalidParameter.ViolationContent"
        assert client.ledger() == []
        client.exchange(CREATE, BODY)
        nothing = {"drop-before-create", "throttle", "bad-gateway"}
        assert len(client.ledger()) == (0 if fault in nothing else 1)


@pytest.mark.parametrize("fault", [*DescribeFault])
def test_faults_of_describe_strike_no_create(config: EmulatorConfig, fault: DescribeFault) -> None:
    with Emulator(replace(config, faults={fault: 1})) as emulator:
        client = Client(emulator.url, SystemClock().now)
        client.create()
        assert client.code(DESCRIBE, {"TaskId": "no"}) == "InvalidParameterValue.TaskId"


def test_a_ledger_from_before_there_were_faults_is_read(config: EmulatorConfig, clock: HandClock) -> None:
    created = {
        "event": "created", "TaskId": "24", "RequestId": "r", "SecretId": "s", "created_at": clock.now(), "request": BODY
    }  # fmt: skip
    config.data.mkdir()
    (config.data / "ledger.jsonl").write_bytes(
        orjson.dumps(created)
        + b"\n"
        + orjson.dumps({**created, "TaskId": "25", "fault": "of another day"})
        + b"\n"
    )
    with Emulator(config, clock=clock) as emulator:
        assert [task["fault"] for task in Client(emulator.url, clock.now).ledger()] == [None, None]


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < end
        threading.Event().wait(0.005)
