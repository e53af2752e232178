"""Machines of a team: clones of one project, each with a home of its own, and one state in a bucket for all."""

import base64
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli.clouds import BUCKET, PERMANENT, REGION, Cloud, environment
from tests.conftest import ledger_of
from tests.crash.conftest import ROOT
from tests.crash.killed import SHARED

KEY = base64.b64encode(b"k" * 32).decode()


@dataclass(frozen=True)
class Machine:
    """A clone of the project, with a home of its own."""

    root: Path
    cloud: Cloud
    account: Mapping[str, str] = field(default_factory=lambda: PERMANENT)

    def start(self, *arguments: str, kill_at: str = "never:1") -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.crash.killed", kill_at, "-C", str(self.root), *arguments]
        home = environment({**self.account, "HOME": str(self.root / "home"), SHARED: "yes", "STATE_KEY": KEY})
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

    def songs(self, *names: str) -> None:
        """What the specs of this clone want."""
        lines = [f"  {name}: {song}" for name, song in (each.split("=") for each in names)]
        (self.root / "specs" / "songs.yaml").write_text("\n".join(["assets:", *lines, ""]), encoding="utf-8")

    def bought(self) -> Counter[str]:
        """How often each song was paid for."""
        return Counter(task["request"]["Prompt"] for task in ledger_of(self.cloud.url))

    def vanish(self) -> None:
        shutil.rmtree(self.root)


@dataclass(frozen=True)
class Team:
    """Two machines with one state."""

    a: Machine
    b: Machine
    assets: int


def clone(
    root: Path, running: Cloud, assets: int, *, encrypted: bool = False, state_at: str | None = None
) -> Machine:
    """`state_at`: the server of the state, where it is not that of the store."""
    (root / "specs").mkdir(parents=True)
    (root / "home").mkdir()
    place = (
        f"bucket: {BUCKET}, region: {REGION}, endpoint: '{state_at or running.s3}', addressing_style: path"
    )
    state = f"{{backend: cos, {place}{', encryption: {key_env: STATE_KEY}' if encrypted else ''}}}"
    more = f"state: {state}\npolicy: {{unknown_wait: 3s, max_generations_per_apply: 200}}\n"
    (root / "mpsjobs.yaml").write_text(running.settings(more=more), encoding="utf-8")
    machine = Machine(root, running)
    machine.songs(*(f"a{number}=song {number}" for number in range(assets)))
    return machine
