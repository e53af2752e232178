"""The page on loopback. Whoever has the address with its token may read and decide; nobody else gets more than a refusal.

The token is part of the path, not a cookie: cookies of 127.0.0.1 are sent to every port of this machine. `Host` is checked, so that no
other site's name can be turned to this address, and `Origin`, so that no other page can decide. No path of a request becomes a path of
the file system.
"""

import logging
import re
import secrets
import shutil
import socketserver
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import orjson

from mpsjobs.model.diagnostics import MpsjobsError
from mpsjobs.plan.document import diagnostic_document
from mpsjobs.review.decisions import verdicts
from mpsjobs.review.document import review_document
from mpsjobs.review.listening import Listening
from mpsjobs.review.page_files import DATA, INDEX, content_type, data_script, page_files

log = logging.getLogger(__name__)

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_GUARDS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_UNKNOWN: Final = "This address lacks its token. Open the whole address that `mpsjobs review` printed.\n"

_LARGEST: Final = 1024 * 1024
_NO_AUDIO: Final = "There is no such audio, or it is no longer in the store.\n"


class Server(ThreadingHTTPServer):
    """Serves one project on 127.0.0.1; port 0 takes a free one."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listening: Listening, port: int = 0) -> None:
        self.listening = listening
        self.token = secrets.token_urlsafe(24)
        self.files = page_files()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        # HTTPServer looks up its own name here, which can take seconds without a name server.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    @property
    def origins(self) -> tuple[str, ...]:
        return tuple(f"http://{host}:{self.server_port}" for host in ("127.0.0.1", "localhost"))

    @property
    def url(self) -> str:
        """Where the page is, with its token."""
        return f"{self.origins[0]}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        log.debug("a connection broke: %s", sys.exception())


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "mpsjobs-review"
    sys_version = ""
    timeout = 120
    wbufsize = 65536
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        name = self._allowed()
        if name is None:
            return
        if name == DATA:
            self._answer_data()
        elif name in {"", INDEX}:
            self._send(200, self.server.files[INDEX], content_type(INDEX))
        elif name in self.server.files:
            self._send(200, self.server.files[name], content_type(name))
        elif name.startswith("audio/"):
            self._send_audio(name.removeprefix("audio/"))
        elif name.startswith("heard/"):
            self._send_heard(name.removeprefix("heard/"))
        else:
            self._refuse(404, "There is nothing here.\n")

    do_HEAD = do_GET  # noqa: N815 — the name that http.server looks for

    def do_POST(self) -> None:
        """Decisions, from this page alone."""
        name = self._allowed()
        if name is None:
            return
        if self.headers.get("Origin") not in self.server.origins:
            self._refuse(403, "Only the page itself may decide.\n")
        elif name != "decisions":
            self._refuse(404, "There is nothing here.\n")
        elif self.headers.get("Content-Type") != "application/json":
            self._refuse(415, "Decisions are JSON.\n")
        elif not re.fullmatch(r"[0-9]{1,9}", length := self.headers.get("Content-Length", "")):
            self._refuse(411, "Content-Length is needed.\n")
        elif int(length) > _LARGEST:
            self._refuse(413, "That is too much at once.\n")
        else:
            self._decide(self.rfile.read(int(length)))

    def _decide(self, body: bytes) -> None:
        try:
            answer = self.server.listening.decide(verdicts(body))
        except ValueError as error:
            self._refuse(400, f"{error}\n")
        except MpsjobsError as error:
            problems = {"problems": [diagnostic_document(each) for each in error.diagnostics]}
            self._send(409, orjson.dumps(problems), content_type("json"))
        else:
            self._send(200, orjson.dumps(answer), content_type("json"))

    def _allowed(self) -> str | None:
        """What is asked for, below the token; None when that was refused."""
        if f"http://{self.headers.get('Host', '')}" not in self.server.origins:
            self._refuse(403, "This page is served under 127.0.0.1 and localhost alone.\n")
            return None
        token, slash, name = self.path.partition("?")[0].removeprefix("/").partition("/")
        if not (slash and secrets.compare_digest(token.encode(), self.server.token.encode())):
            self._refuse(403, _UNKNOWN)
            return None
        return unquote(name)

    def _answer_data(self) -> None:
        """The document, or what keeps it from being made, for the page to show."""
        listening = self.server.listening
        try:
            document = review_document(listening.look(), "served", diff=listening.diff)
        except MpsjobsError as error:
            document = {"problems": [diagnostic_document(each) for each in error.diagnostics]}
        self._send(200, data_script(document), content_type(DATA))

    def _send_audio(self, name: str) -> None:
        try:
            file = self.server.listening.audio(name)
        except MpsjobsError as error:
            self._refuse(502, f"{error}\n")
            return
        if file is None:
            self._refuse(404, _NO_AUDIO)
            return
        self._send_file(file, content_type(name))

    def _send_heard(self, name: str) -> None:
        """What is measured of a file, which may take a moment."""
        try:
            heard = self.server.listening.heard(name)
        except (MpsjobsError, OSError) as error:
            self._refuse(502, f"{error}\n")
            return
        if heard is None:
            self._refuse(404, _NO_AUDIO)
            return
        self._send(200, orjson.dumps(heard), content_type("json"))

    def _send_file(self, file: Path, kind: str) -> None:
        """The file, or the part of it that is asked for: a player seeks this way."""
        with file.open("rb") as content:
            size = content.seek(0, 2)
            span = span_of(self.headers.get("Range"), size)
            if span is not None and not span:
                self._head(416, kind, 0, {"Content-Range": f"bytes */{size}"})
                return
            ranges = {"Accept-Ranges": "bytes", "Cache-Control": "private, max-age=86400, immutable"}
            if span is not None:
                ranges["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
            part = range(size) if span is None else span
            self._head(200 if span is None else 206, kind, len(part), ranges)
            if self.command == "HEAD":
                return
            content.seek(part.start)
            if part.stop == size:
                shutil.copyfileobj(content, self.wfile, 262144)
            else:
                self.wfile.write(content.read(len(part)))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What http.server refuses by itself, such as PUT: in words of this page, with its guards, and nothing of the request."""
        self._refuse(code, "Nothing is served that way.\n")

    def _refuse(self, status: int, words: str) -> None:
        self.close_connection = True  # a body stays unread
        self._send(status, words.encode(), "text/plain; charset=utf-8")

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self._head(status, kind, len(content), {"Cache-Control": "no-store"})
        if self.command != "HEAD":
            self.wfile.write(content)

    def _head(self, status: int, kind: str, length: int, more: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(length), **_GUARDS, **more}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the base class's name
        """Say nothing: the line would hold the token."""


def span_of(header: str | None, size: int) -> range | None:
    """The bytes asked for, empty when out of bounds; None without a Range that is of use: then all of them are sent, as if there were none."""
    match = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", header or "")
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last) + 1) if last else size)
