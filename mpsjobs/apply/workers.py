"""The threads that wait for the network. They know nothing of the state: a job goes in, an answer comes out."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeAlias

import structlog

from mpsjobs.apply.collect import Collector, Search, by_take
from mpsjobs.apply.download import Downloads
from mpsjobs.apply.finishing import Finisher, Finishing
from mpsjobs.apply.polling import POLLS_AT_ONCE
from mpsjobs.apply.progress import Downloaded, Noticed
from mpsjobs.apply.publish import Publisher
from mpsjobs.apply.receipts import Receipt
from mpsjobs.apply.scheduler import COLLECTS_AT_ONCE, MOST_STAGED_AHEAD, SENDS_AT_ONCE
from mpsjobs.model.diagnostics import CloudError, MpsjobsError
from mpsjobs.model.ports import (
    Clock,
    CreateOutcome,
    DescribeOutcome,
    Mps,
    NotCreated,
    ObjectInfo,
    ObjectRef,
    ObjectStore,
    StagedCreate,
)
from mpsjobs.model.state import Output, Published
from mpsjobs.plan.publishing import Publication

log = structlog.get_logger("mpsjobs.collect")

NOTES_AT_ONCE = 4
COPIES_AT_ONCE = 4
PUBLISHES_AT_ONCE = 4
FINISHES_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class StageAnswer:
    job: int
    outcome: StagedCreate | NotCreated


@dataclass(frozen=True, slots=True)
class Left:
    """A thread is about to send the last byte of a request, or a question, at this monotonic time. Its answer follows."""

    job: int
    at: float


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
class SweepAnswer:
    """What a listing showed of many takes, by the path of each; None: the place cannot be listed."""

    place: ObjectRef
    found: Mapping[str, tuple[ObjectInfo, ...]] | None


@dataclass(frozen=True, slots=True)
class CopyAnswer:
    """The outputs of a take from elsewhere are here now."""

    job: int
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class DeleteAnswer:
    """The objects are gone."""

    job: int


@dataclass(frozen=True, slots=True)
class PlaceAnswer:
    """What was downloaded, or why not."""

    told: list[Downloaded | Noticed]


@dataclass(frozen=True, slots=True)
class NoteAnswer:
    """A receipt stands in the store."""


@dataclass(frozen=True, slots=True)
class PublishAnswer:
    """`published` None: it could not be done, because of `error`."""

    publication: Publication
    published: tuple[Published, ...] | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class FinishAnswer:
    """`outputs` None: nothing could be made, because of `error`."""

    finishing: Finishing
    outputs: tuple[Output, ...] | None
    error: str = ""


class Step(StrEnum):
    """What a worker was doing."""

    STAGE = "staging"
    SEND = "sending"
    POLL = "polling"
    COLLECT = "collecting"
    COPY = "copying"
    DELETE = "deleting"
    PLACE = "downloading"
    NOTE = "putting a receipt"
    PUBLISH = "publishing"
    FINISH = "finishing"


@dataclass(frozen=True, slots=True)
class Broken:
    """A worker met what no port promises: credentials that are gone, a store that cannot be asked, a bug. `job` None: a download or a receipt."""

    step: Step
    job: int | None
    error: Exception


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Somebody asked to stop (Ctrl-C, SIGTERM)."""


Answer: TypeAlias = (
    Left
    | StageAnswer
    | SendAnswer
    | PollAnswer
    | CollectAnswer
    | SweepAnswer
    | CopyAnswer
    | DeleteAnswer
    | PlaceAnswer
    | NoteAnswer
    | FinishAnswer
    | PublishAnswer
    | Broken
    | Interrupted
)


