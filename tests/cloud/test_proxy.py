"""Through a proxy: which way is taken, that it works, and that its failures never look like a paid task."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from mpsjobs.cloud.connection import Timeouts
from mpsjobs.cloud.credentials import Credentials
from mpsjobs.cloud.endpoint import Endpoint
from mpsjobs.cloud.fetch import Fetcher
from mpsjobs.cloud.mps import MpsClient
from mpsjobs.cloud.proxy import NO_PROXIES, Proxies, Proxy
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import Ambiguous, Created, CreateOutcome, DescribeFailed, NotCreated
from tests.network import dead_port, proxy, tls_front
from tests.tls import tls_for, trusting

from .raw_server import (
    CREATED,
    RawServer,
    StillClock,
    answer,
    answering,
    answering_then_closing,
    resetting,
    silent,
)

PASSWORD = "p@ss:word"
WITH_PASSWORD = "user:p%40ss%3Aword@"
AUTHORIZATION = "Basic dXNlcjpwQHNzOndvcmQ="
BODY = '{"Prompt":"für Elise 音乐"}'.encode()


def way(url: str, **environment: str) -> Proxy | None:
    return Proxies(environment).to(Endpoint.parse(url))


def through(url: str) -> Proxies:
    return Proxies({"http": url, "https": url})


Clients = Callable[..., MpsClient]


@pytest.fixture
def client() -> Iterator[Clients]:
    made: list[MpsClient] = []

    def make(endpoint: str, proxies: Proxies, **options: object) -> MpsClient:
        made.append(
            MpsClient(
                endpoint,
                lambda: Credentials("AKIDemulator", "emulator"),
                StillClock(),
                proxies=proxies,
                **{"connect_timeout_s": 5, "read_timeout_s": 5, **options},  # type: ignore[arg-type]
            )
        )
        return made[-1]

    yield make
    for each in made:
        each.close()


def outcome_of(client: MpsClient) -> CreateOutcome:
    stage = client.stage(BODY)
    return stage if isinstance(stage, NotCreated) else stage.send()


# --- which way -----------------------------------------------------------------------------------------------------------------------


def test_each_scheme_has_its_proxy_and_all_proxy_is_for_the_rest() -> None:
    assert way("https://mps.example", https="http://p:1") == Proxy("p", 1)
    assert way("http://mps.example", https="http://p:1") is None
    assert way("http://mps.example", http="http://p:1", all="http://q:2") == Proxy("p", 1)
    assert way("https://mps.example", http="http://p:1", all="http://q:2") == Proxy("q", 2)
    assert way("https://mps.example", https="p:3128") == Proxy("p", 3128)
    assert way("https://mps.example", https="http://p") == Proxy("p", 80)
    assert way("https://mps.example", https="http://[::1]:8") == Proxy("::1", 8)


@pytest.mark.parametrize(
    ("url", "no"),
    [
        ("https://mps.example.com", "example.com"),
        ("https://mps.example.com", ".example.com"),
        ("https://mps.example.com", "other, MPS.example.com"),
        ("https://mps.example.com:8443", "mps.example.com:8443"),
        ("https://mps.example.com", "*"),
        ("http://127.0.0.1:9000", "127.0.0.1"),
        ("http://127.0.0.1:9000", "localhost,127.0.0.0/8"),
        ("http://[::1]:9000", "::1"),
        ("http://[::1]:9000", "[::1]"),
    ],
)
def test_no_proxy_names_what_is_reached_directly(url: str, no: str) -> None:
    assert way(url, http="http://p:1", https="http://p:1", no=no) is None


@pytest.mark.parametrize(
    ("url", "no"),
    [
        ("https://mps.example.com", "ample.com"),
        ("https://mps.example.com", ""),
        ("https://mps.example.com:8443", "mps.example.com:443"),
        ("http://127.0.0.1:9000", "10.0.0.0/8,localhost"),
    ],
)
def test_everything_else_goes_through_it_loopback_too(url: str, no: str) -> None:
    assert way(url, http="http://p:1", https="http://p:1", no=no) == Proxy("p", 1)


def test_the_variables_are_read_in_either_case_and_lower_case_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = Endpoint.parse("https://mps.example")
    monkeypatch.setenv("HTTPS_PROXY", "http://upper:1")
    assert Proxies.from_environment().to(endpoint) == Proxy("upper", 1)
    monkeypatch.setenv("https_proxy", "http://lower:2")
    assert Proxies.from_environment().to(endpoint) == Proxy("lower", 2)
    monkeypatch.setenv("no_proxy", "mps.example")
    assert Proxies.from_environment().to(endpoint) is None


@pytest.mark.parametrize(
    "url", ["socks5://u:secret@p:1", "https://u:secret@p:1", "http://u:secret@", "http://u:secret@p:x"]
)
def test_a_variable_that_names_no_usable_proxy_is_named_without_its_password(url: str) -> None:
    with pytest.raises(CloudError, match="proxy cannot be used") as caught:
        way("https://mps.example", https=url)
    assert "HTTPS_PROXY" in str(caught.value.diagnostics)
    assert "secret" not in str(caught.value.diagnostics)


def test_a_password_is_never_shown() -> None:
    found = way("https://mps.example", https=f"http://{WITH_PASSWORD}p:1")
    assert found is not None
    assert found.authorization == AUTHORIZATION
    for shown in (str(found), repr(found), repr(through(f"http://{WITH_PASSWORD}p:1"))):
        assert "word" not in shown
        assert AUTHORIZATION[6:] not in shown


# --- plain http: the proxy holds the request -----------------------------------------------------------------------------------------


def test_a_plain_request_names_its_target_and_is_signed_for_it(client: Clients) -> None:
    with RawServer([answering(CREATED)]) as server, proxy(AUTHORIZATION) as between:
        ours = client(server.url, through(between.url.replace("//", f"//{WITH_PASSWORD}")))
        assert outcome_of(ours) == Created("t-1", "r-1")
    assert between.asked == [f"POST {server.url}/ HTTP/1.1"]
    assert between.seen_headers[0]["host"] == f"127.0.0.1:{server.port}"
    assert b"Proxy-Authorization" not in server.requests[0]


def test_connections_to_a_proxy_are_reused(client: Clients) -> None:
    with RawServer([answering(CREATED, CREATED, CREATED)]) as server:
        ours = client("http://mps.example", through(server.url))
        for _ in range(3):
            assert isinstance(outcome_of(ours), Created)
        assert server.connections == 1


def test_a_proxy_that_demands_a_password_created_nothing(client: Clients) -> None:
    late = answer(b"", status="407 Proxy Authentication Required")
    with RawServer([answering(CREATED)]) as server, proxy(AUTHORIZATION) as early:
        outcomes = [outcome_of(client(server.url, through(early.url)))]
        assert server.requests == []
    with RawServer([answering_then_closing(late)]) as server:
        outcomes.append(outcome_of(client("http://mps.example", through(server.url))))
        assert len(server.requests) == 1
    for outcome, port in zip(outcomes, (early.port, server.port), strict=True):
        assert isinstance(outcome, NotCreated), outcome
        assert (outcome.backoff, outcome.code) == (None, "ProxyRefused")
        assert f"the proxy 127.0.0.1:{port} answered 407 Proxy Authentication Required" in outcome.message


def test_a_proxy_that_answers_before_the_last_byte_created_nothing(client: Clients) -> None:
    with RawServer([answering(CREATED)]) as server, proxy(status=503) as between:
        outcome = client(server.url, through(between.url)).stage(BODY)
        if not isinstance(outcome, NotCreated):  # it was quicker than the proxy
            while outcome.alive:
                threading.Event().wait(0.001)
            outcome = outcome.lost()
    assert isinstance(outcome, NotCreated)
    assert f"the proxy 127.0.0.1:{between.port} answered 503" in outcome.message


@pytest.mark.parametrize("status", ["403 Forbidden", "502 Bad Gateway", "504 Gateway Timeout"])
def test_what_a_proxy_answers_in_the_servers_place_is_ambiguous(client: Clients, status: str) -> None:
    """It had the whole request: whether it passed it on before something went wrong is not known."""
    with RawServer([answering_then_closing(answer(b"", status=status))]) as server:
        outcome = outcome_of(client("http://mps.example", through(server.url)))
    assert isinstance(outcome, Ambiguous)
    assert outcome.code == f"Http{status[:3]}"
    assert f"or the proxy 127.0.0.1:{server.port}," in outcome.message


@pytest.mark.parametrize("behaviour", [resetting, silent])
def test_a_proxy_that_keeps_silent_after_the_last_byte_is_ambiguous(
    client: Clients, behaviour: object
) -> None:
    with RawServer([behaviour]) as server:  # type: ignore[list-item]
        outcome = outcome_of(client("http://mps.example", through(server.url), read_timeout_s=0.3))
    assert isinstance(outcome, Ambiguous)


# --- https: the proxy makes a tunnel -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def test_a_tunnel_carries_tls_and_keeps_its_connection(client: Clients, authority: trustme.CA) -> None:
    with (
        RawServer([answering(CREATED, CREATED)]) as server,
        tls_front(tls_for(authority, "127.0.0.1"), server.port) as port,
        proxy(AUTHORIZATION) as between,
    ):
        url = between.url.replace("//", f"//{WITH_PASSWORD}")
        ours = client(f"https://127.0.0.1:{port}", through(url), tls=trusting(authority))
        assert outcome_of(ours) == Created("t-1", "r-1")
        assert isinstance(outcome_of(ours), Created)
        ours.close()
    assert between.asked == [f"CONNECT 127.0.0.1:{port} HTTP/1.1"]
    assert server.requests[0].startswith(b"POST / HTTP/1.1\r\n")
    assert b"Proxy-Authorization" not in server.requests[0]


def test_the_last_byte_is_held_back_through_a_tunnel(client: Clients, authority: trustme.CA) -> None:
    whole = threading.Event()

    def behave(connection: object, server: RawServer) -> None:
        answering(CREATED)(connection, server)  # type: ignore[arg-type]
        whole.set()

    with (
        RawServer([behave]) as server,
        tls_front(tls_for(authority, "127.0.0.1"), server.port) as port,
        proxy() as between,
    ):
        ours = client(f"https://127.0.0.1:{port}", through(between.url), tls=trusting(authority))
        stage = ours.stage(BODY)
        assert not isinstance(stage, NotCreated)
        assert not whole.wait(0.1)
        assert server.requests == []
        assert stage.alive
        assert isinstance(stage.send(), Created)
        ours.close()


@pytest.mark.parametrize(("status", "words"), [(407, "it wants a user and password"), (502, "answered 502")])
def test_a_proxy_that_makes_no_tunnel_created_nothing(client: Clients, status: int, words: str) -> None:
    with proxy(status=status) as between:
        outcome = outcome_of(client("https://mps.example", through(between.url)))
    assert isinstance(outcome, NotCreated)
    assert outcome.code == "ProxyRefused"
    assert f"the proxy 127.0.0.1:{between.port} answered {status}" in outcome.message
    assert words.replace("user and", "user and a") in outcome.message


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_dead_proxy_created_nothing_and_is_named(client: Clients, scheme: str) -> None:
    port = dead_port()
    ours = client(f"{scheme}://mps.example", through(f"http://{WITH_PASSWORD}127.0.0.1:{port}"))
    outcome, described = outcome_of(ours), ours.describe("t")
    assert isinstance(outcome, NotCreated)
    assert isinstance(described, DescribeFailed)
    for failed in (outcome, described):
        assert failed.code == "ProxyUnreachable"
        assert f"the proxy 127.0.0.1:{port} cannot be reached: connection refused" in failed.message
        assert "word" not in repr(failed)


@pytest.mark.parametrize("reply", [b"", b"rubbish\r\n\r\n"])
def test_a_proxy_that_speaks_no_http_created_nothing(client: Clients, reply: bytes) -> None:
    with RawServer([answering_then_closing(reply)]) as server:
        outcome = outcome_of(client("https://mps.example", through(server.url)))
    assert isinstance(outcome, NotCreated)
    assert outcome.code == "ProxyFailed"
    assert f"the proxy 127.0.0.1:{server.port}" in outcome.message


def test_a_proxy_that_is_slow_to_make_a_tunnel_created_nothing(client: Clients) -> None:
    with RawServer([silent]) as server:
        outcome = outcome_of(client("https://mps.example", through(server.url), connect_timeout_s=0.2))
    assert isinstance(outcome, NotCreated)
    assert "no connection in time" in outcome.message


def test_a_server_that_nobody_vouches_for_is_refused_behind_a_proxy_too(
    client: Clients, authority: trustme.CA
) -> None:
    with (
        RawServer([answering(CREATED)]) as server,
        tls_front(tls_for(authority, "127.0.0.1"), server.port) as port,
        proxy() as between,
    ):
        outcome = outcome_of(client(f"https://127.0.0.1:{port}", through(between.url)))
    assert isinstance(outcome, NotCreated)
    assert outcome.code == "TlsFailed"
    assert (
        f"through the proxy 127.0.0.1:{between.port}: the server's certificate is not trusted"
        in outcome.message
    )


# --- results -------------------------------------------------------------------------------------------------------------------------


def fetcher(proxies: Proxies, authority: trustme.CA | None = None) -> Fetcher:
    return Fetcher(Timeouts(5, 5), trusting(authority) if authority else None, proxies)


def test_results_come_through_the_proxy(tmp_path: Path, authority: trustme.CA) -> None:
    sound = answering_then_closing(answer(b"sound", content_type="audio/wav"))
    with (
        RawServer([sound]) as server,
        tls_front(tls_for(authority, "127.0.0.1"), server.port) as port,
        proxy(AUTHORIZATION) as between,
    ):
        fetch = fetcher(through(between.url.replace("//", f"//{WITH_PASSWORD}")), authority)
        for url in (server.url, f"https://127.0.0.1:{port}"):
            fetch(f"{url}/x.wav?sign=secret", tmp_path / "x.wav")
            assert (tmp_path / "x.wav").read_bytes() == b"sound"
            (tmp_path / "x.wav").unlink()
    assert [line.rpartition(" ")[0] for line in between.asked] == [
        f"GET {server.url}/x.wav?sign=secret",
        f"CONNECT 127.0.0.1:{port}",
    ]
    assert all(b"Proxy-Authorization" not in request for request in server.requests)


def test_a_result_behind_a_dead_proxy_names_it(tmp_path: Path) -> None:
    port = dead_port()
    for url in ("http://cos.example/x.wav?sign=s3cr3t", "https://cos.example/x.wav?sign=s3cr3t"):
        with pytest.raises(CloudError) as caught:
            fetcher(through(f"http://{WITH_PASSWORD}127.0.0.1:{port}"))(url, tmp_path / "x.wav")
        shown = str(caught.value.diagnostics)
        assert f"through the proxy 127.0.0.1:{port}" in shown
        assert "s3cr3t" not in shown
        assert "word" not in shown


def test_results_are_fetched_directly_where_there_is_no_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{dead_port()}")
    with RawServer([answering_then_closing(answer(b"sound"))]) as server:
        fetcher(NO_PROXIES)(f"{server.url}/x.wav", tmp_path / "x.wav")
    assert (tmp_path / "x.wav").read_bytes() == b"sound"
