"""SIGKILL while takes are judged and taken again: no more is bought than was allowed, and what is wanted is there in the end."""

import signal
from collections import Counter

import pytest

from tests.conftest import ledger_of
from tests.crash.conftest import Crashing
from tests.crash.points import points

POINTS = points(
    ["after OutputsRecorded:1", "within TakeJudged:1"],
    [
        *("before OutputsRecorded:1", "within OutputsRecorded:2", "after OutputsRecorded:3"),
        *("within TakeJudged:2", "after TakeJudged:2", "after RunFinished:1", "after SubmitIntended:4"),
        *("after TaskSubmitted:4", "before OutputsRecorded:4"),
    ],
)
RETAKES = """\
defaults: {on_fail: retake, max_retakes: 2, expect: {not_silent: true}}
assets:
  a0: "song 0 mpsaudio-silent:1"
  a1: song 1
  a2: "song 2 mpsaudio-silent"
"""


@pytest.mark.parametrize("point", POINTS)
def test_killed_while_takes_are_taken_again_none_is_bought_beyond_what_is_allowed(
    few: Crashing, point: str
) -> None:
    (few.root / "specs" / "songs.yaml").write_text(RETAKES)
    killed = few.apply(kill_at=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    last = few.apply()
    assert last.returncode == 3, last.stderr
    if "--resubmit-unknown" in last.stderr:  # it may never have left: sent again by hand
        few.run("apply", "--auto-approve", "--resubmit-unknown")
    paid = Counter(task["request"]["Prompt"].split(" mps")[0] for task in ledger_of(few.url))
    assert paid == {"song 0": 2, "song 1": 1, "song 2": 3}
    state = few.state()
    assert {address: record["status"] for address, record in state["assets"].items()} == {
        "a0": "ready",
        "a1": "ready",
        "a2": "failed",
    }
    assert few.apply().returncode == 3
    assert len(ledger_of(few.url)) == 6
