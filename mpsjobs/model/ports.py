"""The seams to the world outside. Each states what an implementation guarantees and what its caller owes.

`tests/contract` runs one suite over every implementation of a port.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeAlias

from mpsjobs.model.events import Event
from mpsjobs.model.state import State


class Clock(Protocol):
    """All time comes from here. Thread-safe."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    def utc(self) -> datetime:
        """The wall clock, time zone aware, in UTC. May jump."""
        ...

    def sleep(self, seconds: float) -> None: ...


# --- the MPS API -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Created:
    """The task exists. Make the TaskId durable before anything else."""

    task_id: str
    request_id: str | None


class Backoff(StrEnum):
    """How long to wait before asking again: SHORT for a network failure, THROTTLED for the rate limit, LONG for a lack of resources."""

    SHORT = "short"
    THROTTLED = "throttled"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class NotCreated:
    """Certain, or as good as certain for LONG: no task was created.

    Ask again after the back-off; None: it is pointless before somebody mends what is wrong on the way.
    """

    backoff: Backoff | None
    code: str
    message: str
    request_id: str | None = None


class Scope(StrEnum):
    """Whom a permanent refusal concerns: the ACCOUNT (stop the run, remember nothing) or the ASSET (remember it, go on)."""

    ACCOUNT = "account"
    ASSET = "asset"


@dataclass(frozen=True, slots=True)
class Refused:
    """Certain: no task was created, and the same request will be refused again."""

    scope: Scope
    code: str
    message: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The request left completely, and nothing certain came back: a paid task may exist. Never send it again; look for its outputs."""

    code: str
    message: str
    request_id: str | None = None


CreateOutcome: TypeAlias = Created | NotCreated | Refused | Ambiguous


class StagedCreate(Protocol):
    """A request of which everything but the last byte was sent. The server cannot act on it yet."""

    @property
    def alive(self) -> bool:
        """Whether the server still waits for the last byte. Does not block."""
        ...

    def send(self) -> CreateOutcome:
        """Send the last byte and read the answer. Never raises for what the network or the server does. Call it once."""
        ...

    def lost(self) -> NotCreated:
        """Why the server waits no more, after `alive` said so, and close the connection: no task is created. May block."""
        ...

    def abandon(self) -> None:
        """Close the connection without the last byte: no task is created."""
        ...


class TaskStatus(StrEnum):
    WAIT = "WAIT"
    RUN = "RUN"
    DONE = "DONE"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A result as Describe names it. The URL expires; `duration` is what the cloud says (its unit is not stated)."""

    url: str
    duration: float | None


@dataclass(frozen=True, slots=True)
class Task:
    """The cloud's side of a take."""

    status: TaskStatus
    message: str | None = None
    audio: tuple[ResultFile, ...] = ()
    video: tuple[ResultFile, ...] = ()
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class DescribeFailed:
    """No answer about the task. `retry` None: asking again is pointless (see `scope` for whom it concerns)."""

    code: str
    message: str
    request_id: str | None = None
    retry: Backoff | None = None
    scope: Scope = Scope.ASSET


DescribeOutcome: TypeAlias = Task | DescribeFailed


class Mps(Protocol):
    """CreateAigcAudioTask and DescribeAigcAudioTask. Thread-safe. Does not pace: the caller spaces its requests."""

    def stage(self, body: bytes) -> StagedCreate | NotCreated:
        """Connect, check the connection, and send all of a Create request but its last byte.

        `body` is the JSON of the request, at least two bytes. Whatever fails here is certain not to have created a task.

        Raises:
            CloudError: no usable credentials or endpoint.
        """
        ...

    def describe(self, task_id: str) -> DescribeOutcome:
        """Ask for a task. Idempotent.

        Raises:
            CloudError: no usable credentials or endpoint.
        """
        ...

    def close(self) -> None: ...


