"""Temporary keys: lent for a while, for this service, to whoever could ask."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from mpsjobs.emulator import Emulator, EmulatorConfig

from .emulator_client import ID, KEY, Client, HandClock

CREATE, BODY = "CreateAigcAudioTask", {"Prompt": "a tune"}
ROLE = {"RoleArn": "qcs::cam::uin/100000000001:roleName/mps-ci", "RoleSessionName": "ci"}
STS = {"X-TC-Version": "2018-08-13"}


def assume(client: Client, **fields: Any) -> dict[str, Any]:
    return client.call("AssumeRole", {**ROLE, **fields}, STS, service="sts")


def code_with(client: Client, credentials: Mapping[str, str], **changed: str) -> str:
    used = {**credentials, **changed}
    token = {"X-TC-Token": used["Token"] or None}
    return client.code(CREATE, BODY, token, secret_id=used["TmpSecretId"], key=used["TmpSecretKey"])


def web_token(**claims: Any) -> str:
    claim = base64.urlsafe_b64encode(orjson.dumps(claims)).decode().rstrip("=")
    return f"e30.{claim}.c2lnbmF0dXJl"


def test_temporary_keys_are_good_until_they_end(client: Client, clock: HandClock) -> None:
    lent = assume(client, DurationSeconds=900)
    assert lent["ExpiredTime"] == int(clock.now()) + 900
    assert lent["Expiration"].endswith("Z")
    assert code_with(client, lent["Credentials"]) == "none"
    clock.advance(899)
    assert code_with(client, lent["Credentials"]) == "none"
    clock.advance(1)
    assert code_with(client, lent["Credentials"]) == "AuthFailure.TokenFailure"


def test_every_part_of_them_is_checked(client: Client) -> None:
    lent, other = (assume(client)["Credentials"] for _ in range(2))
    assert lent["TmpSecretId"] != other["TmpSecretId"]
    assert code_with(client, lent, Token="") == "AuthFailure.TokenFailure"
    assert code_with(client, lent, Token=other["Token"]) == "AuthFailure.TokenFailure"
    assert code_with(client, lent, TmpSecretKey=other["TmpSecretKey"]) == "AuthFailure.SignatureFailure"
    for forged in ("AKIDtmp", "AKIDtmp!", "AKIDtmpW10", "AKIDtmpbnVsbA", "AKIDtmpé"):
        assert code_with(client, lent, TmpSecretId=forged) == "AuthFailure.SecretIdNotFound"
    assert client.ledger() == []


def test_they_outlive_the_emulator_and_end_with_the_account(config: EmulatorConfig, clock: HandClock) -> None:
    with Emulator(config, clock=clock) as emulator:
        lent = assume(Client(emulator.url, clock.now))["Credentials"]
    with Emulator(config, clock=clock) as emulator:
        assert code_with(Client(emulator.url, clock.now), lent) == "none"
    others = EmulatorConfig(data=config.data, audio="stub", credentials={"AKIDother": "x"})
    with Emulator(others, clock=clock) as emulator:
        assert code_with(Client(emulator.url, clock.now), lent) == "AuthFailure.SecretIdNotFound"


def test_they_count_against_the_limit_of_their_account(tmp_path: Path, clock: HandClock) -> None:
    config = EmulatorConfig(data=tmp_path, audio="stub", credentials={ID: KEY}, requests_per_second=2)
    with Emulator(config, clock=clock) as emulator:
        client = Client(emulator.url, clock.now)
        first, second = (assume(client)["Credentials"] for _ in range(2))
        assert [code_with(client, first), code_with(client, second)] == ["none", "none"]
        assert client.code(CREATE, BODY) == "RequestLimitExceeded"


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("MissingParameter", {"RoleArn": None}),
        ("MissingParameter", {"RoleSessionName": ""}),
        ("InvalidParameter.ParamError", {"RoleArn": "mps-ci"}),
        ("InvalidParameter.ParamError", {"RoleSessionName": "c i"}),
        ("InvalidParameter.OverTimeError", {"DurationSeconds": 43201}),
        ("InvalidParameter.OverTimeError", {"DurationSeconds": 0}),
        ("InvalidParameter", {"DurationSeconds": "900"}),
        ("UnknownParameter", {"Role": "x"}),
    ],
)
def test_a_wrong_request_is_refused(client: Client, code: str, fields: dict[str, Any]) -> None:
    assert assume(client, **fields)["Error"]["Code"] == code


def test_keys_of_a_service_sign_for_no_other(client: Client) -> None:
    assert client.code("AssumeRole", ROLE, STS) == "NoSuchVersion"
    assert client.code(CREATE, BODY, service="sts") == "NoSuchVersion"
    assert client.code("AssumeRole", ROLE, STS, service="sts", key="x") == "AuthFailure.SignatureFailure"
    assert (
        client.code("AssumeRole", ROLE, {**STS, "Authorization": "SKIP"})
        == "AuthFailure.InvalidAuthorization"
    )


def test_a_web_identity_needs_no_signature_and_a_token_that_has_not_ended(
    client: Client, clock: HandClock
) -> None:
    def ask(**fields: Any) -> dict[str, Any]:
        body = {**ROLE, "ProviderId": "github", **fields}
        return client.call("AssumeRoleWithWebIdentity", body, {**STS, "Authorization": "SKIP"})

    lent = ask(WebIdentityToken=web_token(exp=clock.now() + 60))
    assert code_with(client, lent["Credentials"]) == "none"
    for token in (web_token(exp=clock.now()), web_token(), web_token(exp=True), "opaque", "a.b.c", "a..c"):
        refused = ask(WebIdentityToken=token)
        assert refused["Error"]["Code"] == "InvalidParameter.WebIdentityTokenError"
    assert ask()["Error"]["Code"] == "MissingParameter"
    assert ask(WebIdentityToken="x", ProviderId=None)["Error"]["Code"] == "MissingParameter"


@pytest.mark.parametrize("name", ["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"])
def test_the_token_of_the_environment_goes_with_its_pair(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDmine")
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "mine")
    monkeypatch.setenv(name, "my-token")
    with Emulator(EmulatorConfig(data=tmp_path, audio="stub"), clock=clock) as emulator:
        client = Client(emulator.url, clock.now)
        mine = {"TmpSecretId": "AKIDmine", "TmpSecretKey": "mine"}
        assert code_with(client, mine, Token="my-token") == "none"
        assert code_with(client, mine, Token="another") == "AuthFailure.TokenFailure"
        assert code_with(client, mine, Token="") == "AuthFailure.TokenFailure"
