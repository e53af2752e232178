"""Outputs in the buckets of a real S3 server."""

import socket
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mpsjobs.emulator import Emulator, EmulatorConfig
from mpsjobs.emulator.clock import SystemClock
from mpsjobs.model.ports import ObjectRef
from tests.conftest import Ran
from tests.s3 import S3Server, s3_store

from .emulator_client import ID, KEY, Client

BUCKET = "aurora-1250000000"
STORE = {"CosBucketName": BUCKET, "CosBucketRegion": "ap-guangzhou", "CosBucketPath": "audio/takes/1"}


@pytest.fixture
def config(tmp_path: Path, s3_server: S3Server) -> EmulatorConfig:
    s3_server.empty(BUCKET)
    return EmulatorConfig(
        data=tmp_path / "data",
        audio="stub",
        speed=1000,
        credentials={ID: KEY},
        store_endpoint=s3_server.url,
        store_addressing="path",
    )


@pytest.fixture
def client(config: EmulatorConfig) -> Iterator[Client]:
    with Emulator(config) as emulator:
        yield Client(emulator.url, SystemClock().now)


def keys(server: S3Server) -> list[str]:
    return [found.ref.key for found in s3_store(server.url).list(ObjectRef(BUCKET, "ap-guangzhou", ""))]


def done(client: Client, **fields: Any) -> dict[str, Any]:
    task_id = client.create(**{"StoreCosParam": STORE, **fields})
    assert client.finished(task_id)["status"] == "DONE"
    return client.describe(task_id)


def test_outputs_are_objects_of_the_bucket_and_their_urls_lead_there(
    client: Client, s3_server: S3Server
) -> None:
    (audio,) = done(client, OutputAudioFormat="wav")["AudioInfos"]
    (key,) = keys(s3_server)
    assert key.startswith("audio/takes/1/24000145AigcAudio-")
    parts = urlsplit(audio["Url"])
    assert (f"http://{parts.netloc}", parts.path) == (s3_server.url, f"/{BUCKET}/{key}")
    query = parse_qs(parts.query)
    assert query["X-Amz-Expires"] == ["43200"]
    assert query["X-Amz-Credential"][0].split("/")[::2] == [ID, "ap-guangzhou", "aws4_request"]
    with urllib.request.urlopen(audio["Url"], timeout=10) as answer:
        assert answer.headers["Content-Type"] == "audio/wav"
        assert answer.read(4) == b"RIFF"


def test_nothing_stays_on_this_machine(client: Client, config: EmulatorConfig) -> None:
    done(client)
    assert [file for file in config.objects.rglob("*") if file.is_file()] == []


def test_a_missing_bucket_fails_the_task_with_the_reason(client: Client) -> None:
    task_id = client.create(StoreCosParam=STORE | {"CosBucketName": "missing-1250000000"})
    client.finished(task_id)
    answer = client.describe(task_id)
    assert answer["Status"] == "FAIL"
    assert answer["Message"].startswith("Failed to write the output to COS: NoSuchBucket (")
    assert answer["AudioInfos"] == []


def test_a_server_that_does_not_answer_fails_the_task_with_the_reason(config: EmulatorConfig) -> None:
    with Emulator(replace(config, store_endpoint="http://127.0.0.1:1")) as emulator:
        client = Client(emulator.url, SystemClock().now)
        message = client.finished(client.create(StoreCosParam=STORE))["message"]
    assert message.startswith("Failed to write the output to COS: Could not connect")


