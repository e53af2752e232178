"""One API call, as clear steps: authenticate, identify, throttle, read, let a fault strike, perform."""

import os
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from mpsjobs.emulator.clock import Clock
from mpsjobs.emulator.config import EmulatorConfig
from mpsjobs.emulator.errors import ApiError, missing
from mpsjobs.emulator.faults import CREATE, DESCRIBE, Faults
from mpsjobs.emulator.keys import Keys
from mpsjobs.emulator.limiter import Limiter
from mpsjobs.emulator.order import check_content, check_region, order_of, task_id_of
from mpsjobs.emulator.replies import (
    Reply,
    after_creating,
    instead_of_creating,
    instead_of_describing,
    refusal,
    result,
)
from mpsjobs.emulator.signature import Caller, verify
from mpsjobs.emulator.sts import ASSUME_ROLE, WEB_IDENTITY, Sts
from mpsjobs.emulator.task import Output, Task
from mpsjobs.emulator.tasks import Tasks

MAX_BODY = 10 * 1024 * 1024
VERSIONS = {"mps": "2019-06-12", "sts": "2018-08-13"}

LinkOf = Callable[[Task, int], str]
Action = Callable[[Caller, str, Any], Reply]


class Api:
    """Answers API calls. It knows no HTTP beyond headers and body."""

    def __init__(
        self,
        config: EmulatorConfig,
        clock: Clock,
        keys: Keys,
        tasks: Tasks,
        link_of: LinkOf,
        faults: Faults,
    ) -> None:
        self._config = config
        self._clock = clock
        self._keys = keys
        self._tasks = tasks
        self._link_of = link_of
        self._faults = faults
        self._limiter = Limiter(config.requests_per_second)
        sts = Sts(keys, clock)
        self._actions: dict[tuple[str, str], Action] = {
            ("mps", CREATE): self._create,
            ("mps", DESCRIBE): self._describe,
            ("sts", ASSUME_ROLE): lambda caller, request_id, body: result(
                sts.assume_role(caller.account, body), request_id
            ),
            ("sts", WEB_IDENTITY): lambda _, request_id, body: result(
                sts.assume_role_with_web_identity(body), request_id
            ),
        }

    def call(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """The answer. `headers` has lower-case names."""
        request_id = str(uuid.uuid4())
        try:
            caller, name, action = self._identify(headers, body)
            if caller.service == "mps":
                self._limiter.admit(caller.account, name, self._clock.now())
            return action(caller, request_id, _json(headers, body))
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
                "audio_fault": task.fate.audio,
                "status": self._tasks.status(task),
                "message": task.finish.message if task.finish else "",
                "outputs": [self._output(task, i, output) for i, output in enumerate(_outputs(task))],
            }
            for task in self._tasks.all()
        ]

    def _identify(self, headers: Mapping[str, str], body: bytes) -> tuple[Caller, str, Action]:
        """Who asks, the action's name, and the action."""
        for name in ("X-TC-Action", "X-TC-Version", "X-TC-Timestamp"):
            if not headers.get(name.lower()):
                raise missing(name)
        name, version = headers["x-tc-action"], headers["x-tc-version"]
        if name == WEB_IDENTITY and headers.get("authorization") == "SKIP":
            caller = Caller("", "sts", "")  # its token says who asks
        else:
            caller = verify(headers, body, self._keys, self._clock.now())
        if version != VERSIONS[caller.service]:
            raise ApiError("NoSuchVersion", f"The API version `{version}` does not exist.")
        action = self._actions.get((caller.service, name))
        if action is None:
            raise ApiError("InvalidAction", f"The request action=`{name}` is invalid or not found.")
        return caller, name, action

    def _create(self, caller: Caller, request_id: str, body: Any) -> Reply:
        order = order_of(body)
        if self._config.store_endpoint:
            check_region(order)
        check_content(order, self._config.blocklist)
        fate = self._faults.of_create(order.prompt)
        if (spoilt := instead_of_creating(fate.answer, request_id)) is not None:
            return spoilt
        task = self._tasks.create(caller.secret_id, request_id, body, fate)
        return after_creating(fate, result({"TaskId": task.task_id}, request_id), request_id)

    def _describe(self, _caller: Caller, request_id: str, body: Any) -> Reply:
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
