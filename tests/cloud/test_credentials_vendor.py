"""What we do ourselves, the vendor's own classes do alike."""

import json
from pathlib import Path

import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential, ProfileCredential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from mpsjobs.cloud.credentials import Credentials, Source
from mpsjobs.cloud.credentials_profile import from_profile
from mpsjobs.cloud.tc3 import Call, signed_headers
from mpsjobs.model.settings import AssumeRole, WebIdentity
from tests.cloud.lenders import ROLE, START, Asked, MovedClock, keys, lender, sts_at


def vendor(url: str, action: str, parameters: dict[str, object], credential: object, *, signed: bool) -> None:
    """The call as the vendor's STSAssumeRoleCredential and OIDCRoleArnCredential make it, but over http."""
    profile = ClientProfile(
        httpProfile=HttpProfile(protocol="http", endpoint=url.removeprefix("http://")), language="en-US"
    )
    client = CommonClient("sts", "2018-08-13", credential, "ap-guangzhou", profile)
    client.call_json(action, parameters, options={} if signed else {"SkipSign": True})


def compared(asked: Asked, *, ignoring: frozenset[str]) -> tuple[object, dict[str, str]]:
    own = {"user-agent", "accept", "accept-encoding", "connection", "content-length"}
    own |= {"x-tc-requestclient", "x-tc-traceid"}
    headers = {name: value for name, value in asked.headers.items() if name not in own | ignoring}
    return json.loads(asked.body), headers


@pytest.mark.parametrize("token", [None, "the-token"])
def test_a_role_is_asked_for_like_the_vendor_does(token: str | None) -> None:
    with lender(lambda _: keys(1, START)) as server:
        sts_at(server.url, MovedClock()).assume_role(
            AssumeRole(ROLE, "s", 1800), Credentials("i", "k", token)
        )
        parameters = {"RoleArn": ROLE, "RoleSessionName": "s", "DurationSeconds": 1800}
        vendor(server.url, "AssumeRole", parameters, Credential("i", "k", token), signed=True)
    ours, theirs = server.asked
    signed = frozenset({"authorization", "x-tc-timestamp"})
    assert compared(ours, ignoring=signed) == compared(theirs, ignoring=signed)
    # The bodies differ in spaces, so our signature is made again over the vendor's.
    call = Call("AssumeRole", theirs.body, "ap-guangzhou", "en-US", service="sts", version="2018-08-13")
    again = signed_headers(
        call,
        Credentials("i", "k", token),
        host=theirs.headers["host"],
        timestamp=int(theirs.headers["x-tc-timestamp"]),
    )
    assert again["Authorization"] == theirs.headers["authorization"]


def test_a_web_identity_is_shown_like_the_vendor_does() -> None:
    with lender(lambda _: keys(1, START)) as server:
        identity = WebIdentity("p", ROLE, session_name="s", duration_s=1800)
        sts_at(server.url, MovedClock()).assume_role_with_web_identity(identity, "a.b.c")
        parameters = {
            "ProviderId": "p",
            "WebIdentityToken": "a.b.c",
            "RoleArn": ROLE,
            "RoleSessionName": "s",
            "DurationSeconds": 1800,
        }
        vendor(server.url, "AssumeRoleWithWebIdentity", parameters, None, signed=False)
    ours, theirs = (compared(each, ignoring=frozenset({"x-tc-timestamp"})) for each in server.asked)
    assert ours == theirs


@pytest.mark.parametrize(
    "content",
    [
        "[default]\nsecret_id = i\nsecret_key = k\n",
        "[default]\nSECRET_ID=i\nsecret_key: k\nregion = x\n[ci]\nsecret_id = other\nsecret_key = o\n",
        "# a comment\n[default]\nsecret_id=  i  \nsecret_key=\tk%%(x)s%==\n",
    ],
)
def test_a_profile_is_read_like_the_vendor_does(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".tencentcloud").mkdir()
    (tmp_path / ".tencentcloud" / "credentials").write_text(content)
    theirs = ProfileCredential().get_credential()
    source = from_profile(tmp_path)
    assert isinstance(source, Source)
    ours = source.fetch()
    assert (ours.secret_id, ours.secret_key) == (theirs.secret_id, theirs.secret_key)
