"""A project whose emulator runs in a process of its own, and what must hold after every crash."""

import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ledger_of

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Crashing:
    """A project folder with so many wanted assets, and commands that may be killed."""

    root: Path
    url: str
    assets: int

    def command(self, *arguments: str, kill_at: str | None = None) -> list[str]:
        module = ["tests.crash.killed", kill_at] if kill_at else ["mpsjobs"]
        return [sys.executable, "-m", *module, "-C", str(self.root), *arguments]

    def start(self, *arguments: str, kill_at: str | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments, kill_at=kill_at),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    def run(self, *arguments: str, kill_at: str | None = None) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, kill_at=kill_at) as process:
            out, err = process.communicate(timeout=120)
            return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def apply(self, *, kill_at: str | None = None) -> subprocess.CompletedProcess[str]:
        return self.run("apply", "--auto-approve", kill_at=kill_at)

    def finish(self) -> bool:
        """Apply until done. Returns whether a request that may never have left had to be sent again by hand."""
        last = self.apply()
        assert last.returncode in {0, 3}, last.stderr
        if last.returncode == 0:
            return False
        assert "--resubmit-unknown" in last.stderr
        again = self.run("apply", "--auto-approve", "--resubmit-unknown")
        assert again.returncode == 0, again.stderr
        return True

    def check(self) -> None:
        """Each wanted take exactly once in the ledger, every task in the state, every file in place."""
        tasks = ledger_of(self.url)
        paid = Counter(task["request"]["Prompt"] for task in tasks)
        assert paid == {f"song {number}": 1 for number in range(self.assets)}
        state = self.state()
        takes = [take for pool in state["takes"].values() for take in pool["takes"]]
        known = {take["task_id"] for take in takes} | {take["cos_path"] for take in takes}
        for task in tasks:
            assert task["TaskId"] in known or task["request"]["StoreCosParam"]["CosBucketPath"] in known
        assert {record["status"] for record in state["assets"].values()} == {"ready"}
        assert len(state["assets"]) == self.assets
        names = {file.name for file in (self.root / "audio").iterdir()}
        assert {f"a{number}.mp3" for number in range(self.assets)} <= names
        assert not list(self.root.glob("errored*"))
        assert self.run("plan", "--detailed-exitcode").returncode == 0

    def state(self) -> Any:
        return json.loads((self.root / "mpsjobs.state.json").read_text())


def environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TENCENTCLOUD_", "MPSJOBS_"))
    }


def project(root: Path, url: str, assets: int, *, unknown_wait: str) -> Crashing:
    (root / "specs").mkdir(parents=True)
    (root / "mpsjobs.yaml").write_text(
        f"project: crash\nprovider: {{kind: emulator, endpoint: '{url}'}}\ndownload: audio/\n"
        f"policy: {{unknown_wait: {unknown_wait}}}\ndefaults: {{model: MiniMaxMusic, format: mp3}}\n"
    )
    lines = [f"  a{number}: song {number}" for number in range(assets)]
    (root / "specs" / "songs.yaml").write_text("\n".join(["assets:", *lines, ""]))
    return Crashing(root, url, assets)


@contextmanager
def emulator_process(tmp_path: Path, *more: str, speed: str = "500") -> Iterator[str]:
    """The URL of an emulator in another process, writing into the project's store."""
    command = [
        *(sys.executable, "-m", "mpsjobs.emulator", "--data", str(tmp_path / "emulator")),
        *("--store", str(tmp_path / "project" / ".mpsjobs" / "store"), "--speed", speed, "--audio", "stub"),
        *more,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[str]:
    with emulator_process(tmp_path) as url:
        yield url


@pytest.fixture
def in_trouble(tmp_path: Path, emulator: str) -> Crashing:
    """An asset of before that goes, and three that come: one answer is lost, one task fails, one request is throttled, one refused."""
    crashing = project(tmp_path / "project", emulator, 3, unknown_wait="3s")
    specs = crashing.root / "specs"
    (specs / "gone.yaml").write_text("assets: {gone: once}\n")
    assert crashing.run("apply", "--auto-approve", "--target", "gone").returncode == 0
    (specs / "gone.yaml").write_text("assets: {refused: mpsblockedword}\n")
    faults = {"song 0": "drop-after-create", "song 1": "fail", "song 2": "throttle"}
    script(emulator, *({"fault": fault, "match": song} for song, fault in faults.items()))
    return crashing


def script(url: str, *entries: dict[str, str]) -> None:
    """The next requests that match have these faults, once each."""
    body = json.dumps({"next": entries}).encode()
    urllib.request.urlopen(
        urllib.request.Request(f"{url}/_emulator/faults", body, method="POST"), timeout=10
    ).close()


@pytest.fixture
def in_bad_weather(tmp_path: Path) -> Iterator[Crashing]:
    """A cloud that loses answers, throttles, and writes late or twice."""
    faults = "drop-after-create=0.1,truncate=0.1,throttle=0.1,internal-error=0.1,duplicate-write=0.1,write-late=0.1"
    weather = ("--fault", faults, "--fault", "describe-drop=0.2", "--fault-delay", "write-late=0.5")
    with emulator_process(tmp_path, *weather) as url:
        yield project(tmp_path / "project", url, 40, unknown_wait="20s")


@pytest.fixture
def few(tmp_path: Path, emulator: str) -> Crashing:
    return project(tmp_path / "project", emulator, 3, unknown_wait="3s")


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Crashing]:
    """Tasks that take long enough for a kill to find them on their way."""
    with emulator_process(tmp_path, speed="20") as url:
        yield project(tmp_path / "project", url, 40, unknown_wait="20s")
