"""What earlier runs left without an answer: settled where it is certain, looked for where it is not."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mpsjobs.apply.collect import Collector, Search
from mpsjobs.apply.progress import Noticed
from mpsjobs.apply.receipts import RECEIPT_LOST, place, receipt_in, receipt_of
from mpsjobs.cloud.log import logger
from mpsjobs.model.asset import Json
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.events import Event, OutputsRecorded, SubmitUnknown, SubmitWithdrawn, TaskSubmitted
from mpsjobs.model.ports import ObjectRef, StateSession
from mpsjobs.model.state import State, Take, TakeStatus, never_sent

SHORTEST_WAIT_S = 15 * 60.0
WAIT_WITHOUT_HISTORY_S = 30 * 60.0

log = logger("recovery")


def settle(state: State, *, host: str, boot_id: str, at: str) -> Iterator[Event]:
    """Events that settle every intent without an answer. To be appended by the holder of the lock, which knows that nobody sends.

    An intent of this host and boot without the mark before the last byte was never sent and is withdrawn. For any other a paid task may
    exist: it becomes unknown and is looked up, never sent again blindly.
    """
    for _, take in state.takes():
        if take.status is not TakeStatus.INTENDED:
            continue
        if never_sent(take, host, boot_id):
            yield SubmitWithdrawn(at, take.attempt_id)
        else:
            yield SubmitUnknown(at, take.attempt_id, "the run ended before the answer was recorded", None)


@dataclass(frozen=True, slots=True)
class LostTakes:
    """What the store tells of attempts whose answer was lost: a receipt names the task, or outputs have shown by now.

    `owner` is whose receipts they are. `collector` is asked for only where an answer is missing: nothing else needs the store yet.
    """

    session: StateSession
    collector: Callable[[], Collector]
    realm: str
    owner: str
    songs: Callable[[Mapping[str, Json]], int]

    def adopt(self, at: str, *, outputs_of_unknown: bool = True) -> Iterator[Noticed]:
        """Take it in, and say so when it is durable. Without `outputs_of_unknown` the rest of the run looks for these.

        Raises:
            CloudError: the store cannot be asked.
            StateError: the state cannot be written.
        """
        lost = {TakeStatus.UNKNOWN, TakeStatus.ABANDONED}
        for fingerprint, take in list(self.session.state.takes()):
            if take.status not in lost or take.realm != self.realm:
                continue
            path = ObjectRef(take.bucket, take.region, take.cos_path)
            if take.status is TakeStatus.UNKNOWN:
                if task := self._by_receipt(take, path, at):
                    self.session.append([task])
                    words = f"its answer was lost, and a receipt in the store names the task of take {take.take}: {task.task_id}"
                    yield Noticed(take.address, words)
                if task or not outputs_of_unknown:
                    continue
            fields = self.session.state.pool(fingerprint).fields
            outputs = self.collector().collect(Search(path, self.songs(fields)))
            if not outputs:
                continue
            self.session.append([OutputsRecorded(at, take.attempt_id, outputs)])
            try:
                self._note(fingerprint, take.attempt_id, path)
            except CloudError as error:  # the state has it; a receipt is a second memory
                yield Noticed(take.address, f"{RECEIPT_LOST}: {error}")
            yield Noticed(take.address, f"the outputs of a lost answer have shown: they are take {take.take}")

    def _by_receipt(self, take: Take, path: ObjectRef, at: str) -> TaskSubmitted | None:
        """The answer that the state has lost, if the run got so far as to put it into the store."""
        try:
            receipt = receipt_in(self.collector().store, self.owner, path, take.attempt_id)
        except CloudError as error:  # as good as none: its outputs may show all the same
            log.info("no receipt", attempt_id=take.attempt_id, error=str(error))
            return None
        if receipt is None or not receipt.task_id:
            return None
        return TaskSubmitted(receipt.submitted_at or at, take.attempt_id, receipt.task_id, receipt.request_id)

    def _note(self, fingerprint: str, attempt_id: str, path: ObjectRef) -> None:
        """Put the receipt; only now it is known that the take was bought."""
        pool = self.session.state.pool(fingerprint)
        take = next(take for take in pool.takes if take.attempt_id == attempt_id)
        receipt = receipt_of(self.owner, fingerprint, pool.fields, take)
        self.collector().note(place(self.owner, path, attempt_id), receipt)


@dataclass(frozen=True, slots=True)
class UnknownPolicy:
    """For how long outputs of an attempt without an answer are looked for (None: by history), and what comes then."""

    wait_s: float | None = None
    then: Literal["stop", "resubmit"] = "stop"

    def seconds(self, state: State, fingerprint: str) -> float:
        """Three times what the slowest hundredth of the model's tasks took, at least 15 minutes; 30 where nothing is known.

        A listing confirms and never denies, so this is a time after which nothing is expected any more, not a proof.
        """
        if self.wait_s is not None:
            return self.wait_s
        durations = sorted(_durations_s(state, str(state.pool(fingerprint).fields.get("model"))))
        if not durations:
            return WAIT_WITHOUT_HISTORY_S
        return max(SHORTEST_WAIT_S, 3 * durations[min(len(durations) - 1, int(len(durations) * 0.99))])


def _durations_s(state: State, model: str) -> Iterator[float]:
    for pool in state.pools.values():
        if pool.fields.get("model") == model:
            for take in pool.takes:
                if take.submitted_at and take.finished_at and take.status is TakeStatus.DONE:
                    yield seconds_between(take.submitted_at, datetime.fromisoformat(take.finished_at))


def seconds_between(earlier: str | None, later: datetime) -> float:
    """Age in seconds of a recorded time; 0 when it is not known or lies in the future (clocks jump)."""
    return max(0.0, (later - datetime.fromisoformat(earlier)).total_seconds()) if earlier else 0.0


def age_s(take: Take, now: datetime) -> float:
    """How long ago the take was, or may have been, submitted."""
    return seconds_between(take.submitted_at or take.intended_at, now)
