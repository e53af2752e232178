"""The threads that wait for the network. They know nothing of the state: a job goes in, an answer comes out."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeAlias

from mpsjobs.apply.collect import Collector
from mpsjobs.apply.download import Downloads
from mpsjobs.apply.progress import Downloaded, Noticed
from mpsjobs.model.ports import (
    CreateOutcome,
    DescribeOutcome,
    Mps,
    NotCreated,
    ObjectRef,
    ResultFile,
    StagedCreate,
)
from mpsjobs.model.state import Output


@dataclass(frozen=True, slots=True)
class StageAnswer:
    job: int
    outcome: StagedCreate | NotCreated


@dataclass(frozen=True, slots=True)
class SendAnswer:
    job: int
    outcome: CreateOutcome


@dataclass(frozen=True, slots=True)
class PollAnswer:
    job: int
    outcome: DescribeOutcome


@dataclass(frozen=True, slots=True)
class CollectAnswer:
    """`outputs` None: they do not show yet."""

    job: int
    outputs: tuple[Output, ...] | None


@dataclass(frozen=True, slots=True)
class PlaceAnswer:
    """What was downloaded, or why not."""

    told: list[Downloaded | Noticed]


@dataclass(frozen=True, slots=True)
class Broken:
    """A worker met what no port promises: credentials that are gone, a store that cannot be asked, a bug."""

    what: str
    error: Exception


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Somebody asked to stop (Ctrl-C, SIGTERM)."""


Answer: TypeAlias = StageAnswer | SendAnswer | PollAnswer | CollectAnswer | PlaceAnswer | Broken | Interrupted


@dataclass(slots=True)
class Workers:
    """A pool of threads around the ports. Every call leads to exactly one answer in `next`."""

    mps: Mps
    collector: Collector
    downloads: Downloads | None
    size: int
    _inbox: SimpleQueue[Answer] = field(default_factory=SimpleQueue)
    _pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.size, thread_name_prefix="mpsjobs")

    def stage(self, job: int, body: bytes) -> None:
        self._start("submission", lambda: StageAnswer(job, self.mps.stage(body)))

    def send(self, job: int, staged: StagedCreate) -> None:
        self._start("submission", lambda: SendAnswer(job, staged.send()))

    def poll(self, job: int, task_id: str) -> None:
        self._start("poll", lambda: PollAnswer(job, self.mps.describe(task_id)))

    def collect(self, job: int, path: ObjectRef, results: tuple[ResultFile, ...], *, rescue: bool) -> None:
        self._start(
            "collection", lambda: CollectAnswer(job, self.collector.collect(path, results, rescue=rescue))
        )

    def place(self, address: str, outputs: tuple[Output, ...]) -> bool:
        """Download the files of an asset. Returns False, and answers nothing, where the project wants no downloads."""
        downloads = self.downloads
        if downloads is None:
            return False
        self._start(address, lambda: PlaceAnswer(downloads.place(address, outputs)))
        return True

    def interrupt(self) -> None:
        """Safe to call from a signal handler: SimpleQueue.put is reentrant."""
        self._inbox.put(Interrupted())

    def next(self, timeout_s: float | None) -> list[Answer]:
        """Wait for an answer, `timeout_s` seconds at most, and take all that are there."""
        answers: list[Answer] = []
        try:
            answers.append(self._inbox.get(timeout=timeout_s))
            while True:
                answers.append(self._inbox.get_nowait())
        except Empty:
            return answers

    def close(self) -> None:
        """Let go of the threads; what they still wait for is not awaited."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, what: str, call: Callable[[], Answer]) -> None:
        self._pool.submit(call).add_done_callback(partial(self._done, what))

    def _done(self, what: str, future: Future[Answer]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._inbox.put(future.result())
        elif isinstance(error, Exception):
            self._inbox.put(Broken(what, error))
