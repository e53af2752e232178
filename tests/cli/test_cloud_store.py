"""A whole project with its audio in COS: a server with COS's habits, and an emulator that writes elsewhere."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mpsjobs.cloud.clock import SystemClock
from mpsjobs.emulator import Emulator, EmulatorConfig
from mpsjobs.model.ports import ObjectRef
from tests.conftest import Folder, ledger_of
from tests.s3 import S3Server, s3_store
from tests.s3_proxy import S3Proxy, resolving, s3_proxy

BUCKET, REGION = "aurora-1250000000", "ap-guangzhou"
SPECS = """\
assets:
  menu: Warm theme
  duet: {prompt: Two songs, model: Mureka, version: song_9, additional_parameters: {n: 2}}
"""
SETTINGS = """\
project: test
provider: {{kind: tencent, endpoint: "{api}"}}
store: {{kind: cos, bucket: {bucket}, region: {region}, prefix: audio, endpoint: "{store}"}}
defaults: {{model: MiniMaxMusic, version: "2.6", format: mp3}}
"""


@dataclass
class Cloud:
    api: str
    proxy: S3Proxy
    outputs: Path

    def bill(self) -> list[str]:
        return [task["TaskId"] for task in ledger_of(self.api)]

    def objects(self) -> list[str]:
        store = s3_store(self.proxy.upstream)
        return [info.ref.key for info in store.list(ObjectRef(BUCKET, REGION, ""))]

    def relay(self) -> None:
        """When all tasks are done, bring what the emulator wrote into the bucket, as the real service writes there itself."""
        while not all(task["status"] == "DONE" for task in ledger_of(self.api)):
            SystemClock().sleep(0.01)
        store = s3_store(self.proxy.url, addressing_style="virtual")
        folder = self.outputs / BUCKET
        for file in sorted(folder.rglob("*.mp3")):
            key = file.relative_to(folder).as_posix()
            store.put(ObjectRef(BUCKET, REGION, key), file, content_type="audio/mpeg", metadata={})


@pytest.fixture
def cloud(
    project: Folder, tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cloud]:
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDemulator")
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "emulator")
    monkeypatch.setattr("mpsjobs.apply.scheduler._COLLECT_RETRY_S", (0.01, 0.05))
    s3_server.empty(BUCKET)
    config = EmulatorConfig(data=tmp_path / "data", store=tmp_path / "outputs", speed=1000, audio="stub")
    with Emulator(config) as emulator, s3_proxy(s3_server.url) as proxy, resolving():
        proxy.addressing, proxy.forbid_overwrite, proxy.late = "virtual", True, 3
        project.settings(SETTINGS.format(api=emulator.url, bucket=BUCKET, region=REGION, store=proxy.url))
        project.write(music=SPECS)
        yield Cloud(emulator.url, proxy, tmp_path / "outputs")


def outputs(project: Folder) -> dict[str, list[dict[str, Any]]]:
    """Model → what the state has of its takes."""
    state = json.loads((project.root / "mpsjobs.state.json").read_text())
    assert {record["status"] for record in state["assets"].values()} == {"ready"}
    return {pool["fields"]["model"]: pool["takes"][0]["outputs"] for pool in state["takes"].values()}


def test_outputs_that_show_late_are_found_where_the_cloud_put_them(project: Folder, cloud: Cloud) -> None:
    assert project("apply", "--auto-approve", "--detach").code == 0
    cloud.relay()
    assert project("wait").code == 0
    found = outputs(project)
    assert [len(found[model]) for model in ("MiniMaxMusic", "Mureka")] == [1, 2]
    assert {output["key"] for each in found.values() for output in each} == {
        key for key in cloud.objects() if "/takes/" in key
    }
    assert not [key for key in cloud.objects() if "fetched" in key]
    assert all(
        output["sha256"] and output["etag"] and output["size"] for each in found.values() for output in each
    )
    assert len(cloud.bill()) == 2


@pytest.mark.parametrize("denied", [set[str](), {"GET list-type"}])
def test_outputs_that_are_nowhere_are_put_there_from_their_urls(
    project: Folder, cloud: Cloud, denied: set[str]
) -> None:
    assert project("apply", "--auto-approve", "--detach").code == 0
    cloud.proxy.late = 1000
    cloud.proxy.denied = denied
    ran = project("wait")
    assert ran.code == 0, ran.err
    found = outputs(project)
    assert [Path(output["key"]).name for output in found["Mureka"]] == ["fetched-0.mp3", "fetched-1.mp3"]
    assert {output["key"] for each in found.values() for output in each} <= set(cloud.objects())
    (put,) = [seen for seen in cloud.proxy.seen if seen.method == "PUT" and "fetched-1" in seen.target]
    assert put.headers["x-amz-meta-address"] == "duet"
    assert put.headers["x-amz-meta-task-id"] in cloud.bill()
    assert put.headers["x-amz-meta-fingerprint"].startswith("f1:")


def test_a_lost_state_is_rebuilt_from_receipts_that_show_late(project: Folder, cloud: Cloud) -> None:
    assert project("apply", "--auto-approve").code == 0
    before = cloud.bill()
    for file in project.root.glob("mpsjobs.state*"):
        file.unlink()
    told = [project("state", "rebuild", "--json").json()["takes"] for _ in range(4)]
    assert sum(told) == 2
    assert told[-1] == 0
    ran = project("apply", "--auto-approve")
    assert ran.code == 0, ran.err
    assert cloud.bill() == before
    outputs(project)


def test_a_store_that_may_not_be_listed_stops_buying_in_words(project: Folder, cloud: Cloud) -> None:
    cloud.proxy.denied = {"GET list-type"}
    ran = project("apply", "--auto-approve")
    assert ran.code == 1
    assert "Cannot list the object store" in ran.err
    assert "AccessDenied" in ran.err
    assert "RequestId NjMxYjJh" in ran.err
    assert cloud.bill() == []


def test_a_missing_output_is_collected_again_from_its_url_and_never_paid_twice(
    project: Folder, cloud: Cloud
) -> None:
    assert project("apply", "--auto-approve").code == 0
    before = outputs(project)
    lost = before["MiniMaxMusic"][0]
    store = s3_store(cloud.proxy.upstream)
    store.delete(ObjectRef(BUCKET, REGION, lost["key"]))

    flagged = project("apply", "--auto-approve")
    assert flagged.code == 3
    assert "menu: take 1 is missing in the store" in flagged.out
    assert "mpsjobs refresh asks the provider" in " ".join(flagged.out.split())

    cloud.proxy.seen.clear()
    ran = project("refresh", "--json")
    assert ran.code == 0, ran.err
    told = [event["message"] for event in ran.events() if event["type"] == "noticed"]
    assert "take 1 was missing in the store and is collected again, free" in told
    assert cloud.proxy.operations().count("GET list-type") == 1, "one listing for all"
    assert store.head(ObjectRef(BUCKET, REGION, lost["key"]))
    assert {each["sha256"] for each in outputs(project)["MiniMaxMusic"]} == {lost["sha256"]}
    assert project("apply", "--auto-approve").code == 0
    assert len(cloud.bill()) == 2


def test_a_listing_that_is_late_or_denied_makes_nothing_missing(project: Folder, cloud: Cloud) -> None:
    cloud.proxy.late = 1000
    assert project("apply", "--auto-approve").code == 0
    ran = project("apply", "--auto-approve")
    assert (ran.code, "missing" in ran.out) == (0, False)
    cloud.proxy.denied = {"GET list-type"}
    ran = project("apply", "--auto-approve")
    assert ran.code == 0, "what is only told stops nothing"
    assert "does not say whether the outputs in use are still there" in ran.err
    assert project("refresh").code == 1
    assert "in use" not in project("apply", "--auto-approve", "--no-refresh").err
    assert len(cloud.bill()) == 2