def test_a_silent_server_holds_up_neither_other_tasks_nor_the_end(config: EmulatorConfig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Emulator(replace(config, store_endpoint=endpoint)) as emulator:
            client = Client(emulator.url, SystemClock().now)
            waiting = client.create(StoreCosParam=STORE)
            with silent.accept()[0] as connection:
                assert connection.recv(1)
                other = client.create(ModelName="Nobody", StoreCosParam=STORE)
                assert client.finished(other)["status"] == "FAIL"
                assert client.describe(waiting)["Status"] == "RUN"
    with Emulator(config) as emulator:  # what was on its way when it stopped is written by the next one
        client = Client(emulator.url, SystemClock().now)
        assert client.finished(waiting)["status"] == "DONE"


@pytest.mark.parametrize(
    "wrong",
    [
        {"CosBucketName": "aurora"},
        {"CosBucketName": "Aurora-1250000000"},
        {"CosBucketRegion": "guangzhou"},
        {"CosBucketRegion": "local"},
    ],
)
def test_names_that_no_bucket_and_no_region_can_have_are_refused(
    client: Client, wrong: dict[str, str]
) -> None:
    assert client.code("CreateAigcAudioTask", {"Prompt": "x", "StoreCosParam": STORE | wrong}) == (
        "InvalidParameterValue"
    )
    assert client.ledger() == []


def test_faults_of_outputs_are_the_same_as_in_a_folder(client: Client, s3_server: S3Server) -> None:
    client.control({"delays": {"write-late": 0}})
    client.next("duplicate-write")
    done(client)
    assert sorted(key.rpartition("-")[2] for key in keys(s3_server)) == ["0.mp3", "again.mp3"]

    client.next("never-write")
    (audio,) = done(client)["AudioInfos"]
    assert audio["Url"].startswith(client.url)
    assert client.get(audio["Url"])[0] == 200
    assert len(keys(s3_server)) == 2

    client.next("url-expired")
    (audio,) = done(client)["AudioInfos"]
    assert client.get(audio["Url"])[0] == 403
    assert len(keys(s3_server)) == 3

    client.next("write-late")
    done(client)
    for _ in range(200):
        if len(keys(s3_server)) == 4:
            break
    assert len(keys(s3_server)) == 4


def test_the_bucket_stands_in_the_hosts_name_unless_told_otherwise(config: EmulatorConfig) -> None:
    virtual = replace(config, store_addressing="virtual", store_endpoint="http://cos.localhost:1")
    with Emulator(virtual) as emulator:
        client = Client(emulator.url, SystemClock().now)
        message = client.finished(client.create(StoreCosParam=STORE))["message"]
    assert "http://aurora-1250000000.cos.localhost:1/audio/takes/1/" in message


def test_the_server_may_have_keys_of_its_own(config: EmulatorConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPSJOBS_STORE_SECRET_ID", "storeid")
    monkeypatch.setenv("MPSJOBS_STORE_SECRET_KEY", "storekey")
    own = EmulatorConfig(
        data=config.data,
        audio="stub",
        speed=1000,
        credentials={ID: KEY},
        tokens={ID: "token"},
        store_endpoint=config.store_endpoint,
        store_addressing="path",
    )
    with Emulator(own) as emulator:
        client = Client(emulator.url, SystemClock().now)
        token = {"X-TC-Token": "token"}
        task_id = client.call("CreateAigcAudioTask", {"Prompt": "x", "StoreCosParam": STORE}, token)["TaskId"]
        (output,) = client.finished(task_id)["outputs"]
    query = parse_qs(urlsplit(output["url"]).query)
    assert query["X-Amz-Credential"][0].startswith("storeid/")
    assert "X-Amz-Security-Token" not in query


@pytest.mark.parametrize(
    "endpoint", ["127.0.0.1:9000", "ftp://h", "http://", "http://h/path", "http://h?x=1"]
)
def test_an_endpoint_is_a_url_of_a_server(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(ValueError, match="is not http"):
        EmulatorConfig(data=tmp_path, store_endpoint=endpoint)
    with pytest.raises(ValueError, match="not to both"):
        EmulatorConfig(data=tmp_path, store_endpoint="http://h", store=tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--store-endpoint", "127.0.0.1:9100"), "is not http[s]://host[:port]"),
        (("--store-endpoint", "http://127.0.0.1:9100", "--store", "here"), "a folder"),
        (("--store-addressing", "host"), "'virtual', 'path'"),
    ],
)
def test_the_command_line_says_what_is_wrong(
    tmp_path: Path, mpsjobs: Callable[..., Ran], options: tuple[str, ...], said: str
) -> None:
    ran = mpsjobs("emulator", "--data", str(tmp_path), *options)
    assert ran.code == 1
    assert said in ran.err
    assert ran.out == ""
