"""A proxy on loopback that remembers every API request which passes through it, as any man in the middle could."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Recorded:
    """`requests` holds the action, the headers in lower case, and the body of each request, in the order of arrival."""

    url: str
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    def asked_for(self) -> set[str]:
        """The TaskIds that anybody described."""
        return {body["TaskId"] for action, _, body in self.requests if action.startswith("Describe")}


@contextmanager
def recording(target: str) -> Iterator[Recorded]:
    """Stand in front of `target`."""
    parts = urlsplit(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 65536

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            recorded.requests.append((headers.get("x-tc-action", ""), headers, json.loads(body)))
            onward = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
            try:
                onward.request("POST", self.path, body, dict(self.headers))
                answer = onward.getresponse()
                content = answer.read()
            finally:
                onward.close()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    recorded = Recorded(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield recorded
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
