"""An asset as its layers make it: each field with the place where it was said, for people who wonder."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel

from mpsjobs.model.asset import Json, masked
from mpsjobs.model.diagnostics import Position
from mpsjobs.spec.layers import Fields, Said
from mpsjobs.spec.scalars import to_json


class Described(NamedTuple):
    """A field. `path` is such as `store.prefix`; `said_by` is `asset`, `defaults` or `preset name`. Sensitive values are not shown."""

    path: str
    value: Json
    at: Position
    said_by: str


def described(fields: Fields) -> Iterator[Described]:
    """In the order of their names."""
    for name in sorted(fields):
        value = fields[name]
        if isinstance(value, Said):
            yield Described(name, _json(value.value), value.at(), value.layer.title)
        else:
            for key, said in sorted(value.items()):
                yield Described(f"{name}.{key}", _json(said.value), said.at(), said.layer.title)


def _json(value: Any) -> Json:
    if isinstance(value, BaseModel):
        return masked({name: getattr(value, name) for name in sorted(value.model_fields_set)})
    if isinstance(value, list):
        return [_json(item) for item in value]
    return masked(to_json(value))
