"""Fetching a result by its URL, for outputs that do not show in the store."""

import http.client
import shutil
import ssl
import urllib.request
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from mpsjobs._version import __version__
from mpsjobs.cloud.connection import Timeouts
from mpsjobs.cloud.endpoint import Endpoint
from mpsjobs.cloud.proxy import NO_PROXIES, Proxies
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError


@dataclass(frozen=True)
class Fetcher:
    """Fetches over the ways that the settings and the environment name. Thread-safe.

    `timeouts.read_s` is how long any part of the content may take, not the whole. `tls` replaces the default TLS settings.
    """

    timeouts: Timeouts
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    proxies: Proxies = NO_PROXIES

    def __call__(self, url: str, to: Path) -> None:
        """Write what the URL gives to the file `to`: all of it, or an error.

        Raises:
            CloudError: it cannot be fetched whole, or the proxy cannot be used. The message does not hold the URL's query, which may be
                a signature.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            raise CloudError.of(
                f"A result URL of the kind {parts.scheme!r} cannot be fetched.", code=Code.RESULT_NOT_FETCHED
            )
        where = f"{parts.hostname}{parts.path}"
        try:
            if proxy := self.proxies.to(_endpoint(url)):
                where += f", through the proxy {proxy}"
            with self._opener().open(url, timeout=self.timeouts.connect_s) as answer, to.open("wb") as file:
                shutil.copyfileobj(answer, file)
                if answer.length:  # reading in pieces ends quietly where a connection breaks
                    raise http.client.IncompleteRead(b"", answer.length)
        except (OSError, ValueError, http.client.HTTPException) as error:
            if isinstance(error, HTTPError):
                error.close()
            reason = error.reason if isinstance(error, URLError) else error
            raise CloudError.of(
                "A result could not be fetched.", detail=f"{where}: {reason}", code=Code.RESULT_NOT_FETCHED
            ) from error

    def _opener(self) -> urllib.request.OpenerDirector:
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # in place of the one that looks at the environment itself
            Way(self.proxies),
            _Open(self.timeouts.read_s, self.tls),
        )
        opener.addheaders = [("User-Agent", f"mpsjobs/{__version__}")]
        return opener


class Way(urllib.request.BaseHandler):
    """Sends each request, also one that follows a redirect, through its proxy."""

    handler_order = 100  # before the Host header is made

    def __init__(self, proxies: Proxies) -> None:
        self._proxies = proxies

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        proxy = self._proxies.to(_endpoint(request.full_url))
        if proxy is not None:
            if proxy.authorization:
                request.add_unredirected_header("Proxy-authorization", proxy.authorization)
            request.set_proxy(str(proxy), "http")
        return request

    https_request = http_request


class _HttpConnection(http.client.HTTPConnection):
    """Connecting and reading have time-outs of their own."""

    def __init__(self, *arguments: Any, read_s: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._read_s = read_s

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(self._read_s)


class _HttpsConnection(_HttpConnection, http.client.HTTPSConnection):
    """The same with TLS."""


class _Open(urllib.request.HTTPSHandler, urllib.request.HTTPHandler):
    def __init__(self, read_s: float, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self._read_s, self._tls = read_s, tls

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_HttpConnection, read_s=self._read_s), request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_HttpsConnection, read_s=self._read_s, context=self._tls), request)


def _endpoint(url: str) -> Endpoint:
    """Raises ValueError: the URL has no usable port."""
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    return Endpoint(tls, parts.hostname or "", parts.port or (443 if tls else 80))
