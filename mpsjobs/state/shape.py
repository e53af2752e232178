"""Frozen dataclasses as JSON objects, checked on the way in. Made for speed: ten thousand assets are read in a blink."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from operator import attrgetter, itemgetter
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin

T = TypeVar("T")

# What JSON may hold where the annotation says so.
_PLAIN: Mapping[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    bool: (bool,),
    float: (float, int),
    NoneType: (NoneType,),
}


class ShapeError(ValueError):
    """A JSON value does not have the expected form. The text says where, from the outside in."""

    def inside(self, key: str | int) -> "ShapeError":
        """The same mistake, seen from one level further out."""
        inner = str(self)
        step = f"[{key}]" if isinstance(key, int) else f".{key}"
        return ShapeError(f"{step}{inner}" if inner.startswith((".", "[")) else f"{step}: {inner}")


class Shape(Generic[T]):
    """How one dataclass looks as a JSON object: every field by its name, unset ones as null.

    Reading is strict: a missing field (unless it has a default), an unknown one, or a wrong type is a ShapeError. `nested` names
    the shape of a field that is a dataclass, of the elements of a tuple field, or of the values of a mapping field.
    """

    def __init__(self, cls: type[T], nested: Mapping[str, "Shape[Any]"] | None = None) -> None:
        self._cls = cls
        self._known: set[tuple[type, ...]] = set()
        declared = fields(cls)  # type: ignore[arg-type]
        hints: dict[str, Any] = {field.name: field.type for field in declared}
        self._names = tuple(field.name for field in declared)
        self._allowed = tuple(_allowed(hints[name]) for name in self._names)
        self._defaults: dict[str, Any] = {
            field.name: _json_default(field.default)
            for field in declared
            if not (field.default is MISSING and field.default_factory is MISSING)
        }
        nested = nested or {}
        self._readers: list[tuple[int, str, Callable[[Any], Any]]] = [
            (index, name, reader)
            for index, name in enumerate(self._names)
            if (reader := _reader(hints[name], nested.get(name))) is not None
        ]
        self._writers = {name: _writer(hints[name], nested[name]) for name in nested}
        self._sorted = tuple(sorted(self._names))
        self._get = attrgetter(*self._sorted)
        self._pick = itemgetter(*self._names)

    def read(self, value: Any) -> T:
        """Build the dataclass. Raises ShapeError."""
        if type(value) is not dict:
            raise ShapeError(f"an object is expected, not {_name(value)}")
        merged = {**self._defaults, **value} if len(value) != len(self._names) else value
        if len(merged) != len(self._names):
            raise self._odd_keys(merged)
        try:
            values = self._pick(merged)
        except KeyError:
            raise self._odd_keys(merged) from None
        kinds = tuple(map(type, values))
        if kinds not in self._known:
            self._check(values)
            self._known.add(kinds)
        if self._readers:
            values = list(values)
            for index, name, reader in self._readers:
                item = values[index]
                if item is not None:
                    try:
                        values[index] = reader(item)
                    except ShapeError as error:
                        raise error.inside(name) from None
        return self._cls(*values)

    def write(self, value: T) -> dict[str, Any]:
        """The JSON object, its keys in alphabetical order."""
        found = dict(zip(self._sorted, self._get(value), strict=True))
        for name, writer in self._writers.items():
            found[name] = writer(found[name])
        return found

    def _odd_keys(self, found: Mapping[str, Any]) -> ShapeError:
        missing = [name for name in self._names if name not in found]
        if missing:
            return ShapeError(f"`{missing[0]}` is missing")
        return ShapeError(f"`{next(key for key in found if key not in self._names)}` is not known here")

    def _check(self, values: Sequence[Any]) -> None:
        for name, value, allowed in zip(self._names, values, self._allowed, strict=True):
            if type(value) not in allowed:
                expected = " or ".join(_TYPE_NAMES[kind] for kind in allowed)
                raise ShapeError(f"{expected} is expected, not {_name(value)}").inside(name)


_TYPE_NAMES: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    float: "a number",
    NoneType: "null",
    dict: "an object",
    list: "a list",
}


def _name(value: Any) -> str:
    return _TYPE_NAMES.get(type(value), type(value).__name__)


def read_map(value: Any, reader: Callable[[Any], T]) -> dict[str, T]:
    """Read every value of a JSON object. Raises ShapeError."""
    if type(value) is not dict:
        raise ShapeError(f"an object is expected, not {_name(value)}")
    found = {}
    for key, item in value.items():
        try:
            found[key] = reader(item)
        except ShapeError as error:
            raise error.inside(key) from None
    return found


def _read_list(value: list[Any], reader: Callable[[Any], T]) -> tuple[T, ...]:
    found = []
    for index, item in enumerate(value):
        try:
            found.append(reader(item))
        except ShapeError as error:
            raise error.inside(index) from None
    return tuple(found)


def _read_object(value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise ShapeError(f"an object is expected, not {_name(value)}")
    return value


def _read_text(value: Any) -> str:
    if type(value) is not str:
        raise ShapeError(f"text is expected, not {_name(value)}")
    return value


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


def _allowed(hint: Any) -> tuple[type, ...]:
    kinds: list[type] = []
    for member in _members(hint):
        origin = get_origin(member)
        if member in _PLAIN:
            kinds += _PLAIN[member]
        elif isinstance(member, type) and issubclass(member, StrEnum):
            kinds.append(str)
        elif is_dataclass(member):
            kinds.append(dict)
        elif origin is tuple:
            kinds.append(list)
        elif origin is not None and issubclass(origin, Mapping):
            kinds.append(dict)
        else:
            raise TypeError(f"{hint} has no JSON form")
    return tuple(kinds)


def _reader(hint: Any, nested: Shape[Any] | None) -> Callable[[Any], Any] | None:
    for member in _members(hint):
        if get_origin(member) is tuple:
            element = nested.read if nested else _read_text if get_args(member)[0] is str else _read_object
            return lambda value: _read_list(value, element) if value else ()
        if nested is not None and is_dataclass(member):
            return nested.read
        if nested is not None and get_origin(member) is not None:
            return lambda value: read_map(value, nested.read) if value else {}
        if isinstance(member, type) and issubclass(member, StrEnum):
            return _enum_reader(member)
    return None


def _enum_reader(enum: type[StrEnum]) -> Callable[[str], StrEnum]:
    members = {member.value: member for member in enum}

    def read(value: str) -> StrEnum:
        member = members.get(value)
        if member is None:
            raise ShapeError(f"one of {', '.join(members)} is expected")
        return member

    return read


def _writer(hint: Any, nested: Shape[Any]) -> Callable[[Any], Any]:
    if any(is_dataclass(member) for member in _members(hint)):
        return lambda value: None if value is None else nested.write(value)
    if any(get_origin(member) is tuple for member in _members(hint)):
        return lambda value: None if value is None else [nested.write(item) for item in value]
    return lambda value: {key: nested.write(item) for key, item in value.items()}


def _json_default(default: Any) -> Any:
    """A default as it would stand in JSON. A factory makes an empty mapping: no other is used in the model."""
    if default is MISSING:
        return {}
    return list(default) if isinstance(default, tuple) else default
