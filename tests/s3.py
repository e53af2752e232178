"""A real S3 server on loopback, and stores that talk to it."""

import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from mpsjobs.cloud.clock import SystemClock
from mpsjobs.cloud.cos_store import CosStore
from mpsjobs.cloud.credentials import Credentials


class S3Server:
    """moto on a free port."""

    def __init__(self, url: str) -> None:
        self.url = url

    def fill(
        self, bucket: str, keys: Iterable[str], content: Callable[[str], bytes] = lambda _: b"x"
    ) -> None:
        """Put many objects at once, without a request for each."""
        for key in keys:
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, key, content(key))

    def empty(self, *buckets: str) -> None:
        """Forget everything; then there are these buckets, with nothing in them."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")
        urllib.request.urlopen(request, timeout=10).close()
        for bucket in buckets:
            request = urllib.request.Request(f"{self.url}/{bucket}", method="PUT")
            urllib.request.urlopen(request, timeout=10).close()


@contextmanager
def running_s3_server() -> Iterator[S3Server]:
    # Every request would be a line on stderr.
    with patch("werkzeug.serving.WSGIRequestHandler.log", lambda *_: None):
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        try:
            _, port = server.get_host_and_port()
            yield S3Server(f"http://127.0.0.1:{port}")
        finally:
            server.stop()


def s3_store(url: str, *, expires_at: datetime | None = None, **options: Any) -> CosStore:
    """A store on such a server, with keys that it does not check."""
    credentials = Credentials("AKIDtest", "a-secret-key", "a-token", expires_at)
    options = {"addressing_style": "path", **options}
    return CosStore(lambda: credentials, SystemClock(), endpoint=url, **options)
