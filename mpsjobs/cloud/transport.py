"""HTTP that knows what left: a request goes out in two steps, so that "not sent" and "sent, outcome unknown" never mix.

Everything that goes wrong before the last byte of a request is a NotSentError: no server can have acted on it. Everything after, short
of a whole answer, is an AnswerLostError.

A proxy changes none of it. With https the proxy only makes a tunnel, before the request. With plain http it holds the request in its
hands: it cannot have the last byte before we send it, but whatever it answers afterwards may hide that the server acted. Only its demand
for a password (407) says for certain that it did not pass the request on.
"""

import contextlib
import http.client
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from mpsjobs.cloud.connection import FAILURES, Connection, ProxyError, Timeouts, cause, lasts, said
from mpsjobs.cloud.endpoint import Endpoint
from mpsjobs.cloud.proxy import NO_PROXIES, Proxies, Proxy
from mpsjobs.model.ports import Clock

_IDLE_S: Final = 15.0
"""A kept-alive connection that rested longer is not used again: the server may be about to close it."""

_MAX_IDLE: Final = 32
_MAX_ANSWER: Final = 4 * 1024 * 1024
_CHUNK: Final = 64 * 1024


class NotSentError(Exception):
    """No server can have acted on the request: it did not leave completely, or a proxy kept it.

    `code` is one word for the cause. `lasting`: another try will fare no better.
    """

    def __init__(self, code: str, message: str, *, lasting: bool) -> None:
        super().__init__(message)
        self.code = code
        self.lasting = lasting


class AnswerLostError(Exception):
    """The request left, and no whole answer came back. `code` is one word for the cause."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. The names of `headers` are in lower case. `proxy`: one that may have answered in the server's place."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    proxy: Proxy | None = None


class Staged:
    """A request of which all but the last byte has left. End it with `finish`, `lost` or `abandon`, once."""

    def __init__(self, transport: "Transport", connection: Connection, last: bytes) -> None:
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
            NotSentError: the server never had the whole request: the last byte could not be sent, or a proxy did not pass it on.
            AnswerLostError: it was sent, and there is no whole answer.
        """
        connection = self._connection
        keep = False
        try:
            connection.require_quiet()
            connection.http.send(self._last)
        except FAILURES as error:
            raise self._unsent(error) from error
        try:
            with contextlib.closing(connection.http.getresponse()) as response:
                if connection.relay is not None and response.status == 407:
                    refusal = ProxyError.refused(connection.relay, response)
                    raise NotSentError(refusal.code, connection.failure(refusal), lasting=refusal.lasting)
                answer = replace(self._transport.read(response), proxy=connection.relay)
                keep = answer.status == 200 and not response.will_close
        except TimeoutError as error:
            raise AnswerLostError(
                "ReadTimeout", "The request was sent, and no whole answer came in time."
            ) from error
        except FAILURES as error:
            raise AnswerLostError(
                "AnswerLost", f"The request was sent, then the answer was lost: {said(error)}."
            ) from error
        finally:
            self._transport.give_back(connection, keep=keep)
        return answer

    def lost(self) -> NotSentError:
        """Why the server waits no more, after `alive` said so. Reads what was answered; never sends the last byte."""
        try:
            self._connection.require_quiet()
        except FAILURES as error:
            return self._unsent(error)
        return self._unsent(ConnectionResetError("the connection is closed"))

    def _unsent(self, error: Exception) -> NotSentError:
        self._connection.http.close()
        code = error.code if isinstance(error, ProxyError) else "ConnectionLost"
        return NotSentError(code, self._connection.failure(error), lasting=lasts(error))

    def abandon(self) -> None:
        """Close the connection without the last byte."""
        self._connection.http.close()


class Transport:
    """Sends POST requests to one endpoint over kept-alive connections. Thread-safe.

    `endpoint` may be a function: it is asked whenever a connection is opened, so it may name another address after a server's death.
    Redirects are answers like any other. `tls` replaces the default TLS settings; `proxies` says which way a connection takes.
    """

    def __init__(
        self,
        endpoint: str | Callable[[], str],
        timeouts: Timeouts,
        clock: Clock,
        *,
        tls: ssl.SSLContext | None = None,
        proxies: Proxies = NO_PROXIES,
    ) -> None:
        if isinstance(endpoint, str):
            fixed = Endpoint.parse(endpoint)
            self._endpoint: Callable[[], Endpoint] = lambda: fixed
        else:
            self._endpoint = lambda: Endpoint.parse(endpoint())
        self._timeouts = timeouts
        self._clock = clock
        self._given_tls = tls
        self._proxies = proxies
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._closed = False

    def stage(self, headers: Callable[[str], Mapping[str, str]], body: bytes) -> Staged:
        """Connect and send all but the last byte. `headers` makes the request's headers for a Host; `body` has at least one byte.

        A kept-alive connection that turns out to be dead is replaced by a new one, once.

        Raises:
            NotSentError: it could not be done.
            CloudError: the endpoint or the proxy is no address, or `headers` has no credentials.
        """
        kept = self._take_idle()
        if kept is not None:
            with contextlib.suppress(*FAILURES):
                if kept.quiet:
                    return self._send(kept, headers, body)
            kept.http.close()
        endpoint = self._endpoint()
        proxy = self._proxies.to(endpoint)
        try:
            connection = Connection(endpoint, proxy, self._timeouts, lambda: self._tls)
            return self._send(connection, headers, body)
        except FAILURES as error:
            told = f"{endpoint}: {said(error, proxy)}."
            raise NotSentError(cause(error), told, lasting=lasts(error)) from error

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

    def give_back(self, connection: Connection, *, keep: bool) -> None:
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

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or ssl.create_default_context()

    def _take_idle(self) -> Connection | None:
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
        self, connection: Connection, headers: Callable[[str], Mapping[str, str]], body: bytes
    ) -> Staged:
        """Send all but the last byte. Closes the connection when it raises."""
        try:
            relay = connection.relay
            target = f"{connection.endpoint}/" if relay else "/"
            connection.http.putrequest("POST", target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers(connection.endpoint.header).items():
                connection.http.putheader(name, value)
            if relay and relay.authorization:
                connection.http.putheader("Proxy-Authorization", relay.authorization)
            connection.http.putheader("Content-Length", str(len(body)))
            connection.http.endheaders()
            connection.http.send(body[:-1])
            connection.require_quiet()
        except BaseException:
            connection.http.close()
            raise
        return Staged(self, connection, body[-1:])
