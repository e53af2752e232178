"""The audio actions of MPS: what goes over the wire, and what comes back in our words."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import orjson

from mpsjobs._version import __version__
from mpsjobs.cloud.connection import Timeouts
from mpsjobs.cloud.credentials import CredentialsProvider, Renewal, no_others
from mpsjobs.cloud.outcomes import create_refused, describe_refused
from mpsjobs.cloud.proxy import NO_PROXIES, Proxies
from mpsjobs.cloud.request import describe_body
from mpsjobs.cloud.skew import explained, time_of
from mpsjobs.cloud.tc3 import CONTENT_TYPE, Call, signed_headers
from mpsjobs.cloud.transport import Answer, AnswerLostError, NotSentError, Staged, Transport
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import (
    Ambiguous,
    Backoff,
    Clock,
    Created,
    CreateOutcome,
    DescribeFailed,
    DescribeOutcome,
    NotCreated,
    Refused,
    ResultFile,
    Scope,
    StagedCreate,
    Task,
    TaskStatus,
)

_CREATE: Final = "CreateAigcAudioTask"
_DESCRIBE: Final = "DescribeAigcAudioTask"
_ENDED: Final = frozenset(
    {"AuthFailure.TokenFailure", "AuthFailure.SecretIdNotFound", "AuthFailure.InvalidSecretId"}
)
"""How the API says that keys are not good any more. It has refused the request, so nothing was created."""


class MpsClient:
    """The MPS API over HTTP (see `mpsjobs.model.ports.Mps`). Thread-safe; does not pace.

    `endpoint` is `[http[s]://]host[:port]`, or a function that is asked for it whenever a connection is opened. `credentials` is asked
    before every request.
    """

    def __init__(  # noqa: PLR0913  # what a user sets, one to one
        self,
        endpoint: str | Callable[[], str],
        credentials: CredentialsProvider,
        clock: Clock,
        *,
        region: str | None = None,
        language: str = "en-US",
        connect_timeout_s: float = 10,
        read_timeout_s: float = 60,
        tls: ssl.SSLContext | None = None,
        proxies: Proxies = NO_PROXIES,
        renew: Renewal = no_others,
    ) -> None:
        """`renew` is told the SecretId of keys that the API takes for ended, and says whether there are others now."""
        self._credentials = credentials
        self._clock = clock
        self._renew = renew
        self._region = region
        self._language = language
        self._transport = Transport(
            endpoint, Timeouts(connect_timeout_s, read_timeout_s), clock, tls=tls, proxies=proxies
        )

    def stage(self, body: bytes) -> StagedCreate | NotCreated:
        try:
            staged, secret_id = self._stage(_CREATE, body)
            return _StagedCreate(staged, self._clock, lambda: self._renew(secret_id()))
        except NotSentError as error:
            return _not_sent(error)

    def describe(self, task_id: str) -> DescribeOutcome:
        try:
            staged, secret_id = self._stage(_DESCRIBE, describe_body(task_id))
            answer = staged.finish()
        except NotSentError as error:
            failed = _not_sent(error)
            return DescribeFailed(failed.code, failed.message, retry=failed.backoff, scope=Scope.ACCOUNT)
        except AnswerLostError as error:
            return DescribeFailed(error.code, str(error), retry=Backoff.SHORT)
        outcome = _described(answer, self._clock.utc())
        if isinstance(outcome, DescribeFailed) and outcome.code in _ENDED and self._renew(secret_id()):
            return replace(outcome, retry=Backoff.SHORT)
        return outcome

    def greet(self) -> datetime | None:
        """Send an empty request without a signature, which the API refuses and which costs nothing: whether it is there, and its time.

        None where it does not say a time.

        Raises:
            CloudError: it cannot be reached, or what answers is not the API; with a code.
        """
        try:
            answer = self._transport.stage(_unsigned, b"{}").finish()
            _response(answer)
        except (NotSentError, AnswerLostError, _NoResponseError) as error:
            raise CloudError.of("The API does not answer", detail=str(error), code=Code.API_SILENT).coded(
                error.code
            ) from error
        return time_of(answer.headers.get("date"))

    def close(self) -> None:
        self._transport.close()

    def _stage(self, action: str, body: bytes) -> tuple[Staged, Callable[[], str]]:
        """The request, and whose keys it was signed with in the end."""
        call, signer = Call(action, body, self._region, self._language), ""

        def headers(host: str) -> Mapping[str, str]:
            nonlocal signer
            timestamp, keys = int(self._clock.utc().timestamp()), self._credentials()
            signer = keys.secret_id
            signed = signed_headers(call, keys, host=host, timestamp=timestamp)
            return signed | {"User-Agent": f"mpsjobs/{__version__}"}

        return self._transport.stage(headers, body), lambda: signer


def _unsigned(host: str) -> Mapping[str, str]:
    return {"Host": host, "Content-Type": CONTENT_TYPE, "User-Agent": f"mpsjobs/{__version__}"}


class _StagedCreate:
    def __init__(self, staged: Staged, clock: Clock, renew: Callable[[], bool]) -> None:
        self._staged = staged
        self._clock = clock
        self._renew = renew

    @property
    def alive(self) -> bool:
        return self._staged.alive

    def send(self) -> CreateOutcome:
        try:
            answer = self._staged.finish()
        except NotSentError as error:
            return _not_sent(error)
        except AnswerLostError as error:
            return Ambiguous(error.code, str(error))
        outcome = _created(answer, self._clock.utc())
        if isinstance(outcome, Refused) and outcome.code in _ENDED and self._renew():
            return NotCreated(Backoff.SHORT, outcome.code, outcome.message, outcome.request_id)
        return outcome

    def lost(self) -> NotCreated:
        return _not_sent(self._staged.lost())

    def abandon(self) -> None:
        self._staged.abandon()


def _not_sent(error: NotSentError) -> NotCreated:
    return NotCreated(None if error.lasting else Backoff.SHORT, error.code, str(error))


class _NoResponseError(Exception):
    """The answer is not one of the API. `code` is one word for the cause."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _created(answer: Answer, now: datetime) -> CreateOutcome:
    request_id = _text(answer.headers.get("x-tc-requestid"))
    try:
        response = _response(answer)
    except _NoResponseError as error:
        return Ambiguous(error.code, str(error), request_id)
    request_id = _text(response.get("RequestId")) or request_id
    refusal = response.get("Error")
    if refusal is not None:
        return create_refused(*_error(refusal, answer, now), request_id)
    task_id = _text(response.get("TaskId"))
    if task_id is None:
        return Ambiguous("NoTaskId", "The API reported success and gave no TaskId.", request_id)
    return Created(task_id, request_id)


