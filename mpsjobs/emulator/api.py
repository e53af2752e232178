"""One API call, as clear steps: identify, authenticate, throttle, read, let a fault strike, perform."""

import os
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from mpsjobs.emulator.clock import Clock
from mpsjobs.emulator.config import EmulatorConfig
from mpsjobs.emulator.errors import ApiError, missing
from mpsjobs.emulator.faults import CREATE, DESCRIBE, Faults
from mpsjobs.emulator.limiter import Limiter
from mpsjobs.emulator.order import check_content, order_of, task_id_of
from mpsjobs.emulator.replies import (
    Reply,
    after_creating,
    instead_of_creating,
    instead_of_describing,
    refusal,
    result,
)
from mpsjobs.emulator.signature import verify
from mpsjobs.emulator.task import Output, Task
from mpsjobs.emulator.tasks import Tasks

MAX_BODY = 10 * 1024 * 1024
VERSION = "2019-06-12"

LinkOf = Callable[[Task, int], str]


class Api:
    """Answers API calls. It knows no HTTP beyond headers and body."""

    def __init__(
        self, config: EmulatorConfig, clock: Clock, tasks: Tasks, link_of: LinkOf, faults: Faults
    ) -> None:
        self._config = config
        self._clock = clock
        self._tasks = tasks
        self._link_of = link_of
        self._faults = faults
        self._limiter = Limiter(config.requests_per_second)
        self._actions: dict[str, Callable[[str, str, Any], Reply]] = {
            CREATE: self._create,
            DESCRIBE: self._describe,
        }

    def call(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """The answer. `headers` has lower-case names."""
        request_id = str(uuid.uuid4())
        try:
            action, secret_id = self._identify(headers, body)
            self._limiter.admit(secret_id, action, self._clock.now())
            return self._actions[action](secret_id, request_id, _json(headers, body))
        except ApiError as error:
            return refusal(error, request_id)
        except OSError as error:  # the ledger cannot be written: nothing was created
            return refusal(ApiError("InternalError", f"The ledger cannot be written: {error}"), request_id)

    def ledger(self) -> list[dict[str, Any]]:
        """Every task ever created, in the order of creation, with how it stands."""
        return [
            {
                "TaskId": task.task_id,
                "RequestId": task.request_id,
                "SecretId": task.secret_id,
                "created_at": task.created_at,
                "request": task.request,
                "fault": task.fate.task,
                "answer_fault": task.fate.answer,
                "status": self._tasks.status(task),
                "message": task.finish.message if task.finish else "",
                "outputs": [self._output(task, i, output) for i, output in enumerate(_outputs(task))],
            }
            for task in self._tasks.all()
        ]

    def _identify(self, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        """The action and who asks for it."""
        for name in ("X-TC-Action", "X-TC-Version", "X-TC-Timestamp"):
            if not headers.get(name.lower()):
                raise missing(name)
        secret_id = verify(headers, body, self._config.credentials, self._clock.now())
        action, version = headers["x-tc-action"], headers["x-tc-version"]
        if version != VERSION:
            raise ApiError("NoSuchVersion", f"The API version `{version}` does not exist.")
        if action not in self._actions:
            raise ApiError("InvalidAction", f"The request action=`{action}` is invalid or not found.")
        return action, secret_id

    def _create(self, secret_id: str, request_id: str, body: Any) -> Reply:
        order = order_of(body)
        check_content(order, self._config.blocklist)
        fate = self._faults.of_create(order.prompt)
        if (spoilt := instead_of_creating(fate.answer, request_id)) is not None:
            return spoilt
        task = self._tasks.create(secret_id, request_id, body, fate)
        return after_creating(fate, result({"TaskId": task.task_id}, request_id), request_id)

    def _describe(self, _secret_id: str, request_id: str, body: Any) -> Reply:
        task_id = task_id_of(body)
        task = self._tasks.find(task_id)
        if task is None:
            raise ApiError("InvalidParameterValue.TaskId", f"The task `{task_id}` does not exist.")
        if (spoilt := instead_of_describing(self._faults.of_describe(task.prompt), request_id)) is not None:
            return spoilt
        fields = {
            "Status": self._tasks.status(task),
            "Message": task.finish.message if task.finish else "",
            "AudioInfos": [
                {"Url": self._link_of(task, i), "Duration": max(1, round(output.duration_s))}
                for i, output in enumerate(_outputs(task))
            ],
            "VideoInfos": [],
        }
        return result(fields, request_id)

    def _output(self, task: Task, index: int, output: Output) -> dict[str, Any]:
        return {
            "bucket": output.bucket,
            "region": output.region,
            "key": output.key,
            "size": output.size,
            "duration_s": output.duration_s,
            "url": self._link_of(task, index),
        }


def too_large() -> Reply:
    """The answer to a body that is not even read."""
    return refusal(
        ApiError("RequestSizeLimitExceeded", f"The request size exceeds the limit of {MAX_BODY} bytes.")
    )


def health(data: os.PathLike[str]) -> dict[str, Any]:
    """Says that the emulator is up, and which one it is."""
    return {"status": "ok", "pid": os.getpid(), "data": os.fspath(data)}


def _json(headers: Mapping[str, str], body: bytes) -> Any:
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise ApiError("UnsupportedProtocol", "The Content-Type must be application/json.")
    try:
        return orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ApiError("InvalidParameter", f"The request body is not valid JSON: {error}.") from error


def _outputs(task: Task) -> tuple[Output, ...]:
    return task.finish.outputs if task.finish else ()
