"""Where a run stands, and how long the rest may take."""

from dataclasses import replace
from typing import Any

import pytest

from mpsjobs.apply.durations import Durations, kind_of
from mpsjobs.apply.forecast import Forecast
from mpsjobs.apply.scheduler import Standing
from mpsjobs.apply.tally import Tally
from mpsjobs.model.state import Pool, State, Take, TakeStatus

SONG, PRO, CLIP = "MiniMaxMusic 2.6", "GL 3.0-pro", "GL 3.0-clip"


def knowing(history: dict[str, list[float]]) -> Forecast:
    durations = Durations()
    for kind, took in history.items():
        for task, seconds in enumerate(took):
            durations.began(kind, task, 0.0)
            durations.ended(kind, task, seconds, well=True)
    return Forecast(durations)


def left(forecast: Forecast, now: float, queued: int, running: int) -> float | None:
    return forecast.left_s(now, queued=queued, running=running, per_second=20)


def take(seconds: int, *, hour: int = 10) -> Take:
    return Take(
        take=1,
        realm="emulator",
        attempt_id="x",
        bucket="b",
        region="r",
        cos_path="p/",
        status=TakeStatus.DONE,
        host="h",
        boot_id="i",
        intended_at="",
        address="menu",
        submitted_at=f"2026-11-25T{hour:02}:00:00Z",
        finished_at=f"2026-11-25T{hour:02}:{seconds // 60:02}:{seconds % 60:02}Z",
    )


def test_without_history_and_before_the_first_task_is_done_there_is_nothing_to_go_by() -> None:
    forecast = Forecast()
    forecast.will_send(0, SONG, [])
    assert left(forecast, 5.0, queued=1, running=2) is None


def test_earlier_runs_say_how_long_a_task_takes_before_the_first_one_is_done() -> None:
    forecast = knowing({SONG: [40.0] * 5})
    forecast.sent(0, SONG, 10.0)
    assert left(forecast, 20.0, queued=0, running=1) == 30.0


def test_many_to_submit_take_as_long_as_the_rate_allows_and_then_one_task_more() -> None:
    forecast = knowing({SONG: [40.0]})
    for job in range(1_000):
        forecast.will_send(job, SONG, [])
    assert left(forecast, 0.0, queued=1_000, running=0) == 1_000 / 20 + 40.0


def test_of_many_tasks_the_slowest_counts_and_of_one_the_middle() -> None:
    forecast = knowing({SONG: [10.0] * 20 + [20.0] * 11 + [60.0] * 9})
    forecast.sent(0, SONG, 0.0)
    assert left(forecast, 0.0, queued=0, running=1) == 20.0
    assert left(forecast, 0.0, queued=0, running=50) == 60.0


def test_tasks_that_wait_for_others_begin_when_these_are_done() -> None:
    forecast = knowing({SONG: [40.0], PRO: [100.0]})
    forecast.will_send(0, SONG, [])
    forecast.will_send(1, PRO, [0])
    assert left(forecast, 0.0, queued=2, running=0) == 2 / 20 + 140.0
    forecast.sent(0, SONG, 0.0)
    assert left(forecast, 10.0, queued=1, running=1) == 30.0 + 1 / 20 + 100.0
    forecast.will_not_send(1)
    assert left(forecast, 10.0, queued=0, running=1) == 30.0


def test_a_version_that_was_never_seen_is_taken_for_another_of_its_model_else_for_any() -> None:
    forecast = knowing({SONG: [40.0], PRO: [100.0]})
    forecast.sent(0, CLIP, 0.0)
    assert left(forecast, 0.0, queued=0, running=1) == 100.0
    other = knowing({SONG: [40.0]})
    other.sent(0, CLIP, 0.0)
    assert left(other, 0.0, queued=0, running=1) == 40.0


def test_what_takes_longer_than_ever_is_always_about_to_end() -> None:
    forecast = knowing({SONG: [40.0]})
    forecast.sent(0, SONG, 0.0)
    assert left(forecast, 900.0, queued=0, running=1) == 1.0
    assert left(forecast, 900.0, queued=0, running=0) is None


def test_this_run_teaches_too() -> None:
    forecast = Forecast()
    for job in range(2):
        forecast.sent(job, SONG, 0.0)
        forecast.durations.began(SONG, job, 0.0)
    assert left(forecast, 20.0, queued=0, running=2) is None
    forecast.durations.ended(SONG, 0, 25.0, well=True)
    forecast.sent(2, SONG, 25.0)
    assert left(forecast, 30.0, queued=0, running=2) == 20.0


@pytest.mark.parametrize(
    "other",
    [
        {"realm": "tencent/intl"},
        {"imported": "task 24"},
        {"adopted": True},
        {"origin_attempt": "y"},
        {"status": TakeStatus.FAILED},
        {"submitted_at": None},
    ],
)
def test_only_tasks_of_this_realm_that_were_bought_and_done_are_history(other: dict[str, Any]) -> None:
    takes = (take(90, hour=12), take(30, hour=11), replace(take(500), **other))
    fields = {"model": "MiniMaxMusic", "version": "2.6"}
    assert kind_of(fields) == SONG
    durations = Durations.of_state(State("lineage", pools={"f1:x": Pool(fields, takes)}), "emulator")
    assert [durations.expected(SONG, share) for share in (0.0, 0.99)] == [30.0, 90.0]


def test_a_tick_counts_each_take_once_and_knows_the_rate_of_the_last_seconds() -> None:
    tally = Tally(100.0)
    for at in range(100, 120):
        tally.created(float(at))
    tally.finished, tally.copied = 3, 1
    standing = Standing(to_submit=5, sent=2, in_cloud=7, collecting=1, oldest=4, oldest_since=101.0)
    tick = tally.tick(120.0, standing, copying=2, per_second=20, slowest="boss")
    assert (tick.to_submit, tick.sent, tick.in_cloud, tick.collecting, tick.done) == (5, 2, 7, 3, 4)
    assert tick.total == 21
    assert tick.per_second == 4 / 5
    assert (tick.slowest, tick.slowest_s, tick.elapsed_s) == ("boss", 19.0, 20.0)
