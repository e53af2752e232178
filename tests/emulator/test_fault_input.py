"""How faults are asked for: probabilities and seeds, the control page, the command line."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from mpsjobs.emulator import Emulator, EmulatorConfig
from mpsjobs.emulator.fault_input import check_delays, check_probabilities, pairs
from mpsjobs.emulator.faults import NAMES, Faults
from mpsjobs.emulator.web import Server

from .emulator_client import Client, HandClock

PROMPTS = [f"tune {i}" for i in range(2000)]


def drawn(faults: Faults, prompts: list[str]) -> dict[str, str | None]:
    return {prompt: faults.of_create(prompt).answer for prompt in prompts}


def test_a_probability_is_met() -> None:
    faults = Faults({"drop-after-create": 0.3, "truncate": 0.1, "fail": 0.5})
    fates = [faults.of_create(prompt) for prompt in PROMPTS]
    answers, tasks = Counter(fate.answer for fate in fates), Counter(fate.task for fate in fates)
    assert answers[NAMES["drop-after-create"]] == pytest.approx(600, abs=80)  # type: ignore[index]
    assert answers[NAMES["truncate"]] == pytest.approx(200, abs=50)  # type: ignore[index]
    assert tasks[NAMES["fail"]] == pytest.approx(1000, abs=90)  # type: ignore[index]
    both = sum(1 for fate in fates if fate.answer and fate.task)
    assert both == pytest.approx(400, abs=70), "an answer's fault and a task's are drawn apart"


def test_zero_never_and_one_always_strikes() -> None:
    assert set(drawn(Faults({"throttle": 0}), PROMPTS).values()) == {None}
    assert set(drawn(Faults({"throttle": 1}), PROMPTS).values()) == {"throttle"}
    assert None not in drawn(Faults({"throttle": 0.1, "slow": 0.2, "truncate": 0.7}), PROMPTS).values()


def test_the_same_seed_gives_the_same_faults_in_whatever_order() -> None:
    chances = {"drop-after-create": 0.3, "throttle": 0.2}
    first = drawn(Faults(chances, seed=7), PROMPTS)
    assert drawn(Faults(chances, seed=7), PROMPTS[::-1]) == first
    assert drawn(Faults(chances, seed=8), PROMPTS) != first


def test_asking_again_is_another_draw_also_after_a_restart() -> None:
    faults = Faults({"fail": 0.5})
    again = [faults.of_create("a tune").task for _ in range(64)]
    assert len(set(again)) == 2
    restarted = Faults({"fail": 0.5}, created=["a tune"] * 10)
    assert [restarted.of_create("a tune").task for _ in range(54)] == again[10:]


def test_a_task_that_was_never_created_has_no_fault() -> None:
    faults = Faults({"bad-gateway": 1, "never-write": 1})
    assert faults.of_create("a tune").task is None
    assert faults.show()["struck"] == {"bad-gateway": 1}


def test_pairs_are_read() -> None:
    assert pairs([]) == {}
    assert pairs(["slow=0.5,fail=1", " throttle=.25", "fail=0"]) == {"slow": 0.5, "fail": 0, "throttle": 0.25}
    for text in ("slow", "slow=", "slow=much", "", "slow=1,"):
        with pytest.raises(ValueError, match="is not NAME=NUMBER"):
            pairs([text])


@pytest.mark.parametrize("chance", [-0.1, 1.1, float("nan"), float("inf"), True, "1", None])
def test_a_probability_is_from_zero_to_one(tmp_path: Path, chance: Any) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        EmulatorConfig(data=tmp_path, faults={"slow": chance})


def test_faults_that_leave_no_room_for_each_other_are_refused() -> None:
    check_probabilities({"slow": 0.1, "truncate": 0.2, "throttle": 0.7, "fail": 1, "describe-drop": 1})
    with pytest.raises(ValueError, match=r"slow, truncate.*1\.2"):
        check_probabilities({"slow": 0.6, "truncate": 0.6})


def test_an_unknown_name_is_answered_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"`nope`.*drop-before-create.*create-and-never-write.*describe-error"
    ):
        EmulatorConfig(data=tmp_path, faults={"nope": 1})


def test_only_two_faults_have_a_delay(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="these have: slow, write-late"):
        EmulatorConfig(data=tmp_path, fault_delays={"fail": 1})
    for seconds in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="seconds"):
            check_delays({"slow": seconds})


# The control page


def test_probabilities_are_replaced_and_cleared(client: Client) -> None:
    assert client.control({"faults": {"throttle": 1}})["faults"] == {"throttle": 1}
    assert client.code("CreateAigcAudioTask", {"Prompt": "x"}) == "RequestLimitExceeded"
    assert client.control({"faults": {"fail": 0.5}})["faults"] == {"fail": 0.5}
    assert client.control({"delays": {"slow": 3}})["faults"] == {"fail": 0.5}
    assert client.control({"faults": {}})["faults"] == {}
    client.create()


def test_the_page_shows_everything(client: Client) -> None:
    client.control({"next": [{"fault": "slow", "match": "boss", "times": 2}], "delays": {"slow": 1}})
    client.next("fail")
    client.create()
    status, _, shown = client.fetch("GET", "/_emulator/faults")
    assert status == 200
    assert orjson.loads(shown) == {
        "faults": {},
        "seed": 0,
        "delays": {"slow": 1, "write-late": 5},
        "next": [{"fault": ["slow"], "match": "boss", "times": 2}],
        "struck": {"fail": 1},
        "names": list(NAMES),
    }


def test_delete_clears_all(client: Client) -> None:
    client.control({"faults": {"throttle": 1}, "next": [{"fault": "bad-gateway", "times": 9}]})
    status, _, shown = client.fetch("DELETE", "/_emulator/faults")
    assert (status, orjson.loads(shown)["faults"], orjson.loads(shown)["next"]) == (200, {}, [])
    client.create()
    assert client.fetch("DELETE", "/_emulator/ledger")[0] == 404


def test_a_scripted_fault_strikes_so_many_matching_requests(client: Client) -> None:
    client.next("throttle", action="CreateAigcAudioTask", match="boss|menu", times=2)
    codes = [
        client.code("CreateAigcAudioTask", {"Prompt": p})
        for p in ("forest", "the boss", "x", "menu theme", "boss")
    ]
    assert codes == ["none", "RequestLimitExceeded", "none", "RequestLimitExceeded", "none"]


def test_scripted_faults_strike_in_their_order_and_before_those_that_are_drawn(client: Client) -> None:
    client.control(
        {
            "faults": {"throttle": 1, "fail": 1},
            "next": [{"fault": "internal-error"}, {"fault": "never-write"}],
        }
    )
    assert client.code("CreateAigcAudioTask", {"Prompt": "x"}) == "InternalError"
    client.create()
    assert [(t["fault"], t["answer_fault"]) for t in client.ledger()] == [
        (None, "internal-error"),
        ("never-write", None),
    ]
    assert client.code("CreateAigcAudioTask", {"Prompt": "x"}) == "RequestLimitExceeded"


def test_a_describe_is_matched_by_its_tasks_prompt(client: Client) -> None:
    one, other = client.create(Prompt="forest"), client.create(Prompt="boss")
    client.next("describe-error", match="boss")
    assert "Error" not in client.describe(one)
    assert "Error" in client.describe(other)


def test_a_request_that_would_fail_anyway_uses_up_no_fault(client: Client) -> None:
    client.next("throttle")
    assert client.code("CreateAigcAudioTask", {}) == "MissingParameter"
    assert client.code("CreateAigcAudioTask", {"Prompt": "x"}, key="wrong") == "AuthFailure.SignatureFailure"
    assert client.code("CreateAigcAudioTask", {"Prompt": "x"}) == "RequestLimitExceeded"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ([], "object"),
        ({"fault": {}}, "there is no `fault` here"),
        ({"faults": ["slow"]}, "object"),
        ({"faults": {"nope": 1}}, "there is no fault `nope`; there are: drop-before-create"),
        ({"faults": {"slow": 2}}, "from 0 to 1"),
        ({"faults": {"slow": "1"}}, "from 0 to 1"),
        ({"delays": {"fail": 1}}, "has no delay"),
        ({"delays": {"slow": -1}}, "seconds"),
        ({"next": {}}, "list"),
        ({"next": [{}]}, "no fault"),
        ({"next": [{"fault": "nope"}]}, "there is no fault `nope`"),
        ({"next": [{"fault": ["slow", "truncate"]}]}, "at most"),
        ({"next": [{"fault": ["slow", "describe-drop"]}]}, "at most"),
        ({"next": [{"fault": "slow", "action": "DescribeAigcAudioTask"}]}, "can only strike Create"),
        ({"next": [{"fault": "slow", "match": "("}]}, "regular expression"),
        ({"next": [{"fault": "slow", "times": 0}]}, "times"),
        ({"next": [{"fault": "slow", "times": True}]}, "times"),
    ],
)
def test_a_bad_change_is_refused_whole(client: Client, change: Any, message: str) -> None:
    before = client.control({"faults": {"fail": 0.5}})
    if isinstance(change, dict):
        change = {"delays": {"slow": 9}, **change}
    assert message in client.control(change, status=400)["error"]
    assert client.control({}) == before


def test_a_change_that_is_no_json_is_refused(client: Client) -> None:
    assert client.fetch("POST", "/_emulator/faults", b"{")[0] == 400


def test_faults_are_changed_from_this_machine_alone(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    accept = Server.get_request
    for address, status in (
        ("192.0.2.7", 403),
        ("::ffff:192.0.2.7", 403),
        ("::ffff:127.0.0.1", 200),
        ("::1", 200),
    ):
        monkeypatch.setattr(Server, "get_request", lambda server, a=address: (accept(server)[0], (a, 1)))
        assert client.fetch("POST", "/_emulator/faults", b'{"faults": {}}')[0] == status
        assert client.fetch("DELETE", "/_emulator/faults")[0] == status
        assert client.fetch("GET", "/_emulator/faults")[0] == 200


def test_the_emulator_starts_with_the_faults_of_its_settings(
    config: EmulatorConfig, clock: HandClock
) -> None:
    settings = replace(config, faults={NAMES["throttle"]: 0.5}, fault_seed=3, fault_delays={"slow": 1})
    with Emulator(settings, clock=clock) as emulator:
        client = Client(emulator.url, clock.now)
        shown = client.control({})
        assert (shown["faults"], shown["seed"], shown["delays"]["slow"]) == ({"throttle": 0.5}, 3, 1)
        codes = [client.code("CreateAigcAudioTask", {"Prompt": prompt}) for prompt in PROMPTS[:15]]
    expected = [fault or "none" for fault in drawn(Faults({"throttle": 0.5}, seed=3), PROMPTS[:15]).values()]
    assert [{"RequestLimitExceeded": "throttle"}.get(code, code) for code in codes] == expected


# The command line


@pytest.mark.parametrize(
    "program", [["mpsjobs", "emulator", "--listen", "127.0.0.1:0"], ["mpsjobs.emulator"]]
)
def test_both_commands_take_faults_and_say_at_once_where_they_are(tmp_path: Path, program: list[str]) -> None:
    options = ["--fault", "throttle=0.5,fail=0.25", "--fault", "slow=0.5", "--fault-seed", "3"]
    options += ["--fault-delay", "slow=2,write-late=1", "--requests-per-second", "50"]
    command = [sys.executable, "-m", *program, "--data", str(tmp_path), "--audio", "stub", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            line = child.stdout.readline()
            url = next(word.rstrip(".") for word in line.split() if word.startswith("http://"))
            shown = Client(url, lambda: 0.0).control({})
        finally:
            child.terminate()
    assert shown["faults"] == {"throttle": 0.5, "fail": 0.25, "slow": 0.5}
    assert (shown["seed"], shown["delays"]) == (3, {"slow": 2, "write-late": 1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fault", "nope=1"], "there is no fault `nope`; there are: drop-before-create"),
        (["--fault", "slow=2"], "it must be from 0 to 1"),
        (["--fault", "slow"], "`slow` is not NAME=NUMBER"),
        (["--fault-delay", "fail=1"], "these have: slow, write-late"),
    ],
)
def test_a_bad_option_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    from mpsjobs.cli.app import run

    assert run(["emulator", "--data", str(tmp_path / "data"), *options]) == 1
    said = capsys.readouterr().err
    assert "Usage:" in said
    assert message in " ".join(said.split())
    assert not (tmp_path / "data").exists()
