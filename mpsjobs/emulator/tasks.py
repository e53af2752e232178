"""The tasks: what they are by the ledger and the clock, and the thread that carries them on."""

import hashlib
import heapq
import itertools
import logging
import math
import random
import secrets
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from mpsjobs.emulator.clock import Clock
from mpsjobs.emulator.errors import ApiError
from mpsjobs.emulator.ledger import Ledger, sync_folder
from mpsjobs.emulator.order import Order, order_of
from mpsjobs.emulator.rendering import Rendered, Renderer, RenderJob

log = logging.getLogger(__name__)

Status = Literal["WAIT", "RUN", "DONE", "FAIL"]


@dataclass(frozen=True, slots=True)
class Output:
    """An object that a task has written."""

    bucket: str
    region: str
    key: str
    size: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class Finish:
    """How a task ended. Once recorded it never changes."""

    status: Literal["DONE", "FAIL"]
    message: str = ""
    outputs: tuple[Output, ...] = ()


@dataclass(slots=True)
class Task:
    """A task that was answered, or is about to be."""

    task_id: str
    request_id: str
    secret_id: str
    created_at: float
    request: Mapping[str, Any]
    finish: Finish | None = None


def pace(task_id: str, speed: float) -> tuple[float, float]:
    """Seconds from creation to RUN and to DONE: log-normal, median 90 s, always the same for one task."""
    rng = random.Random(task_id)  # noqa: S311 — spreads durations, guards nothing
    total = min(600.0, max(8.0, 90 * math.exp(rng.gauss(0, 0.35))))
    return total * rng.uniform(0.05, 0.2) / speed, total / speed


class Tasks:
    """All tasks of one ledger. Thread-safe. Tasks outlive the process: an unfinished one goes on when loaded."""

    def __init__(self, ledger: Ledger, objects: Path, clock: Clock, speed: float, renderer: Renderer) -> None:
        self._ledger = ledger
        self._objects = objects
        self._clock = clock
        self._speed = speed
        self._renderer = renderer
        self._tasks: dict[str, Task] = {}
        self._steps: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._wake = threading.Condition()
        self._closed = False
        # Outside of any bucket, on the same file system as the buckets, so that a rename publishes.
        # The first part names this ledger, for cleaning up; the second keeps clear of a killed run's last writer.
        owner = hashlib.sha256(str(ledger.path.resolve()).encode()).hexdigest()[:8]
        self._uploads = objects / ".uploads" / owner / secrets.token_hex(4)
        self._thread = threading.Thread(target=self._run, name="emulator-tasks", daemon=True)

    def start(self) -> None:
        """Load the ledger and carry on."""
        shutil.rmtree(self._uploads.parent, ignore_errors=True)
        for record in self._ledger.take_records():
            self._load(record)
        for task in self._tasks.values():
            if task.finish is None:
                self._schedule(task)
        self._thread.start()

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        self._renderer.close()
        shutil.rmtree(self._uploads.parent, ignore_errors=True)

    def create(self, secret_id: str, request_id: str, request: Mapping[str, Any]) -> Task:
        """A new task; it is on disk when this returns."""
        task = Task(
            f"24000145AigcAudio-{secrets.token_hex(16)}", request_id, secret_id, self._clock.now(), request
        )
        self._ledger.append(
            {
                "event": "created",
                "TaskId": task.task_id,
                "RequestId": request_id,
                "created_at": task.created_at,
                "SecretId": secret_id,
                "request": request,
            }
        )
        self._tasks[task.task_id] = task
        self._schedule(task)
        return task

    def find(self, task_id: str) -> Task | None:
        return self._tasks.get(task_id)

    def all(self) -> list[Task]:
        """In the order of creation."""
        return list(self._tasks.values())

    def status(self, task: Task) -> Status:
        if task.finish is not None:
            return task.finish.status
        to_run, _ = pace(task.task_id, self._speed)
        return "WAIT" if self._clock.now() < task.created_at + to_run else "RUN"

    def file_of(self, output: Output) -> Path:
        return self._objects / output.bucket / output.key

    def _load(self, record: Mapping[str, Any]) -> None:
        task_id = record["TaskId"]
        if record["event"] == "created":
            self._tasks[task_id] = Task(
                task_id, record["RequestId"], record["SecretId"], record["created_at"], record["request"]
            )
        elif task_id in self._tasks:
            outputs = tuple(Output(**output) for output in record["outputs"])
            self._tasks[task_id].finish = Finish(record["status"], record["message"], outputs)

    def _schedule(self, task: Task) -> None:
        to_run, to_done = pace(task.task_id, self._speed)
        try:
            order = order_of(task.request)
        except ApiError as error:  # a ledger of another version, whose rules were wider
            message = error.message
            self._at(task.created_at + to_run, lambda: self._end(task, Finish("FAIL", message)))
            return
        if order.failure is not None:
            finish = Finish("FAIL", order.failure)
            self._at(task.created_at + to_run + 0.1 * (to_done - to_run), lambda: self._end(task, finish))
        else:
            self._at(task.created_at + to_run, lambda: self._render(task, order))

    def _render(self, task: Task, order: Order) -> None:
        self._uploads.mkdir(parents=True, exist_ok=True)
        paths = tuple(str(self._uploads / f"{task.task_id}-{i}.{order.format}") for i in range(order.count))
        job = RenderJob(task.task_id, order.prompt, order.lyrics, order.instrumental, order.format, paths)
        done_at = task.created_at + pace(task.task_id, self._speed)[1]
        self._renderer.submit(
            job, lambda rendered: self._at(done_at, lambda: self._publish(task, order, job, rendered))
        )

    def _publish(self, task: Task, order: Order, job: RenderJob, rendered: Rendered) -> None:
        """Move all outputs to their keys, then say DONE."""
        if rendered.error is not None:
            self._end(task, Finish("FAIL", rendered.error))
            return
        outputs = []
        try:
            for index, (path, seconds) in enumerate(zip(map(Path, job.paths), rendered.seconds, strict=True)):
                output = Output(
                    order.bucket, order.region, order.key(task.task_id, index), path.stat().st_size, seconds
                )
                target = self.file_of(output)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
                sync_folder(target.parent)
                outputs.append(output)
        except OSError as error:
            self._end(task, Finish("FAIL", f"Failed to write the output to COS: {error.strerror}"))
            return
        self._end(task, Finish("DONE", "", tuple(outputs)))

    def _end(self, task: Task, finish: Finish) -> None:
        self._ledger.append(
            {
                "event": "finished",
                "TaskId": task.task_id,
                "finished_at": self._clock.now(),
                "status": finish.status,
                "message": finish.message,
                "outputs": [asdict(output) for output in finish.outputs],
            }
        )
        task.finish = finish

    def _at(self, when: float, step: Callable[[], None]) -> None:
        with self._wake:
            heapq.heappush(self._steps, (when, next(self._order), step))
            self._wake.notify_all()

    def _run(self) -> None:
        while (step := self._next()) is not None:
            try:
                step()
            except Exception:  # a full disk, say: this task stays in RUN until a restart, the others go on
                log.exception("a task could not be carried on")

    def _next(self) -> Callable[[], None] | None:
        """Wait for the next step that is due; None when closed."""
        with self._wake:
            while not self._closed:
                left = self._steps[0][0] - self._clock.now() if self._steps else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._steps)[2]
                self._clock.wait(self._wake, left)
        return None
