"""Events as journal lines, the state as a snapshot: bytes out, checked values in.

A journal line is one JSON object; its last member `sum` is the checksum of the object without it::

    {"seq":7,"at":"2026-11-22T20:00:00.000Z","type":"TaskSubmitted","durable":6,…,"sum":"0011223344556677"}

`durable` says up to which number everything was safely on disk when the line was written. So a damaged line that a later line calls
durable is a loss, and any other is the torn end of a crash.
"""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, get_args

import orjson

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import Event, OutputsRecorded
from mpsjobs.model.state import AssetRecord, Output, Pool, Refusal, RetiredRecord, State, Take
from mpsjobs.state.shape import Shape, ShapeError, read_map

VERSION: Final = 1
"""Of both formats. Raise it whenever an older mpsjobs could misread the new form."""

_OUTPUT = Shape(Output)
_POOL = Shape(Pool, {"takes": Shape(Take, {"outputs": _OUTPUT}), "refused": Shape(Refusal)})
_ASSET = Shape(AssetRecord)
_RETIRED = Shape(RetiredRecord)
_EVENTS: Mapping[str, Shape[Any]] = {
    cls.__name__: Shape(cls, {"outputs": _OUTPUT} if cls is OutputsRecorded else None)
    for cls in get_args(Event)
}

_SUM_HEAD = b',"sum":"'
_SUM_SIZE = len(_SUM_HEAD) + 16 + len(b'"}')


class DamagedLineError(Exception):
    """A journal line that does not check out."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a journal: whose history it is, and the number of the last event that is *not* in it."""

    lineage: str
    base: int


@dataclass(frozen=True, slots=True)
class Line:
    """An event as it stands in the journal."""

    seq: int
    durable: int
    event: Event


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state as it was saved. `offset`: where in the journal the line with its serial begins; a hint, to be verified."""

    state: State
    offset: int


# --- journal lines -----------------------------------------------------------------------------------------------------------------


def encode_header(header: Header) -> bytes:
    return _sealed({"type": "journal", "version": VERSION, "lineage": header.lineage, "base": header.base})


def decode_header(line: bytes) -> Header:
    """Read the first line of a journal, without its newline.

    Raises:
        DamagedLineError: it does not check out.
        StateError: a newer mpsjobs wrote it.
    """
    found = _unsealed(line)
    match found:
        case {"type": "journal", "version": int(version)} if version > VERSION:
            raise newer_version("journal", version)
        case {"type": "journal", "version": 1, "lineage": str(lineage), "base": int(base)} if len(found) == 4:
            return Header(lineage, base)
        case _:
            raise DamagedLineError("it is not the head of a journal")


def encode_line(line: Line) -> bytes:
    """One line with its newline."""
    body = _EVENTS[type(line.event).__name__].write(line.event)
    head = {
        "seq": line.seq,
        "at": body.pop("at"),
        "type": type(line.event).__name__,
        "durable": line.durable,
    }
    return _sealed(head | body)


def decode_line(line: bytes) -> Line:
    """Read a line, without its newline.

    Raises:
        DamagedLineError: it does not check out.
        StateError: it checks out, but says what this version cannot understand.
    """
    found = _unsealed(line)
    seq, durable, kind = (found.pop(key, None) for key in ("seq", "durable", "type"))
    if type(seq) is not int or type(durable) is not int or not isinstance(kind, str) or kind not in _EVENTS:
        raise _not_understood(f"event {seq} of the type {kind}")
    try:
        return Line(seq, durable, _EVENTS[kind].read(found))
    except ShapeError as error:
        raise _not_understood(f"event {seq}, {kind}{error.inside('')}") from None


def _sealed(value: Mapping[str, Any]) -> bytes:
    payload = orjson.dumps(value, default=_plain)
    return payload[:-1] + _SUM_HEAD + _checksum(payload) + b'"}\n'


def _unsealed(line: bytes) -> dict[str, Any]:
    head, tail = line[:-_SUM_SIZE], line[-_SUM_SIZE:]
    payload = head + b"}"
    if (
        not tail.startswith(_SUM_HEAD)
        or tail[len(_SUM_HEAD) : -2] != _checksum(payload)
        or tail[-2:] != b'"}'
    ):
        raise DamagedLineError("its checksum is wrong")
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise DamagedLineError("it is not JSON") from error
    if not isinstance(value, dict):
        raise DamagedLineError("it is not an object")
    return value


def _checksum(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=8).hexdigest().encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


# --- snapshots -----------------------------------------------------------------------------------------------------------------------


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Sorted, one field a line, unset fields as null, a newline at the end. The same state gives the same bytes."""
    state = snapshot.state
    document = {
        "version": VERSION,
        "serial": state.serial,
        "lineage": state.lineage,
        "commit": state.commit,
        "journal_offset": snapshot.offset,
        "assets": {address: _ASSET.write(record) for address, record in state.assets.items()},
        "takes": {fingerprint: _POOL.write(pool) for fingerprint, pool in state.pools.items()},
        "retired": {address: _RETIRED.write(record) for address, record in state.retired.items()},
    }
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(document, default=_plain, option=options)


