"""One API call, as clear steps: identify, authenticate, throttle, read, perform."""

import os
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from mpsjobs.emulator.clock import Clock
from mpsjobs.emulator.config import EmulatorConfig
from mpsjobs.emulator.errors import ApiError, missing
from mpsjobs.emulator.limiter import Limiter
from mpsjobs.emulator.order import check_content, order_of, task_id_of
from mpsjobs.emulator.signature import verify
from mpsjobs.emulator.tasks import Output, Task, Tasks

MAX_BODY = 10 * 1024 * 1024
VERSION = "2019-06-12"

LinkOf = Callable[[Task, int], str]


class Api:
    """Answers API calls. It knows no HTTP beyond headers and body."""

    def __init__(self, config: EmulatorConfig, clock: Clock, tasks: Tasks, link_of: LinkOf) -> None:
        self._config = config
        self._clock = clock
        self._tasks = tasks
        self._link_of = link_of
        self._limiter = Limiter(config.requests_per_second)
        self._actions: dict[str, Callable[[str, str, Any], dict[str, Any]]] = {
            "CreateAigcAudioTask": self._create,
            "DescribeAigcAudioTask": self._describe,
        }

    def call(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """The JSON of the answer. `headers` has lower-case names."""
        request_id = str(uuid.uuid4())
        try:
            action, secret_id = self._identify(headers, body)
            self._limiter.admit(secret_id, action, self._clock.now())
            result = self._actions[action](secret_id, request_id, _json(headers, body))
        except ApiError as error:
            return refusal(error, request_id)
        except OSError as error:  # the ledger cannot be written: nothing was created
            return refusal(ApiError("InternalError", f"The ledger cannot be written: {error}"), request_id)
        return {"Response": {**result, "RequestId": request_id}}

    def ledger(self) -> list[dict[str, Any]]:
        """Every task ever created, in the order of creation, with how it stands."""
        return [
            {
                "TaskId": task.task_id,
                "RequestId": task.request_id,
                "SecretId": task.secret_id,
                "created_at": task.created_at,
                "request": task.request,
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

    def _create(self, secret_id: str, request_id: str, body: Any) -> dict[str, Any]:
        order = order_of(body)
        check_content(order, self._config.blocklist)
        return {"TaskId": self._tasks.create(secret_id, request_id, body).task_id}

    def _describe(self, _secret_id: str, _request_id: str, body: Any) -> dict[str, Any]:
        task_id = task_id_of(body)
        task = self._tasks.find(task_id)
        if task is None:
            raise ApiError("InvalidParameterValue.TaskId", f"The task `{task_id}` does not exist.")
        return {
            "Status": self._tasks.status(task),
            "Message": task.finish.message if task.finish else "",
            "AudioInfos": [
                {"Url": self._link_of(task, i), "Duration": max(1, round(output.duration_s))}
                for i, output in enumerate(_outputs(task))
            ],
            "VideoInfos": [],
        }

    def _output(self, task: Task, index: int, output: Output) -> dict[str, Any]:
        return {
            "bucket": output.bucket,
            "region": output.region,
            "key": output.key,
            "size": output.size,
            "duration_s": output.duration_s,
            "url": self._link_of(task, index),
        }


def refusal(error: ApiError, request_id: str) -> dict[str, Any]:
    """The JSON of an error."""
    return {"Response": {"Error": {"Code": error.code, "Message": error.message}, "RequestId": request_id}}


def too_large() -> dict[str, Any]:
    """The JSON for a body that is not even read."""
    error = ApiError("RequestSizeLimitExceeded", f"The request size exceeds the limit of {MAX_BODY} bytes.")
    return refusal(error, str(uuid.uuid4()))


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
