"""Defaults, presets and what an asset says itself, laid over each other; every field remembers where it was written.

The rules: the settings' defaults, then the file's, then the presets in their order, then the asset. A later value replaces an earlier one; `extra_parameters`,
`additional_parameters`, `store`, `expect` and `master` are merged key by key; lists are replaced. `null` takes back what was inherited. Setting `model`
drops an inherited version, `extra_parameters` and `additional_parameters`, which were meant for another model; `lyrics` and
`instrumental` are said in our own words and stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from mpsjobs.model.diagnostics import Position
from mpsjobs.spec.documents import AssetSpec
from mpsjobs.spec.mistakes import Path, locate
from mpsjobs.spec.yaml import position

OF_THE_MODEL = ("version", "extra_parameters", "additional_parameters")
_MERGED = frozenset({"extra_parameters", "additional_parameters", "store", "expect", "master"})


@dataclass(frozen=True, slots=True)
class Layer:
    """A place where fields of assets are written: `node` is the mapping as read, with its values filled in. `title` is for people."""

    spec: AssetSpec
    node: Any
    file: str
    whole: Position
    title: str = ""

    def at(self, *path: str | int, key: bool = False) -> Position:
        """Where a value of this layer (or its key) is written."""
        mark = locate(self.node, path, key=key)
        return position(mark, self.file) if mark else self.whole


class Said(NamedTuple):
    """A value, and where it was said."""

    value: Any
    layer: Layer
    path: Path

    def at(self) -> Position:
        return self.layer.at(*self.path)

    def key(self) -> Position:
        return self.layer.at(*self.path, key=True)


Fields: TypeAlias = dict[str, Any]
"""`Said` by name of the field; for the fields that are merged, `Said` by their own keys."""


def overlay(base: Mapping[str, Any], layer: Layer) -> Fields:
    """The fields of `base`, with those of the layer laid over them."""
    merged = dict(base)
    given = layer.spec.model_fields_set
    if "model" in given:
        for name in OF_THE_MODEL:
            merged.pop(name, None)
    for name in given:
        value = getattr(layer.spec, name)
        if value is None:
            merged.pop(name, None)
        elif name in _MERGED:
            merged[name] = _merged(merged.get(name, {}), value, layer, name)
        else:
            merged[name] = Said(value, layer, (name,))
    return merged


def _merged(base: Mapping[str, Said], value: Any, layer: Layer, name: str) -> dict[str, Said]:
    items = value if isinstance(value, dict) else {key: getattr(value, key) for key in value.model_fields_set}
    merged = {**base, **{key: Said(item, layer, (name, key)) for key, item in items.items()}}
    return {key: said for key, said in merged.items() if said.value is not None}