class Workers:
    """Threads around the ports. Every call leads to exactly one answer in `next`; before those of the API comes when they left.

    Paid requests have threads of their own: neither slow answers about tasks nor downloads may delay a last byte.
    """

    def __init__(
        self,
        mps: Mps,
        collector: Collector,
        downloads: Downloads | None,
        publisher: Publisher,
        finisher: Finisher,
        clock: Clock,
    ) -> None:
        self._mps = mps
        self._clock = clock
        self._collector = collector
        self._downloads = downloads
        self._publisher = publisher
        self._finisher = finisher
        self._inbox: SimpleQueue[Answer] = SimpleQueue()
        self._submits = ThreadPoolExecutor(SENDS_AT_ONCE + MOST_STAGED_AHEAD, thread_name_prefix="submit")
        self._gathers = ThreadPoolExecutor(POLLS_AT_ONCE + COLLECTS_AT_ONCE, thread_name_prefix="gather")
        self._copies = ThreadPoolExecutor(COPIES_AT_ONCE, thread_name_prefix="copy")
        self._places = ThreadPoolExecutor(2, thread_name_prefix="place")
        self._finishes = ThreadPoolExecutor(FINISHES_AT_ONCE, thread_name_prefix="finish")
        self._publishes = ThreadPoolExecutor(PUBLISHES_AT_ONCE, thread_name_prefix="publish")
        # One thread each: the receipts of one job are put in the order in which they were asked for.
        self._notes = [ThreadPoolExecutor(1, thread_name_prefix="note") for _ in range(NOTES_AT_ONCE)]

    def stage(self, job: int, body: Callable[[], bytes]) -> None:
        """Make the request and send all but its last byte. `body` is called in a thread: it may have to put references into the store."""
        self._start(self._submits, Step.STAGE, job, lambda: StageAnswer(job, self._mps.stage(body())))

    def ask_why(self, job: int, staged: StagedCreate) -> None:
        """Find out what became of a request that the server no longer waits for."""
        self._start(self._submits, Step.STAGE, job, lambda: StageAnswer(job, staged.lost()))

    def send(self, job: int, staged: StagedCreate) -> None:
        def answer() -> Answer:
            self._inbox.put(Left(job, self._clock.monotonic()))
            return SendAnswer(job, staged.send())

        self._start(self._submits, Step.SEND, job, answer)

    def poll(self, job: int, task_id: str) -> None:
        def answer() -> Answer:
            self._inbox.put(Left(job, self._clock.monotonic()))
            return PollAnswer(job, self._mps.describe(task_id))

        self._start(self._gathers, Step.POLL, job, answer)

    def collect(self, job: int, search: Search) -> None:
        self._start(
            self._gathers, Step.COLLECT, job, lambda: CollectAnswer(job, self._collector.collect(search))
        )

    def sweep(self, place: ObjectRef, after: str) -> None:
        """List what the takes below `place` have written, from the key `after` on."""

        def answer() -> Answer:
            try:
                return SweepAnswer(
                    place, by_take(self._collector.store.list(place, start_after=after), place)
                )
            except CloudError as error:
                log.warning("not listed", path=place.key, error=str(error))
                return SweepAnswer(place, None)

        self._start(self._gathers, Step.COLLECT, None, answer)

    def copy(self, job: int, outputs: Callable[[], tuple[Output, ...]]) -> None:
        """Copy a take of another environment: `outputs` does it, and is called in a thread."""
        self._start(self._copies, Step.COPY, job, lambda: CopyAnswer(job, outputs()))

    def adopt(self, job: int, ref: ObjectRef, path: ObjectRef, marks: Mapping[str, str]) -> None:
        """Copy an object of the store to a take's own path."""
        self._start(
            self._copies,
            Step.COPY,
            job,
            lambda: CopyAnswer(job, (self._collector.adopt(ref, path, marks),)),
        )

    def delete(self, job: int, delete: Callable[[ObjectStore], None]) -> None:
        """Delete objects: `delete` does it, and is called in a thread."""

        def answer() -> Answer:
            delete(self._collector.store)
            return DeleteAnswer(job)

        self._start(self._copies, Step.DELETE, job, answer)

    def place(self, address: str, outputs: tuple[Output, ...]) -> bool:
        """Download the files of an asset. Returns False, and answers nothing, where the project wants no downloads."""
        downloads = self._downloads
        if downloads is None:
            return False
        self._start(self._places, Step.PLACE, None, lambda: PlaceAnswer(downloads.place(address, outputs)))
        return True

    def note(self, job: int, ref: ObjectRef, receipt: Receipt) -> None:
        """Put a receipt into the store, after those of the same job that were asked for before."""

        def answer() -> Answer:
            self._collector.note(ref, receipt)
            return NoteAnswer()

        self._start(self._notes[job % NOTES_AT_ONCE], Step.NOTE, None, answer)

    def publish(self, publication: Publication) -> None:
        """Copy outputs to their stable keys."""

        def answer() -> Answer:
            try:
                return PublishAnswer(publication, self._publisher.publish(publication))
            except (MpsjobsError, OSError) as error:
                return PublishAnswer(publication, None, str(error))

        self._start(self._publishes, Step.PUBLISH, None, answer)

    def finish(self, finishing: Finishing) -> None:
        """Make finished files of a take."""

        def answer() -> Answer:
            try:
                return FinishAnswer(finishing, self._finisher.finish(finishing))
            except (MpsjobsError, OSError) as error:
                return FinishAnswer(finishing, None, str(error))

        self._start(self._finishes, Step.FINISH, None, answer)

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
        for pool in (
            self._submits,
            self._gathers,
            self._copies,
            self._places,
            self._publishes,
            self._finishes,
            *self._notes,
        ):
            pool.shutdown(wait=False, cancel_futures=True)

    def _start(
        self, pool: ThreadPoolExecutor, step: Step, job: int | None, call: Callable[[], Answer]
    ) -> None:
        try:
            future = pool.submit(call)
        except RuntimeError as error:  # the interpreter ends, and so does the run: nothing more can be begun
            self.interrupt()
            self._inbox.put(Broken(step, job, error))
        else:
            future.add_done_callback(partial(self._done, step, job))

    def _done(self, step: Step, job: int | None, future: Future[Answer]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._inbox.put(future.result())
        elif isinstance(error, Exception):
            self._inbox.put(Broken(step, job, error))
