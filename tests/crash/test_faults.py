"""A cloud that drops, truncates, throttles, lies and forgets: whatever it does, no take is paid for twice."""

import json
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from mpsjobs.emulator import Emulator, EmulatorConfig
from tests.conftest import Folder, ledger_of
from tests.crash.points import points

ASSETS = 10
SPEC = "assets:\n" + "".join(f"  a{number}: song {number}\n" for number in range(ASSETS))


@contextmanager
def cloud(project: Folder, faults: Mapping[str, float], wait: str = "2s", **more: object) -> Iterator[str]:
    """An emulator with faults, and the project set to use it."""
    config = EmulatorConfig(
        data=project.root.parent / "emulator",
        store=project.root / ".mpsjobs" / "store",
        audio="stub",
        faults=faults,
        **{"speed": 1000, **more},  # type: ignore[arg-type]
    )
    with Emulator(config) as emulator:
        project.settings(
            f"project: faults\nprovider: {{kind: emulator, endpoint: '{emulator.url}'}}\ndownload: audio/\n"
            f"policy: {{unknown_wait: {wait}}}\ndefaults: {{model: MiniMaxMusic, format: mp3}}\n"
        )
        yield emulator.url


def calm(url: str) -> None:
    """No more faults."""
    request = urllib.request.Request(
        f"{url}/_emulator/faults", json.dumps({"faults": {}}).encode(), method="POST"
    )
    urllib.request.urlopen(request, timeout=10).close()


def paid(url: str) -> Counter[str]:
    return Counter(task["request"]["Prompt"] for task in ledger_of(url))


ONCE_EACH = Counter({f"song {number}": 1 for number in range(ASSETS)})


@pytest.mark.parametrize(
    "fault",
    points(
        ["drop-after-create", "throttle", "write-late", "duplicate-write", "describe-error"],
        ["truncate", "bad-gateway-after-create", "internal-error", "never-write", "describe-drop"],
    ),
)
def test_a_fault_that_loses_nothing_costs_nothing_and_needs_no_flag(project: Folder, fault: str) -> None:
    project.write(music=SPEC)
    with cloud(project, {fault: 0.3}, wait="30s", fault_delays={"write-late": 1.0}) as url:
        ran = project("apply", "--auto-approve")
        assert ran.code == 0, ran.err
        assert paid(url) == ONCE_EACH
        assert set(project.kinds().values()) == {"keep"}
        assert len(list((project.root / "audio").iterdir())) >= ASSETS


@pytest.mark.parametrize("fault", points(["drop-before-create"], ["bad-gateway"]))
def test_a_request_that_may_have_been_lost_is_never_sent_again_unasked(project: Folder, fault: str) -> None:
    project.write(music=SPEC)
    with cloud(project, {fault: 0.3}) as url:
        ran = project("apply", "--auto-approve")
        assert ran.code == 3
        missing = ONCE_EACH - paid(url)
        assert missing
        assert ran.err.count("unresolved: ") == len(missing)
        assert "mpsjobs apply --resubmit-unknown" in ran.err
        calm(url)
        assert project("apply", "--auto-approve").code == 3
        assert ONCE_EACH - paid(url) == missing
        assert project("apply", "--auto-approve", "--resubmit-unknown").code == 0
        assert paid(url) == ONCE_EACH


def test_created_and_never_written_stays_unknown_until_told(project: Folder) -> None:
    project.write(music="assets: {a: song 0, b: song 1}\n")
    with cloud(project, {}) as url:
        body = {"next": [{"fault": "create-and-never-write", "match": "song 0", "times": 1}]}
        request = urllib.request.Request(f"{url}/_emulator/faults", json.dumps(body).encode(), method="POST")
        urllib.request.urlopen(request, timeout=10).close()
        first = project("apply", "--auto-approve")
        assert first.code == 3
        assert "a, take 1: the answer to its request was lost" in first.err
        assert project.kinds() == {"a": "unresolved", "b": "keep"}
        assert [risk["address"] for risk in project("plan", "--json").json()["risks"]] == ["a"]
        assert project("apply", "--auto-approve").code == 3
        assert paid(url) == {"song 0": 1, "song 1": 1}
        assert project("apply", "--auto-approve", "--resubmit-unknown=a").code == 0
        assert paid(url) == {"song 0": 2, "song 1": 1}
        assert project.kinds() == {"a": "keep", "b": "keep"}


