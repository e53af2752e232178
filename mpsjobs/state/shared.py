"""The objects of a state that is kept in a bucket, by their names, and what a failure to reach them means.

Everything lies under the state's key::

    KEY.head                       which epoch was the last that anybody told of: a hint, for who reads without the lock
    KEY.heads/EPOCH.json           how far that epoch is: its snapshot, and whether its journal goes on after it
    KEY/SERIAL-EPOCH.json          a snapshot, never changed
    KEY.journal/EPOCH-SEQ.jsonl    events from number SEQ on, never changed
    KEY.lock, KEY.lock.alive/ID    who holds the state, and that this one still lives

An epoch is the time of one holder. Its number is in every name that it writes, so that nobody ever writes what another one has written,
however late a request of a former holder arrives. The numbers follow one another without a gap.

All of it but the lock may be encrypted (`mpsjobs.state.encryption`). Then a plain object is read only if it is of the time before.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Final, TypeVar

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError, StateError
from mpsjobs.model.ports import Clock, Condition, ObjectRef, ObjectStore
from mpsjobs.state import codec
from mpsjobs.state.codec import (
    DamagedLineError,
    Header,
    Line,
    decode_header,
    decode_line,
    encode_header,
    encode_line,
)
from mpsjobs.state.encryption import (
    Encryption,
    TamperedError,
    is_encrypted,
    key_needed,
    not_encrypted,
)
from mpsjobs.state.shape import Shape, ShapeError
from mpsjobs.state.snapshot import opened, sealed

JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
BYTES: Final = "application/octet-stream"
_PAUSES_S: Final = (0.5, 1.0, 2.0)
_FORBIDDEN: Final = frozenset({"403", "AccessDenied"})
_HOPELESS: Final = _FORBIDDEN | frozenset(
    {
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidBucketName",
        "InvalidToken",
        "NoSuchBucket",
        "PathStyleDomainForbidden",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
_EARLIER: Final = (
    "If the bucket keeps versions, bring the last good one back. Else go back to an earlier event with `mpsjobs state rollback`, then take "
    "in what was bought since with `mpsjobs state rebuild`."
)
_NEWER_KEY: Final = (
    "If the bucket keeps versions, bring the last good one back. Else give the state another name (`state.key`), and take in what was "
    "bought with `mpsjobs state rebuild`."
)
_HEADS: Final = ".heads/"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Head:
    """How far an epoch is.

    `begin` is the number of the last event before it, `base` of the last one that is not in the journal at all. `serial` is that of its
    snapshot, which `snapshot_epoch` wrote (0: there is none, the state is empty). `open`: events may follow the snapshot. `condition` is what the server at `server` was seen to honour.
    `holder` tells the session that wrote it from any other. `moved_to`: where the state lives since; nobody goes on from here. `plain_until`:
    the last epoch whose objects may be plain.
    """

    lineage: str
    epoch: int
    holder: str
    begin: int
    serial: int
    snapshot_epoch: int
    base: int
    open: bool
    condition: str | None
    server: str
    moved_to: str | None = None
    plain_until: int = 0


_HEAD = Shape(Head)
HINT: Final = ".head"


def head_name(epoch: int) -> str:
    return f"{_HEADS}{epoch:08d}.json"


def snapshot_name(serial: int, epoch: int) -> str:
    return f"/{serial:010d}-{epoch:08d}.json"


def segment_name(epoch: int, first: int) -> str:
    return f".journal/{epoch:08d}-{first:010d}.jsonl"


def encode_head(head: Head) -> bytes:
    return sealed({"version": codec.VERSION} | asdict(head))


def decode_head(data: bytes) -> Head:
    """Raises ShapeError or StateError, as `opened`."""
    document = opened(data)
    return _HEAD.read({name: document[name] for name in Head.__dataclass_fields__ if name in document})


def encode_segment(lineage: str, lines: list[Line]) -> bytes:
    """Lines that follow one another, as one object: a small journal of its own."""
    base = lines[0].seq - 1
    return b"".join(
        [encode_header(Header(lineage, base)), *(encode_line(replace(line, durable=base)) for line in lines)]
    )


def decode_segment(data: bytes, lineage: str, first: int) -> tuple[Line, ...]:
    """Raises ShapeError: it is not whole, or another one's; StateError: a newer mpsjobs wrote it."""
    head, *pieces = data.removesuffix(b"\n").split(b"\n")
    try:
        header = decode_header(head)
        lines = tuple(map(decode_line, pieces))
    except DamagedLineError as error:
        raise ShapeError(str(error)) from None
    if header != Header(lineage, first - 1) or [line.seq for line in lines] != list(
        range(first, first + len(lines))
    ):
        raise ShapeError("it belongs to another history, or to another place in it")
    return lines


