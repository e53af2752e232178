"""Assets made from others, and a process or an answer that is lost between them: each is paid once, and made from what is recorded."""

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Folder
from tests.crash.conftest import Crashing, script
from tests.crash.points import points
from tests.crash.test_faults import cloud, paid

CHAIN = """\
assets:
  a0: song 0
  a1: {prompt: song 1, reference_audio: {asset: a0}}
  a2: {prompt: song 2, depends_on: [a1]}
"""
EACH_ONCE = Counter({f"song {number}": 1 for number in range(3)})


@pytest.fixture
def chain(few: Crashing) -> Crashing:
    (few.root / "specs" / "songs.yaml").write_text(CHAIN)
    return few


def takes(root: Path, address: str) -> list[Any]:
    state = json.loads((root / "mpsjobs.state.json").read_text())
    found: list[Any] = state["takes"][state["assets"][address]["fingerprint"]]["takes"]
    return found


def check_inputs(root: Path) -> None:
    """The song is made from the very file that is recorded."""
    (theme,), (song,) = takes(root, "a0"), takes(root, "a1")
    assert [(each["asset"], each["take"], each["sha256"]) for each in song["inputs"]] == [
        ("a0", 1, theme["outputs"][0]["sha256"])
    ]


@pytest.mark.parametrize(
    "point",
    points(
        ["after OutputsRecorded:1", "after SubmitIntended:2"],
        [
            *("after TaskSubmitted:1", "before OutputsRecorded:1", "after AssetRecorded:1"),
            *("before SubmitIntended:2", "within SubmitIntended:2", "after stage:2", "after TaskSubmitted:2"),
            *("before collect:2", "after OutputsRecorded:2"),
        ],
    ),
)
def test_killed_between_two_that_need_each_other_each_is_paid_once(chain: Crashing, point: str) -> None:
    killed = chain.apply(kill_at=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert chain.finish() is False
    chain.check()
    check_inputs(chain.root)


def test_killed_while_the_theme_runs_the_next_apply_waits_for_it(chain: Crashing) -> None:
    assert chain.apply(kill_at="after TaskSubmitted:1").returncode == -signal.SIGKILL
    plan = json.loads(chain.run("plan", "--json").stdout)
    assert {change["address"]: change["kind"] for change in plan["changes"]} == {
        "a0": "resume",
        "a1": "generate",
        "a2": "generate",
    }
    assert chain.finish() is False
    chain.check()


def test_the_outputs_of_a_lost_answer_are_adopted_and_what_needs_them_goes_on(chain: Crashing) -> None:
    for song in ("song 0", "song 1"):
        script(chain.url, {"fault": "drop-after-create", "match": song})
    ran = chain.apply()
    assert ran.returncode == 0, ran.stderr
    chain.check()
    check_inputs(chain.root)


def test_what_waits_for_an_unknown_answer_is_told_and_sent_when_that_is_bought_again(project: Folder) -> None:
    project.write(music=CHAIN)
    with cloud(project, {}, wait="1s") as url:
        script(url, {"fault": "create-and-never-write", "match": "song 0"})
        ran = project("apply", "--auto-approve", "--max-generations", "3")
        assert ran.code == 3
        assert "not submitted: a1: waits for a0, which has no answer yet" in ran.err
        assert project.kinds() == {"a0": "unresolved", "a1": "generate", "a2": "generate"}
        assert paid(url) == {"song 0": 1}
        again = project("apply", "--auto-approve", "--resubmit-unknown", "--max-generations", "3")
        assert again.code == 0, again.err
        assert paid(url) == {"song 0": 2, "song 1": 1, "song 2": 1}
        assert set(project.kinds().values()) == {"keep"}


def test_a_task_that_fails_is_tried_again_and_what_needs_it_follows(project: Folder) -> None:
    project.write(music=CHAIN)
    with cloud(project, {}) as url:
        script(url, {"fault": "fail", "match": "song 0"})
        ran = project("apply", "--auto-approve")
        assert ran.code == 3
        assert "not submitted: a1: waits for a0, which failed" in ran.err
        assert "not submitted: a2: waits for a1, which was not submitted" in ran.err
        assert paid(url) == {"song 0": 1}
        assert project("apply", "--auto-approve").code == 0
        assert paid(url) == EACH_ONCE + Counter({"song 0": 1})
