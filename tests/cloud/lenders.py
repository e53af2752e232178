"""The services that lend keys, on loopback: STS, the metadata service of a machine, GitHub's token service."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mpsjobs.cloud.connection import Timeouts
from mpsjobs.cloud.sts import Sts
from mpsjobs.cloud.transport import Transport
from mpsjobs.model.ports import Clock

START = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
ROLE = "qcs::cam::uin/1000:roleName/ci"


@dataclass
class MovedClock:
    """A clock that a test moves."""

    seconds: float = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def utc(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass(frozen=True)
class Asked:
    """A request as it arrived. The names of `headers` are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def action(self) -> str:
        return self.headers["x-tc-action"]

    def json(self) -> Any:
        return json.loads(self.body)


Reply = tuple[int, object]
"""HTTP status, and a text or what becomes JSON."""


@dataclass
class Lender:
    """What was asked of a server whose answers a test decides."""

    url: str
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def lender(reply: Callable[[Asked], Reply]) -> Iterator[Lender]:
    """A server that answers each request, of many at once, as `reply` says."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.path, headers, self.rfile.read(length))
            found.asked.append(asked)
            status, answer = reply(asked)
            data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Location", "/elsewhere") if status in {301, 302, 307} else None
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST  # noqa: N815  # the name is the base class's

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    found = Lender(f"http://127.0.0.1:{server.server_address[1]}")
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def keys(number: int, ends: datetime) -> Reply:
    """STS lends the n-th set of keys."""
    pair = {"TmpSecretId": f"id-{number}", "TmpSecretKey": f"key-{number}", "Token": f"token-{number}"}
    return 200, {
        "Response": {
            "Credentials": pair,
            "ExpiredTime": int(ends.timestamp()),
            "Expiration": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
            "RequestId": f"request-{number}",
        }
    }


def refused(code: str, message: str = "No.") -> Reply:
    return 200, {"Response": {"Error": {"Code": code, "Message": message}, "RequestId": "request-no"}}


def machine(role: str, ends: datetime, *, code: str = "Success") -> Callable[[Asked], Reply]:
    """The metadata service of a machine with this role."""
    base = "/latest/meta-data/cam/security-credentials/"

    def reply(asked: Asked) -> Reply:
        if asked.path == base:
            return 200, role
        if asked.path != f"{base}{role}":
            return 404, "no"
        return 200, {
            "TmpSecretId": "id-cvm",
            "TmpSecretKey": "key-cvm",
            "Token": "token-cvm",
            "ExpiredTime": int(ends.timestamp()),
            "Expiration": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
            "Code": code,
        }

    return reply


def sts_at(url: str, clock: Clock) -> Sts:
    return Sts(lambda: Transport(url, Timeouts(5, 5), clock), clock)
