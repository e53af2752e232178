"""The state as a JSON document: the snapshot beside the journal, and what is saved elsewhere when the journal cannot be written.

Sorted, one field a line, unset fields as null, a newline at the end: the same state gives the same bytes. `checksum` is that of all other
bytes, so that a state which somebody edited is not taken for what happened.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import orjson

from mpsjobs.model.garbage import uncollected
from mpsjobs.model.state import State
from mpsjobs.state import codec
from mpsjobs.state.codec import (
    ASSET,
    POOL,
    RETIRED,
    SUPERSEDED,
    Line,
    line_document,
    line_of,
    newer_version,
    plain,
)
from mpsjobs.state.shape import ShapeError, read_map

UPGRADES: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Version → the same document in the next version. Every version below `codec.VERSION` has one."""

_OPTIONS: Final = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
_SUM_SIZE: Final = 32
_SUM_HEAD: Final = b'\n  "checksum": "'  # two spaces: only the outermost object is indented so
_CONFLICT: Final = (b"<<<<<<<", b">>>>>>>")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state as it was saved.

    `offset`: where in the journal the line with its serial begins; a hint, to be verified. `version`: in which form it was found.
    """

    state: State
    offset: int
    version: int = codec.VERSION


@dataclass(frozen=True, slots=True)
class Errored:
    """A state that could not be recorded. `lines` are the events that may be missing in its journal."""

    state: State
    lines: tuple[Line, ...]


def encode_snapshot(snapshot: Snapshot) -> bytes:
    return sealed(_document(snapshot.state, snapshot.offset))


def encode_errored(state: State, lines: Sequence[Line]) -> bytes:
    """A snapshot with the lines that are missing in the journal: nothing that a store would take for its own."""
    return sealed(_document(state, 0) | {"unrecorded": [line_document(line) for line in lines]})


def decode_snapshot(data: bytes) -> Snapshot:
    """Read a snapshot, of an older version too.

    Raises:
        ShapeError: it is not one; the text says why.
        StateError: a newer mpsjobs wrote it.
    """
    with uncollected():
        document = opened(data)
        if "unrecorded" in document:
            raise ShapeError(
                "it is a state that could not be recorded, to be put back with `mpsjobs state push`"
            )
        return _snapshot(document)


def decode_errored(data: bytes) -> Errored:
    """Read what `encode_errored` wrote.

    Raises:
        ShapeError: it is not that; the text says why.
        StateError: a newer mpsjobs wrote it.
    """
    with uncollected():
        document = opened(data)
        lines = document.get("unrecorded")
        if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
            raise ShapeError("it is no state that could not be recorded: it has no `unrecorded`")
        return Errored(_snapshot(document).state, tuple(line_of(line) for line in lines))


def is_errored(data: bytes) -> bool:
    """Whether this is, or was meant to be, what `encode_errored` writes. The content is not checked."""
    return b'"unrecorded"' in data


def sealed(document: Mapping[str, Any]) -> bytes:
    """The document's bytes with their checksum."""
    data = orjson.dumps({**document, "checksum": "0" * _SUM_SIZE}, default=plain, option=_OPTIONS)
    begin = data.index(_SUM_HEAD) + len(_SUM_HEAD)
    return data[:begin] + _checksum(data, begin) + data[begin + _SUM_SIZE :]


def _document(state: State, offset: int) -> dict[str, Any]:
    return {
        "version": codec.VERSION,
        "serial": state.serial,
        "lineage": state.lineage,
        "commit": state.commit,
        "journal_offset": offset,
        "assets": {address: ASSET.write(record) for address, record in state.assets.items()},
        "takes": {fingerprint: POOL.write(pool) for fingerprint, pool in state.pools.items()},
        "retired": {address: RETIRED.write(record) for address, record in state.retired.items()},
        "superseded": {place: SUPERSEDED.write(left) for place, left in state.superseded.items()},
    }


def opened(data: bytes) -> dict[str, Any]:
    """The document that `sealed` made, of a version that can be read, as it was written.

    Raises:
        ShapeError: it is not one; the text says why.
        StateError: a newer mpsjobs wrote it.
    """
    if not data or data.isspace():
        raise ShapeError("it is empty")
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if any(data.startswith(mark) or b"\n" + mark in data for mark in _CONFLICT):
            raise ShapeError("it holds the marks of a merge conflict") from None
        raise ShapeError(f"it is not whole JSON: {error}") from None
    if not isinstance(document, dict) or type(document.get("version")) is not int:
        raise ShapeError("it is not a state: it has no `version`")
    version = document["version"]
    if version > codec.VERSION:
        raise newer_version("state", version)
    if version != codec.VERSION and version not in UPGRADES:
        raise ShapeError(f"it says that it has version {version}, and no mpsjobs has ever written that one")
    begin = data.find(_SUM_HEAD) + len(_SUM_HEAD)
    if begin < len(_SUM_HEAD) or data[begin : begin + _SUM_SIZE] != _checksum(data, begin):
        raise ShapeError("its checksum is wrong: it was edited or damaged after mpsjobs wrote it")
    return document


def _snapshot(document: dict[str, Any]) -> Snapshot:
    found: int = document["version"]
    for version in range(found, codec.VERSION):
        document = UPGRADES[version](document)
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
        ("assets", assets, ASSET),
        ("takes", takes, POOL),
        ("retired", retired, RETIRED),
        ("superseded", document.get("superseded", {}), SUPERSEDED),
    ):
        try:
            sections[name] = read_map(value, shape.read)
        except ShapeError as error:
            raise error.inside(name) from None
    state = State(
        lineage,
        serial,
        commit,
        sections["assets"],
        sections["takes"],
        sections["retired"],
        sections["superseded"],
    )
    return Snapshot(state, offset, found)


def _checksum(data: bytes, begin: int) -> bytes:
    """Of everything but the checksum, which stands at `begin`."""
    whole = memoryview(data)
    digest = blake2b(whole[:begin], digest_size=_SUM_SIZE // 2)
    digest.update(whole[begin + _SUM_SIZE :])
    return digest.hexdigest().encode()
