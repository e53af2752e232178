"""A thin server in front of moto, with the habits of COS, or of servers that know less."""

import http.client
import re
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

HOST = "s3.test"
"""What the server calls itself, with buckets before it; see `resolving`."""

_SOMEBODY = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/r/s3/aws4_request, SignedHeaders=host, Signature=0"
}
"""moto checks no signature, but tells strangers nothing."""

_CODES = {403: "AccessDenied", 404: "NoSuchBucket", 400: "ExpiredToken"}

Trouble = int | Literal["reset", "answer lost", "cut off"]
"""An HTTP status instead of an answer; a reset; the request done and its answer lost; the answer broken off half-way."""


@dataclass(frozen=True)
class Seen:
    """A request as it came. Names of headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def operation(self) -> str:
        query = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        for name in ("versioning", "list-type", "uploads", "uploadId"):
            if name in query:
                return f"{self.method} {name}"
        return self.method

    @property
    def signer(self) -> str:
        """The SecretId of the keys that it is signed with."""
        found = re.search(r"Credential=([^/]+)/", self.headers.get("authorization", ""))
        return found[1] if found else ""

    @property
    def signed_headers(self) -> set[str]:
        match = re.search(r"SignedHeaders=([^,]+)", self.headers.get("authorization", ""))
        return set(match[1].split(";")) if match else set()


@dataclass
class S3Proxy:
    """What the server does; a test may change all of it while it runs.

    `late`: a new object shows only in this listing of those that should have it (1: at once). `denied` are operations as `Seen` names them.
    `addressing`: what it understands; COS wants `virtual`. `troubles` happen to the next requests, `trouble_of` to those that it names.
    """

    upstream: str
    url: str = ""
    port: int = 0
    forbid_overwrite: bool = False
    if_none_match: bool = False
    late: int = 1
    addressing: Literal["virtual", "path", "both"] = "both"
    denied: set[str] = field(default_factory=set)
    troubles: deque[Trouble] = field(default_factory=deque)
    trouble_of: Callable[["Seen"], Trouble | None] = lambda _: None
    seen: list[Seen] = field(default_factory=list)
    hidden: dict[tuple[str, str], int] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def operations(self) -> list[str]:
        return [each.operation for each in self.seen]

    def ask(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> "Answer":
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=30)
        try:
            connection.request(method, target, body=body or None, headers=headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def has(self, bucket: str, key: str) -> bool:
        return self.ask("HEAD", f"/{bucket}/{key}", headers=_SOMEBODY).status == 200

    def keeps_versions(self, bucket: str) -> bool:
        told = self.ask("GET", f"/{bucket}?versioning").body
        return b">Enabled<" in told or b">Suspended<" in told

    def answer(self, seen: Seen, body: bytes) -> "Answer":
        """What comes back; virtual addressing is translated for moto, which is asked by path."""
        host = seen.headers.get("host", "").partition(":")[0]
        bucket = host.removesuffix(f".{HOST}") if host.endswith(f".{HOST}") else ""
        if self.addressing == "virtual" and not bucket:
            return refusal(403, "PathStyleDomainForbidden", "The bucket belongs in the host's name.")
        in_host = bucket and self.addressing != "path"
        target = f"/{bucket}{seen.target}" if in_host else seen.target
        if seen.operation in self.denied:
            return refusal(403, "AccessDenied", "Access Denied.")
        path = urlsplit(target).path.lstrip("/")
        bucket, _, key = path.partition("/")
        with self.lock:
            return self._done(seen, target, body, bucket, key)

    def _done(self, seen: Seen, target: str, body: bytes, bucket: str, key: str) -> "Answer":
        headers = {
            name: value
            for name, value in seen.headers.items()
            if name not in {"host", "connection", "expect"}
        }
        if not self.if_none_match:
            headers.pop("if-none-match", None)
        forbidden = headers.pop("x-cos-forbid-overwrite", None) == "true" and self.forbid_overwrite
        writes = seen.operation in {"PUT", "POST uploadId"} and key
        there = writes and self.has(bucket, key)
        if forbidden and there and not self.keeps_versions(bucket):
            return refusal(409, "FileAlreadyExists", "The object exists.")
        answer = self.ask(seen.method, target, body, headers)
        if writes and not there and answer.status == 200:
            self.hidden[bucket, unquote(key)] = self.late - 1
        return self._as_listed(bucket, answer) if seen.operation == "GET list-type" else answer

    def _as_listed(self, bucket: str, answer: "Answer") -> "Answer":
        """The listing without what is too new."""

        def shown(match: re.Match[str]) -> str:
            key = re.search("<Key>(.*?)</Key>", match[0], re.DOTALL)
            name = (bucket, unquote(key[1]) if key else "")
            waits = self.hidden.get(name, 0)
            self.hidden[name] = waits - 1
            return "" if waits > 0 else match[0]

        listed = re.sub("<Contents>.*?</Contents>", shown, answer.body.decode(), flags=re.DOTALL)
        return Answer(answer.status, answer.headers, listed.encode())


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def refusal(status: int, code: str, message: str) -> Answer:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message><RequestId>NjMx</RequestId></Error>"
    headers = {"Content-Type": "application/xml", "x-cos-request-id": "NjMxYjJh"}
    return Answer(status, headers, text.encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, proxy: S3Proxy, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.proxy = proxy


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass

    def do(self) -> None:
        proxy = self.server.proxy
        seen = Seen(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
        proxy.seen.append(seen)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        trouble = proxy.troubles.popleft() if proxy.troubles else proxy.trouble_of(seen)
        if trouble == "reset":
            self._reset()
        elif isinstance(trouble, int):
            self._send(refusal(trouble, _CODES.get(trouble, "ServiceUnavailable"), "That is how it is."))
        else:
            answer = proxy.answer(seen, body)
            if trouble == "answer lost":
                self._reset()
            else:
                self._send(answer, cut=trouble == "cut off")

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do  # noqa: N815  # as the library names them

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _send(self, answer: Answer, *, cut: bool = False) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                self.send_header(name, value)
        length = answer.headers.get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        self.close_connection = self.close_connection or cut


@contextmanager
def s3_proxy(upstream: str, *, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[S3Proxy]:
    """The server on this port (0: a free one). Use it within `resolving`, or by its number with the bucket in the path."""
    proxy = S3Proxy(upstream)
    server = _Server(proxy, port)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    proxy.port = server.server_address[1]
    proxy.url = f"{'https' if tls else 'http'}://{HOST}:{proxy.port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def resolving() -> Iterator[None]:
    """Names below `HOST` lead to this machine, as a wildcard record would have it; those below `.invalid` lead nowhere."""
    found = socket.getaddrinfo

    def local(host: object, *rest: object, **options: object) -> object:
        name = host.decode() if isinstance(host, bytes) else host
        if isinstance(name, str) and name.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        own = isinstance(name, str) and (name == HOST or name.endswith(f".{HOST}"))
        return found("127.0.0.1" if own else host, *rest, **options)  # type: ignore[arg-type]

    socket.getaddrinfo = local  # type: ignore[assignment]
    try:
        yield
    finally:
        socket.getaddrinfo = found
