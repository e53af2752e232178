"""What stands between a client and a server, on loopback: a proxy, and a front that speaks TLS. Both pass bytes on as they come."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


def dead_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


@dataclass
class HttpProxy:
    """`url` is how it is named in HTTP_PROXY and HTTPS_PROXY; `asked` has the first line of every request that it got.

    `wants` is the Proxy-Authorization that it insists on; `status` what it answers, when it passes nothing on: to
    everything, or to the first `times` requests.
    """

    wants: str | None = None
    status: int | None = None
    times: int | None = None
    port: int = 0
    asked: list[str] = field(default_factory=list)
    seen_headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def proxy(
    wants: str | None = None, status: int | None = None, times: int | None = None
) -> Iterator[HttpProxy]:
    """A proxy for tunnels and for plain requests; it holds a plain request until it has all of it."""
    told = HttpProxy(wants, status, times)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def allowed(self) -> bool:
            told.asked.append(self.requestline)
            told.seen_headers.append({name.lower(): value for name, value in self.headers.items()})
            passes = told.times is not None and len(told.asked) > told.times
            refused = None if passes else told.status
            if told.wants is not None and self.headers.get("Proxy-Authorization") != told.wants:
                refused = 407
            if refused is not None:
                self.send_error(refused)
                self.close_connection = True
            return refused is None

        def do_CONNECT(self) -> None:
            if not self.allowed():
                return
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host.strip("[]"), int(port)), 10) as upstream:
                self.send_response(200)
                self.end_headers()
                exchange(self.connection, upstream)
            self.close_connection = True

        def do_POST(self) -> None:
            if not self.allowed():
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            target = urlsplit(self.path)
            upstream = http.client.HTTPConnection(target.hostname or "", target.port or 80, timeout=10)
            with contextlib.closing(upstream):
                headers = {k: v for k, v in self.headers.items() if not k.lower().startswith("proxy-")}
                path = f"{target.path}?{target.query}" if target.query else target.path
                upstream.request(self.command, path, body, headers)
                with contextlib.closing(upstream.getresponse()) as response:
                    content = response.read()
                    self.send_response_only(response.status)
                    for name, value in response.getheaders():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        told.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def tls_front(context: ssl.SSLContext, upstream_port: int) -> Iterator[int]:
    """A port that speaks TLS and passes on what is inside to a port that does not."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                connection.settimeout(10)
                with (
                    context.wrap_socket(connection, server_side=True) as inside,
                    socket.create_connection(("127.0.0.1", upstream_port), 10) as upstream,
                ):
                    exchange(inside, upstream)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def exchange(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes on in both directions until one side closes."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    for end in (one, other):
        end.settimeout(20)
    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join()
