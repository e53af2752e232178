"""A machine vanishes in mid-apply, with its folder and its home; another one finishes the job from the state in the bucket."""

import base64
import json
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.clouds import BUCKET, PERMANENT, REGION, Cloud, cloud, environment
from tests.conftest import ledger_of
from tests.crash.conftest import ROOT
from tests.crash.killed import POINTS, SHARED, SHARED_POINTS
from tests.crash.points import points
from tests.s3 import S3Server

KEY = base64.b64encode(b"k" * 32).decode()


@dataclass(frozen=True)
class Machine:
    """A clone of the project, with a home of its own."""

    root: Path
    cloud: Cloud

    def start(self, *arguments: str, kill_at: str = "never:1") -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.crash.killed", kill_at, "-C", str(self.root), *arguments]
        home = environment(PERMANENT | {"HOME": str(self.root / "home"), SHARED: "yes", "STATE_KEY": KEY})
        return subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=home
        )

    def run(self, *arguments: str, kill_at: str = "never:1") -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, kill_at=kill_at) as process:
            out, err = process.communicate(timeout=240)
            return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def apply(self, *more: str, kill_at: str = "never:1") -> subprocess.CompletedProcess[str]:
        return self.run("apply", "--auto-approve", *more, kill_at=kill_at)

    def finish(self) -> None:
        """Apply until done; what may never have been sent is bought when a person says so."""
        last = self.apply()
        assert last.returncode in {0, 3}, last.stderr
        if last.returncode == 3:
            assert "--resubmit-unknown" in last.stderr
            again = self.apply("--resubmit-unknown")
            assert again.returncode == 0, again.stderr

    def check(self, assets: int) -> None:
        """Each wanted take once in the ledger, and every task in the state."""
        tasks = ledger_of(self.cloud.url)
        paid = Counter(task["request"]["Prompt"] for task in tasks)
        assert paid == {f"song {number}": 1 for number in range(assets)}
        state = self.state()
        takes = [take for pool in state["takes"].values() for take in pool["takes"]]
        known = {take["task_id"] for take in takes} | {take["cos_path"] for take in takes}
        for task in tasks:
            assert task["TaskId"] in known or task["request"]["StoreCosParam"]["CosBucketPath"] in known
        assert [record["status"] for record in state["assets"].values()] == ["ready"] * assets
        assert self.run("plan", "--detailed-exitcode").returncode == 0

    def state(self) -> Any:
        return json.loads(self.run("state", "pull").stdout)

    def vanish(self) -> None:
        shutil.rmtree(self.root)


@dataclass(frozen=True)
class Team:
    """Two machines with one state."""

    a: Machine
    b: Machine
    assets: int


@pytest.fixture
def team(tmp_path: Path, s3_server: S3Server) -> Iterator[Callable[[int], Team]]:
    with cloud(tmp_path / "emulator", s3_server, PERMANENT) as running:

        def clones(assets: int, *, encrypted: bool = False) -> Team:
            a, b = (clone(tmp_path / name, running, assets, encrypted=encrypted) for name in "AB")
            return Team(a, b, assets)

        yield clones


def clone(root: Path, running: Cloud, assets: int, *, encrypted: bool) -> Machine:
    (root / "specs").mkdir(parents=True)
    (root / "home").mkdir()
    place = f"bucket: {BUCKET}, region: {REGION}, endpoint: '{running.s3}', addressing_style: path"
    state = f"{{backend: cos, {place}{', encryption: {key_env: STATE_KEY}' if encrypted else ''}}}"
    more = f"state: {state}\npolicy: {{unknown_wait: 3s, max_generations_per_apply: 200}}\n"
    (root / "mpsjobs.yaml").write_text(running.settings(more=more), encoding="utf-8")
    lines = [f"  a{number}: song {number}" for number in range(assets)]
    (root / "specs" / "songs.yaml").write_text("\n".join(["assets:", *lines, ""]), encoding="utf-8")
    return Machine(root, running)


EVERY_TIME = {"after Sending"}
ONCE = ("RunStarted", "RunFinished", "save", "rename", "snapshot", "head", "release", "hold")
NOT_HERE = {"before snapshot rename"}


@pytest.mark.parametrize(
    "point", points(sorted(EVERY_TIME), sorted({*POINTS, *SHARED_POINTS} - EVERY_TIME - NOT_HERE))
)
def test_a_machine_vanishes_at_a_point_and_another_one_finishes(
    team: Callable[[int], Team], point: str
) -> None:
    both = team(3)
    killed = both.a.apply(kill_at=f"{point}:{1 if point.endswith(ONCE) else 2}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    both.a.vanish()
    both.b.finish()
    both.b.check(both.assets)


@pytest.mark.parametrize(
    "point", points([], ["after SubmitIntended", "after Sending", "before head", "after snapshot"])
)
def test_of_an_encrypted_state_everything_is_found_as_well(team: Callable[..., Team], point: str) -> None:
    both = team(3, encrypted=True)
    killed = both.a.apply(kill_at=f"{point}:{1 if point.endswith(ONCE) else 2}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    both.a.vanish()
    both.b.finish()
    both.b.check(both.assets)


@pytest.mark.parametrize("seed", points([], [str(seed) for seed in range(1, 9)]))
def test_killed_on_one_machine_at_any_time_it_is_finished_from_another(
    team: Callable[[int], Team], seed: str
) -> None:
    """And the machine that comes back finds everything done."""
    both, rng = team(40), random.Random(seed)
    with both.a.start("apply", "--auto-approve") as process:
        assert process.stderr
        for _ in range(rng.randint(1, 20)):
            process.stderr.readline()
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    both.b.finish()
    both.b.check(both.assets)
    assert both.a.apply().returncode == 0
    both.a.check(both.assets)
