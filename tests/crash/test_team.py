"""Three machines at one state: a draft beside the apply of main, and who waits for what another one has submitted."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mpsjobs.state.identity import host_name
from tests.cli.clouds import PERMANENT, cloud
from tests.crash.machines import Machine, clone
from tests.s3 import S3Server

pytestmark = pytest.mark.slow

Clones = Callable[..., list[Machine]]


@pytest.fixture
def clones(tmp_path: Path, s3_server: S3Server) -> Iterator[Clones]:
    """Machines by their names; tasks take one to three seconds."""
    with cloud(tmp_path / "emulator", s3_server, PERMANENT, speed=30) as running:
        yield lambda names, assets: [clone(tmp_path / name, running, assets) for name in names]


def test_a_draft_waits_for_the_apply_of_main_and_is_adopted_after_the_merge(clones: Clones) -> None:
    main, pull_request = clones("MP", 12)
    wanted = [f"a{number}=song {number}" for number in range(11)] + ["a11=another song", "new=a new song"]
    pull_request.songs(*wanted)
    with main.start("apply", "--auto-approve") as at_work:
        assert at_work.stderr
        while "submitted" not in at_work.stderr.readline():
            pass
        refused = pull_request.apply("--draft")
        assert (refused.returncode, "E0901" in refused.stderr) == (1, True)
        assert "Operation: apply" in refused.stderr
        assert host_name() in refused.stderr
        drafted = pull_request.apply("--draft", "--lock-timeout", "2m")
        at_work.communicate(timeout=120)
    assert (at_work.returncode, drafted.returncode) == (0, 0), drafted.stderr
    paid = main.bought()
    assert paid == {f"song {number}": 1 for number in range(12)} | {"another song": 1, "a new song": 1}
    state = main.state()
    assert state["assets"].keys() == {f"a{number}" for number in range(12)}
    assert {record["status"] for record in state["assets"].values()} == {"ready"}
    takes = [take for pool in state["takes"].values() for take in pool["takes"]]
    assert [take["draft"] for take in takes].count(True) == 2
    assert main.run("plan", "--detailed-exitcode").returncode == 0
    main.songs(*wanted)
    merged = main.apply()
    assert merged.returncode == 0, merged.stderr
    assert main.bought() == paid
    assert main.state()["assets"].keys() == {*state["assets"], "new"}


def test_what_one_machine_submits_another_one_waits_for_and_a_third_one_hears(clones: Clones) -> None:
    submits, waits, listens = clones("ABC", 8)
    detached = submits.apply("--detach")
    assert detached.returncode == 0, detached.stderr
    submits.vanish()
    with listens.start("wait") as beside:
        waited = waits.run("wait")
        _, told = beside.communicate(timeout=120)
    assert (waited.returncode, beside.returncode) == (0, 0), waited.stderr + told
    for each in (waits, listens):
        assert {file.name for file in (each.root / "audio").iterdir()} == {f"a{n}.mp3" for n in range(8)}
        each.check(8)


def test_a_wait_and_an_apply_share_a_state(clones: Clones) -> None:
    """Whoever comes first records; nobody buys what is running."""
    submits, waits, applies = clones("ABC", 8)
    assert submits.apply("--detach").returncode == 0
    with waits.start("wait") as waiting:
        applied = applies.apply("--lock-timeout", "2m")
        _, told = waiting.communicate(timeout=120)
    assert (waiting.returncode, applied.returncode) == (0, 0), told + applied.stderr
    waits.check(8)


@pytest.mark.parametrize(
    "point",
    [
        *("after hold:1", "before OutputsRecorded:1", "within OutputsRecorded:2", "after OutputsRecorded:2"),
        *(
            "before RunFinished:1",
            "after snapshot:1",
            "before release:1",
            "after place:1",
        ),
    ],
)
def test_a_wait_that_is_killed_while_it_records_is_finished_by_another_one(
    clones: Clones, point: str
) -> None:
    waits, goes_on = clones("AB", 4)
    assert waits.apply("--detach").returncode == 0
    killed = waits.run("wait", kill_at=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    waits.vanish()
    ended = goes_on.run("wait", "--lock-timeout", "2m")
    assert ended.returncode == 0, ended.stderr
    goes_on.finish()
    goes_on.check(4)
