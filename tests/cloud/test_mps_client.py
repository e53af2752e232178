import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mpsjobs._version import __version__
from mpsjobs.cloud.credentials import Credentials
from mpsjobs.cloud.mps import MpsClient
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import (
    Ambiguous,
    Backoff,
    Created,
    CreateOutcome,
    DescribeFailed,
    Mps,
    NotCreated,
    Refused,
    ResultFile,
    Scope,
    StagedCreate,
    Task,
    TaskStatus,
)

from .raw_server import (
    CREATED,
    Behaviour,
    RawServer,
    StillClock,
    answer,
    answering,
    answering_then_closing,
    receive_request,
    resetting,
    silent,
)

BODY = '{"Prompt":"für Elise 音乐"}'.encode()
SECRET = "the-secret-key"
CERTIFICATE = Path(__file__).with_name("loopback.pem")
"""Self-signed for 127.0.0.1, for a hundred years, with its key."""


@dataclass
class Clients:
    """Makes clients and closes them."""

    made: list[MpsClient] = field(default_factory=list)
    clock: StillClock = field(default_factory=StillClock)

    def __call__(self, endpoint: str | Callable[[], str], read_timeout_s: float = 5) -> MpsClient:
        client = MpsClient(
            endpoint,
            lambda: Credentials("AKIDemulator", SECRET, "the-token"),
            self.clock,
            region="ap-guangzhou",
            connect_timeout_s=5,
            read_timeout_s=read_timeout_s,
        )
        self.made.append(client)
        return client


@pytest.fixture
def clients() -> Iterator[Clients]:
    clients = Clients()
    yield clients
    for client in clients.made:
        client.close()


def staged(client: Mps) -> StagedCreate:
    found = client.stage(BODY)
    assert not isinstance(found, NotCreated), found
    return found


def created(client: Mps) -> CreateOutcome:
    return staged(client).send()


# --- what goes out -------------------------------------------------------------------------------------------------------------------


def test_a_create_is_answered_with_its_task(clients: Clients) -> None:
    with RawServer([answering(CREATED)]) as server:
        assert created(clients(server.url)) == Created("t-1", "r-1")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST / HTTP/1.1"
    assert body == BODY
    for line in (
        f"Host: 127.0.0.1:{server.port}",
        "Content-Type: application/json",
        f"Content-Length: {len(BODY)}",
        "X-TC-Action: CreateAigcAudioTask",
        "X-TC-Version: 2019-06-12",
        "X-TC-Region: ap-guangzhou",
        "X-TC-Language: en-US",
        "X-TC-Token: the-token",
        "X-TC-Timestamp: 1795377600",
        f"User-Agent: mpsjobs/{__version__}",
    ):
        assert line in lines
    assert sum(line.startswith("Host:") for line in lines) == 1


def test_the_last_byte_is_held_back_until_it_is_sent(clients: Clients) -> None:
    whole = threading.Event()

    def behave(connection: socket.socket, server: RawServer) -> None:
        receive_request(connection)
        whole.set()
        connection.sendall(CREATED)

    with RawServer([behave]) as server:
        stage = staged(clients(server.url))
        assert not whole.wait(0.1)
        assert stage.send() == Created("t-1", "r-1")
        assert whole.is_set()


def test_an_abandoned_request_never_becomes_whole(clients: Clients) -> None:
    seen: list[bytes] = []
    over = threading.Event()

    def behave(connection: socket.socket, server: RawServer) -> None:
        seen.append(receive_request(connection))
        over.set()

    with RawServer([behave]) as server:
        staged(clients(server.url)).abandon()
        assert over.wait(5)
    assert seen[0].endswith(BODY[:-1])


def test_connections_are_reused(clients: Clients) -> None:
    with RawServer([answering(CREATED, CREATED, CREATED)]) as server:
        client = clients(server.url)
        for _ in range(3):
            assert isinstance(created(client), Created)
        assert server.connections == 1


def test_a_connection_that_rested_long_is_not_reused(clients: Clients) -> None:
    with RawServer([answering(CREATED)]) as server:
        client = clients(server.url)
        created(client)
        clients.clock.now += 20
        assert isinstance(created(client), Created)
        assert server.connections == 2


