"""What tests of whole commands share: a project folder, a way to run a command, and the emulator's ledger: the bill."""

import json
import logging
import os
import signal
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from hypothesis import HealthCheck, settings as hypothesis_settings

from mpsjobs.cli.app import run
from mpsjobs.emulator import Emulator, EmulatorConfig

if TYPE_CHECKING:
    from tests.s3 import S3Server

# Machines are noisy: how long an example takes says nothing about whether it is right.
hypothesis_settings.register_profile("noisy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("noisy")

SETTINGS = """\
project: test
provider: {kind: emulator, speed: 1000, audio: stub}
download: audio/
defaults: {model: MiniMaxMusic, version: "2.6", format: mp3}
"""


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    def events(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Folder:
    """A project on disk and the commands run in it."""

    root: Path
    _run: Callable[..., Ran]

    def __call__(self, *arguments: str) -> Ran:
        return self._run("-C", str(self.root), *arguments)

    def write(self, **files: str) -> None:
        """Write spec files by their names."""
        (self.root / "specs").mkdir(exist_ok=True)
        for name, text in files.items():
            (self.root / "specs" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def settings(self, text: str) -> None:
        (self.root / "mpsjobs.yaml").write_text(text, encoding="utf-8")

    def ledger(self) -> list[dict[str, Any]]:
        """Every task that the embedded emulator ever created."""
        with Emulator(EmulatorConfig(data=self.root / ".mpsjobs" / "emulator", audio="stub")) as emulator:
            return ledger_of(emulator.url)

    def bill(self) -> list[str]:
        """The TaskIds of the ledger: what was paid for."""
        return [task["TaskId"] for task in self.ledger()]

    def kinds(self) -> dict[str, str]:
        """Address → kind of the plan as it is now."""
        return {change["address"]: change["kind"] for change in self("plan", "--json").json()["changes"]}


def ledger_of(url: str) -> list[dict[str, Any]]:
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with directly.open(f"{url}/_emulator/ledger", timeout=10) as answer:
        tasks: list[dict[str, Any]] = json.load(answer)["tasks"]
    return tasks


@pytest.fixture(scope="session")
def s3_server() -> Iterator["S3Server"]:
    """A real S3 server. A test says which buckets there are, and finds them empty."""
    from tests.s3 import running_s3_server  # moto is heavy

    with running_s3_server() as server:
        yield server


@pytest.fixture(autouse=True)
def no_settings_from_outside(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The machine's own credentials and preferences change no test, and no test asks beyond loopback for some."""
    for name in os.environ:
        if (
            name.startswith(("TENCENTCLOUD_", "MPSJOBS_", "TKE_", "ACTIONS_ID_TOKEN_"))
            or name.lower().endswith("_proxy")
            or name in {"CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "NO_COLOR", "FORCE_COLOR"}
        ):
            monkeypatch.delenv(name)
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MPSJOBS_METADATA", "http://127.0.0.1:9")


@pytest.fixture
def mpsjobs(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Ran]]:
    """Run a command in this process, as the console script would."""
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}

    def command(*arguments: str) -> Ran:
        capfd.readouterr()
        code = run(arguments)
        return Ran(code, *capfd.readouterr())

    yield command
    log = logging.getLogger("mpsjobs")
    log.handlers.clear()  # the log goes to a stream that ends with this test
    log.propagate = True
    log.setLevel(logging.NOTSET)
    structlog.contextvars.clear_contextvars()
    assert {each: signal.getsignal(each) for each in handlers} == handlers, "a command must give signals back"


@pytest.fixture
def project(tmp_path: Path, mpsjobs: Callable[..., Ran]) -> Folder:
    """An empty project on the quickest emulator."""
    folder = Folder(tmp_path / "project", mpsjobs)
    folder.root.mkdir()
    folder.settings(SETTINGS)
    return folder
