"""Small documents that are or hold a secret, as is an address at times: nothing of them is ever in an error."""

import http.client
import ssl
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from mpsjobs._version import __version__
from mpsjobs.cloud.fetch import Way
from mpsjobs.cloud.proxy import Proxies
from mpsjobs.model.diagnostics import CloudError

_MAX: Final = 256 * 1024


class GetFailedError(Exception):
    """There is no document. `status` is that of the HTTP answer, None when there was none."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is refused: it would take the Authorization header to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


def get(
    url: str,
    *,
    within_s: float,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    direct: bool = False,
) -> str:
    """What the URL gives, as text. Takes no longer than `within_s`, looking up the name included. `direct`: past any proxy.

    Raises:
        GetFailedError: there was no whole answer in time, or its status is not 200.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise GetFailedError("the address is neither http nor https")
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect(), urllib.request.HTTPSHandler(context=tls)]
    if direct:
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers=dict(headers or {}))  # noqa: S310  # checked above
    try:
        return _answer(handlers, request, within_s).decode()
    except UnicodeDecodeError as error:
        raise GetFailedError(_said(error)) from None


def post(url: str, body: bytes, *, within_s: float, tls: ssl.SSLContext | None, proxies: Proxies) -> None:
    """Give JSON to the URL, which may be a secret as well. Takes no longer than `within_s`.

    Raises:
        GetFailedError: there was no whole answer in time, or its status is not one from 200 to 299.
    """
    handlers = [
        _NoRedirect(),
        urllib.request.HTTPSHandler(context=tls),
        urllib.request.ProxyHandler({}),
        Way(proxies),
    ]
    headers = {"Content-Type": "application/json", "User-Agent": f"mpsjobs/{__version__}"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310  # the caller has looked at it
    _answer(handlers, request, within_s)


def _answer(
    handlers: Sequence[urllib.request.BaseHandler], request: urllib.request.Request, within_s: float
) -> bytes:
    opener = urllib.request.build_opener(*handlers)
    outcome: list[bytes | GetFailedError] = []

    def work() -> None:
        try:
            with opener.open(request, timeout=within_s) as answer:
                outcome.append(answer.read(_MAX))
        except HTTPError as error:
            error.close()
            outcome.append(GetFailedError(f"HTTP status {error.code}", error.code))
        except CloudError as error:  # the proxy cannot be used
            outcome.append(GetFailedError(str(error)))
        except (OSError, ValueError, http.client.HTTPException) as error:
            outcome.append(GetFailedError(_said(error)))

    # A thread, because neither the look-up of a name nor an answer that trickles heeds a socket's time-out.
    worker = threading.Thread(target=work, daemon=True, name="get")
    worker.start()
    worker.join(within_s)
    if not outcome:
        raise GetFailedError(f"no answer within {within_s:g} s")
    if isinstance(outcome[0], GetFailedError):
        raise outcome[0]
    return outcome[0]


def _said(error: BaseException) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    match reason:
        case TimeoutError():
            return "no answer in time"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({reason.verify_message})"
        case OSError() if reason.strerror:
            return reason.strerror[:1].lower() + reason.strerror[1:]
        case UnicodeDecodeError():
            return "its answer is not text"
        case _:
            return type(reason).__name__