def test_requests_in_parallel_each_have_a_connection(clients: Clients) -> None:
    with RawServer([answering(CREATED)]) as server:
        client = clients(server.url)
        stages = [staged(client) for _ in range(5)]
        assert all(isinstance(stage.send(), Created) for stage in stages)
        assert server.connections == 5


# --- not created ---------------------------------------------------------------------------------------------------------------------


def test_a_refused_connection_created_nothing(clients: Clients) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    outcome = clients(f"http://127.0.0.1:{port}").stage(BODY)
    assert isinstance(outcome, NotCreated)
    assert (outcome.backoff, outcome.code) == (Backoff.SHORT, "ConnectionRefused")
    assert f"127.0.0.1:{port}" in outcome.message


def test_an_unknown_name_created_nothing(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    outcome = clients("mps.intl.tencentcloudapi.com").stage(BODY)
    assert isinstance(outcome, NotCreated)
    assert outcome.code == "NameNotResolved"


def test_a_failed_tls_handshake_created_nothing(clients: Clients) -> None:
    def plain(connection: socket.socket, server: RawServer) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with RawServer([plain]) as server:
        outcome = clients(f"https://127.0.0.1:{server.port}").stage(BODY)
    assert isinstance(outcome, NotCreated)
    assert outcome.code == "TlsFailed"


def test_a_handshake_that_takes_too_long_created_nothing(clients: Clients) -> None:
    with RawServer([silent]) as server:
        client = MpsClient(
            f"https://127.0.0.1:{server.port}",
            lambda: Credentials("i", "k"),
            StillClock(),
            connect_timeout_s=0.1,
        )
        outcome = client.stage(BODY)
        client.close()
    assert isinstance(outcome, NotCreated)
    assert outcome.code == "ConnectTimeout"


def test_a_server_that_answers_before_the_last_byte_created_nothing(clients: Clients) -> None:
    answered = threading.Event()

    def early(connection: socket.socket, server: RawServer) -> None:
        connection.sendall(CREATED)
        answered.set()
        server.released.wait(10)

    def credentials() -> Credentials:
        """Asked between connecting and sending: waits until the early answer is there."""
        answered.wait(5)
        return Credentials("i", "k")

    with RawServer([early]) as server, closing(MpsClient(server.url, credentials, StillClock())) as client:
        outcome = client.stage(BODY)
    assert isinstance(outcome, NotCreated)
    assert outcome.code == "ConnectionFailed"


def test_a_stale_connection_is_replaced_and_nothing_is_created_twice(clients: Clients) -> None:
    closed = threading.Event()

    def once(connection: socket.socket, server: RawServer) -> None:
        server.requests.append(receive_request(connection))
        connection.sendall(CREATED)
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    with RawServer([once, answering(CREATED)]) as server:
        client = clients(server.url)
        created(client)
        assert closed.wait(5)
        assert created(client) == Created("t-1", "r-1")
        assert (len(server.requests), server.connections) == (2, 2)


def test_a_new_address_is_asked_for_when_the_old_server_is_gone(clients: Clients) -> None:
    with RawServer([answering(CREATED)]) as first:
        addresses = [first.url]
        client = clients(lambda: addresses[-1])
        created(client)
    with RawServer([answering(CREATED)]) as second:
        addresses.append(second.url)
        assert isinstance(created(client), Created)
        assert f"Host: 127.0.0.1:{second.port}".encode() in second.requests[0]


# --- ambiguous -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (resetting, "AnswerLost"),
        (answering_then_closing(b""), "AnswerLost"),
        (answering_then_closing(CREATED[:-5]), "AnswerLost"),
        (answering_then_closing(CREATED[:30]), "NotAnApiAnswer"),
        (answering_then_closing(b"\x16\x03\x01 rubbish\r\n\r\n"), "AnswerLost"),
        (
            answering_then_closing(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            "AnswerLost",
        ),
        (
            answering_then_closing(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{}"),
            "AnswerLost",
        ),
        (
            answering_then_closing(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b" " * 5_000_000),
            "AnswerLost",
        ),
        (answering_then_closing(answer(b"<html>Bad gateway</html>", status="502 Bad Gateway")), "Http502"),
        (
            answering_then_closing(
                answer({"TaskId": "t"}, status="302 Found\r\nLocation: http://127.0.0.1:1/")
            ),
            "Http302",
        ),
        (answering_then_closing(answer({"TaskId": "t"}, status="201 Created")), "Http201"),
        (answering_then_closing(answer(b"<html>Log in</html>", content_type="text/html")), "NotAnApiAnswer"),
        (answering_then_closing(answer(b'{"Response": []}')), "NotAnApiAnswer"),
        (answering_then_closing(answer(b"[]")), "NotAnApiAnswer"),
        (answering_then_closing(answer(b'{"Response": {"TaskId"')), "NotAnApiAnswer"),
        (answering_then_closing(answer({"RequestId": "r"})), "NoTaskId"),
        (answering_then_closing(answer({"TaskId": "", "RequestId": "r"})), "NoTaskId"),
        (answering_then_closing(answer({"TaskId": 7})), "NoTaskId"),
        (
            answering_then_closing(answer({"Error": {"Code": "InternalError", "Message": "m"}})),
            "InternalError",
        ),
        (answering_then_closing(answer({"Error": {"Code": "Brand.New", "Message": "m"}})), "Brand.New"),
        (answering_then_closing(answer({"Error": {}})), "NoErrorCode"),
        (answering_then_closing(answer({"Error": "?", "TaskId": "t"})), "NoErrorCode"),
    ],
)
def test_what_is_no_whole_answer_may_have_created_a_task(
    clients: Clients, behaviour: Behaviour, code: str
) -> None:
    with RawServer([behaviour]) as server:
        outcome = created(clients(server.url))
        assert len(server.requests) == 1
    assert isinstance(outcome, Ambiguous)
    assert outcome.code == code
    assert outcome.message or code == "NoErrorCode"


def test_an_answer_past_the_time_out_is_ambiguous(clients: Clients) -> None:
    with RawServer([silent]) as server:
        outcome = created(clients(server.url, read_timeout_s=0.2))
        assert isinstance(outcome, Ambiguous)
        assert outcome.code == "ReadTimeout"
        assert len(server.requests) == 1


def test_a_dripping_answer_ends_at_the_time_out(clients: Clients) -> None:
    class Ticking(StillClock):
        def monotonic(self) -> float:
            self.now += 1
            return self.now

    def drip(connection: socket.socket, server: RawServer) -> None:
        receive_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            connection.sendall(b" ")

    clients.clock = Ticking()
    with RawServer([drip]) as server:
        outcome = created(clients(server.url, read_timeout_s=3))
    assert isinstance(outcome, Ambiguous)
    assert outcome.code == "ReadTimeout"


def test_a_broken_answer_is_not_followed_by_another_on_the_same_connection(clients: Clients) -> None:
    with RawServer([answering(answer(b"no", status="503 Busy")), answering(CREATED)]) as server:
        client = clients(server.url)
        assert isinstance(created(client), Ambiguous)
        assert isinstance(created(client), Created)
        assert server.connections == 2


# --- errors of the API ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "text/plain"]
)
def test_an_error_is_seen_whatever_the_content_type(clients: Clients, content_type: str) -> None:
    error = {"Error": {"Code": "InvalidParameter.ViolationContent", "Message": "no"}, "RequestId": "r-9"}
    with RawServer([answering(answer(error, content_type=content_type))]) as server:
        outcome = created(clients(server.url))
    assert outcome == Refused(Scope.ASSET, "InvalidParameter.ViolationContent", "no", "r-9")


