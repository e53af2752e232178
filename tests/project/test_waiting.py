"""Waiting holds nobody up: the lock is taken for the moments in which something is recorded."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from mpsjobs import Project
from mpsjobs.apply.mode import Mode
from mpsjobs.apply.progress import Finished, Tick
from mpsjobs.apply.result import ApplyResult, ExitCode
from mpsjobs.model.diagnostics import LockHeldError
from mpsjobs.model.events import OutputsRecorded
from mpsjobs.plan.selection import Selection
from mpsjobs.project import Options, waiting
from tests.conftest import SETTINGS, Folder

SLOW_CLOUD = SETTINGS.replace("speed: 1000", "speed: 60")
THREE = "assets: {a: x, b: y, c: z}\n"


def waits(root: Path) -> ApplyResult:
    return Project.open(root).apply(Options(mode=Mode.WAIT)).result()


@pytest.fixture
def detached(project: Folder) -> Folder:
    """Three tasks that run for about a second."""
    project.settings(SLOW_CLOUD)
    project.write(music=THREE)
    assert Project.open(project.root).apply(Options(mode=Mode.DETACH)).result().running == 3
    return project


def collected(project: Folder) -> Counter[str]:
    """How often each attempt's outputs became history."""
    lines = Project.open(project.root).store.history()
    return Counter(line.event.attempt_id for line in lines if isinstance(line.event, OutputsRecorded))


def test_two_waits_and_an_apply_beside_them_buy_and_record_everything_once(detached: Folder) -> None:
    project = detached
    project.write(more="assets: {d: more}\n")
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(waits, project.root) for _ in range(2)]
        bought = Project.open(project.root).apply(Options(selection=Selection(targets=("d",)))).result()
        results = [each.result() for each in both]
    assert [each.exit_code for each in (bought, *results)] == [ExitCode.OK] * 3
    assert sum(each.finished for each in (bought, *results)) == 4
    assert [each.finished + each.elsewhere for each in results] == [3, 3]
    assert len(project.bill()) == 4
    assert set(collected(project).values()) == {1}
    assert set(project.kinds().values()) == {"keep"}
    assert {file.name for file in (project.root / "audio").iterdir()} >= {"a.mp3", "b.mp3", "c.mp3"}


def test_anybody_may_hold_the_state_while_tasks_are_waited_for(detached: Folder) -> None:
    opened = Project.open(detached.root)
    with opened.apply(Options(mode=Mode.WAIT)) as run:
        events = iter(run)
        assert next(event for event in events if isinstance(event, Tick)).in_cloud == 3
        with closing(opened.store.open("apply", lock_timeout_s=0)):
            assert any(isinstance(event, Tick) and event.collecting for event in events)
        assert [event.address for event in events if isinstance(event, Finished)]
    assert (run.result().finished, run.result().exit_code) == (3, ExitCode.OK)


def test_what_cannot_be_recorded_for_long_is_said_and_is_not_lost(
    detached: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "SHORTEST_PATIENCE_S", 0.5)
    opened = Project.open(detached.root)
    with (
        closing(opened.store.open("apply", lock_timeout_s=0)),
        pytest.raises(LockHeldError),
    ):
        waits(detached.root)
    assert waits(detached.root).finished == 3
    assert len(detached.bill()) == 3


def test_a_wait_that_is_stopped_leaves_what_runs_to_the_next_one(detached: Folder) -> None:
    run = Project.open(detached.root).apply(Options(mode=Mode.WAIT))
    for event in run:
        if isinstance(event, Tick):
            run.stop()
    assert (run.result().exit_code, run.result().running) == (ExitCode.INTERRUPTED, 3)
    assert waits(detached.root).finished == 3
    assert len(detached.bill()) == 3


def test_where_nothing_runs_waiting_takes_no_lock(project: Folder) -> None:
    project.write(music=THREE)
    assert project("apply", "--auto-approve").code == 0
    with closing(Project.open(project.root).store.open("apply", lock_timeout_s=0)):
        waited = project("wait")
    assert (waited.code, waited.out) == (0, "Nothing is running, and no answer is missing.\n")
