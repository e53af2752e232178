import pytest
from hypothesis import given, strategies as st

from mpsjobs.emulator.errors import ApiError
from mpsjobs.emulator.keys import Keys
from mpsjobs.emulator.signature import verify

from .emulator_client import Client, HandClock

CREATE = "CreateAigcAudioTask"
BODY = {"Prompt": "a tune"}


def test_a_good_signature_is_accepted_however_it_is_written(client: Client) -> None:
    assert client.code(CREATE, BODY) == "none"
    assert client.code(CREATE, BODY, {"Content-Type": "application/json; charset=utf-8"}) == "none"
    assert client.code(CREATE, BODY, {"X-TC-Region": "ap-guangzhou", "X-TC-Language": "zh-CN"}) == "none"
    assert (
        client.code(CREATE, BODY, {"Host": f"http://{client.host}:{client.port}"}) == "none"
    )  # as tccli does
    assert client.code(CREATE, BODY, signed="content-type;host;x-tc-action;x-tc-timestamp") == "none"
    assert client.code(CREATE, {"Prompt": "Trommeln für 龙"}) == "none"


@pytest.mark.parametrize(
    ("code", "signing"),
    [
        ("AuthFailure.SecretIdNotFound", {"secret_id": "AKIDnobody"}),
        ("AuthFailure.SignatureFailure", {"key": "wrong"}),
        ("AuthFailure.SignatureFailure", {"service": "cvm"}),
        ("AuthFailure.SignatureFailure", {"date": "2020-01-01"}),
        ("AuthFailure.SignatureFailure", {"signed": "content-type"}),
        ("AuthFailure.SignatureFailure", {"signed": "host;content-type"}),
    ],
)
def test_a_wrong_signature_is_refused(client: Client, code: str, signing: dict[str, str]) -> None:
    assert client.code(CREATE, BODY, None, **signing) == code
    assert client.ledger() == []


@pytest.mark.parametrize("authorization", [None, "", "Basic YTpi", "TC3-HMAC-SHA256 Credential=x"])
def test_an_authorization_that_is_none_is_refused(client: Client, authorization: str | None) -> None:
    assert client.code(CREATE, BODY, {"Authorization": authorization}) == "AuthFailure.InvalidAuthorization"


def test_a_clock_may_be_off_by_five_minutes(client: Client, clock: HandClock) -> None:
    for skew, code in (
        (-300, "none"),
        (300, "none"),
        (301, "AuthFailure.SignatureExpire"),
        (-301, "AuthFailure.SignatureExpire"),
    ):
        assert client.code(CREATE, BODY, {"X-TC-Timestamp": str(int(clock.now()) + skew)}) == code
    signed_before = client.headers(CREATE, b"{}")["Authorization"]
    bad = {"X-TC-Timestamp": "now", "Authorization": signed_before}
    assert client.code(CREATE, BODY, bad) == "InvalidParameter"


def test_what_was_changed_after_signing_is_refused(client: Client) -> None:
    headers = client.headers(CREATE, b'{"Prompt":"a"}')
    answer = client.fetch("POST", "/", b'{"Prompt":"b"}', headers)[2]
    assert b"AuthFailure.SignatureFailure" in answer
    signed = "content-type;host;x-tc-action"
    headers = client.headers("DescribeAigcAudioTask", b"{}", signed=signed) | {"X-TC-Action": CREATE}
    assert b"AuthFailure.SignatureFailure" in client.fetch("POST", "/", b"{}", headers)[2]


@given(st.text(max_size=200), st.text("0123456789-. ", max_size=14))
def test_no_header_breaks_the_check(
    tmp_path_factory: pytest.TempPathFactory, authorization: str, timestamp: str
) -> None:
    keys = Keys(tmp_path_factory.getbasetemp(), {"a": "b"}, {})
    headers = {
        "authorization": authorization,
        "x-tc-timestamp": timestamp,
        "host": "h",
        "content-type": "application/json",
    }
    with pytest.raises(ApiError):
        verify(headers, b"", keys, 1_790_000_000.0)
