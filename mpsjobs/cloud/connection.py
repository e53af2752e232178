"""A connection to an API, directly or through a proxy; and, in words, why there is none."""

import contextlib
import http.client
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from mpsjobs.cloud.endpoint import Endpoint
from mpsjobs.cloud.proxy import Proxy

FAILURES: Final = (OSError, http.client.HTTPException, ValueError)
"""What a connection raises when it, or what comes over it, is broken."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: for connecting with the TLS handshake, and for the whole answer after the last byte was sent."""

    connect_s: float
    read_s: float


class ProxyError(OSError):
    """The proxy is not there, or does not do as it is asked."""

    def __init__(self, code: str, proxy: Proxy, trouble: str, *, lasting: bool = False) -> None:
        super().__init__(f"the proxy {proxy} {trouble}")
        self.code = code
        self.lasting = lasting

    @classmethod
    def refused(cls, proxy: Proxy, response: http.client.HTTPResponse) -> Self:
        lacks = response.status == 407
        wants = ": it wants a user and a password, http://user:password@host:port" if lacks else ""
        said = f"answered {response.status} {response.reason:.80}{wants}"
        return cls("ProxyRefused", proxy, said, lasting=lacks)


class Connection:
    """An open connection. `rested_since` is when its last answer was read. `relay`: a proxy that passes on plain requests."""

    def __init__(
        self, endpoint: Endpoint, proxy: Proxy | None, timeouts: Timeouts, tls: Callable[[], ssl.SSLContext]
    ) -> None:
        self.endpoint = endpoint
        self.proxy = proxy
        self.relay = None if endpoint.tls else proxy
        self.rested_since: float | None = None
        self.http = http.client.HTTPConnection(endpoint.host, endpoint.port)
        self.http.auto_open = 0  # a connection that is gone must show, and never be made anew behind our back
        sock = _connected(endpoint, proxy, timeouts.connect_s)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if endpoint.tls:
                if proxy is not None:
                    _open_tunnel(sock, endpoint, proxy)
                sock = tls().wrap_socket(sock, server_hostname=endpoint.host)
            sock.settimeout(timeouts.read_s)
        except BaseException:
            sock.close()
            raise
        self.http.sock = sock

    @property
    def socket(self) -> socket.socket:
        sock = self.http.sock
        if not isinstance(sock, socket.socket):
            raise ConnectionResetError("the connection is closed")
        return sock

    @property
    def quiet(self) -> bool:
        """Whether the other side has neither closed the connection nor said anything unasked."""
        sock = self.socket
        timeout = sock.gettimeout()
        sock.settimeout(0)
        try:
            # Reading is the only way that also works with TLS, whose own messages make a socket readable.
            sock.recv(1, 0 if isinstance(sock, ssl.SSLSocket) else socket.MSG_PEEK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        finally:
            sock.settimeout(timeout)
        return False

    def require_quiet(self) -> None:
        if self.quiet:
            return
        if self.relay is not None:
            with contextlib.closing(self.http.getresponse()) as early:
                raise ProxyError.refused(self.relay, early)
        raise ConnectionResetError(
            "the server closed the connection or answered before the request was complete"
        )

    def failure(self, error: Exception) -> str:
        """What went wrong on the way, for people."""
        return f"{self.endpoint}: {said(error, self.proxy)}."


def _connected(endpoint: Endpoint, proxy: Proxy | None, timeout_s: float) -> socket.socket:
    """A socket to the endpoint, or to the proxy on the way to it."""
    if proxy is None:
        return socket.create_connection((endpoint.host, endpoint.port), timeout_s)
    try:
        return socket.create_connection((proxy.host, proxy.port), timeout_s)
    except OSError as error:
        raise ProxyError("ProxyUnreachable", proxy, f"cannot be reached: {said(error)}") from error


def _open_tunnel(sock: socket.socket, endpoint: Endpoint, proxy: Proxy) -> None:
    """Have the proxy connect to the endpoint; from then on it passes on what it cannot read."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    lines = [f"CONNECT {host}:{endpoint.port} HTTP/1.1", f"Host: {host}:{endpoint.port}"]
    lines += [f"Proxy-Authorization: {proxy.authorization}"] if proxy.authorization else []
    try:
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        with contextlib.closing(http.client.HTTPResponse(sock, method="CONNECT")) as response:
            response.begin()
            if not 200 <= response.status < 300:
                raise ProxyError.refused(proxy, response)
    except ProxyError:
        raise
    except FAILURES as error:
        raise ProxyError("ProxyFailed", proxy, f"makes no connection: {said(error)}") from error


def cause(error: Exception) -> str:
    """One word for why there is no connection."""
    match error:
        case ProxyError():
            return error.code
        case TimeoutError():
            return "ConnectTimeout"
        case ConnectionRefusedError():
            return "ConnectionRefused"
        case socket.gaierror():
            return "NameNotResolved"
        case ssl.SSLError():
            return "TlsFailed"
        case _:
            return "ConnectionFailed"


def lasts(error: Exception) -> bool:
    """Whether it will be the same at the next try: distrust of a certificate, a proxy's demand for a password."""
    return isinstance(error, ssl.SSLCertVerificationError) or (
        isinstance(error, ProxyError) and error.lasting
    )


def said(error: Exception, proxy: Proxy | None = None) -> str:
    """What went wrong, in words; with the proxy on the way, whose fault it may be."""
    if proxy is not None and not isinstance(error, ProxyError):
        return f"through the proxy {proxy}: {said(error)}"
    match error:
        case TimeoutError():
            return "no connection in time"
        case ssl.SSLCertVerificationError():
            return _distrust(error)
        case http.client.IncompleteRead():
            return "the answer ended too soon"
        case OSError() if error.strerror:
            return error.strerror[:1].lower() + error.strerror[1:]
        case _:
            return str(error) or type(error).__name__


_EXPIRED, _NOT_YET_VALID, _OTHER_HOST, _OTHER_ADDRESS = 10, 9, 62, 64  # X509_V_ERR_* of OpenSSL


def _distrust(error: ssl.SSLCertVerificationError) -> str:
    why = error.verify_message.rstrip(".")
    match error.verify_code:
        case code if code == _EXPIRED:
            return "the server's certificate has expired, or this machine's clock is wrong"
        case code if code == _NOT_YET_VALID:
            return "the server's certificate is not valid yet, or this machine's clock is wrong"
        case code if code in {_OTHER_HOST, _OTHER_ADDRESS}:
            return f"the server's certificate is for another host ({why})"
        case _:
            return f"the server's certificate is not trusted ({why}); `network.ca_file` names authorities to trust"
