"""Events as journal lines: bytes out, checked values in. And the shapes of what a state is made of.

A journal line is one JSON object; its last member `sum` is the checksum of the object without it::

    {"seq":7,"at":"2026-11-22T20:00:00.000Z","type":"TaskSubmitted","durable":6,…,"sum":"0011223344556677"}

`durable` says up to which number everything was safely on disk when the line was written. So a damaged line that a later line calls
durable is a loss, and any other is the torn end of a crash.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, get_args

import orjson

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import Event
from mpsjobs.model.measures import Measures
from mpsjobs.model.state import (
    AssetRecord,
    Input,
    Master,
    Output,
    Pool,
    Published,
    Refusal,
    RetiredRecord,
    State,
    Superseded,
    Take,
)
from mpsjobs.state.shape import Shape, ShapeError

VERSION: Final = 1
"""Of journals and snapshots. Raise it whenever an older mpsjobs could misread the new form.

A newer mpsjobs reads the lines of an older journal as they are (a new field needs a default); for snapshots see `snapshot.UPGRADES`.
"""

OUTPUT = Shape(Output, {"measures": Shape(Measures)})
_PARTS: Mapping[str, Shape[Any]] = {
    "outputs": OUTPUT,
    "inputs": Shape(Input),
    "masters": Shape(Master, {"outputs": OUTPUT}),
    "published": Shape(Published),
}
_OF_TAKES = {part: _PARTS[part] for part in ("outputs", "inputs", "masters")}
POOL = Shape(Pool, {"takes": Shape(Take, _OF_TAKES), "refused": Shape(Refusal)})
ASSET = Shape(AssetRecord, {"published": _PARTS["published"]})
RETIRED = Shape(RetiredRecord)
SUPERSEDED = Shape(Superseded)
_EVENTS: Mapping[str, Shape[Any]] = {
    cls.__name__: Shape(cls, {part: _PARTS[part] for part in _PARTS if part in cls.__dataclass_fields__})
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
        case {"type": "journal", "version": int(version), "lineage": str(lineage), "base": int(base)} if (
            version >= 1 and len(found) == 4
        ):
            return Header(lineage, base)
        case _:
            raise DamagedLineError("it is not the head of a journal")


def encode_line(line: Line) -> bytes:
    """One line with its newline."""
    return _sealed(line_document(line))


def line_document(line: Line) -> dict[str, Any]:
    """A line as a JSON object, without its checksum."""
    body = _EVENTS[type(line.event).__name__].write(line.event)
    head = {
        "seq": line.seq,
        "at": body.pop("at"),
        "type": type(line.event).__name__,
        "durable": line.durable,
    }
    return head | body


def decode_line(line: bytes) -> Line:
    """Read a line, without its newline.

    Raises:
        DamagedLineError: it does not check out.
        StateError: it checks out, but says what this version cannot understand.
    """
    return line_of(_unsealed(line))


def line_of(found: dict[str, Any]) -> Line:
    """The line that a JSON object without a checksum says. The object is used up.

    Raises:
        StateError: it says what this version cannot understand.
    """
    seq, durable, kind = (found.pop(key, None) for key in ("seq", "durable", "type"))
    if type(seq) is not int or type(durable) is not int or not isinstance(kind, str) or kind not in _EVENTS:
        raise _not_understood(f"event {seq} of the type {kind}")
    try:
        return Line(seq, durable, _EVENTS[kind].read(found))
    except ShapeError as error:
        raise _not_understood(f"event {seq}, {kind}{error.inside('')}") from None


def _sealed(value: Mapping[str, Any]) -> bytes:
    payload = orjson.dumps(value, default=plain)
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


def plain(value: Any) -> Any:
    """A mapping of the model as orjson takes it."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def asset_document(state: State, address: str) -> dict[str, Any]:
    """The record of an address with the pool that it points at, as they stand in a snapshot."""
    record = state.assets[address]
    return {"address": address} | ASSET.write(record) | POOL.write(state.pool(record.fingerprint))


# --- messages ------------------------------------------------------------------------------------------------------------------------


def newer_version(what: str, version: int) -> StateError:
    return StateError.of(
        f"The {what} was written by a newer mpsjobs",
        detail=f"It has version {version}; this mpsjobs reads version {VERSION}.",
        hint="Install the newer mpsjobs.",
        code=Code.STATE_IS_NEWER,
    )


def _not_understood(what: str) -> StateError:
    return StateError.of(
        "The journal says something that this mpsjobs does not understand",
        detail=f"{what[:1].upper()}{what[1:]}. Its checksum is right, so a newer mpsjobs wrote it.",
        hint="Install the newer mpsjobs.",
        code=Code.STATE_IS_NEWER,
    )
