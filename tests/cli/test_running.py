"""Interruption, resumption, terminals, secrets: an apply as a process among others."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from mpsjobs.emulator import Emulator, EmulatorConfig
from tests.conftest import SETTINGS, Folder, ledger_of
from tests.terminal import Terminal

MPSJOBS = (sys.executable, "-m", "mpsjobs")
SLOW_CLOUD = SETTINGS.replace("speed: 1000", "speed: 5")
SECRET_ID, SECRET_KEY = "AKIDplantedforthetest", "plantedSecretKeyForTheTest"


def environment(**more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TENCENTCLOUD_", "MPSJOBS_"))
    }
    return kept | more


@contextmanager
def started(
    root: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*MPSJOBS, "-C", str(root), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env or environment(),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def until_submitted(process: subprocess.Popen[str], count: int) -> None:
    """Read events until so many tasks were submitted."""
    assert process.stdout
    for line in process.stdout:
        count -= json.loads(line)["type"] == "submitted"
        if not count:
            return
    pytest.fail(f"it ended before: {process.stderr and process.stderr.read()}")


def test_ctrl_c_stops_within_seconds_and_the_next_apply_picks_the_tasks_up(project: Folder) -> None:
    project.settings(SLOW_CLOUD)
    project.write(music="assets: {a: x, b: y, c: z}\n")
    with started(project.root, "apply", "--auto-approve", "--json") as process:
        until_submitted(process, 3)
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert time.monotonic() - asked < 5
    assert process.returncode == 130
    assert json.loads(out.splitlines()[-1])["running"] == 3
    assert "Traceback" not in err
    assert project.kinds() == {"a": "resume", "b": "resume", "c": "resume"}

    project.settings(SETTINGS)
    assert project("apply", "--auto-approve").code == 0
    assert len(project.ledger()) == 3
    assert set(project.kinds().values()) == {"keep"}


def test_a_killed_apply_loses_nothing_and_pays_nothing_twice(project: Folder) -> None:
    project.settings(SLOW_CLOUD)
    project.write(music="assets: {a: x, b: y}\n")
    with started(project.root, "apply", "--auto-approve", "--json") as process:
        until_submitted(process, 2)
        process.kill()
        process.wait()
    project.settings(SETTINGS)
    ran = project("apply", "--auto-approve")
    assert ran.code == 0, ran.err
    assert len(project.ledger()) == 2
    assert set(project.kinds().values()) == {"keep"}


def test_two_applies_at_once_the_second_says_who_holds_the_lock(project: Folder) -> None:
    project.settings(SLOW_CLOUD)
    project.write(music="assets: {a: x}\n")
    with started(project.root, "apply", "--auto-approve", "--json") as process:
        until_submitted(process, 1)
        second = project("apply", "--auto-approve")
        assert second.code == 1
        for word in ("ID", "Operation", "Who", "Version", "Created", "Path"):
            assert word in second.err
    assert project("plan").code == 0


def test_without_a_terminal_nothing_is_asked_and_nothing_is_done(project: Folder) -> None:
    project.write(music="assets: {a: x}\n")
    ran = subprocess.run(
        [*MPSJOBS, "-C", str(project.root), "apply"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert "--auto-approve" in ran.stderr
    assert not (project.root / "mpsjobs.state.json").exists()


@pytest.mark.parametrize(("answer", "code", "tasks"), [("yes", 0, 1), ("y", 1, 0)])
def test_on_a_terminal_only_yes_is_a_yes(project: Folder, answer: str, code: int, tasks: int) -> None:
    project.write(music="assets: {a: x}\n")
    screen, returned = on_a_terminal(project.root, "apply", answer=answer)
    assert returned == code
    assert "Do you want mpsjobs to do this?" in screen
    assert ("Apply complete!" in screen) == (code == 0)
    assert len(project.ledger()) == tasks


def test_a_terminal_shows_colours_and_a_pipe_does_not(project: Folder) -> None:
    project.write(music="assets: {a: x}\n")
    assert "\x1b[" in on_a_terminal(project.root, "plan")[0]
    assert "\x1b[" not in on_a_terminal(project.root, "plan", NO_COLOR="1")[0]
    assert "\x1b[" not in on_a_terminal(project.root, "plan", "--no-color")[0]
    assert "\x1b[" not in project("plan").out


def on_a_terminal(root: Path, *arguments: str, answer: str | None = None, **env: str) -> tuple[str, int]:
    """Run a command on a terminal of its own; `answer` is typed when a value is asked for."""
    with Terminal(root, *arguments, environ=env) as terminal:
        if answer:
            terminal.until(lambda text: text.endswith("Enter a value:"))
            terminal.press(f"{answer}\n".encode())
        code = terminal.wait()
    return terminal.wrote.decode(), code


def test_no_secret_reaches_anything_that_is_written(project: Folder) -> None:
    project.write(
        music="assets:\n  bad: mpsblockedword\n  a:\n    prompt: x\n"
        f"    reference_audio: {{url: 'https://b.example/a.wav?q-signature={SECRET_KEY}'}}\n"
    )
    ran = subprocess.run(
        [
            *MPSJOBS,
            "-C",
            str(project.root),
            "apply",
            "--auto-approve",
            "--log-level=debug",
            "--log-format=json",
        ],
        capture_output=True,
        text=True,
        env=environment(TENCENTCLOUD_SECRET_ID=SECRET_ID, TENCENTCLOUD_SECRET_KEY=SECRET_KEY),
        timeout=60,
        check=False,
    )
    assert ran.returncode == 3
    assert SECRET_KEY not in ran.stdout + ran.stderr
    logged = [json.loads(line) for line in ran.stderr.splitlines() if line.startswith("{")]
    assert {"run_id", "event", "level", "timestamp"} <= logged[0].keys()
    assert any({"run_id", "address", "task_id", "request_id"} <= line.keys() for line in logged)
    ours = [
        path
        for path in project.root.rglob("*")
        if path.is_file() and "emulator" not in path.parts and "specs" not in path.parts
    ]
    assert ours
    for path in ours:
        assert SECRET_KEY.encode() not in path.read_bytes(), path


def test_an_apply_attaches_to_the_emulator_that_holds_the_data(project: Folder) -> None:
    project.write(music="assets: {a: x}\n")
    config = EmulatorConfig(
        data=project.root / ".mpsjobs" / "emulator",
        store=project.root / ".mpsjobs" / "store",
        speed=1000,
        audio="stub",
    )
    with Emulator(config) as emulator:
        assert project("apply", "--auto-approve").code == 0
        assert len(ledger_of(emulator.url)) == 1


def test_an_endpoint_is_used_and_outputs_elsewhere_are_fetched_by_their_url(
    project: Folder, tmp_path: Path
) -> None:
    project.write(music="assets: {a: x}\n")
    with Emulator(EmulatorConfig(data=tmp_path / "elsewhere", speed=1000, audio="stub")) as emulator:
        project.settings(
            SETTINGS.replace("{kind: emulator,", f"{{kind: emulator, endpoint: '{emulator.url}',")
        )
        assert project("apply", "--auto-approve").code == 0
        assert len(ledger_of(emulator.url)) == 1
    assert (project.root / "audio" / "a.mp3").stat().st_size > 0
    assert not (project.root / ".mpsjobs" / "emulator").exists()


@pytest.mark.slow  # it is tried for the better part of a minute
def test_a_cloud_that_is_not_there_is_said_once_and_costs_nothing(project: Folder) -> None:
    project.settings(SETTINGS.replace("{kind: emulator,", "{kind: emulator, endpoint: 'http://127.0.0.1:9',"))
    project.write(music="assets: {a: x, b: y, c: z}\n")
    ran = project("apply", "--auto-approve")
    assert ran.code == 1
    assert ran.err.count("no task can be submitted for now, it is tried again") == 1
    assert ran.err.count("no task can be submitted: ConnectionRefused") <= 2
    assert "Traceback" not in ran.err
    assert project.kinds() == {"a": "generate", "b": "generate", "c": "generate"}


@pytest.mark.parametrize(
    "command", [["version"], ["plan"], ["plan", "--json"], ["validate"], ["state", "list"], ["models"]]
)
def test_commands_that_only_look_load_neither_cloud_nor_audio(project: Folder, command: list[str]) -> None:
    project.write(music="assets: {a: x}\n")
    enter = (
        "from mpsjobs.cli import main as enter"
        if command == ["version"]
        else "from mpsjobs.cli.app import run as enter"
    )
    code = (
        f"import sys, json; {enter}\n"
        f"try: assert not enter({command if command != ['version'] else ''})\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('\\n' + json.dumps(sorted(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *command],
        cwd=project.root,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=True,
    )
    loaded = set(json.loads(ran.stdout.splitlines()[-1]))
    heavy = {
        "boto3",
        "botocore",
        "cryptography",
        "numpy",
        "soundfile",
        "mpsjobs.emulator",
        "mpsjobs.apply.runner",
        "structlog",
        "rich.live",
    }
    assert not loaded & heavy
    if command == ["version"]:
        assert not loaded & {"click", "pydantic", "ruamel.yaml"}


def test_a_refused_account_stops_submitting_and_nothing_is_remembered(
    project: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project.write(music="assets: {a: x, b: y}\n")
    with Emulator(EmulatorConfig(data=tmp_path / "elsewhere", speed=1000, audio="stub")) as emulator:
        project.settings(
            SETTINGS.replace("{kind: emulator,", f"{{kind: emulator, endpoint: '{emulator.url}',")
        )
        monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDsomebodyelse")
        monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "another")
        ran = project("apply", "--auto-approve")
        assert ran.code == 1
        assert ran.err.count("AuthFailure.SecretIdNotFound") <= 2
        assert ledger_of(emulator.url) == []
    assert project.kinds() == {"a": "generate", "b": "generate"}


def test_a_reader_that_leaves_does_not_come_between_a_request_and_its_record(project: Folder) -> None:
    project.write(music="assets: {a: x, b: y, c: z}\n")
    with started(project.root, "apply", "--auto-approve", "--json") as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        process.wait(timeout=60)
    assert project("apply", "--auto-approve").code == 0
    assert len(project.ledger()) == 3


def test_what_had_no_answer_when_the_run_was_stopped_is_named(project: Folder, tmp_path: Path) -> None:
    project.write(music="assets: {a: x}\n")
    store = project.root / ".mpsjobs" / "store"
    config = EmulatorConfig(
        data=tmp_path / "elsewhere", store=store, speed=1000, audio="stub", faults={"slow": 1.0}
    )
    with Emulator(config) as emulator:
        project.settings(
            SETTINGS.replace("{kind: emulator,", f"{{kind: emulator, endpoint: '{emulator.url}',")
        )
        with started(project.root, "apply", "--auto-approve") as process:
            deadline = time.monotonic() + 30
            while not ledger_of(emulator.url) and time.monotonic() < deadline:
                select.select([], [], [], 0.05)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "a, take 1: the answer to its request was lost" in err
        assert project("apply", "--auto-approve").code == 0
        assert len(ledger_of(emulator.url)) == 1


def test_a_holder_that_lost_its_lock_sends_no_further_paid_request(project: Folder) -> None:
    project.settings(SLOW_CLOUD)
    project.write(music="assets:\n" + "".join(f"  a{number}: song {number}\n" for number in range(60)))
    with started(project.root, "apply", "--auto-approve", "--json") as process:
        until_submitted(process, 5)
        (project.root / "mpsjobs.state.json.lock.epoch").write_text("7\n")
        out, err = process.communicate(timeout=30)
    assert process.returncode == 1, err
    submitted = 5 + sum(json.loads(line)["type"] == "submitted" for line in out.splitlines())
    assert submitted < 20
    assert len(project.ledger()) == submitted
    assert "mpsjobs state push" in err
    project.settings(SETTINGS)
    (salvaged,) = project.root.glob("errored*")
    assert project("state", "push", str(salvaged)).code == 0
    assert project("apply", "--auto-approve").code == 0
    assert len(project.ledger()) == 60
