import socket
import threading
from pathlib import Path

import orjson
import pytest

from mpsjobs.emulator import Emulator, EmulatorConfig

from .emulator_client import DEADLINE_S, Client, HandClock

CREATE = "CreateAigcAudioTask"


def raw(client: Client, body: bytes, length: int | None = None) -> bytes:
    """The bytes of a signed request."""
    headers = client.headers(CREATE, body) | {"Content-Length": str(len(body) if length is None else length)}
    return (
        b"POST / HTTP/1.1\r\n"
        + "".join(f"{k}: {v}\r\n" for k, v in headers.items()).encode()
        + b"\r\n"
        + body
    )


def connect(client: Client) -> socket.socket:
    return socket.create_connection((client.host, client.port), timeout=DEADLINE_S)


def read_answer(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as file:
        length = 0
        while (line := file.readline()) not in {b"\r\n", b""}:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return file.read(length)


def test_a_body_may_come_in_pieces_on_a_connection_that_is_kept(client: Client) -> None:
    with connect(client) as connection:
        for _ in range(2):
            request = raw(client, b'{"Prompt":"a tune"}')
            connection.sendall(request[:-1])
            threading.Event().wait(0.05)
            assert client.ledger() == [] or len(client.ledger()) == 1
            connection.sendall(request[-1:])
            assert b"TaskId" in read_answer(connection)
    assert len(client.ledger()) == 2


def test_a_body_that_never_ends_creates_nothing(client: Client) -> None:
    with connect(client) as connection:
        connection.sendall(raw(client, b'{"Prompt":"a tune"}')[:-1])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert client.ledger() == []


def test_a_body_over_ten_megabytes_is_refused_with_an_answer(client: Client) -> None:
    body = b'{"Prompt":"' + b"x" * (10 * 1024 * 1024) + b'"}'
    status, headers, answer = client.fetch("POST", "/", body, client.headers(CREATE, body))
    assert (status, headers["connection"]) == (200, "close")
    assert orjson.loads(answer)["Response"]["Error"]["Code"] == "RequestSizeLimitExceeded"


def test_a_body_without_a_length_and_other_pages_are_refused(client: Client) -> None:
    with connect(client) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"Content-Length" in read_answer(connection)
    assert client.fetch("POST", "/other", b"{}")[0] == 404
    for target in ("/outputs/../../etc/passwd", "/outputs/x/0.mp3", "/nothing"):
        assert client.fetch("GET", target)[0] in {403, 404}


def test_health_says_who_it_is(client: Client, config: EmulatorConfig) -> None:
    status, _, body = client.fetch("GET", "/_emulator/health")
    assert status == 200
    assert orjson.loads(body)["data"] == str(config.data)


def done_url(client: Client, clock: HandClock) -> str:
    task_id = client.create(OutputAudioFormat="wav")
    clock.advance(700)
    return str(client.finished(task_id)["outputs"][0]["url"])


def test_a_result_is_served_whole_and_in_ranges(client: Client, clock: HandClock) -> None:
    url = done_url(client, clock)
    status, headers, whole = client.get(url)
    assert (status, headers["content-type"], headers["accept-ranges"]) == (200, "audio/wav", "bytes")
    assert whole[:4] == b"RIFF"
    size = len(whole)
    for asked, start, stop in (
        ("0-3", 0, 4),
        ("4-", 4, size),
        ("-10", size - 10, size),
        (f"10-{size + 99}", 10, size),
        (f"0-{size - 1}", 0, size),
    ):
        status, headers, part = client.get(url, {"Range": f"bytes={asked}"})
        assert (status, headers["content-range"], part) == (
            206,
            f"bytes {start}-{stop - 1}/{size}",
            whole[start:stop],
        )
    status, headers, _ = client.get(url, {"Range": f"bytes={size}-"})
    assert (status, headers["content-range"]) == (416, f"bytes */{size}")
    for nonsense in ("bytes=5-2", "bytes=-", "lines=1-2", "bytes=0-1,3-4"):
        assert client.get(url, {"Range": nonsense})[::2] == (200, whole)
    status, headers, nothing = client.get(url, method="HEAD")
    assert (status, headers["content-length"], nothing) == (200, str(size), b"")


def test_a_result_url_is_signed_and_expires(client: Client, clock: HandClock, config: EmulatorConfig) -> None:
    url = done_url(client, clock)
    assert client.get(url.replace("sign=", "sign=0"))[0] == 403
    assert client.get(url.replace("expires=", "expires=9"))[0] == 403
    assert client.get(url.replace("/0.wav", "/1.wav"))[0] == 403
    assert client.get(url.split("?")[0])[0] == 403
    clock.advance(12 * 3600 + 1)
    assert client.get(url)[0] == 403
    fresh = client.ledger()[0]["outputs"][0]["url"]
    assert client.get(fresh)[0] == 200
    next(Path(config.objects).rglob("*.wav")).unlink()
    assert client.get(fresh)[0] == 404


def test_stopping_is_quick_though_connections_are_idle(config: EmulatorConfig, clock: HandClock) -> None:
    emulator = Emulator(config, clock=clock).start()
    client = Client(emulator.url, clock.now)
    with connect(client) as idle, connect(client) as half:
        half.sendall(raw(client, b'{"Prompt":"a"}')[:-1])
        client.create()
        threads = threading.active_count()
        emulator.stop()
        assert threading.active_count() < threads
        assert idle.recv(10) == b""
        assert half.recv(10) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(client)
    emulator.stop()
