"""HTTP/1.1 on loopback: the API on POST /, results and the emulator's own pages on GET, its faults on POST."""

import ipaddress
import logging
import re
import shutil
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO

from mpsjobs.emulator.api import MAX_BODY, Api, too_large
from mpsjobs.emulator.fault_input import control
from mpsjobs.emulator.faults import Faults
from mpsjobs.emulator.links import Found, Refused
from mpsjobs.emulator.replies import Reply, json_reply

log = logging.getLogger(__name__)

_STOP_WAIT_S = 2.0
_DRAIN = 64 * 1024 * 1024
_FAULTS = "/_emulator/faults"


class Server(ThreadingHTTPServer):
    """A thread for each connection. `stop` lets answers that are under way out and drops idle connections."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.api: Api
        self.find: Callable[[str], Found]
        self.health: Callable[[], dict[str, Any]]
        self.faults: Faults
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._gone = threading.Condition()
        super().__init__((host, port), Handler)

    def server_bind(self) -> None:
        # HTTPServer looks up its own name here, which can take seconds without a name server.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    @property
    def url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.server_name, self.server_name)  # noqa: S104 — names the wildcard, binds nothing
        return f"http://[{host}]:{self.server_port}" if ":" in host else f"http://{host}:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._gone:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._gone:
            self._open.discard(request)
            self._gone.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        log.debug("a connection broke: %s", sys.exception())

    def stop(self) -> None:
        """After `shutdown`: close all connections and wait for their threads, up to two seconds."""
        self.stopping.set()  # whoever holds back an answer gives up
        self.server_close()
        with self._gone:
            for connection in self._open:
                _shut(connection, socket.SHUT_RD)
            if not self._gone.wait_for(lambda: not self._open, _STOP_WAIT_S):
                for connection in self._open:
                    _shut(connection, socket.SHUT_RDWR)
                self._gone.wait_for(lambda: not self._open, _STOP_WAIT_S)


def _shut(connection: socket.socket, how: int) -> None:
    try:
        connection.shutdown(how)
    except OSError:
        log.debug("the connection was gone already")


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "mpsjobs-emulator"
    sys_version = ""
    timeout = 120
    wbufsize = 65536  # head and body leave together
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        path = self.path.rstrip("?")  # the vendor's async client sends an empty query
        if path not in {"/", _FAULTS}:
            self.close_connection = True  # the body stays unread
            self._send_json(404, {"error": "the API is at POST /"})
            return
        body = self._read_body()
        if body is None:
            return
        if path == "/":
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._send(self.server.api.call(headers, body))
        else:
            self._control(lambda: control(self.server.faults, body))

    def do_GET(self) -> None:
        if self.path in {"/", "/_emulator/health"}:
            self._send_json(200, self.server.health())
        elif self.path == "/_emulator/ledger":
            self._send_json(200, {"tasks": self.server.api.ledger()})
        elif self.path == _FAULTS:
            self._send_json(200, self.server.faults.show())
        else:
            self._send_file()

    do_HEAD = do_GET  # noqa: N815 — the name that http.server looks for

    def do_DELETE(self) -> None:
        self.close_connection = True  # a body stays unread
        if self.path == _FAULTS:
            self._control(self.server.faults.clear)
        else:
            self._send_json(404, {"error": f"only {_FAULTS} can be deleted"})

    def _control(self, change: Callable[[], None]) -> None:
        """Change the faults, for a program on this machine, and show them."""
        client = str(self.client_address[0]).removeprefix("::ffff:")
        if not ipaddress.ip_address(client).is_loopback:
            self._send_json(403, {"error": "faults can be changed from this machine alone"})
            return
        try:
            change()
        except ValueError as error:
            self._send_json(400, {"error": str(error)})
        else:
            self._send_json(200, self.server.faults.show())

    def _read_body(self) -> bytes | None:
        """The whole body; None when there is none to act on: the answer was sent, or the client has gone."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,12}", length):
            self.close_connection = True
            self._send_json(411, {"error": "Content-Length is needed"})
            return None
        if int(length) > MAX_BODY:
            # Read on for a while: a client that still writes would see a reset instead of the answer.
            self.close_connection = True
            left = min(int(length), _DRAIN)
            while left > 0 and (piece := self.rfile.read1(min(left, 65536))):
                left -= len(piece)
            self._send(too_large())
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def _send_json(self, status: int, value: Any) -> None:
        self._send(json_reply(value, status))

    def _send(self, reply: Reply) -> None:
        """Answer as the reply says; a reply without a status closes the connection without a word."""
        if (reply.delay_s and self.server.stopping.wait(reply.delay_s)) or not reply.status:
            self.close_connection = True
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.content[: reply.sent])
        if reply.sent is not None:
            self.close_connection = True

    def _send_file(self) -> None:
        try:
            found = self.server.find(self.path)
            file = found.path.open("rb")
        except Refused as error:
            self._send_json(error.status, {"error": str(error)})
            return
        except OSError:
            self._send_json(404, {"error": "the object is gone"})
            return
        with file:
            self._send_range(file, found)

    def _send_range(self, file: BinaryIO, found: Found) -> None:
        size = file.seek(0, 2)
        span = _span(self.headers.get("Range"), size)
        if span is None:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start, stop = span
        partial = (start, stop) != (0, size) or self.headers.get("Range") == f"bytes=0-{size - 1}"
        self.send_response(206 if partial else 200)
        self.send_header("Content-Type", found.content_type)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(stop - start))
        if partial:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        self.end_headers()
        if self.command != "HEAD":
            file.seek(start)
            if stop == size:
                shutil.copyfileobj(file, self.wfile, 262144)
            else:
                self.wfile.write(file.read(stop - start))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the base class's name
        log.debug(format, *args)


def _span(header: str | None, size: int) -> tuple[int, int] | None:
    """The bytes asked for as [start, stop); all of them without a usable Range; None when out of bounds."""
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", header or "")
    if match is None or match[0] == "bytes=-":
        return 0, size
    first, last = match.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return 0, size
    return (start, stop) if start < stop else None
