"""All tasks, by the ledger and the clock, and the thread that carries them on."""

import heapq
import itertools
import logging
import queue
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mpsjobs.emulator.bad_audio import spoil
from mpsjobs.emulator.clock import Clock
from mpsjobs.emulator.errors import ApiError
from mpsjobs.emulator.faults import Fate, TaskFault
from mpsjobs.emulator.ledger import Ledger
from mpsjobs.emulator.objects import NotWritten, Objects
from mpsjobs.emulator.order import Order, order_of
from mpsjobs.emulator.rendering import Rendered, Renderer, RenderJob
from mpsjobs.emulator.task import Finish, Output, Status, Task, pace

log = logging.getLogger(__name__)

_WRITERS = 4
_STOP_WAIT_S = 0.5  # for each of them
_FAULT_MESSAGE = "Internal error: the music could not be generated"


class Tasks:
    """All tasks of one ledger. Thread-safe. Tasks outlive the process: an unfinished one goes on when loaded."""

    def __init__(
        self, ledger: Ledger, objects: Objects, clock: Clock, speed: float, renderer: Renderer
    ) -> None:
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
        # A far or silent storage must keep neither other tasks from going on nor the emulator from stopping.
        self._to_write: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._writers = [
            threading.Thread(target=self._write, name="emulator-writer", daemon=True) for _ in range(_WRITERS)
        ]
        self._thread = threading.Thread(target=self._run, name="emulator-tasks", daemon=True)

    def start(self) -> None:
        """Load the ledger and carry on."""
        self._objects.clean()
        for record in self._ledger.take_records():
            self._load(record)
        for task in self._tasks.values():
            if task.finish is None:
                self._schedule(task)
            else:
                self._schedule_late_write(task, task.finish)
        for thread in (self._thread, *self._writers):
            thread.start()

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        self._renderer.close()
        for _ in self._writers:
            self._to_write.put(lambda: None)
        for thread in self._writers:
            if thread.ident is not None:
                thread.join(_STOP_WAIT_S)
        self._objects.clean()

    def create(self, secret_id: str, request_id: str, request: Mapping[str, Any], fate: Fate) -> Task:
        """A new task; it is on disk when this returns, with what is to go wrong with it."""
        task_id = f"24000145AigcAudio-{secrets.token_hex(16)}"
        task = Task(task_id, request_id, secret_id, self._clock.now(), request, fate)
        self._ledger.append(
            {
                "event": "created",
                "TaskId": task.task_id,
                "RequestId": request_id,
                "created_at": task.created_at,
                "SecretId": secret_id,
                "request": request,
                **fate.record(),
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

    def file_of(self, task: Task, output: Output) -> Path:
        """What a result URL of the emulator's own leads to."""
        return self._objects.file(output.place, withheld=task.withheld)

    def _load(self, record: Mapping[str, Any]) -> None:
        task_id = record["TaskId"]
        if record["event"] == "created":
            self._tasks[task_id] = Task(
                task_id,
                record["RequestId"],
                record["SecretId"],
                record["created_at"],
                record["request"],
                Fate.of_record(record),
            )
        elif task_id in self._tasks and record["event"] == "written":
            self._tasks[task_id].written = True
        elif task_id in self._tasks:
            outputs = tuple(Output(**output) for output in record["outputs"])
            finish = Finish(record["status"], record["message"], outputs, record["finished_at"])
            self._tasks[task_id].finish = finish

    def _schedule(self, task: Task) -> None:
        to_run, to_done = pace(task.task_id, self._speed)
        try:
            order = order_of(task.request)
        except ApiError as error:  # a ledger of another version, whose rules were wider
            message = error.message
            self._at(task.created_at + to_run, lambda: self._end(task, Finish("FAIL", message)))
            return
        if task.fate.task is TaskFault.CREATE_AND_NEVER_WRITE:
            return  # it runs for ever
        if task.fate.task is TaskFault.FAIL:
            self._at(task.created_at + to_done, lambda: self._end(task, Finish("FAIL", _FAULT_MESSAGE)))
        elif order.failure is not None:
            finish = Finish("FAIL", order.failure)
            self._at(task.created_at + to_run + 0.1 * (to_done - to_run), lambda: self._end(task, finish))
        else:
            self._at(task.created_at + to_run, lambda: self._render(task, order))

    def _render(self, task: Task, order: Order) -> None:
        recordings = [
            Path(url2pathname(urlsplit(url).path)) for url in order.recordings if url.startswith("file:")
        ]
        if not all(recording.is_file() for recording in recordings):
            self._end(task, Finish("FAIL", "Failed to download the reference"))
            return
        names = (f"{task.task_id}-{i}.{order.format}" for i in range(order.count))
        paths = tuple(str(self._objects.upload(name)) for name in names)
        job = RenderJob(
            task.task_id,
            order.prompt,
            order.lyrics,
            order.instrumental,
            order.format,
            paths,
            str(recordings[0]) if recordings else None,
        )
        done_at = task.created_at + pace(task.task_id, self._speed)[1]

        def done(rendered: Rendered) -> None:
            publish = partial(self._publish, task, order, job, rendered)
            self._at(done_at, lambda: self._to_write.put(publish))

        self._renderer.submit(job, done)

    def _publish(self, task: Task, order: Order, job: RenderJob, rendered: Rendered) -> None:
        """Move all outputs to their keys, then say DONE."""
        if rendered.error is not None:
            self._end(task, Finish("FAIL", rendered.error))
            return
        outputs = []
        try:
            for index, (path, rendered_s) in enumerate(
                zip(map(Path, job.paths), rendered.seconds, strict=True)
            ):
                spoilt, seconds = task.fate.audio, rendered_s
                if spoilt:
                    seconds = spoil(path, order.format, spoilt, f"{task.task_id}/{index}", rendered_s)
                output = Output(
                    order.bucket, order.region, order.key(task.task_id, index), path.stat().st_size, seconds
                )
                if task.fate.task is TaskFault.DUPLICATE_WRITE:
                    self._objects.put_copy(path, output.second_place)
                self._objects.put(path, output.place, withheld=task.withheld)
                outputs.append(output)
        except (OSError, NotWritten) as error:
            why = error.strerror if isinstance(error, OSError) else error
            for left in job.paths:
                Path(left).unlink(missing_ok=True)
            self._end(task, Finish("FAIL", f"Failed to write the output to COS: {why}"))
            return
        self._end(task, Finish("DONE", "", tuple(outputs)))

    def _schedule_late_write(self, task: Task, finish: Finish) -> None:
        if task.fate.task is TaskFault.WRITE_LATE and finish.outputs and not task.written:
            self._at(finish.at + task.fate.late_s, lambda: self._write_late(task, finish))

    def _write_late(self, task: Task, finish: Finish) -> None:
        for output in finish.outputs:
            self._objects.put_copy(self.file_of(task, output), output.place)
        self._ledger.append({"event": "written", "TaskId": task.task_id})
        task.written = True

    def _end(self, task: Task, finish: Finish) -> None:
        finish = replace(finish, at=self._clock.now())
        self._ledger.append(
            {
                "event": "finished",
                "TaskId": task.task_id,
                "finished_at": finish.at,
                "status": finish.status,
                "message": finish.message,
                "outputs": [asdict(output) for output in finish.outputs],
            }
        )
        task.finish = finish
        self._schedule_late_write(task, finish)

    def _at(self, when: float, step: Callable[[], None]) -> None:
        with self._wake:
            heapq.heappush(self._steps, (when, next(self._order), step))
            self._wake.notify_all()

    def _run(self) -> None:
        while (step := self._next()) is not None:
            self._carry_on(step)

    def _write(self) -> None:
        while not self._closed:
            self._carry_on(self._to_write.get())

    def _carry_on(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:  # a full disk, say: this task stays in RUN until a restart, the others go on
            if not self._closed:
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