def test_the_policy_may_say_resubmit(project: Folder) -> None:
    project.write(music="assets: {a: song 0}\n")
    with cloud(project, {"create-and-never-write": 1.0}) as url:
        settings = (project.root / "mpsjobs.yaml").read_text()
        project.settings(settings.replace("unknown_wait: 2s", "unknown_wait: 2s, unknown: resubmit"))
        project("apply", "--auto-approve", "--detach")
        calm(url)
        assert project("apply", "--auto-approve").code == 0
        assert paid(url) == {"song 0": 2}


def test_a_late_output_of_an_abandoned_attempt_becomes_an_extra_take(project: Folder) -> None:
    project.write(music="assets: {a: song 0}\n")
    with cloud(project, {"create-and-never-write": 1.0}) as url:
        assert project("apply", "--auto-approve").code == 3
        calm(url)
        assert project("apply", "--auto-approve", "--resubmit-unknown").code == 0
        state = json.loads((project.root / "mpsjobs.state.json").read_text())
        (pool,) = state["takes"].values()
        lost, kept = pool["takes"]
        assert (lost["status"], kept["status"]) == ("abandoned", "done")
        store = project.root / ".mpsjobs" / "store" / lost["bucket"]
        late = store / lost["cos_path"] / "late.mp3"
        late.parent.mkdir(parents=True, exist_ok=True)
        late.write_bytes((store / kept["outputs"][0]["key"]).read_bytes())
        assert project("refresh").code == 0
        takes = project("state", "show", "a").json()["takes"]
        assert [(take["take"], take["status"], take["adopted"]) for take in takes] == [
            (1, "done", True),
            (2, "done", False),
        ]
        assert paid(url) == {"song 0": 2}


def test_failed_tasks_are_tried_again_by_later_applies_only(project: Folder) -> None:
    project.write(music="assets: {a: song 0}\n")
    with cloud(project, {"fail": 1.0}) as url:
        for tries in (1, 2, 3):
            assert project("apply", "--auto-approve").code == 3
            assert paid(url) == {"song 0": tries}
        assert project("apply", "--auto-approve").code == 3
        assert paid(url) == {"song 0": 3}
        calm(url)
        assert project("apply", "--auto-approve", "--target", "failed:").code == 0
        assert paid(url) == {"song 0": 4}


def test_an_output_that_is_nowhere_is_said_and_asked_for_again_later(project: Folder, tmp_path: Path) -> None:
    project.write(music="assets: {a: song 0}\n")
    with cloud(project, {"never-write": 1.0}) as url:
        ran = project("apply", "--auto-approve", "--detach")
        assert ran.code == 0
        assert "1 task is still running" in ran.err
        assert project("wait").code == 0
        assert paid(url) == {"song 0": 1}


def test_detach_submits_and_wait_collects(project: Folder) -> None:
    project.write(music=SPEC)
    with cloud(project, {}) as url:
        assert project("apply", "--auto-approve", "--detach").code == 0
        assert paid(url) == ONCE_EACH
        assert "resume" in project.kinds().values()
        assert project("wait").code == 0
        assert set(project.kinds().values()) == {"keep"}
        assert project("wait").code == 0
        assert paid(url) == ONCE_EACH


def test_a_saved_plan_is_carried_out_once(project: Folder, mpsjobs: Callable[..., object]) -> None:
    project.write(music="assets: {a: song 0, b: song 1}\n")
    file = str(project.root / "reviewed.plan")
    with cloud(project, {}) as url:
        assert project("plan", "--out", file, "--target", "a").code == 0
        assert project("apply", file).code == 0
        assert paid(url) == {"song 0": 1}
        assert project("apply", file).code == 0
        assert paid(url) == {"song 0": 1}
        project.write(music="assets: {a: song 2, b: song 1}\n")
        stale = project("apply", file)
        assert stale.code == 1
        assert "Saved plan is stale: a" in stale.err
        assert paid(url) == {"song 0": 1}