# --- the object store ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Where an object is. Equally the beginning of keys, for LIST."""

    bucket: str
    region: str
    key: str


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as the store tells of it. `size` in bytes; `etag` changes whenever the content does."""

    ref: ObjectRef
    size: int
    etag: str


class Condition(StrEnum):
    """What a store is told, so that it refuses to write to a key that is taken.

    Each server honours one, both, or none of them, and **ignores silently** what it does not know: believe a condition only after
    `mpsjobs.cloud.conditional.probe` has seen it refuse.
    """

    IF_NONE_MATCH = "If-None-Match: *"
    FORBID_OVERWRITE = "x-cos-forbid-overwrite: true"


class ObjectStore(Protocol):
    """Objects by bucket, region and key. Thread-safe.

    A reader of a key sees a whole object or none. GET and HEAD of one key are consistent. LIST **may be late**: what it shows
    exists, what it does not show may exist all the same. Every method raises CloudError where the store cannot be asked.
    """

    def put(
        self, ref: ObjectRef, source: Path | bytes, *, content_type: str, metadata: Mapping[str, str]
    ) -> ObjectInfo:
        """Write an object, replacing what was there. Atomic for readers."""
        ...

    def create(
        self,
        ref: ObjectRef,
        content: bytes,
        *,
        condition: Condition,
        content_type: str,
        metadata: Mapping[str, str],
    ) -> ObjectInfo | None:
        """Write an object where there is none. None: the store refused, for the key is taken, or was at that moment.

        Only as good as the store's own word: where it ignores `condition`, this replaces what was there; and COS, which honours
        FORBID_OVERWRITE, was seen to let two writers through that came at the same moment. So read back what must be yours alone. An
        object that a lost answer of this very call left behind is taken for ours by its content: let no two callers write the same.
        """
        ...

    def versioned(self, bucket: ObjectRef) -> bool | None:
        """Whether the bucket keeps, or has ever kept, older versions of objects; None when the store does not tell.

        In such a bucket COS ignores FORBID_OVERWRITE. The key of `bucket` takes no part.
        """
        ...

    def fetch(self, ref: ObjectRef, to: Path) -> ObjectInfo | None:
        """Write the object's content to the file `to` (replaced atomically). None when there is no such object."""
        ...

    def append_rest(self, ref: ObjectRef, to: Path) -> ObjectInfo | None:
        """Append to the file `to` what the object has beyond the file's length; a file that is not there begins.

        What has come stays when the transfer breaks off, so that another call goes on from there. Nothing tells whether the file's
        beginning is that of this object: compare a digest of the whole. None when there is no such object; the file stays as it is.
        """
        ...

    def head(self, ref: ObjectRef) -> ObjectInfo | None: ...

    def read(self, ref: ObjectRef) -> bytes | None:
        """The content of an object that fits into memory. None when there is no such object."""
        ...

    def age_s(self, ref: ObjectRef) -> float | None:
        """How many seconds ago the object was written, by the store's own clock, to the second. None when there is no such object."""
        ...

    def list(self, prefix: ObjectRef, *, start_after: str = "") -> Iterator[ObjectInfo]:
        """The objects whose keys begin with `prefix.key`, in the order of their keys, after the key `start_after`."""
        ...

    def delete(self, ref: ObjectRef) -> None:
        """Remove an object; no error when it is not there."""
        ...

    def url(self, ref: ObjectRef, *, valid_s: float) -> str:
        """A URL that gives the object to whoever holds it, for at least so many seconds. Does not look whether it is there.

        Raises:
            CloudError: no URL can live that long: the credentials that sign it end sooner.
        """
        ...


# --- the state -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LockInfo:
    """Who holds a lock: what Terraform's users expect to read. `created` is UTC, ISO 8601."""

    id: str
    operation: str
    info: str
    who: str
    version: str
    created: str
    path: str


class StateSession(Protocol):
    """A state held under its lock, by one thread. The only way to change it is to append events.

    When an event cannot be made durable, or the lock is lost, the session has failed: it goes on in memory, touches the journal and the
    snapshot no more, and what it then knows is to be saved with `salvage`.
    """

    @property
    def state(self) -> State:
        """The fold of all events appended so far. Read it, never change it."""
        ...

    @property
    def failed(self) -> bool:
        """Whether events from now on are kept in memory only. Never goes back to false."""
        ...

    @property
    def intents_ahead(self) -> int:
        """How many submissions are worth intending with one `append`, where each append has its price. 1 where it is cheap."""
        ...

    def confirm(self) -> None:
        """Check that the state is still ours; call it right before each paid request.

        Cheap: a few system calls; a shared state is asked over the network once in a few seconds.

        Raises:
            LockLostError: `force-unlock` took the lock away, or the lock, the journal or the snapshot was replaced or edited.
            StateError: the session has failed before.
        """
        ...

    def append(self, events: Sequence[Event], *, sync: bool = True) -> None:
        """Append to the journal and fold into `state`. With `sync` all of it, and everything before it, is durable on return.

        Where the state is shared, durable means that it is in the store for an intent, and for whatever else is followed by an act that
        cannot be taken back. What tells of such an act afterwards may follow within two seconds, or with the next of the former kind.

        Raises:
            StateError: it could not be made durable; nothing more may be submitted. `state` has the events all the same. Said once:
                later events are folded in memory without a word.
        """
        ...

    def save(self) -> None:
        """Write the snapshot, so that the next command starts quickly. The journal alone already holds everything.

        Does nothing when the session has failed.
        """
        ...

    def salvage(self, folders: Sequence[Path]) -> Path | None:
        """Write the state, with the events that may be missing in the journal, into the first folder that takes it; durable on return.

        `mpsjobs state push` puts it back. Returns the new file, None when no folder took it: then print `errored_document`.
        """
        ...

    def errored_document(self) -> str:
        """What `salvage` writes."""
        ...

    def close(self) -> None:
        """Save, and release the lock."""
        ...


class StateStore(Protocol):
    """Where state lives."""

    def read(self) -> State:
        """The state as it is now, without the lock; a fresh one with serial 0 when there has never been any.

        Raises:
            StateError: it is there but cannot be trusted. Never mistaken for "no state".
        """
        ...

    def open(self, operation: str, *, lock_timeout_s: float) -> StateSession:
        """Take the lock, mend what a crash left, read, and make sure that there is a way to write.

        Raises:
            LockHeldError: somebody else holds it for longer than the time-out.
            StateError: see `read`; or the state cannot be written.
        """
        ...
