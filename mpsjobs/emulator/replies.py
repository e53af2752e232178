"""What goes back to the client: whole, or spoilt by a fault."""

import uuid
from dataclasses import dataclass, replace
from typing import Any, assert_never

import orjson

from mpsjobs.emulator.errors import ApiError
from mpsjobs.emulator.faults import AnswerFault, DescribeFault, Fate


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    content: bytes
    status: int = 200
    content_type: str = "application/json"
    delay_s: float = 0.0
    sent: int | None = None
    """How many bytes of the content leave before the connection is closed; None is all, and it stays open."""


DROPPED = Reply(b"", status=0)
"""The connection is closed without a word."""

_GATEWAY = b"""<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>stgw</center></body>
</html>
"""
BAD_GATEWAY = Reply(_GATEWAY, status=502, content_type="text/html")


def json_reply(value: Any, status: int = 200) -> Reply:
    return Reply(orjson.dumps(value), status)


def result(fields: dict[str, Any], request_id: str) -> Reply:
    """The API's answer to a request that it performed."""
    return json_reply({"Response": {**fields, "RequestId": request_id}})


def refusal(error: ApiError, request_id: str = "") -> Reply:
    """The API's answer to a request that it did not perform."""
    failure = {"Code": error.code, "Message": error.message}
    return json_reply({"Response": {"Error": failure, "RequestId": request_id or str(uuid.uuid4())}})


def instead_of_creating(fault: AnswerFault | None, request_id: str) -> Reply | None:
    """The answer of a fault that keeps the task from being created."""
    match fault:
        case AnswerFault.DROP_BEFORE_CREATE:
            return DROPPED
        case AnswerFault.BAD_GATEWAY:
            return BAD_GATEWAY
        case AnswerFault.THROTTLE:
            error = ApiError("RequestLimitExceeded", "Your current request times exceed the frequency limit.")
            return refusal(error, request_id)
        case _:
            return None


def after_creating(fate: Fate, reply: Reply, request_id: str) -> Reply:
    """What a fault makes of the answer, though the task exists."""
    match fate.answer:
        case None:
            return reply
        case AnswerFault.DROP_AFTER_CREATE:
            return DROPPED
        case AnswerFault.TRUNCATE:
            return replace(reply, sent=len(reply.content) // 2)
        case AnswerFault.BAD_GATEWAY_AFTER_CREATE:
            return BAD_GATEWAY
        case AnswerFault.INTERNAL_ERROR:
            return refusal(ApiError("InternalError", "An internal error has occurred."), request_id)
        case AnswerFault.SLOW:
            return replace(reply, delay_s=fate.slow_s)
        case AnswerFault.DROP_BEFORE_CREATE | AnswerFault.BAD_GATEWAY | AnswerFault.THROTTLE:
            raise ValueError(f"{fate.answer} creates nothing")
        case _:
            assert_never(fate.answer)


def instead_of_describing(fault: DescribeFault | None, request_id: str) -> Reply | None:
    """The answer of a fault of a describe."""
    match fault:
        case None:
            return None
        case DescribeFault.DESCRIBE_DROP:
            return DROPPED
        case DescribeFault.DESCRIBE_ERROR:
            return refusal(ApiError("InternalError", "An internal error has occurred."), request_id)
        case _:
            assert_never(fault)
