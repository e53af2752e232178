"""What an apply tells where no live view is: enough to know that it goes on, and never a flood."""

import json
from dataclasses import asdict, replace

import pytest

from mpsjobs.apply.progress import Failed, Finished, Stopping, Submitted, Tick
from mpsjobs.cli.live import joined, stopwatch
from mpsjobs.cli.output import Output
from mpsjobs.cli.progress_text import MANY, line_of, tick_text, worth_a_line
from mpsjobs.cli.watch import View, can_live, watch
from tests.cli.test_documents import check

TICK = Tick(
    total=1_050,
    to_submit=900,
    sent=2,
    in_cloud=100,
    collecting=8,
    done=36,
    failed=4,
    elapsed_s=0.0,
    per_second=19.8,
    slowest="level1.boss",
    slowest_s=70.0,
    left_s=400.0,
)
FAILED = Failed("a", 1, "FAIL", "no such thing", None)


def run_for(view: View, seconds: int) -> None:
    for half in range(seconds * 2):
        view.report(replace(TICK, elapsed_s=half / 2))


def test_a_run_of_ten_minutes_says_twenty_times_that_it_goes_on(capfd: pytest.CaptureFixture[str]) -> None:
    with watch(Output(colour=False)) as view:
        run_for(view, 610)
    out, err = capfd.readouterr()
    lines = err.splitlines()
    assert not out
    assert len(lines) == 20
    assert lines[0] == (
        "Still at work: 36 of 1,050 takes done, 900 to submit, 2 sent, 100 in the cloud, 8 being collected, 4 failed, "
        "about 7 min left [30s elapsed]"
    )


def test_for_scripts_these_are_events_with_all_numbers(capfd: pytest.CaptureFixture[str]) -> None:
    with watch(Output(json=True)) as view:
        run_for(view, 100)
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert events[0] == {"type": "tick", **asdict(TICK), "elapsed_s": 30.0}
    assert [event["elapsed_s"] for event in events] == [30.0, 60.0, 90.0]
    for event in events:
        check("apply-events", event)


def test_of_many_takes_only_trouble_is_told_one_by_one() -> None:
    fine = (Submitted("a", 1, "24", None), Finished("a", 1, "24", 3.0, ()))
    assert all(worth_a_line(each, MANY) for each in fine)
    assert not any(worth_a_line(each, MANY + 1) for each in fine)
    assert worth_a_line(FAILED, 10_000)
    assert worth_a_line(Stopping("interrupted"), 10_000)


def test_what_the_cloud_says_cannot_move_the_cursor_or_begin_a_line() -> None:
    line = line_of(replace(FAILED, message="no\n::error::\x1b[2J"))
    assert line
    assert "no\\n::error::\\u001b[2J" in line


def test_without_history_nothing_is_promised() -> None:
    assert tick_text(replace(TICK, left_s=None)).endswith("time left: no history yet")


def test_a_live_view_needs_a_terminal_that_can_and_somebody_who_looks() -> None:
    assert can_live({"TERM": "xterm-256color"})
    for environ in ({}, {"TERM": "dumb"}, {"TERM": "xterm", "CI": "true"}):
        assert not can_live(environ)


def test_words_are_broken_only_where_they_do_not_fit() -> None:
    words = ["19.8/s submitted", "3 in flight", "0:05 elapsed"]
    assert list(joined(iter(words), 80, " · ")) == ["  19.8/s submitted · 3 in flight · 0:05 elapsed"]
    assert list(joined(iter(words), 32, " · ")) == ["  19.8/s submitted · 3 in flight", "  0:05 elapsed"]
    assert [stopwatch(each) for each in (5.9, 725, 3725)] == ["0:05", "12:05", "1:02:05"]
