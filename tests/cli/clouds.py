"""A cloud of processes: an emulator that writes into an S3 server, and a project whose commands are processes of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpsjobs.model.ports import ObjectRef
from tests.conftest import Ran, ledger_of
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
    """An emulator and the S3 server that it writes into."""

    url: str
    s3: str

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
def cloud(data: Path, s3: S3Server, account: Mapping[str, str], *, speed: int = 500) -> Iterator[Cloud]:
    """A separate emulator process, as a user starts it, and an empty bucket."""
    s3.empty(BUCKET)
    options = ["--listen", "127.0.0.1:0", "--data", str(data), "--audio", "stub", "--speed", str(speed)]
    process = subprocess.Popen(
        [*MPSJOBS, "emulator", *options, "--store-endpoint", s3.url, "--store-addressing", "path"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(account),
    )
    with process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            yield Cloud(line.split()[4].rstrip("."), s3.url)
        finally:
            process.kill()


@dataclass(frozen=True)
class CloudProject:
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


def a_project(root: Path, account: Mapping[str, str]) -> CloudProject:
    project = CloudProject(root / "project", account)
    project.root.mkdir()
    project.specs(SPEC)
    return project
