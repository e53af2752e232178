"""Our signature against the vendor's own code, over generated requests."""

import re
import warnings
from typing import Any, NamedTuple
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given, settings, strategies as st
from tencentcloud.common.abstract_client import AbstractClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.http.request import RequestInternal
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mps.v20190612 import models

from mpsjobs.cloud.credentials import Credentials
from mpsjobs.cloud.request import Destination, WireNames, create_body, describe_body
from mpsjobs.cloud.tc3 import API_VERSION, Call, signed_headers
from mpsjobs.model.asset import Reference, ReferenceKind, Sound

KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
HOSTS = st.sampled_from(
    [
        "mps.intl.tencentcloudapi.com",
        "mps.tencentcloudapi.com",
        "mps.internal:8443",
        "127.0.0.1:9000",
        "[::1]:9000",
    ]
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


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
"""Anything that UTF-8 can hold: 音乐, emoji, control characters."""

URLS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20).map("https://x/".__add__)
JSON = st.dictionaries(WORDS, st.booleans() | st.integers(-(2**53), 2**53) | WORDS, max_size=3)


@st.composite
def sounds(draw: st.DrawFn) -> Sound:
    return Sound(
        model=draw(WORDS),
        version=draw(st.none() | WORDS),
        scene=draw(st.none() | WORDS),
        prompt=draw(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=200)),
        lyrics=draw(st.none() | WORDS),
        instrumental=draw(st.none() | st.booleans()),
        reference_audio=tuple(Reference(ReferenceKind.URL, url) for url in draw(st.lists(URLS, max_size=2))),
        reference_video=tuple(Reference(ReferenceKind.URL, url) for url in draw(st.lists(URLS, max_size=2))),
        format=draw(st.none() | st.sampled_from(["mp3", "wav"])),
        extra_parameters=draw(st.just({}) | st.fixed_dictionaries({"resource_id": WORDS})),
        additional_parameters=draw(JSON),
    )


class Given(NamedTuple):
    """One generated request, with all that goes into its headers."""

    body: bytes
    credentials: Credentials
    call: Call
    host: str
    timestamp: int


@st.composite
def requests(draw: st.DrawFn) -> Given:
    names = WireNames(format_in_extra=True)  # as the vendor's newest models have it
    to = Destination(
        "aurora-1250000000", draw(st.sampled_from(["ap-guangzhou", "eu-frankfurt"])), draw(WORDS)
    )
    if draw(st.integers(0, 3)):
        action, body = (
            "CreateAigcAudioTask",
            create_body(draw(sounds()), to, names, operator=draw(st.none() | WORDS)),
        )
    else:
        action, body = "DescribeAigcAudioTask", describe_body(draw(KEYS))
    region = draw(st.none() | st.sampled_from(["ap-guangzhou", "eu-frankfurt"]))
    language = draw(st.sampled_from(["en-US", "zh-CN"]))
    return Given(
        body,
        Credentials(draw(KEYS), draw(KEYS), draw(st.none() | KEYS)),
        Call(action, body, region, language),
        draw(HOSTS),
        draw(st.integers(0, 2**33)),
    )


def what_both_send(given: Given) -> tuple[tuple[bytes, dict[str, str]], tuple[bytes, dict[str, str]]]:
    """Body and headers, ours and the vendor's. Its typed model takes our parameters: what it loses of them is missing in its body."""
    call, host, credentials = given.call, given.host, given.credentials
    model = getattr(models, f"{call.action}Request")()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the model warns of fields that it does not know
        model._deserialize(orjson.loads(given.body))
    theirs, sent = vendor_headers(call, model._serialize(), credentials, host, given.timestamp)
    theirs.pop("X-TC-RequestClient")
    ours = signed_headers(call, credentials, host=host, timestamp=given.timestamp)
    return (given.body, ours), (sent, theirs)


@settings(max_examples=250)
@given(requests())
def test_the_vendor_sends_and_signs_the_same(given: Given) -> None:
    """Equal signatures are equal canonical requests: the one is made of the other."""
    ours, theirs = what_both_send(given)
    assert ours == theirs


@pytest.mark.slow
@settings(max_examples=1000)
@given(requests())
def test_the_vendor_sends_and_signs_the_same_a_thousand_times(given: Given) -> None:
    ours, theirs = what_both_send(given)
    assert ours == theirs


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
