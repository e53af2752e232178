"""HTTP that knows what left: a request goes out in two steps, so that "not sent" and "sent, outcome unknown" never mix.

Everything that goes wrong before the last byte of a request is a NotSentError: no server can have acted on it. Everything after, short
of a whole answer, is an AnswerLostError.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from mpsjobs.cloud.endpoint import Endpoint
from mpsjobs.model.ports import Clock

_IDLE_S: Final = 15.0
"""A kept-alive connection that rested longer is not used again: the server may be about to close it."""

_MAX_IDLE: Final = 32
_MAX_ANSWER: Final = 4 * 1024 * 1024
_CHUNK: Final = 64 * 1024
_FAILURES = (OSError, http.client.HTTPException, ValueError)


class NotSentError(Exception):
    """The request did not leave completely. `code` is one word for the cause."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AnswerLostError(Exception):
    """The request left, and no whole answer came back. `code` is one word for the cause."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. The names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: for connecting with the TLS handshake, and for the whole answer after the last byte was sent."""

    connect_s: float
    read_s: float


class _Connection:
    """An open connection. `rested_since` is when its last answer was read."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts, tls: ssl.SSLContext | None) -> None:
        self.endpoint = endpoint
        self.rested_since: float | None = None
        if endpoint.tls:
            context = tls or ssl.create_default_context()
            self.http: http.client.HTTPConnection = http.client.HTTPSConnection(
                endpoint.host, endpoint.port, timeout=timeouts.connect_s, context=context
            )
        else:
            self.http = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeouts.connect_s)
        try:
            self.http.connect()
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.settimeout(timeouts.read_s)
        except BaseException:
            self.http.close()
            raise

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
            sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        finally:
            sock.settimeout(timeout)
        return False

    def require_quiet(self) -> None:
        if not self.quiet:
            raise ConnectionResetError(
                "the server closed the connection or answered before the request was complete"
            )


class Staged:
    """A request of which all but the last byte has left. End it with `finish` or `abandon`, once."""

    def __init__(self, transport: "Transport", connection: _Connection, last: bytes) -> None:
        self._transport = transport
        self._connection = connection
        self._last = last

    @property
    def alive(self) -> bool:
        """Whether the server still waits for the last byte. Does not block."""
        try:
            return self._connection.quiet
        except OSError:
            return False

    def finish(self) -> Answer:
        """Send the last byte and read the answer.

        Raises:
            NotSentError: the last byte could not be sent: the server never had the whole request.
            AnswerLostError: it was sent, and there is no whole answer.
        """
        connection = self._connection
        keep = False
        try:
            connection.require_quiet()
            connection.http.send(self._last)
        except _FAILURES as error:
            connection.http.close()
            raise NotSentError("ConnectionLost", f"{connection.endpoint}: {_said(error)}.") from error
        try:
            with contextlib.closing(connection.http.getresponse()) as response:
                answer = self._transport.read(response)
                keep = answer.status == 200 and not response.will_close
        except TimeoutError as error:
            raise AnswerLostError(
                "ReadTimeout", "The request was sent, and no whole answer came in time."
            ) from error
        except _FAILURES as error:
            raise AnswerLostError(
                "AnswerLost", f"The request was sent, then the answer was lost: {_said(error)}."
            ) from error
        finally:
            self._transport.give_back(connection, keep=keep)
        return answer

    def abandon(self) -> None:
        """Close the connection without the last byte."""
        self._connection.http.close()


class Transport:
    """Sends POST requests to one endpoint over kept-alive connections. Thread-safe.

    `endpoint` may be a function: it is asked whenever a connection is opened, so it may name another address after a server's death.
    Redirects are answers like any other. `tls` replaces the default TLS settings.
    """

    def __init__(
        self,
        endpoint: str | Callable[[], str],
        timeouts: Timeouts,
        clock: Clock,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if isinstance(endpoint, str):
            fixed = Endpoint.parse(endpoint)
            self._endpoint: Callable[[], Endpoint] = lambda: fixed
        else:
            self._endpoint = lambda: Endpoint.parse(endpoint())
        self._timeouts = timeouts
        self._clock = clock
        self._tls = tls
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []
        self._closed = False

    def stage(self, headers: Callable[[str], Mapping[str, str]], body: bytes) -> Staged:
        """Connect and send all but the last byte. `headers` makes the request's headers for a Host; `body` has at least one byte.

        A kept-alive connection that turns out to be dead is replaced by a new one, once.

        Raises:
            NotSentError: it could not be done.
            CloudError: the endpoint is no address, or `headers` has no credentials.
        """
        kept = self._take_idle()
        if kept is not None:
            with contextlib.suppress(*_FAILURES):
                if kept.quiet:
                    return self._send(kept, headers, body)
            kept.http.close()
        endpoint = self._endpoint()
        try:
            connection = _Connection(endpoint, self._timeouts, self._tls)
            return self._send(connection, headers, body)
        except _FAILURES as error:
            raise NotSentError(_cause(error), f"{endpoint}: {_said(error)}.") from error

    def read(self, response: http.client.HTTPResponse) -> Answer:
        """Read the whole answer, bounded in size and time. Raises one of the failures of a connection."""
        deadline = self._clock.monotonic() + self._timeouts.read_s
        body = bytearray()
        while chunk := response.read1(_CHUNK):
            body += chunk
            if len(body) > _MAX_ANSWER:
                raise ValueError("it is too long")
            if self._clock.monotonic() > deadline:
                raise TimeoutError
        if response.length:
            raise http.client.IncompleteRead(bytes(body), response.length)
        return Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, bytes(body)
        )

    def give_back(self, connection: _Connection, *, keep: bool) -> None:
        with self._lock:
            if keep and not self._closed and len(self._idle) < _MAX_IDLE:
                connection.rested_since = self._clock.monotonic()
                self._idle.append(connection)
                return
        connection.http.close()

    def close(self) -> None:
        """Close what rests; what is in use is closed when its answer has been read."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.http.close()

    def _take_idle(self) -> _Connection | None:
        """The connection that rested shortest, if it can still be used; those that rested too long are closed."""
        now = self._clock.monotonic()
        with self._lock:
            stale = [c for c in self._idle if c.rested_since is None or now - c.rested_since > _IDLE_S]
            fresh = [c for c in self._idle if c not in stale]
            taken = fresh.pop() if fresh else None
            self._idle = fresh
        for connection in stale:
            connection.http.close()
        return taken

    def _send(
        self, connection: _Connection, headers: Callable[[str], Mapping[str, str]], body: bytes
    ) -> Staged:
        """Send all but the last byte. Closes the connection when it raises."""
        try:
            connection.http.putrequest("POST", "/", skip_host=True, skip_accept_encoding=True)
            for name, value in headers(connection.endpoint.header).items():
                connection.http.putheader(name, value)
            connection.http.putheader("Content-Length", str(len(body)))
            connection.http.endheaders()
            connection.http.send(body[:-1])
            connection.require_quiet()
        except BaseException:
            connection.http.close()
            raise
        return Staged(self, connection, body[-1:])


def _cause(error: Exception) -> str:
    match error:
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


def _said(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "no connection in time"
        case ssl.SSLCertVerificationError():
            return f"the server's certificate is not trusted ({error.verify_message})"
        case http.client.IncompleteRead():
            return "the answer ended too soon"
        case OSError() if error.strerror:
            return error.strerror[:1].lower() + error.strerror[1:]
        case _:
            return str(error) or type(error).__name__
