"""Our signature against the vendor's own code, over generated requests."""

import re
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, strategies as st
from tencentcloud.common.abstract_client import AbstractClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.http.request import RequestInternal
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from mpsjobs.cloud.credentials import Credentials
from mpsjobs.cloud.tc3 import API_VERSION, Call, signed_headers

KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
HOSTS = st.sampled_from(
    ["mps.intl.tencentcloudapi.com", "mps.tencentcloudapi.com", "127.0.0.1:9000", "[::1]:9000"]
)


class VendorClient(AbstractClient):  # type: ignore[misc]
    _apiVersion = API_VERSION  # noqa: N815  # the vendor's name
    _service = "mps"


def vendor_headers(
    call: Call, params: Any, credentials: Credentials, host: str, timestamp: int
) -> tuple[dict[str, str], bytes]:
    """What the vendor's SDK sends for the same input: its headers and its body."""
    profile = ClientProfile(httpProfile=HttpProfile(endpoint=host), language=call.language)
    client = VendorClient(
        Credential(credentials.secret_id, credentials.secret_key, credentials.token), call.region, profile
    )
    request = RequestInternal(host, "POST", "/")
    with patch("time.time", return_value=timestamp + 0.7):
        client._build_req_inter(call.action, params, request)
    data = request.data if isinstance(request.data, bytes) else request.data.encode()
    return dict(request.header), data


@given(
    action=st.sampled_from(["CreateAigcAudioTask", "DescribeAigcAudioTask"]),
    prompt=st.text(max_size=60),
    secret_id=KEYS,
    secret_key=KEYS,
    token=st.none() | KEYS,
    region=st.none() | st.sampled_from(["ap-guangzhou", "eu-frankfurt"]),
    language=st.sampled_from(["en-US", "zh-CN"]),
    host=HOSTS,
    timestamp=st.integers(0, 2**33),
)
def test_the_vendor_signs_the_same(
    *,
    action: str,
    prompt: str,
    secret_id: str,
    secret_key: str,
    token: str | None,
    region: str | None,
    language: str,
    host: str,
    timestamp: int,
) -> None:
    credentials = Credentials(secret_id, secret_key, token)
    call = Call(action, b"", region, language)
    theirs, body = vendor_headers(
        call, {"Prompt": prompt, "TaskId": "24-AigcAudio"}, credentials, host, timestamp
    )
    ours = signed_headers(Call(action, body, region, language), credentials, host=host, timestamp=timestamp)
    theirs.pop("X-TC-RequestClient")
    assert ours == theirs


def test_utf_8_is_signed_as_it_is_sent() -> None:
    """The vendor's code over our bytes: a body that is not escaped to ASCII."""
    body = '{"Prompt":"小马在快乐奔跑 ü 🎵"}'.encode()
    credentials = Credentials("AKIDemulator", "emulator")
    call = Call("CreateAigcAudioTask", body, language="en-US")
    with patch("json.dumps", return_value=body.decode()):
        theirs, sent = vendor_headers(call, {}, credentials, "127.0.0.1:9000", 1795377600)
    assert sent == body
    ours = signed_headers(call, credentials, host="127.0.0.1:9000", timestamp=1795377600)
    assert ours["Authorization"] == theirs["Authorization"]


def test_the_vendors_published_example() -> None:
    """The form of the header, as the API's description has it."""
    headers = signed_headers(
        Call("DescribeAigcAudioTask", b"{}"),
        Credentials("AKID", "key"),
        host="mps.tencentcloudapi.com",
        timestamp=1551113065,
    )
    assert re.fullmatch(
        r"TC3-HMAC-SHA256 Credential=AKID/2019-02-25/mps/tc3_request, SignedHeaders=content-type;host, Signature=[0-9a-f]{64}",
        headers["Authorization"],
    )
    assert "X-TC-Region" not in headers
    assert "X-TC-Token" not in headers


@pytest.mark.parametrize("change", ["body", "host", "key", "time"])
def test_everything_signed_changes_the_signature(change: str) -> None:
    def signature(body: bytes = b"{}", host: str = "h", key: str = "k", time: int = 0) -> str:
        return signed_headers(Call("A", body), Credentials("i", key), host=host, timestamp=time)[
            "Authorization"
        ][-64:]

    changed = {"body": {"body": b"[]"}, "host": {"host": "i"}, "key": {"key": "l"}, "time": {"time": 1}}[
        change
    ]
    assert signature() != signature(**changed)  # type: ignore[arg-type]