def _described(answer: Answer, now: datetime) -> DescribeOutcome:
    request_id = _text(answer.headers.get("x-tc-requestid"))
    try:
        response = _response(answer)
    except _NoResponseError as error:
        return DescribeFailed(error.code, str(error), request_id, Backoff.SHORT)
    request_id = _text(response.get("RequestId")) or request_id
    refusal = response.get("Error")
    if refusal is not None:
        return describe_refused(*_error(refusal, answer, now), request_id)
    try:
        status = TaskStatus(response.get("Status", ""))
    except ValueError:
        message = f"The API gave the unknown status {response.get('Status')!r:.50}."
        return DescribeFailed("UnknownStatus", message, request_id, Backoff.SHORT)
    return Task(
        status,
        _text(response.get("Message")),
        _files(response.get("AudioInfos")),
        _files(response.get("VideoInfos")),
        request_id,
    )


def _response(answer: Answer) -> dict[str, Any]:
    """The `Response` object, whatever the Content-Type says."""
    if answer.status != 200:
        who = f"The server, or the proxy {answer.proxy}," if answer.proxy else "The server"
        raise _NoResponseError(f"Http{answer.status}", f"{who} answered with HTTP status {answer.status}.")
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        document = None
    response = document.get("Response") if isinstance(document, dict) else None
    if not isinstance(response, dict):
        raise _NoResponseError("NotAnApiAnswer", "The server's answer is not one of the API.")
    return response


def _error(refusal: Any, answer: Answer, now: datetime) -> tuple[str, str]:
    """Code and message. `now` is this machine's time, in case its clock is to blame."""
    fields = refusal if isinstance(refusal, dict) else {}
    code, message = _text(fields.get("Code")) or "NoErrorCode", _text(fields.get("Message")) or ""
    return code, explained(code, message, now, answer.headers.get("date"))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _files(infos: Any) -> tuple[ResultFile, ...]:
    found = []
    for info in infos if isinstance(infos, list) else ():
        url = _text(info.get("Url")) if isinstance(info, dict) else None
        if url is not None:
            duration = info.get("Duration")
            number = isinstance(duration, int | float) and not isinstance(duration, bool)
            found.append(ResultFile(url, float(duration) if number else None))
    return tuple(found)
