"""Waiting without the state: what is asked, what is kept, and what others do meanwhile; against a cloud that answers at once, in no time."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import cast

import pytest

from mpsjobs.apply.durations import Durations
from mpsjobs.apply.finishing import Finishings
from mpsjobs.apply.forecast import Forecast
from mpsjobs.apply.mode import Mode
from mpsjobs.apply.progress import Failed, Noticed, Progress, Tick
from mpsjobs.apply.publish import Publications
from mpsjobs.apply.records import Records
from mpsjobs.apply.run import Origin, Run, Wiring
from mpsjobs.apply.scheduler import Scheduler
from mpsjobs.apply.tally import Tally
from mpsjobs.apply.waiting import Waiting
from mpsjobs.apply.workers import Answer, CollectAnswer, PollAnswer, Workers
from mpsjobs.cloud.pacer import Pacer
from mpsjobs.model.asset import StoreTarget
from mpsjobs.model.change import Plan, Reconcile, Resume
from mpsjobs.model.events import Event, Sending, SubmitUnknown, SubmitWithdrawn, TaskFailed, TaskSubmitted
from mpsjobs.model.ports import Task, TaskStatus
from mpsjobs.model.state import Output, State
from mpsjobs.state.fold import Fold
from mpsjobs.state.glance import Glance
from mpsjobs.state.identity import timestamp
from tests.state.histories import AT, REALM, FakeClock, bought, intended, output


@dataclass
class Cloud:
    """Tasks that end so many seconds after the start, by TaskId; answers come at once."""

    ends: Mapping[str, float]
    clock: FakeClock = field(default_factory=FakeClock)
    asked: list[tuple[float, str]] = field(default_factory=list)
    looked: int = 0
    found: tuple[Output, ...] | None = None
    _answers: list[Answer] = field(default_factory=list)

    def poll(self, job: int, task_id: str) -> None:
        self.asked.append((round(self.clock.now, 3), task_id))
        over = self.clock.now >= self.ends[task_id]
        status = TaskStatus.DONE if over else TaskStatus.RUN
        self._answers.append(PollAnswer(job, Task(status, "", (), (), None)))

    def collect(self, job: int, _search: object) -> None:
        self.looked += 1
        self._answers.append(CollectAnswer(job, self.found))

    def next(self, timeout_s: float) -> list[Answer]:
        if not self._answers:
            self.clock.now += timeout_s
        answers, self._answers = self._answers, []
        return answers


def waiting_for(cloud: Cloud, gather_s: float = 0.0) -> Waiting:
    told, clock, durations, nothing = deque[Progress](), cloud.clock, Durations(), State(lineage="")
    wiring = Wiring(
        project="p",
        new_id=str,
        target=lambda _: StoreTarget("b-1250000000", "local", "audio"),
        body=lambda *_: b"",
        copy=lambda *_: (),
        songs=lambda _: 1,
        report=told.append,
        gives_up=lambda _: False,
        per_second=20,
        mode=Mode.WAIT,
    )
    run = Run(
        session=Glance(nothing),
        scheduler=Scheduler(Pacer(20), Pacer(20), lambda: 0.5, durations),
        workers=cast("Workers", cloud),
        clock=clock,
        origin=Origin(REALM, "box", "boot", "me", "0.1.0", None),
        wiring=wiring,
        records=Records(nothing, REALM),
        publications=Publications(nothing, REALM),
        finishings=Finishings(nothing, REALM),
        tally=Tally(0.0, Forecast(durations)),
    )
    return Waiting(run, told, gather_s)


def state_of(*histories: Iterable[Event]) -> State:
    fold = Fold(State(lineage="L"))
    for event in (event for history in histories for event in history):
        fold.apply(event, fold.state.serial + 1)
    return fold.state


def running(attempt: str) -> list[Event]:
    return [*intent(attempt), Sending(AT, attempt), TaskSubmitted(AT, attempt, f"task-{attempt}", None)]


def intent(attempt: str) -> list[Event]:
    return [intended(attempt, f"f1:{attempt}", address=f"menu.{attempt}")]


def plan_of(state: State) -> Plan:
    actions = [
        (Resume if take.in_flight else Reconcile)(take.address, fingerprint, take.attempt_id)
        for fingerprint, take in state.takes()
        if take.in_flight or take.unresolved
    ]
    return Plan(REALM, "L", state.serial, (), tuple(actions))


def begun(cloud: Cloud, state: State, gather_s: float = 0.0) -> Waiting:
    waiting = waiting_for(cloud, gather_s)
    waiting.begin(plan_of(state), state)
    return waiting


def events_of(waiting: Waiting) -> list[Progress]:
    return [each for each in waiting.watch() if not isinstance(each, Tick)]


def test_recording_one_task_makes_no_other_one_be_asked_for_anew() -> None:
    """Whether they are recorded one by one or all in the end, the same questions leave at the same times."""
    ends = {f"task-a{number}": 40.0 * number for number in range(1, 9)}
    state = state_of(*(running(f"a{number}") for number in range(1, 9)))
    asked = []
    for gather_s in (0.0, 10_000.0):
        cloud = Cloud(ends)
        waiting, heard = begun(cloud, state, gather_s), []
        while not waiting.over:
            events_of(waiting)
            heard.append(len(waiting.heard))
            waiting.recorded(0.0)
        assert heard == ([1] * 8 if not gather_s else [8])
        asked.append(cloud.asked)
    assert asked[0] == asked[1]
    assert max(gap for gap in gaps(asked[0], "task-a8")) <= 15.1


def gaps(asked: list[tuple[float, str]], task: str) -> list[float]:
    times = [at for at, each in asked if each == task]
    return [later - earlier for earlier, later in pairwise(times)]


def test_what_ends_within_a_moment_is_recorded_together() -> None:
    cloud = Cloud({"task-a1": 100.0, "task-a2": 104.0, "task-a3": 900.0})
    waiting = begun(cloud, state_of(running("a1"), running("a2"), running("a3")), gather_s=30.0)
    events_of(waiting)
    assert waiting.heard.keys() == {"a1", "a2"}
    assert not waiting.over
    heard, now = waiting.heard["a1"], cloud.clock.now
    assert 100.0 <= heard.age_s <= now - 29.0, "when it was heard, not when it is recorded"
    assert heard.at == timestamp(cloud.clock.start + timedelta(seconds=heard.age_s))


def test_the_state_is_held_for_a_third_of_the_time_at_most() -> None:
    """Where recording takes its time, more is gathered before it is done again."""
    cloud = Cloud({f"task-a{number}": 40.0 * number for number in range(1, 31)})
    waiting = begun(cloud, state_of(*(running(f"a{number}") for number in range(1, 31))), gather_s=1.0)
    held_s = 0.0
    while not waiting.over:
        events_of(waiting)
        cloud.clock.now += 50.0
        held_s += 50.0
        waiting.recorded(50.0)
    assert held_s <= cloud.clock.now / 3 + 50.0


def test_what_another_run_records_is_told_and_no_longer_asked_for() -> None:
    cloud = Cloud({"task-a1": 50.0, "task-a2": 10_000.0, "task-a3": 10_000.0})
    waiting = begun(cloud, state_of(running("a1"), running("a2"), running("a3")))
    events_of(waiting)
    failed = [*running("a2"), TaskFailed(AT, "a2", "no such model", "r2")]
    now = state_of(bought("a1", "f1:a1"), failed, running("a3"), running("a4"))
    waiting.follow(plan_of(now), now)
    assert (waiting.heard, waiting.elsewhere, waiting.over) == ({}, 1, False)
    told = [type(each) for each in waiting.told]
    assert (told.count(Noticed), told.count(Failed)) == (1, 1)
    asked = len(cloud.asked)
    now = state_of(bought("a1", "f1:a1"), failed, bought("a3", "f1:a3"), running("a4"))
    waiting.follow(plan_of(now), now)
    assert waiting.over, "what was begun meanwhile is for somebody else to wait for"
    assert len(cloud.asked) == asked
    result = waiting.result(plan_of(now))
    assert (result.elsewhere, len(result.failed), result.running) == (2, 1, 0)


def test_an_intent_without_an_answer_is_for_the_holder_of_the_state_to_settle() -> None:
    cloud = Cloud({"task-a1": 10.0})
    waiting = begun(cloud, state_of(intent("a1"), intent("a2"), intent("a3")))
    assert events_of(waiting) == []
    assert (waiting.unsettled, cloud.looked, cloud.asked) == ({"a1", "a2", "a3"}, 0, [])
    tries = []
    for _ in range(8):
        waiting.later()
        before = cloud.clock.now
        events_of(waiting)
        tries.append(cloud.clock.now - before)
    assert tries == pytest.approx([1, 2, 4, 8, 15, 15, 15, 15])
    withdrawn = [*intent("a2"), SubmitWithdrawn(AT, "a2")]
    lost = [*intent("a3"), Sending(AT, "a3"), SubmitUnknown(AT, "a3", "reset", None)]
    now = state_of(running("a1"), withdrawn, lost)
    waiting.follow(plan_of(now), now)
    waiting.recorded(0.0)
    assert waiting.unsettled == set()
    events_of(waiting)
    assert waiting.heard.keys() == {"a1"}
    assert cloud.looked


def test_a_lost_answer_is_looked_for_as_long_as_the_policy_says_and_then_told() -> None:
    cloud = Cloud({})
    lost = [*intent("a1"), Sending(AT, "a1"), SubmitUnknown(AT, "a1", "reset", None)]
    state = state_of(lost)
    waiting = begun(cloud, state)
    events_of(waiting)
    assert waiting.over
    assert cloud.clock.now >= 30 * 60
    assert [each.attempt_id for each in waiting.result(plan_of(state)).unknown] == ["a1"]


def test_an_output_found_is_kept_until_it_is_recorded() -> None:
    cloud = Cloud({}, found=(output("audio/takes/a1/x.wav"),))
    state = state_of([*intent("a1"), Sending(AT, "a1"), SubmitUnknown(AT, "a1", "reset", None)])
    waiting = begun(cloud, state)
    events_of(waiting)
    assert waiting.heard.keys() == {"a1"}
    assert waiting.result(plan_of(state)).running == 1
    waiting.recorded(0.0)
    assert waiting.over
