"""The iterator of an apply: what a program relies on that goes through it, leaves it, or is slow."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mpsjobs
from mpsjobs import Project
from mpsjobs.apply.progress import Finished, Planned, Submitted
from mpsjobs.apply.result import ExitCode
from mpsjobs.model.diagnostics import LockHeldError
from mpsjobs.project import Options
from tests.conftest import SETTINGS, Folder

SLOW_CLOUD = SETTINGS.replace("speed: 1000", "speed: 5")
THREE = "assets: {a: x, b: y, c: z}\n"

PROGRAM = """\
import sys
from mpsjobs import Project
from mpsjobs.apply.progress import Submitted
left = 2
for event in Project.open().apply():
    left -= isinstance(event, Submitted)
    if not left:
        print("two are submitted", flush=True)
        {then}
"""


def test_every_public_name_is_there() -> None:
    assert all(getattr(mpsjobs, name) for name in mpsjobs.__all__)


def test_all_that_happens_is_told_in_order_and_summed_up(project: Folder) -> None:
    project.write(music=THREE)
    run = Project.open(project.root).apply()
    assert run.plan.generations == 3
    told = list(run)
    assert isinstance(told[0], Planned)
    assert told[0].plan is run.plan
    of_a = [type(event) for event in told if getattr(event, "address", None) == "a"]
    assert of_a.index(Submitted) < of_a.index(Finished)
    assert (run.result().finished, run.result().exit_code) == (3, ExitCode.OK)
    with pytest.raises(RuntimeError, match="once"):
        list(run)


def test_a_run_that_nobody_watches_is_carried_out_when_its_result_is_asked_for(project: Folder) -> None:
    project.write(music=THREE)
    assert Project.open(project.root).apply().result().finished == 3
    assert len(project.bill()) == 3


def test_leaving_at_the_plan_declines_it_and_lets_go_of_the_lock(project: Folder) -> None:
    project.write(music=THREE)
    opened = Project.open(project.root)
    with opened.apply() as run, pytest.raises(LockHeldError):
        opened.apply()
    assert run.result().exit_code is ExitCode.INTERRUPTED
    for event in opened.apply():
        assert isinstance(event, Planned)
        break
    stopped = opened.apply()
    for event in stopped:
        assert isinstance(event, Planned)
        stopped.stop()
    assert project.bill() == []
    assert opened.state().serial == 0


def test_leaving_early_stops_in_good_order_and_the_next_run_goes_on(project: Folder) -> None:
    project.settings(SLOW_CLOUD)
    project.write(music=THREE)
    opened, left = Project.open(project.root), 2
    run = opened.apply(Options())
    for event in run:
        left -= isinstance(event, Submitted)
        if not left:
            break
    result = run.result()
    assert result.interrupted
    assert result.running == len(project.bill()) >= 2
    project.settings(SETTINGS)
    assert Project.open(project.root).apply().result().exit_code is ExitCode.OK
    assert len(project.bill()) == 3


def test_a_reader_that_falls_behind_delays_nothing(project: Folder) -> None:
    project.write(music=THREE)
    opened = Project.open(project.root)
    with opened.apply() as run:
        events = iter(run)
        assert isinstance(next(events), Planned)
        next(events)
        deadline = time.monotonic() + 30
        while not (assets := opened.state().assets) or any(
            each.status != "ready" for each in assets.values()
        ):
            assert time.monotonic() < deadline, "the run waits for its reader"
        assert {event.address for event in events if isinstance(event, Finished)} == {"a", "b", "c"}
    assert run.result().exit_code is ExitCode.OK


@pytest.mark.parametrize("then", ["raise SystemExit('enough')", "1 / 0", "signal"])
def test_a_program_that_ends_in_the_midst_of_a_run_loses_nothing(project: Folder, then: str) -> None:
    """By an error that nobody catches, or by Ctrl-C, with nothing but a `for` loop around the events."""
    project.settings(SLOW_CLOUD)
    project.write(music=THREE)
    program = PROGRAM.format(then="pass" if then == "signal" else then)
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "two are submitted\n"
            if then == "signal":
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode not in {0, -signal.SIGKILL}
    assert set(project.kinds().values()) <= {"resume", "generate"}
    project.settings(SETTINGS)
    assert Project.open(project.root).apply().result().exit_code is ExitCode.OK
    assert len(project.bill()) == 3


def test_what_the_cloud_refuses_is_raised_where_the_events_are_read(project: Folder, tmp_path: Path) -> None:
    project.settings(SETTINGS + "network: {ca_file: nowhere.pem}\n")
    project.write(music=THREE)
    run = Project.open(project.root).apply()
    with pytest.raises(Exception, match="ca_file"):
        list(run)
    with pytest.raises(Exception, match="ca_file"):
        run.result()
    assert project.bill() == []