def test_throttling_created_nothing(clients: Clients) -> None:
    error = {"Error": {"Code": "RequestLimitExceeded", "Message": "slow down"}, "RequestId": "r"}
    with RawServer([answering(answer(error))]) as server:
        assert created(clients(server.url)) == NotCreated(
            Backoff.THROTTLED, "RequestLimitExceeded", "slow down", "r"
        )


# --- describe ------------------------------------------------------------------------------------------------------------------------


def test_a_finished_task_has_its_files(clients: Clients) -> None:
    done = {
        "Status": "DONE",
        "Message": "",
        "AudioInfos": [
            {"Url": "http://x/1.mp3", "Duration": 30},
            {"Url": "http://x/2.mp3"},
            {"Url": None},
            None,
        ],
        "VideoInfos": None,
        "RequestId": "r",
    }
    with RawServer([answering(answer(done))]) as server:
        outcome = clients(server.url).describe("t-1")
    files = (ResultFile("http://x/1.mp3", 30.0), ResultFile("http://x/2.mp3", None))
    assert outcome == Task(TaskStatus.DONE, None, files, (), "r")
    assert server.requests[0].endswith(b'\r\n\r\n{"TaskId": "t-1"}')
    assert b"X-TC-Action: DescribeAigcAudioTask" in server.requests[0]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"Status": "FAIL", "Message": "Invalid model name for music"}, ("FAIL", None)),
        ({"Status": "PAUSED"}, ("UnknownStatus", Backoff.SHORT)),
        ({"Status": 3}, ("UnknownStatus", Backoff.SHORT)),
        (
            {"Error": {"Code": "RequestLimitExceeded.X", "Message": ""}},
            ("RequestLimitExceeded.X", Backoff.THROTTLED),
        ),
        ({"Error": {"Code": "InternalError", "Message": ""}}, ("InternalError", Backoff.SHORT)),
        (
            {"Error": {"Code": "AuthFailure.SignatureExpire", "Message": ""}},
            ("AuthFailure.SignatureExpire", None),
        ),
    ],
)
def test_a_describe_is_repeated_unless_that_is_pointless(
    clients: Clients, reply: object, expected: tuple[str, Backoff | None]
) -> None:
    with RawServer([answering(answer(reply))]) as server:
        outcome = clients(server.url).describe("t-1")
    if isinstance(outcome, DescribeFailed):
        assert (outcome.code, outcome.retry) == expected
    else:
        assert (outcome.status, None) == expected


