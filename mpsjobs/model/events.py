"""The lines of history. The state is what remains when all of them are folded together, in order.

Each event is a fact that cannot be taken back. Times are UTC, ISO 8601 with milliseconds and `Z`. None holds a secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from mpsjobs.model.asset import Json
from mpsjobs.model.state import Input, Output, Published


@dataclass(frozen=True, slots=True)
class RunStarted:
    """An apply began to act. `who` is user@host; `commit` the git commit of the project, if it is in git."""

    at: str
    run_id: str
    command: str
    version: str
    who: str
    commit: str | None


@dataclass(frozen=True, slots=True)
class RunFinished:
    at: str
    run_id: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class SubmitIntended:
    """Durable before a single byte leaves. `fields` are the canonical fields of the fingerprint.

    `replaces` are attempts whose takes are used no more as soon as this one is there; `inputs` what the take is made from. A `draft` is bought to
    be listened to before its specs are merged; `commit` is the git commit that it was bought for.
    """

    at: str
    address: str
    fingerprint: str
    fields: Mapping[str, Json]
    take: int
    attempt_id: str
    realm: str
    bucket: str
    region: str
    cos_path: str
    host: str
    boot_id: str
    replaces: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    draft: bool = False
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Sending:
    """The last byte of the request leaves now. Written without fsync: it only has to survive this process."""

    at: str
    attempt_id: str


@dataclass(frozen=True, slots=True)
class SubmitWithdrawn:
    """Certain: no task was created, and nobody will try under this attempt again. Its number becomes free."""

    at: str
    attempt_id: str


@dataclass(frozen=True, slots=True)
class TaskSubmitted:
    at: str
    attempt_id: str
    task_id: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class SubmitRefused:
    """The cloud refused the sound for good (not the account): no task was created, and asking again is pointless."""

    at: str
    attempt_id: str
    code: str
    message: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class SubmitUnknown:
    """Sent, and the answer was lost or means nothing: a paid task may exist."""

    at: str
    attempt_id: str
    message: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """The cloud accepted the task and ended it with FAIL."""

    at: str
    attempt_id: str
    message: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class OutputsRecorded:
    """The task is done and all its outputs were found, measured and noted."""

    at: str
    attempt_id: str
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class OutputsMeasured:
    """These are the outputs of a take, as before; what was not known of them before was measured."""

    at: str
    attempt_id: str
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class TakeFinished:
    """Files were made of a take, by the settings of this name."""

    at: str
    attempt_id: str
    name: str
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class FinishedMissing:
    """Files that were made of a take, by the settings of this name, are not in the store any more. They can be made again."""

    at: str
    attempt_id: str
    name: str


@dataclass(frozen=True, slots=True)
class TakeJudged:
    """What a take misses of what is expected of it now, in words; nothing, if it misses nothing. `unfit`: it is not used by itself."""

    at: str
    attempt_id: str
    misses: tuple[str, ...]
    unfit: bool


@dataclass(frozen=True, slots=True)
class TakeCopied:
    """The outputs of another environment's take were copied, and are a take here from now on.

    `origin_attempt` is the attempt that was paid for, with its TaskId and RequestId. `preferred`: it is the take that is used there.
    """

    at: str
    address: str
    fingerprint: str
    fields: Mapping[str, Json]
    take: int
    attempt_id: str
    realm: str
    bucket: str
    region: str
    cos_path: str
    origin_environment: str
    origin_attempt: str
    task_id: str | None
    request_id: str | None
    preferred: bool
    outputs: tuple[Output, ...]
    inputs: tuple[Input, ...] = ()


@dataclass(frozen=True, slots=True)
class TakeImported:
    """Somebody says that this is a take: a task that runs or has ended, or an object, of which `outputs` are copies. `source` names it."""

    at: str
    address: str
    fingerprint: str
    fields: Mapping[str, Json]
    take: int
    attempt_id: str
    realm: str
    bucket: str
    region: str
    cos_path: str
    source: str
    task_id: str | None
    outputs: tuple[Output, ...] = ()


@dataclass(frozen=True, slots=True)
class TakeRejected:
    """Somebody decided that this take is never used again; or, `rejected` False, that it may be after all."""

    at: str
    attempt_id: str
    rejected: bool = True


@dataclass(frozen=True, slots=True)
class TakeDeleted:
    """The outputs of this take are deleted from now on, whether that has come to its end or not: nobody may count on them."""

    at: str
    attempt_id: str


@dataclass(frozen=True, slots=True)
class OutputsErased:
    """The outputs of a deleted take are in the store no more."""

    at: str
    attempt_id: str


@dataclass(frozen=True, slots=True)
class OutputsMissing:
    """The store was asked for each output of this take and does not have these objects any more.

    What they were is not forgotten; if they are there again, `OutputsRecorded` says so.
    """

    at: str
    attempt_id: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttemptAbandoned:
    """Nobody waits for this attempt any longer: its take may be bought again. If outputs show up after all, they are a take."""

    at: str
    attempt_id: str


@dataclass(frozen=True, slots=True)
class AssetRecorded:
    """The address points at this fingerprint from now on. `moved_from` is the address that it was known by before.

    `lifecycle` is what the specs say of it now; None: as it was.
    """

    at: str
    address: str
    fingerprint: str
    realm: str
    takes: int
    pick: int | None
    moved_from: str | None = None
    lifecycle: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class AssetRetired:
    at: str
    address: str


@dataclass(frozen=True, slots=True)
class AssetForgotten:
    """Nothing is remembered under this address any more. The takes of its sound stay where they are."""

    at: str
    address: str


@dataclass(frozen=True, slots=True)
class AssetPublished:
    """These objects lie under the asset's stable keys, complete. What it had published under other keys is superseded; all of it, if there are none."""

    at: str
    address: str
    published: tuple[Published, ...]


@dataclass(frozen=True, slots=True)
class PublishedErased:
    """What lay in this place is nobody's business any more: it was deleted, or somebody else's object lies there. `address` had left it."""

    at: str
    address: str
    place: str


@dataclass(frozen=True, slots=True)
class PublishedMissing:
    """Objects under the asset's stable keys are not there any more. `places`: bucket and key, as `Published.place`."""

    at: str
    address: str
    places: tuple[str, ...]


Event: TypeAlias = (
    RunStarted
    | RunFinished
    | SubmitIntended
    | Sending
    | SubmitWithdrawn
    | TaskSubmitted
    | SubmitRefused
    | SubmitUnknown
    | TaskFailed
    | OutputsRecorded
    | OutputsMeasured
    | TakeFinished
    | FinishedMissing
    | TakeJudged
    | TakeCopied
    | TakeImported
    | TakeRejected
    | TakeDeleted
    | OutputsErased
    | OutputsMissing
    | AttemptAbandoned
    | AssetRecorded
    | AssetRetired
    | AssetPublished
    | PublishedMissing
    | AssetForgotten
    | PublishedErased
)
