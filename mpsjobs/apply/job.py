"""A take on its way through one apply."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from mpsjobs.apply.polling import Trail
from mpsjobs.model.change import Copy, Import, Submit
from mpsjobs.model.ports import ObjectInfo, ObjectRef, ResultFile, StagedCreate, Task
from mpsjobs.model.state import Output, Take


@dataclass(frozen=True, slots=True)
class Shown:
    """A listing shows these outputs."""

    objects: tuple[ObjectInfo, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """These outputs are there, and were measured."""

    outputs: tuple[Output, ...]


Said: TypeAlias = Task | Shown | Found
"""What the cloud or the store says of a take. A task has ended."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said of a take before the state was held; when, as history writes it; and for how many seconds the cloud had had it."""

    said: Said
    at: str
    age_s: float


@dataclass(slots=True)
class Job:
    """What the runner holds for one take. `path` is where its outputs appear; `buys` is set only for what is bought in this run.

    `copies` is set only for what is copied from another environment. `intended`: the intent is durable, `since` then, and nothing has
    settled it yet. `sent`: the last byte may have left. `results` are the files that the cloud says there are, `expected` how many songs
    the task was billed as. `inputs` are the takes of other assets that it is made from, by address. After `timeout_s` seconds (None: as
    usual) it is left to a later run.

    `kind`: tasks of it take about as long. `seen` is what a listing of many takes showed of its outputs, `heard` what was said of it before
    this run.

    `imported`: it was not submitted by us; `imports` is set until it is history.

    `unknown`: sent without an answer, and its outputs are looked for until `look_until` (monotonic); `resubmit` says that it is then
    given up, so that its take can be bought again.
    """

    address: str
    fingerprint: str
    take: int
    attempt_id: str
    path: ObjectRef
    buys: Submit | None = None
    copies: Copy | None = None
    imports: Import | None = None
    imported: bool = False
    intended: bool = False
    since: str = ""
    sent: bool = False
    staged: StagedCreate | None = None
    task_id: str | None = None
    request_id: str | None = None
    results: tuple[ResultFile, ...] = ()
    expected: int = 1
    kind: str = ""
    seen: tuple[ObjectInfo, ...] = ()
    heard: Heard | None = None
    inputs: Mapping[str, Take] = field(default_factory=dict)
    timeout_s: float | None = None
    unknown: bool = False
    look_until: float = float("inf")
    resubmit: bool = False

    @property
    def marks(self) -> dict[str, str]:
        """What objects of this take are marked with in the store."""
        task = {"task-id": self.task_id} if self.task_id else {}
        return {"address": self.address, "fingerprint": self.fingerprint, **task}

    @property
    def trail(self) -> Trail | None:
        """How its outputs can be found by listing; None for a task from elsewhere, which writes where it was told to."""
        if self.imported:
            return None
        place = self.path.key.removesuffix(f"{self.attempt_id}/")
        return Trail(replace(self.path, key=place), self.path.key, self.kind, self.expected)

    @classmethod
    def of_take(cls, fingerprint: str, take: Take) -> "Job":
        """A take that an earlier run submitted."""
        return cls(
            address=take.address,
            fingerprint=fingerprint,
            take=take.take,
            attempt_id=take.attempt_id,
            path=ObjectRef(take.bucket, take.region, take.cos_path),
            task_id=take.task_id,
            request_id=take.request_id,
            unknown=take.unresolved,
            since=take.intended_at,
            imported=take.imported is not None,
        )
