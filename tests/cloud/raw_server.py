"""A server that does exactly what a test tells it, byte by byte; with it, a clock that stands still."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import orjson


@dataclass
class StillClock:
    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> datetime:
        return datetime(2026, 11, 22, 20, 0, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def answer(response: object, *, status: str = "200 OK", content_type: str = "application/json") -> bytes:
    body = response if isinstance(response, bytes) else orjson.dumps({"Response": response})
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


CREATED = answer({"TaskId": "t-1", "RequestId": "r-1"})


def receive_request(connection: socket.socket) -> bytes:
    """A whole request, or what came of it."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return data
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    length = int(lengths[0]) if lengths else 0
    while len(body) < length:
        chunk = connection.recv(65536)
        if not chunk:
            break
        body += chunk
    return head + b"\r\n\r\n" + body


Behaviour = Callable[[socket.socket, "RawServer"], None]


def answering(*answers: bytes) -> Behaviour:
    """Answer one request after the other, then wait for the client to close."""

    def behave(connection: socket.socket, server: "RawServer") -> None:
        for each in answers:
            request = receive_request(connection)
            if not request:
                return
            server.requests.append(request)
            connection.sendall(each)
        connection.recv(1)

    return behave


def answering_then_closing(data: bytes) -> Behaviour:
    """Answer one request, with any bytes, and close."""

    def behave(connection: socket.socket, server: "RawServer") -> None:
        server.requests.append(receive_request(connection))
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    return behave


def resetting(connection: socket.socket, server: "RawServer") -> None:
    """Take a whole request, then break the connection."""
    server.requests.append(receive_request(connection))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def silent(connection: socket.socket, server: "RawServer") -> None:
    """Take a whole request and never answer."""
    server.requests.append(receive_request(connection))
    server.released.wait(10)


@dataclass
class RawServer:
    """Serves the n-th connection with the n-th behaviour, further ones with the last."""

    behaviours: list[Behaviour]
    tls: ssl.SSLContext | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self.released = threading.Event()

    def __enter__(self) -> Self:
        acceptor = threading.Thread(target=self._accept)
        self._threads.append(acceptor)
        acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        # Closing alone does not wake accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            behaviour = self.behaviours[min(self.connections, len(self.behaviours) - 1)]
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection, behaviour))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, behaviour: Behaviour) -> None:
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            behaviour(connection, self)
        except OSError:
            pass
        finally:
            connection.close()