def test_a_replacement_comes_into_use_when_it_is_there(project: Folder) -> None:
    project.write(music="assets: {a: song 0}\n")
    with cloud(project, {}) as url:
        project("apply", "--auto-approve")
        first = (project.root / "audio" / "a.mp3").read_bytes()
        assert project("apply", "--auto-approve", "--replace", "a").code == 0
        assert paid(url) == {"song 0": 2}
        assert (project.root / "audio" / "a.mp3").read_bytes() != first
        assert project.kinds() == {"a": "keep"}
        takes = project("state", "show", "a").json()["takes"]
        assert [take["rejected"] for take in takes] == [True, False]


def test_buying_a_lost_take_again_buys_nothing_else_twice(project: Folder) -> None:
    project.write(music="assets: {a: song 0, b: song 1}\n")
    with cloud(project, {}) as url:
        script(url, fault="create-and-never-write", match="song 0")
        assert project("apply", "--auto-approve").code == 3
        assert project("apply", "--auto-approve", "--replace=b", "--resubmit-unknown=a").code == 0
        assert paid(url) == {"song 0": 2, "song 1": 2}


def test_an_answer_lost_in_this_very_run_is_waited_for_whatever_was_said_of_earlier_ones(
    project: Folder,
) -> None:
    project.write(music="assets: {a: song 0}\n")
    with cloud(project, {"drop-after-create": 1.0}, wait="30s", speed=50) as url:
        assert project("apply", "--auto-approve", "--resubmit-unknown").code == 0
        assert paid(url) == {"song 0": 1}


def test_a_policy_that_resubmits_comes_to_an_end_and_says_so(project: Folder) -> None:
    project.write(music="assets: {a: song 0}\n")
    with cloud(project, {"create-and-never-write": 1.0}, wait="1s") as url:
        settings = (project.root / "mpsjobs.yaml").read_text()
        project.settings(settings.replace("unknown_wait: 1s", "unknown_wait: 1s, unknown: resubmit"))
        codes = [project("apply", "--auto-approve").code for _ in range(5)]
        assert codes == [3] * 5
        assert paid(url) == {"song 0": 3}
        assert project.kinds() == {"a": "failed"}


def test_a_replacement_holds_though_another_run_collects_it(project: Folder) -> None:
    project.write(music="assets: {a: song 0}\n")
    with cloud(project, {}) as url:
        project("apply", "--auto-approve")
        assert project("apply", "--auto-approve", "--detach", "--replace", "a").code == 0
        assert project("wait").code == 0
        assert paid(url) == {"song 0": 2}
        takes = project("state", "show", "a").json()["takes"]
        assert [take["rejected"] for take in takes] == [True, False]


def test_a_late_take_does_not_push_aside_the_one_in_use(project: Folder) -> None:
    project.write(music="assets: {a: song 0}\n")
    with cloud(project, {}) as url:
        script(url, fault="create-and-never-write", match="song 0")
        assert project("apply", "--auto-approve").code == 3
        assert project("apply", "--auto-approve", "--resubmit-unknown").code == 0
        used = (project.root / "audio" / "a.mp3").read_bytes()
        lost, kept = project("state", "show", "a").json()["takes"]
        store = project.root / ".mpsjobs" / "store" / lost["bucket"]
        (store / lost["cos_path"]).mkdir(parents=True)
        (store / lost["cos_path"] / "late.mp3").write_bytes(
            (store / kept["outputs"][0]["key"]).read_bytes() + b"\0"
        )
        assert "they are take 1" in project("refresh").err
        assert project("apply", "--auto-approve").code == 0
        assert (project.root / "audio" / "a.mp3").read_bytes() == used


def test_a_saved_replacement_is_bought_once_however_often_it_is_applied(project: Folder) -> None:
    project.write(music="assets: {a: song 0}\n")
    file = str(project.root / "reviewed.plan")
    with cloud(project, {}) as url:
        project("apply", "--auto-approve")
        assert project("plan", "--replace", "a", "--out", file).code == 0
        assert project("apply", file).code == 0
        assert project("apply", file).code == 0
        assert paid(url) == {"song 0": 2}


def script(url: str, **entry: object) -> None:
    """The next matching request has this fault."""
    body = json.dumps({"next": [entry]}).encode()
    request = urllib.request.Request(f"{url}/_emulator/faults", body, method="POST")
    urllib.request.urlopen(request, timeout=10).close()
