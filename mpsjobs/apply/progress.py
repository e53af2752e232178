"""What apply tells while it works: a closed union, for the live view, the plain lines, `--json` and programs alike."""

from dataclasses import dataclass
from typing import TypeAlias

from mpsjobs.model.change import Plan
from mpsjobs.model.state import Output


@dataclass(frozen=True, slots=True)
class Submitted:
    address: str
    take: int
    task_id: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Finished:
    """The take is done and recorded. `seconds` from submission to collection."""

    address: str
    take: int
    task_id: str | None
    seconds: float
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class Copied:
    """A take of another environment is here too. `task_id` is that of the task which made it."""

    address: str
    take: int
    environment: str
    task_id: str | None
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """A task or an object from elsewhere is a take now; `source` names it. A task may still be running."""

    address: str
    take: int
    source: str


@dataclass(frozen=True, slots=True)
class Failed:
    """No usable take came of it. `code` is the cloud's, or one of ours for what happened here."""

    address: str
    take: int
    code: str
    message: str
    request_id: str | None
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """Not submitted, because an asset that it needs is not there; `message` says which, and why. Nothing is remembered of it."""

    address: str
    take: int
    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent at `since`, and the answer was lost: a paid task may exist. It is looked for, and not sent again."""

    address: str
    take: int
    attempt_id: str
    since: str
    message: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The address now points at its wanted sound (`moved_from`: under a new name)."""

    address: str
    fingerprint: str
    moved_from: str | None


@dataclass(frozen=True, slots=True)
class Retired:
    address: str


@dataclass(frozen=True, slots=True)
class Published:
    """The take lies under the asset's stable keys. Without keys: the asset is published no more; what was stays readable."""

    address: str
    take: int | None
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mastered:
    """Finished files were made of a take; these are their keys."""

    address: str
    take: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deleted:
    """The outputs of so many takes are gone for good."""

    address: str
    takes: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Nothing is remembered under this address any more."""

    address: str


@dataclass(frozen=True, slots=True)
class Downloaded:
    address: str
    path: str


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something that the user should know and that stops nothing."""

    address: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """No more submissions in this run."""

    reason: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Where the run stands: how many of the `total` takes are where, each counted once.

    `sent`: the request has left, the answer is not here yet. `collecting`: done in the cloud, or looked for, or copied. `per_second`:
    submissions in the last seconds. `slowest` is the address of the task that the cloud has had for the longest, `slowest_s` for how
    long. `left_s` is an estimate in seconds, None while there is nothing to go by.
    """

    total: int
    to_submit: int
    sent: int
    in_cloud: int
    collecting: int
    done: int
    failed: int
    elapsed_s: float
    per_second: float
    slowest: str | None
    slowest_s: float
    left_s: float | None


Progress: TypeAlias = (
    Submitted
    | Finished
    | Copied
    | Imported
    | Failed
    | Skipped
    | Unknown
    | Recorded
    | Retired
    | Published
    | Mastered
    | Deleted
    | Forgotten
    | Downloaded
    | Noticed
    | Stopping
    | Tick
)


@dataclass(frozen=True, slots=True)
class Planned:
    """This plan is carried out next. Nothing of it was done yet."""

    plan: Plan


ApplyEvent: TypeAlias = Planned | Progress
