"""The order of keys, which is that of the models in `documents` and `settings_file`, and where in a file it holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, get_args, get_origin

from mpsjobs.spec.documents import SpecFile, Written
from mpsjobs.spec.settings_file import SettingsFile

_FIRST = ("<<", "preset", "matrix", "for_each", "address")
"""What an asset takes over, and what makes many of it, before what it says itself."""


@dataclass(frozen=True, slots=True)
class Named:
    """A mapping from names of a person's choice to values of one shape. Its order is never changed."""

    values: "Shape"


Shape: TypeAlias = "type[Written] | Named | None"
"""What a mapping may hold. None: the keys are free, and stay in their order."""

SPEC: Shape = SpecFile
SETTINGS: Shape = SettingsFile


def rank(shape: Shape, key: str) -> int:
    """Where a key stands among its neighbours; equal ranks keep their order."""
    if isinstance(shape, Named) or shape is None:
        return 0
    return _ranks(shape).get(key, len(shape.model_fields))


def below(shape: Shape, key: str) -> Shape:
    """The shape of what stands under a key, or of the items of the list there."""
    if shape is None or isinstance(shape, Named):
        return shape.values if shape else None
    return _fields(shape).get(key)


@cache
def _ranks(model: type[Written]) -> dict[str, int]:
    ranks = {field.alias or name: index for index, (name, field) in enumerate(model.model_fields.items())}
    return {
        **ranks,
        **{key: index - len(_FIRST) for index, key in enumerate(_FIRST) if key in ranks or key == "<<"},
    }


@cache
def _fields(model: type[Written]) -> dict[str, Shape]:
    return {
        field.alias or name: next(_shapes(field.annotation), None)
        for name, field in model.model_fields.items()
    }


def _shapes(annotation: Any) -> Iterator[Shape]:
    """The models inside of an annotation. A list and its single item have the same shape."""
    if isinstance(annotation, type) and issubclass(annotation, Written):
        yield annotation
    elif get_origin(annotation) is dict:
        yield Named(next(_shapes(get_args(annotation)[1]), None))
    else:
        for inner in get_args(annotation):
            yield from _shapes(inner)
