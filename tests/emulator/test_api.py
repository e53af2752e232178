from typing import Any

import pytest

from .emulator_client import Client, HandClock

CREATE, DESCRIBE = "CreateAigcAudioTask", "DescribeAigcAudioTask"
STORE = {"CosBucketName": "aurora-1250000000", "CosBucketRegion": "ap-guangzhou"}


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("MissingParameter", {}),
        ("MissingParameter", {"Prompt": "  "}),
        ("MissingParameter", {"Prompt": "x", "AudioInfos": [{}]}),
        ("MissingParameter", {"Prompt": "x", "StoreCosParam": {}}),
        ("UnknownParameter", {"Prompt": "x", "Mood": "good"}),
        ("UnknownParameter", {"Prompt": "x", "StoreCosParam": {**STORE, "Acl": "public"}}),
        ("InvalidParameter", b"{"),
        ("InvalidParameter", b"\xff"),
        ("InvalidParameter", []),
        ("InvalidParameter", {"Prompt": 7}),
        ("InvalidParameter", {"Prompt": "x", "AudioInfos": "https://example.com/a.wav"}),
        ("InvalidParameter", {"Prompt": "x", "AudioInfos": ["https://example.com/a.wav"]}),
        ("InvalidParameter", {"Prompt": "x", "AdditionalParameters": {"n": 2}}),
        ("InvalidParameterValue", {"Prompt": "x" * 2001}),
        ("InvalidParameterValue", {"Prompt": "x", "OutputAudioFormat": "ogg"}),
        ("InvalidParameterValue", {"Prompt": "x", "ExtraParameters": {"OutputAudioFormat": "flac"}}),
        ("InvalidParameterValue", {"Prompt": "x", "SceneType": "speech"}),
        ("InvalidParameterValue", {"Prompt": "x", "AdditionalParameters": "lyrics"}),
        ("InvalidParameterValue", {"Prompt": "x", "AdditionalParameters": "[1]"}),
        ("InvalidParameterValue", {"Prompt": "x", "ModelName": "Mureka", "AdditionalParameters": '{"n": 0}'}),
        (
            "InvalidParameterValue",
            {"Prompt": "x", "ModelName": "Mureka", "AdditionalParameters": '{"n": true}'},
        ),
        ("InvalidParameterValue", {"Prompt": "x", "AudioInfos": [{"AudioUrl": "ftp://example.com/a.wav"}]}),
        ("InvalidParameterValue", {"Prompt": "x", "StoreCosParam": {**STORE, "CosBucketName": "aurora"}}),
        (
            "InvalidParameterValue",
            {"Prompt": "x", "StoreCosParam": {**STORE, "CosBucketName": "../../etc-1250000000"}},
        ),
        ("InvalidParameterValue", {"Prompt": "x", "StoreCosParam": {**STORE, "CosBucketPath": "a/../../b"}}),
        ("InvalidParameterValue", {"Prompt": "x", "StoreCosParam": {**STORE, "CosBucketPath": "a\n"}}),
        (
            "InvalidParameterValue",
            {"Prompt": "x", "StoreCosParam": {**STORE, "CosBucketRegion": "Guang Zhou"}},
        ),
        ("InvalidParameter.ViolationContent", {"Prompt": "a MPSBlockedWord song"}),
        (
            "InvalidParameter.ViolationContent",
            {"Prompt": "x", "AdditionalParameters": '{"lyrics": "oh mpsblockedword"}'},
        ),
    ],
)
def test_a_bad_create_is_refused_and_creates_nothing(client: Client, code: str, body: Any) -> None:
    assert client.code(CREATE, body) == code
    assert client.ledger() == []


@pytest.mark.parametrize(
    "body",
    [
        {"Prompt": "x" * 2000},
        {"Prompt": "音" * 2000},
        {"Prompt": None, "AudioInfos": [{"AudioUrl": "https://example.com/a.wav"}]},
        {"VideoInfos": [{"VideoUrl": "https://example.com/a.mp4"}], "ModelName": "Kling"},
        {"Prompt": "x", "OutputAudioFormat": "", "AdditionalParameters": ""},
        {"Prompt": "x", "Operator": "admin", "SceneType": "music", "ExtraParameters": {"ResourceId": "1_1"}},
    ],
)
def test_what_the_documentation_allows_is_accepted(client: Client, body: dict[str, Any]) -> None:
    assert client.code(CREATE, body) == "none"
    assert client.ledger()[0]["request"] == body


def test_describe_wants_a_task_that_exists(client: Client) -> None:
    assert client.code(DESCRIBE, {}) == "MissingParameter"
    assert client.code(DESCRIBE, {"TaskId": 1}) == "InvalidParameter"
    assert client.code(DESCRIBE, {"TaskId": "24000145AigcAudio-0"}) == "InvalidParameterValue.TaskId"


def test_action_version_and_common_headers_are_checked(client: Client) -> None:
    assert client.code("CreateAigcPoemTask", {}) == "InvalidAction"
    assert client.code(CREATE, {}, {"X-TC-Version": "2018-01-01"}) == "NoSuchVersion"
    for name in ("X-TC-Action", "X-TC-Version", "X-TC-Timestamp"):
        assert client.code(CREATE, {}, {name: None}) == "MissingParameter"
    assert client.code(CREATE, {}, {"Content-Type": "text/plain"}) == "UnsupportedProtocol"


def test_the_limit_holds_for_each_action_in_any_second(client: Client, clock: HandClock) -> None:
    client.create()
    clock.advance(0.5)
    for _ in range(19):
        client.create()
    refused = client.call(CREATE, {"Prompt": "x"})
    assert refused["Error"]["Code"] == "RequestLimitExceeded"
    assert "`20`" in refused["Error"]["Message"]
    assert client.code(DESCRIBE, {}) == "MissingParameter"  # another action, another window
    clock.advance(0.5)
    client.create()  # the first one is a second old
    assert client.code(CREATE, {"Prompt": "x"}) == "RequestLimitExceeded"
    assert len(client.ledger()) == 21
    clock.advance(1)
    client.create()
