import pytest

from mpsjobs.cloud.clock import SystemClock
from mpsjobs.cloud.credentials import Credentials, from_environment
from mpsjobs.cloud.endpoint import Endpoint
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import Clock

ID, KEY, TOKEN = "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_TOKEN"


def test_they_come_from_the_environment() -> None:
    assert from_environment({ID: "i", KEY: " k\n"}) == Credentials("i", "k")
    assert from_environment({ID: "i", KEY: "k", TOKEN: "t"}) == Credentials("i", "k", "t")
    assert from_environment({ID: "i", KEY: "k", TOKEN: ""}).token is None


@pytest.mark.parametrize(
    ("environment", "summary", "named"),
    [
        ({}, "There are no credentials", [ID, KEY]),
        ({ID: "", KEY: " "}, "There are no credentials", [ID, KEY]),
        ({ID: "i"}, "incomplete", [KEY]),
        ({KEY: "the-secret"}, "incomplete", [ID]),
    ],
)
def test_what_is_missing_is_named(environment: dict[str, str], summary: str, named: list[str]) -> None:
    with pytest.raises(CloudError, match=summary) as caught:
        from_environment(environment)
    (diagnostic,) = caught.value.diagnostics
    text = f"{diagnostic.detail} {diagnostic.hint}"
    assert all(name in text for name in named)
    assert "the-secret" not in text


@pytest.mark.parametrize("value", ["", "with space", "line\nbreak", "schlüssel"])
def test_what_cannot_be_a_key_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(CloudError) as caught:
        Credentials("i", value)
    assert not value or value not in repr(caught.value.diagnostics)


def test_they_never_show_themselves() -> None:
    credentials = Credentials("the-id", "the-key", "the-token")
    for shown in (repr(credentials), str(credentials), f"{credentials}"):
        assert "the-" not in shown


@pytest.mark.parametrize(
    ("text", "header", "shown"),
    [
        (
            "mps.intl.tencentcloudapi.com",
            "mps.intl.tencentcloudapi.com",
            "https://mps.intl.tencentcloudapi.com",
        ),
        ("MPS.example.com:443", "mps.example.com", "https://mps.example.com"),
        ("https://host:8443/", "host:8443", "https://host:8443"),
        ("http://127.0.0.1:9000", "127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://host", "host", "http://host"),
        ("http://[::1]:9000", "[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_endpoints(text: str, header: str, shown: str) -> None:
    endpoint = Endpoint.parse(text)
    assert (endpoint.header, str(endpoint)) == (header, shown)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ftp://host",
        "http://",
        "http://host/path",
        "host:port",
        "http://u@host",
        "http://a b",
        "host?x",
        "http://höst",
    ],
)
def test_what_is_no_endpoint_is_told(text: str) -> None:
    with pytest.raises(CloudError, match="not an address"):
        Endpoint.parse(text)


def test_the_system_clock_is_a_clock() -> None:
    clock: Clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(-1)
    assert clock.monotonic() >= before
    offset = clock.utc().utcoffset()
    assert offset is not None
    assert offset.total_seconds() == 0
