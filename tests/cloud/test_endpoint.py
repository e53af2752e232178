import pytest

from mpsjobs.cloud.clock import SystemClock
from mpsjobs.cloud.endpoint import Endpoint
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import Clock


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