class Shared:
    """The objects of one state. Thread-safe. `objects` sends each request once, so that what failed may be asked again here, or not at all.

    Every method that sends one raises StateError where the bucket cannot be asked. What is got and put is as it lies in the bucket.
    """

    def __init__(
        self,
        objects: Callable[[], ObjectStore],
        at: ObjectRef,
        clock: Clock,
        encryption: Encryption | None = None,
    ) -> None:
        self._objects = objects
        self.at = at
        self._clock = clock
        self.encryption = encryption

    @property
    def name(self) -> str:
        return f"{self.at.bucket}/{self.at.key}"

    def get(self, name: str) -> bytes | None:
        ref = self._ref(name)
        return self._again(lambda objects: objects.read(ref), "read")

    def get_once(self, name: str) -> bytes | None:
        """Without asking again: what it says was true after this was called."""
        ref = self._ref(name)
        return self._named(lambda objects: objects.read(ref), "read")

    def put(self, name: str, content: bytes, *, content_type: str = JSON) -> None:
        """Write an object, again when that failed: for what only this process ever writes."""
        ref = self._ref(name)
        kind = BYTES if is_encrypted(content) else content_type
        self._again(lambda objects: objects.put(ref, content, content_type=kind, metadata={}), "written")

    def put_once(self, name: str, content: bytes) -> None:
        """Write an object. When this returns, no request is on its way any more."""
        ref = self._ref(name)
        self._named(lambda objects: objects.put(ref, content, content_type=JSON, metadata={}), "written")

    def create_once(self, name: str, content: bytes, condition: Condition) -> bool:
        """Write an object where there is none. Whether the server says that it did; see `ObjectStore.create` for what that is worth."""
        ref = self._ref(name)
        made = self._named(
            lambda objects: objects.create(ref, content, condition=condition, content_type=JSON, metadata={}),
            "written",
        )
        return made is not None

    def age_s(self, name: str) -> float | None:
        ref = self._ref(name)
        return self._again(lambda objects: objects.age_s(ref), "read")

    def delete(self, name: str) -> None:
        ref = self._ref(name)
        self._named(lambda objects: objects.delete(ref), "written")

    def tried(self, trial: Callable[[], _T]) -> _T:
        """What something tells that writes trial objects below the key."""
        return self._named(lambda _: trial(), "written")

    def encrypted(self, name: str, content: bytes) -> bytes:
        """An object's content as it is to lie in the bucket. Raises StateError: there is no key."""
        if self.encryption is None or not self.encryption.writes:
            return content
        return self.encryption.encrypt(content, f"{self.at.key}{name}")

    def decrypted(self, name: str, data: bytes, *, plain_too: bool = False) -> bytes:
        """The content of an object that lies in the bucket like this. `plain_too`: it may be one of before encryption.

        Raises:
            StateError: it is not to be trusted, or cannot be read for want of a key.
        """
        if not is_encrypted(data):
            if self.encryption is None or self.encryption.reads_plain or plain_too:
                return data
            raise not_encrypted(f"{self.name}{name}")
        if self.encryption is None:
            raise key_needed(f"{self.name}{name}")
        try:
            return self.encryption.decrypt(data, f"{self.at.key}{name}")
        except TamperedError as error:
            raise self.damaged(name, str(error)) from None

    def is_current(self, data: bytes) -> bool:
        """Whether an object that lies in the bucket like this is plain, or encrypted with the key, as it would be written now."""
        return not is_encrypted(data) if self.encryption is None else self.encryption.is_current(data)

    def _ref(self, name: str) -> ObjectRef:
        return replace(self.at, key=f"{self.at.key}{name}")

    def _again(self, ask: Callable[[ObjectStore], _T], verb: str) -> _T:
        for pause in _PAUSES_S:
            try:
                return ask(self._objects())
            except CloudError as error:
                if error.code in _HOPELESS or error.diagnostics[0].code is not Code.STORE_FAILED:
                    raise self._failed(error, verb) from error
            self._clock.sleep(pause)
        return self._named(ask, verb)

    def _named(self, ask: Callable[[ObjectStore], _T], verb: str) -> _T:
        try:
            return ask(self._objects())
        except CloudError as error:
            raise self._failed(error, verb) from error

    def _failed(self, error: CloudError, verb: str) -> StateError:
        cause = error.diagnostics[0]
        why = f"{cause.summary.removesuffix('.')}. {cause.detail}".strip()
        hints = [cause.hint.replace("`store.", "`state.").replace("`store:`", "`state:`")]
        if verb == "read" and error.code in _FORBIDDEN:
            hints.append(
                "A server may refuse in this way to say that an object is not there: then the right to list the bucket is missing."
            )
        hints.append("The settings of the state are those under `state:`.")
        return StateError.of(
            f"The state in the bucket cannot be {verb}",
            detail=why,
            hint=" ".join(filter(None, hints)),
            code=Code.STATE_OUT_OF_REACH,
        )

    def damaged(self, name: str, why: str) -> StateError:
        return StateError.of(
            "An object of the state cannot be trusted",
            detail=f"{self.at.bucket}/{self.at.key}{name}: {why}. Nothing was changed.",
            hint=f"Nobody but mpsjobs may write below the state's key. {_NEWER_KEY if name.startswith(_HEADS) else _EARLIER}",
            code=Code.STATE_OBJECT_DAMAGED,
        )
