"""What all parts of one run share: the session, the clock, the counts, and the few things that any of them may do."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mpsjobs.apply import progress
from mpsjobs.apply.finishing import Finishing, Finishings
from mpsjobs.apply.job import Heard, Job
from mpsjobs.apply.mode import Mode
from mpsjobs.apply.publish import Publications
from mpsjobs.apply.receipts import place as receipt_place, receipt_of
from mpsjobs.apply.records import Records
from mpsjobs.apply.recovery import UnknownPolicy
from mpsjobs.apply.scheduler import Scheduler
from mpsjobs.apply.tally import Tally
from mpsjobs.apply.workers import Workers
from mpsjobs.cloud.log import logger
from mpsjobs.model import events
from mpsjobs.model.asset import Asset, Json, StoreTarget
from mpsjobs.model.change import Copy
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, StateError
from mpsjobs.model.expectations import Expectations, verdict
from mpsjobs.model.ports import Backoff, Clock, ObjectRef, StateSession
from mpsjobs.model.state import Output, Published, Take, chosen_take, handed_out
from mpsjobs.plan.publishing import Publication
from mpsjobs.state.identity import timestamp

LAST_WORDS_S = 4.0
"""How long answers in flight are awaited after a request to stop; CI runners kill after 7.5 seconds."""

_LOGGED = ("address", "take", "task_id", "request_id", "attempt_id", "code", "message", "reason")

log = logger("apply")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where, by whom and with what this run happens, as history records it."""

    realm: str
    host: str
    boot_id: str
    who: str
    version: str
    commit: str | None


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the runner is told from outside. `project` is its name, with that of the environment.

    `target` says which store an asset goes to, `body` builds its request for a path of its own, from takes of the assets that it needs
    (by address), `copy` copies a take of another environment to such a path and says what is there then, `songs` says how many outputs a
    task with these canonical fields has, `new_id` names an attempt, `report` is told of everything and neither waits nor raises (what listens
    must not come between a request and its record), `gives_up` says whether the unknown
    attempt of an address is to be given up when its outputs do not show now. All but `body` and `copy` are called from the loop's thread.
    `heard` is what was heard of takes before this run, by attempt: they are not asked for again.
    """

    project: str
    new_id: Callable[[], str]
    target: Callable[[Asset], StoreTarget]
    body: Callable[[Asset, ObjectRef, Mapping[str, Take]], bytes]
    copy: Callable[[Copy, ObjectRef], tuple[Output, ...]]
    songs: Callable[[Mapping[str, Json]], int]
    report: Callable[[progress.Progress], None]
    gives_up: Callable[[str], bool]
    per_second: float
    mode: Mode = Mode.APPLY
    unknown: UnknownPolicy = field(default_factory=UnknownPolicy)
    heard: Mapping[str, Heard] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """One run. Only the loop's thread uses it."""

    session: StateSession
    scheduler: Scheduler
    workers: Workers
    clock: Clock
    origin: Origin
    wiring: Wiring
    records: Records
    publications: Publications
    finishings: Finishings
    tally: Tally
    expected: Mapping[str, tuple[Expectations, ...]] = field(default_factory=dict)
    placing: int = 0
    copying: int = 0
    deleting: int = 0
    noting: int = 0
    trouble: Exception | None = None
    stop_by: float = float("inf")
    _noticed: set[str] = field(default_factory=set)

    def now(self) -> float:
        return self.clock.monotonic()

    def at(self) -> str:
        return timestamp(self.clock.utc())

    def append(self, new: Iterable[events.Event], *, sync: bool = True) -> None:
        """Make events durable, then tell what they mean for the addresses they name.

        When that fails, nothing more is submitted; the session goes on in memory, so that answers in flight are not lost.
        """
        batch = list(new)
        if not batch:
            return
        try:
            self.session.append(batch, sync=sync)
        except StateError as error:
            self.tally.stopped.extend(error.diagnostics)
            self.stop("the state cannot be written")
        for event in batch:
            log.debug("event", event_type=type(event).__name__, attempt_id=getattr(event, "attempt_id", None))
            if isinstance(event, events.AssetRecorded):
                self.tally.recorded += 1
                self.report(progress.Recorded(event.address, event.fingerprint, event.moved_from))
                self.hand_out([event.address])
            elif isinstance(event, events.AssetRetired):
                self.tally.retired += 1
                self.report(progress.Retired(event.address))
            elif isinstance(event, events.AssetForgotten):
                self.tally.retired += 1
                self.report(progress.Forgotten(event.address))

    def report(self, told: progress.Progress) -> None:
        """Tell the outside."""
        if not isinstance(told, progress.Tick):
            bound = {name: getattr(told, name) for name in _LOGGED if getattr(told, name, None) is not None}
            log.info(type(told).__name__.lower(), **bound)
        self.wiring.report(told)

    def judged(
        self, fingerprint: str, attempt_id: str, outputs: tuple[Output, ...]
    ) -> tuple[events.TakeJudged, ...]:
        """What a take that has just come misses of what is expected of it; nothing to say if it misses nothing."""
        found = verdict(self.expected.get(fingerprint, ()), outputs)
        if found.unfit:
            self.tally.unfit.append(fingerprint)
        return (events.TakeJudged(self.at(), attempt_id, found.misses, found.unfit),) if found.misses else ()

    def tell_misses(self, job: Job, judged: Iterable[events.TakeJudged]) -> None:
        for each in judged:
            then = "; it is not used" if each.unfit else ""
            self.report(
                progress.Noticed(
                    job.address, f"take {job.take} misses what is expected: {'; '.join(each.misses)}{then}"
                )
            )

    def place(self, addresses: Iterable[str]) -> None:
        """Bring the takes that these addresses use to where a person looks for them."""
        state = self.session.state
        for address in addresses:
            record = state.assets.get(address)
            take = chosen_take(state.pool(record.fingerprint), record.realm, record.pick) if record else None
            if record and take and self.workers.place(address, handed_out(record, take)):
                self.placing += 1

    def hand_out(self, addresses: Iterable[str]) -> None:
        """Bring the takes that these addresses use to people and to game builds; those that are to be finished, when they are."""
        for address in addresses:
            lacking = None if self.scheduler.stopped else self.finishings.lacking(address)
            if lacking is None:
                self.place([address])
                self.publish(address)
            elif self.finishings.begun(lacking):
                self.workers.finish(lacking)

    def on_finished(self, finishing: Finishing, outputs: tuple[Output, ...] | None, error: str = "") -> None:
        """Make it durable, and hand it out to all who use it. `outputs` None: nothing could be made; what is handed out stays."""
        address, take = finishing.address, finishing.take
        self.finishings.ended(finishing, well=outputs is not None)
        if outputs is None:
            message = f"take {take.take} is there and not handed out: {error}"
            failure = progress.Failed(address, take.take, "NotFinished", message, None, take.task_id)
            self.tally.failed.append(failure)
            self.report(failure)
            return
        self.append([events.TakeFinished(self.at(), take.attempt_id, finishing.mastering.name, outputs)])
        self.tally.mastered += 1
        self.report(progress.Mastered(address, take.take, tuple(output.key for output in outputs)))
        self.hand_out(self.records.users(finishing.fingerprint))

    def publish(self, address: str) -> None:
        """Have the stable keys of an asset follow, if they are to."""
        publication = None if self.scheduler.stopped else self.publications.next(address)
        if publication is None:
            return
        self.publications.started(address)
        if publication.take is None:
            self.on_published(publication, ())
        else:
            self.workers.publish(publication)

    def on_published(
        self, publication: Publication, objects: tuple[Published, ...] | None, error: str = ""
    ) -> None:
        """Make it durable, and see whether another take is wanted by now. `objects` None: it could not be done."""
        if objects is None:
            self._not_published(publication, error)
            return
        address, take = publication.address, publication.take
        self.append([events.AssetPublished(self.at(), address, objects)])
        self.publications.ended(address, well=True)
        self.tally.published.add(address)
        keys = tuple(each.key for each in objects)
        self.report(progress.Published(address, take.take if take else None, keys))
        self.publish(address)

    def _not_published(self, publication: Publication, error: str) -> None:
        """What is published stays as it is, and so does the take."""
        address, take = publication.address, publication.take
        if take is None:
            raise AssertionError(publication)
        self.publications.ended(address, well=False)
        message = f"take {take.take} is there and cannot be published: {error}; the next apply tries again"
        failure = progress.Failed(address, take.take, "NotPublished", message, None, take.task_id)
        self.tally.failed.append(failure)
        self.report(failure)

    def note(self, number: int, job: Job) -> None:
        """Have the store know what was bought, as far as the state knows it."""
        pool = self.session.state.pool(job.fingerprint)
        take = next(take for take in pool.takes if take.attempt_id == job.attempt_id)
        receipt = receipt_of(self.wiring.project, job.fingerprint, pool.fields, take)
        self.workers.note(number, receipt_place(self.wiring.project, job.path, job.attempt_id), receipt)
        self.noting += 1

    def failed(self, job: Job, code: str, message: str, request_id: str | None) -> None:
        failure = progress.Failed(job.address, job.take, code, message, request_id, job.task_id)
        self.tally.failed.append(failure)
        self.report(failure)
        if unsent := self.scheduler.failed_once():
            self.tally.unsent = unsent
            number = len(self.tally.failed)
            self.report(
                progress.Stopping("1 take has failed" if number == 1 else f"{number} takes have failed")
            )

    def skipped(self, job: Job, message: str) -> None:
        skipped = progress.Skipped(job.address, job.take, message)
        self.tally.skipped.append(skipped)
        self.report(skipped)

    def notice_trouble(self, backoff: Backoff, verb: str, code: str, message: str) -> None:
        """Say once why it does not go on for now; being one request too many is daily life."""
        if backoff is not Backoff.THROTTLED and code not in self._noticed:
            self._noticed.add(code)
            self.report(
                progress.Noticed(None, f"no task can be {verb} for now, it is tried again: {message}")
            )

    def close_submits(self, summary: str, detail: str, request_id: str | None) -> None:
        """Send nothing more, because of what the cloud said; go on collecting what is paid for. Said once."""
        if not self.scheduler.closed:
            self._note(summary, detail, request_id)
            self.scheduler.close_submits()
            self.report(progress.Stopping(summary))

    def stop_for(self, summary: str, detail: str, request_id: str | None) -> None:
        """Stop because of what the cloud said, or because it says nothing."""
        if not self.scheduler.stopped:
            self._note(summary, detail, request_id)
        self.stop(summary)

    def _note(self, summary: str, detail: str, request_id: str | None) -> None:
        self.tally.stopped.append(
            Diagnostic(
                summary,
                detail,
                f"RequestId {request_id}" if request_id else "",
                code=Code.CLOUD_STOPS_THE_RUN,
            )
        )

    def stop(self, reason: str) -> None:
        """Send nothing more; what is on its way is awaited for a moment. Said once."""
        if not self.scheduler.stopped:
            self.scheduler.stop()
            self.stop_by = self.now() + LAST_WORDS_S
            self.report(progress.Stopping(reason))