def test_a_lost_describe_is_repeated(clients: Clients) -> None:
    for behaviour in (answering_then_closing(b""), resetting, answering(answer(b"", status="502 Bad"))):
        with RawServer([behaviour]) as server:
            outcome = clients(server.url).describe("t-1")
        assert isinstance(outcome, DescribeFailed)
        assert outcome.retry is Backoff.SHORT


# --- credentials and TLS -------------------------------------------------------------------------------------------------------------


def test_missing_credentials_are_an_error_before_anything_is_sent(clients: Clients) -> None:
    def none() -> Credentials:
        raise CloudError.of("There are no credentials")

    with RawServer([answering(CREATED)]) as server:
        client = MpsClient(server.url, none, StillClock())
        with pytest.raises(CloudError, match="no credentials"):
            client.stage(BODY)
        with pytest.raises(CloudError, match="no credentials"):
            client.describe("t")
        client.close()
    assert server.requests == []


def test_no_secret_is_shown(clients: Clients) -> None:
    client = clients("http://127.0.0.1:1")
    for shown in (repr(client), repr(client.stage(BODY)), repr(client.describe("t")), repr(vars(client))):
        assert SECRET not in shown
        assert "the-token" not in shown


def tls_server(*behaviours: Behaviour) -> RawServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return RawServer(list(behaviours), tls=context)


def test_tls_keeps_its_connections(clients: Clients) -> None:
    """TLS 1.3 sends tickets after the handshake: they must not be taken for an early answer."""
    with tls_server(answering(CREATED, CREATED)) as server:
        client = MpsClient(
            server.url,
            lambda: Credentials("i", "k"),
            StillClock(),
            tls=ssl.create_default_context(cafile=str(CERTIFICATE)),
        )
        assert isinstance(created(client), Created)
        assert isinstance(created(client), Created)
        assert server.connections == 1
        client.close()


def test_a_stale_tls_connection_is_replaced(clients: Clients) -> None:
    closed = threading.Event()

    def once(connection: socket.socket, server: RawServer) -> None:
        answering_then_closing(CREATED)(connection, server)

    def closing_first(connection: socket.socket, server: RawServer) -> None:
        receive_request(connection)
        connection.sendall(CREATED)
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    context = ssl.create_default_context(cafile=str(CERTIFICATE))
    with tls_server(closing_first, once) as server:
        client = MpsClient(server.url, lambda: Credentials("i", "k"), StillClock(), tls=context)
        assert isinstance(created(client), Created)
        assert closed.wait(5)
        assert isinstance(created(client), Created)
        client.close()


def test_a_certificate_that_nobody_vouches_for_is_refused(clients: Clients) -> None:
    with tls_server(answering(CREATED)) as server:
        outcome = clients(server.url).stage(BODY)
    assert isinstance(outcome, NotCreated)
    assert outcome.code == "TlsFailed"
    assert "certificate is not trusted (self-signed certificate)" in outcome.message
    assert server.requests == []
