"""The whole way with `provider.kind: tencent`: commands as processes, an emulator as a process, audio in the buckets of an S3 server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from mpsjobs.model.ports import ObjectRef
from tests.conftest import SETTINGS, Ran, ledger_of
from tests.recording import recording
from tests.s3 import S3Server, s3_store

MPSJOBS = (sys.executable, "-m", "mpsjobs")
BUCKET, REGION = "aurora-1250000000", "ap-guangzhou"
PERMANENT = {"TENCENTCLOUD_SECRET_ID": "AKIDaccount", "TENCENTCLOUD_SECRET_KEY": "plantedSecretKey"}
TEMPORARY = PERMANENT | {"TENCENTCLOUD_TOKEN": "plantedSessionToken"}
RECORDING = b"a recording"
SPEC = """\
group: level1
assets:
  menu: Warm orchestral theme, 92 bpm
  boss: {prompt: Dark drums, takes: 2, format: wav}
  song: {prompt: A ballad, lyrics: La la}
  band: {prompt: Two tunes, model: Mureka, version: song_9, format: null, additional_parameters: {n: 2}}
  hum: {prompt: Like this, reference_audio: {file: hum.wav}}
"""


@dataclass(frozen=True)
class Cloud:
    """An emulator that writes into an S3 server, and the account that is used with it."""

    url: str
    s3: str
    account: Mapping[str, str]

    def settings(self, endpoint: str | None = None, more: str = "") -> str:
        return (
            f"project: test\nprovider: {{kind: tencent, endpoint: '{endpoint or self.url}'}}\n"
            f"store: {{kind: cos, endpoint: '{self.s3}', addressing_style: path, bucket: {BUCKET}, region: {REGION}, prefix: audio}}\n"
            "download: audio/\ndefaults: {model: MiniMaxMusic, version: '2.6', format: mp3}\n" + more
        )

    def bill(self) -> list[str]:
        return [task["TaskId"] for task in ledger_of(self.url)]

    def references(self) -> list[str]:
        """The URLs of recordings that requests brought along."""
        requests = [task["request"] for task in ledger_of(self.url)]
        return [info["AudioUrl"] for request in requests for info in request.get("AudioInfos", [])]

    def objects(self, prefix: str = "") -> dict[str, tuple[int, str]]:
        """Key → size and ETag of everything in the bucket."""
        found = s3_store(self.s3).list(ObjectRef(BUCKET, REGION, prefix))
        return {each.ref.key: (each.size, each.etag) for each in found}


def environment(account: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TENCENTCLOUD_", "MPSJOBS_")) and name != "CI"
    }
    return kept | dict(account)


@contextmanager
def cloud(data: Path, s3: str, account: Mapping[str, str]) -> Iterator[Cloud]:
    """A separate emulator process, as a user starts it."""
    options = ["--listen", "127.0.0.1:0", "--data", str(data), "--audio", "stub", "--speed", "500"]
    process = subprocess.Popen(
        [*MPSJOBS, "emulator", *options, "--store-endpoint", s3, "--store-addressing", "path"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(account),
    )
    with process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            yield Cloud(line.split()[4].rstrip("."), s3, account)
        finally:
            process.kill()


@dataclass(frozen=True)
class Project:
    """A project folder and commands as processes of their own."""

    root: Path
    account: Mapping[str, str]

    def __call__(self, *arguments: str) -> Ran:
        ran = subprocess.run(
            [*MPSJOBS, "-C", str(self.root), *arguments],
            capture_output=True,
            text=True,
            env=environment(self.account),
            timeout=120,
            check=False,
        )
        assert "Traceback" not in ran.stderr, ran.stderr
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def settings(self, text: str) -> None:
        (self.root / "mpsjobs.yaml").write_text(text, encoding="utf-8")

    def specs(self, text: str) -> None:
        (self.root / "specs").mkdir(exist_ok=True)
        (self.root / "specs" / "music.yaml").write_text(text, encoding="utf-8")
        (self.root / "specs" / "hum.wav").write_bytes(RECORDING)

    def state(self) -> Any:
        return json.loads((self.root / "mpsjobs.state.json").read_text(encoding="utf-8"))

    def kinds(self) -> set[str]:
        return {change["kind"] for change in self("plan", "--json").json()["changes"]}

    def apply(self) -> Ran:
        ran = self("apply", "--auto-approve")
        assert ran.code == 0, ran.out + ran.err
        return ran


@pytest.fixture
def s3(s3_server: S3Server) -> str:
    s3_server.empty(BUCKET)
    return s3_server.url


def a_project(root: Path, account: Mapping[str, str]) -> Project:
    project = Project(root / "project", account)
    project.root.mkdir()
    project.specs(SPEC)
    return project


@pytest.mark.parametrize("account", [PERMANENT, TEMPORARY], ids=["permanent", "temporary"])
def test_an_apply_makes_everything_ready(tmp_path: Path, s3: str, account: Mapping[str, str]) -> None:
    project = a_project(tmp_path, account)
    with cloud(tmp_path / "cloud", s3, account) as emulator:
        project.settings(emulator.settings())
        project.apply()
        state, objects, bill = project.state(), emulator.objects(), emulator.bill()
        (handed_over,) = emulator.references()
        with urlopen(handed_over, timeout=10) as answer:
            assert answer.read() == RECORDING
        assert project("plan", "--detailed-exitcode").code == 0

    assert {record["status"] for record in state["assets"].values()} == {"ready"}
    takes = [take for pool in state["takes"].values() for take in pool["takes"]]
    assert sorted(take["task_id"] for take in takes) == sorted(bill)
    assert len(bill) == 6
    outputs = {output["key"]: output for take in takes for output in take["outputs"]}
    assert len(outputs) == 7
    for key, output in outputs.items():
        assert objects.pop(key) == (output["size"], output["etag"])
        assert len(output["sha256"]) == 64
        assert output["duration_s"] == pytest.approx(1, abs=0.2)
    assert {take["realm"] for take in takes} == {"tencent/intl"}
    assert objects.pop(f"audio/references/{sha256(RECORDING).hexdigest()}.wav")
    # What else there is, is a receipt for each take.
    assert sorted(objects) == sorted(f"audio/receipts/test/{take['attempt_id']}.json" for take in takes)
    heard = {file.name for file in (project.root / "audio").iterdir()}
    assert heard == {
        "level1.menu.mp3",
        "level1.boss.wav",
        "level1.song.mp3",
        "level1.band.mp3",
        "level1.band~2.mp3",
        "level1.hum.mp3",
    }
    for file in project.root.rglob("*"):
        text = file.read_bytes() if file.is_file() else b""
        assert b"plantedSe" not in text, file


def test_a_lost_state_is_rebuilt_from_the_bucket_and_nothing_is_bought(tmp_path: Path, s3: str) -> None:
    project = a_project(tmp_path, PERMANENT)
    with cloud(tmp_path / "cloud", s3, PERMANENT) as emulator:
        project.settings(emulator.settings())
        project.apply()
        before, state = emulator.bill(), project.state()
        for file in project.root.glob("mpsjobs.state*"):
            file.unlink()
        refused = project("apply", "--auto-approve")
        assert refused.code == 1
        assert "mpsjobs state rebuild" in refused.err
        assert project("state", "rebuild").code == 0
        project.apply()
        assert project("plan", "--detailed-exitcode").code == 0
        assert emulator.bill() == before
    rebuilt = project.state()
    assert {record["status"] for record in rebuilt["assets"].values()} == {"ready"}
    assert {name: pool["fields"] for name, pool in rebuilt["takes"].items()} == {
        name: pool["fields"] for name, pool in state["takes"].items()
    }


def test_what_the_emulator_made_is_nothing_to_the_cloud_and_back_again_is_free(
    tmp_path: Path, s3: str
) -> None:
    project = a_project(tmp_path, PERMANENT)
    project.settings(SETTINGS)
    project.apply()
    emulated = {take["task_id"] for pool in project.state()["takes"].values() for take in pool["takes"]}
    assert len(emulated) == 6

    with cloud(tmp_path / "cloud", s3, PERMANENT) as emulator, recording(emulator.url) as watched:
        project.settings(emulator.settings(watched.url))
        assert project.kinds() == {"generate"}
        project.apply()
        assert set(project.kinds()) == {"keep"}
        project("refresh")
        assert len(emulator.bill()) == 6
        assert watched.asked_for() == set(emulator.bill())
        assert not any(task_id in json.dumps(body) for _, _, body in watched.requests for task_id in emulated)

        project.settings(SETTINGS)
        plan = project("plan", "--json").json()
        assert plan["summary"]["generations"] == 0
        project.apply()
        assert set(project.kinds()) == {"keep"}
        assert len(emulator.bill()) == 6
        kept = {take["task_id"] for pool in project.state()["takes"].values() for take in pool["takes"]}
        assert kept == emulated | set(emulator.bill())
