"""A draft that was killed is gone on with by a later draft, or by the apply after the merge; and nothing is paid twice."""

import signal

import pytest

from tests.crash.conftest import Crashing
from tests.crash.points import points


def drafts(few: Crashing) -> list[bool]:
    """Of each take that is there, whether it is a draft."""
    takes = (take for pool in few.state()["takes"].values() for take in pool["takes"])
    return [take["draft"] for take in takes if take["status"] == "done"]


@pytest.mark.parametrize(
    "point",
    points(
        ["before OutputsRecorded:2"],
        [
            "after SubmitIntended:1",
            "after TaskSubmitted:1",
            "after Sending:2",
            "after send:1",
            "within TaskSubmitted:2",
            "after OutputsRecorded:1",
        ],
    ),
)
@pytest.mark.parametrize("later", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_killed_draft_is_gone_on_with(few: Crashing, point: str, *, later: bool) -> None:
    draft = ("apply", "--draft", "--auto-approve")
    killed = few.run(*draft, kill_at=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    if later:
        again = few.run(*draft)
        if again.returncode == 3:
            assert point.startswith("after Sending"), again.stderr
            again = few.run(*draft, "--resubmit-unknown")
        assert again.returncode == 0, again.stderr
        assert few.state()["assets"] == {}
        assert drafts(few) == [True] * 3
    few.finish()
    few.check()
    assert drafts(few) == [False] * 3