def decode_snapshot(data: bytes) -> Snapshot:
    """Read a snapshot.

    Raises:
        ShapeError: it is not one; the text says why.
        StateError: a newer mpsjobs wrote it.
    """
    if not data or data.isspace():
        raise ShapeError("it is empty")
    with _no_garbage_collection():
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            if any(data.startswith(mark) or b"\n" + mark in data for mark in (b"<<<<<<<", b">>>>>>>")):
                raise ShapeError("it holds the marks of a merge conflict") from None
            raise ShapeError(f"it is not whole JSON: {error}") from None
        return _snapshot(document)


def _snapshot(document: Any) -> Snapshot:
    if not isinstance(document, dict) or type(document.get("version")) is not int:
        raise ShapeError("it is not a state: it has no `version`")
    if document["version"] > VERSION:
        raise newer_version("state", document["version"])
    match document:
        case {
            "serial": int(serial),
            "lineage": str(lineage),
            "commit": (None | str()) as commit,
            "journal_offset": int(offset),
            "assets": assets,
            "takes": takes,
            "retired": retired,
        } if serial >= 0 and offset >= 0:
            pass
        case _:
            raise ShapeError(
                "serial, lineage, commit, journal_offset, assets, takes or retired is missing or wrong"
            )
    sections: dict[str, dict[str, Any]] = {}
    for name, value, shape in (
        ("assets", assets, _ASSET),
        ("takes", takes, _POOL),
        ("retired", retired, _RETIRED),
    ):
        try:
            sections[name] = read_map(value, shape.read)
        except ShapeError as error:
            raise error.inside(name) from None
    state = State(lineage, serial, commit, sections["assets"], sections["takes"], sections["retired"])
    return Snapshot(state, offset)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Nothing that is read here is garbage, but making a hundred thousand objects sets the collector off again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def asset_document(state: State, address: str) -> dict[str, Any]:
    """The record of an address with the pool that it points at, as they stand in a snapshot."""
    record = state.assets[address]
    return {"address": address} | _ASSET.write(record) | _POOL.write(state.pool(record.fingerprint))


# --- messages ------------------------------------------------------------------------------------------------------------------------


def newer_version(what: str, version: int) -> StateError:
    return StateError.of(
        f"The {what} was written by a newer mpsjobs",
        detail=f"It has version {version}; this mpsjobs reads version {VERSION}.",
        hint="Install the newer mpsjobs.",
    )


def _not_understood(what: str) -> StateError:
    return StateError.of(
        "The journal says something that this mpsjobs does not understand",
        detail=f"{what[:1].upper()}{what[1:]}. Its checksum is right, so a newer mpsjobs wrote it.",
        hint="Install the newer mpsjobs.",
    )
