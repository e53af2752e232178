"""JSON Schemas (draft 2020-12) of settings and specs, for editors, from the models that validate them.

A schema sees values where the reader sees source text, so it is the more lenient of the two: a text may be written as a number, `${…}`
may stand for whatever it will come to, and what the catalogue merely doubts is a suggestion. What it refuses, mpsjobs refuses too.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from mpsjobs.spec import fields
from mpsjobs.spec.catalogue import Catalogue
from mpsjobs.spec.documents import AssetSpec, ImportSpec, ReferenceSpec, SpecFile, Written
from mpsjobs.spec.section import Section
from mpsjobs.spec.settings_file import SettingsFile

Schema: TypeAlias = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EXPRESSION: Schema = {"type": "string", "pattern": r"\$\{"}
_TEXT: Schema = {"type": ["string", "number", "boolean"]}
_SEGMENT = r"[^\s.:/\\{}\[\]()*?!#$%&|<>=+,;@'\x22`~^]+"
_ADDRESS = rf"^{_SEGMENT}(\.{_SEGMENT})*$|\$\{{"
"""Segments of letters of any script, digits, `_` and `-`: not every dialect of patterns can name letters, so what is none is left out."""
_TYPES: dict[Any, Schema] = {
    str: _TEXT,
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Any: {},
}

# What the validators of `fields` check in Python, as far as a pattern can say it.
_PATTERNS: tuple[tuple[Any, Schema], ...] = (
    (fields.Word, {"pattern": r"\S"}),
    (fields.Name, {"pattern": r"^[^\s.:/\\]{1,64}$", "examples": ["aurora"]}),
    (
        fields.Bucket,
        {"pattern": r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?-[0-9]{5,20}$", "examples": ["aurora-1250000000"]},
    ),
    (fields.Region, {"pattern": "^[a-z0-9-]+$", "examples": ["ap-guangzhou", "ap-singapore"]}),
    (fields.RoleArn, {"pattern": r"^qcs::cam::uin/[0-9]+:role(Name)?/\S+$"}),
    (fields.Prefix, {"pattern": r"^(?!.*(^|/)\.\.?(/|$))[^\\]*$", "examples": ["audio"]}),
    (fields.ProjectPath, {"pattern": r"^(?![/~]|[A-Za-z]:)(?!.*(^|/)\.\.(/|$))[^\\]+$"}),
    (fields.Endpoint, {"pattern": r"^(https?://)?[^\s/?#@]+/?$", "examples": ["http://127.0.0.1:9000"]}),
    (fields.WebUrl, {"pattern": r"^https?://\S+$", "examples": ["https://example.com/hum.wav"]}),
    (fields.Amount, {"pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?$", "minimum": 0, "examples": [0.035]}),
    (fields.Currency, {"pattern": "^[A-Z]{3}$", "examples": ["USD"]}),
    (fields.Seconds, {"pattern": r"\.\.", "examples": ["30s..90s", "..2s"]}),
    (fields.Loudness, {"pattern": r"\.\.", "examples": ["-18..-14 LUFS"]}),
    (fields.LoudnessRange, {"pattern": r"\.\.", "examples": ["..12 LU"]}),
    (fields.TruePeak, {"pattern": r"\.\.", "examples": ["..-1 dBTP"]}),
    (fields.LoudnessLevel, {"pattern": r"^[+-]?[0-9.]+( *LUFS)?$", "examples": ["-16 LUFS"]}),
    (fields.PeakLevel, {"pattern": r"^[+-]?[0-9.]+( *dBTP)?$", "examples": ["-1 dBTP"]}),
    (fields.Duration, {"pattern": r"^[0-9]+(\.[0-9]+)?[smh]$", "examples": ["90s", "15m", "2h"]}),
)
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_EXAMPLES: dict[str, list[Any]] = {
    "prompt": ["Warm orchestral main theme, 92 bpm, hopeful", {"file": "prompts/boss.md"}],
    "lyrics": ["The road is long, the night is kind", {"file": "lyrics/credits.txt"}],
    "tags": [["battle", "loud"]],
    "takes": [3],
    "required_version": [">=0.1,<1"],
    "specs": [["specs/**/*.yaml"]],
}


class File(StrEnum):
    """The two kinds of files that have a schema."""

    SPEC = "spec"
    SETTINGS = "settings"


def json_schema(file: File, catalogue: Catalogue) -> Schema:
    """The schema of a kind of file, with the models, versions, parameters and formats of a catalogue."""
    model: type[Written] = SpecFile if file is File.SPEC else SettingsFile
    what = "A spec file of mpsjobs" if file is File.SPEC else "mpsjobs.yaml: the settings of a project"
    schemas = _Schemas(catalogue)
    root = schemas.of_model(model)
    if model is SettingsFile:
        root["required"] = ["project"]
    return {
        "$schema": DIALECT,
        "title": what,
        **root,
        "type": ["object", "null"] if model is SpecFile else "object",
        "$defs": dict(sorted(schemas.definitions.items())),
    }


class _Schemas:
    """Definitions as they are asked for, each once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.definitions: dict[str, Schema] = {}

    def reference(self, model: type[Written]) -> Schema:
        if model.__name__ not in self.definitions:
            self.definitions[model.__name__] = {}  # a model may hold itself
            self.definitions[model.__name__] = self.of_model(model)
        return {"$ref": f"#/$defs/{model.__name__}"}

    def of_model(self, model: type[Written]) -> Schema:
        hints = get_type_hints(model, include_extras=True)
        required = [field.alias or name for name, field in model.model_fields.items() if field.is_required()]
        properties = {
            field.alias or name: self.of_field(model, name, hints[name], field)
            for name, field in model.model_fields.items()
        }
        schema: Schema = {
            "type": "object",
            "description": (model.__doc__ or "").strip().split("\n")[0],
            "properties": properties,
            "patternProperties": {"^<<$": {}},
            "additionalProperties": self.of_others(model, hints.get("__pydantic_extra__")),
        }
        if required:
            schema["required"] = required
        if issubclass(model, ReferenceSpec | ImportSpec):  # these name exactly one thing
            schema["oneOf"] = [
                {"required": [name], "properties": {name: {"not": {"type": "null"}}}}
                for name in properties
                if name not in required
            ]
        return schema

    def of_others(self, model: type[Written], hint: Any) -> Schema | Literal[False]:
        """What keys may hold that the model does not name; `hint` is the type of all of them, None where there are none."""
        if hint is None:
            return False
        schema = self.of_type(get_args(hint)[1])
        return _any_of(schema, {"type": "null"}) if issubclass(model, Section) else schema

    def of_field(self, model: type[Written], name: str, hint: Any, field: FieldInfo) -> Schema:
        schema = self.of_type(Annotated[hint, *field.metadata] if field.metadata else hint)
        if model is SpecFile and name == "assets":
            schema = _map_values(schema, lambda asset: _any_of(_TEXT, asset, {"type": "null"}))
            schema = _mapped(schema, {"object"}, {"propertyNames": {"pattern": f"{_ADDRESS}|^<<$"}})
        if model is SpecFile and name == "group":
            schema = _any_of({**_TEXT, "pattern": _ADDRESS}, {"type": "null"})
        if issubclass(model, AssetSpec):
            schema = self.from_catalogue(name, schema)
        if issubclass(model, Section) and not field.is_required():
            schema = _any_of(schema, {"type": "null"})
        described = {**schema, "description": field.description} if field.description else dict(schema)
        if name in _EXAMPLES:
            described["examples"] = _EXAMPLES[name]
        if (
            not field.is_required()
            and isinstance(field.default, str | int | float | bool)
            and field.default != ""
        ):
            described["default"] = field.default
        return described

    def from_catalogue(self, name: str, schema: Schema) -> Schema:
        """What is known is offered, and refused only where mpsjobs refuses the rest."""
        catalogue = self.catalogue
        models = catalogue.models.values()
        offered = {
            "model": [each for model in models for each in (model.name, *model.aliases)],
            "version": list(dict.fromkeys(each for model in models for each in model.versions)),
            "scene": [*catalogue.scenes],
        }
        parameters = {"extra_parameters": self.extra, "additional_parameters": self.additional}
        if name == "format":
            return _any_of({"enum": list(catalogue.formats)}, _EXPRESSION, {"type": "null"})
        if name in offered:
            return _any_of({"enum": offered[name]}, schema)
        return _offering(schema, parameters[name]()) if name in parameters else schema

    def extra(self) -> dict[str, Schema]:
        return {
            key: {"description": f"{each.type}."} for key, each in self.catalogue.extra_parameters.items()
        }

    def additional(self) -> dict[str, Schema]:
        takers: dict[str, list[str]] = {}
        for model in self.catalogue.models.values():
            for key, each in model.parameters.items():
                of = f"{model.name} {', '.join(each.versions)}".rstrip()
                takers.setdefault(key, []).append(f"{of}: {each.type}")
        return {key: {"description": "; ".join(each) + "."} for key, each in sorted(takers.items())}

    def of_type(self, hint: Any) -> Schema:  # noqa: PLR0911  # one for each kind of annotation
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self.of_annotated(arguments[0], arguments[1:])
        if origin in {Union, UnionType}:
            return _any_of(*(self.of_type(each) for each in arguments))
        if hint is NoneType or hint is None:
            return {"type": "null"}
        if origin is Literal:
            return _any_of({"enum": list(arguments)}, _EXPRESSION)
        if origin is list:
            return _any_of({"type": "array", "items": self.of_type(arguments[0])}, _EXPRESSION)
        if origin is dict:
            return _any_of(
                {"type": "object", "additionalProperties": self.of_type(arguments[1])}, _EXPRESSION
            )
        if isinstance(hint, type) and issubclass(hint, Written):
            return self.reference(hint)
        schema = dict(_TYPES[hint])
        return _any_of(schema, _EXPRESSION) if hint in {int, float, bool} else schema

    def of_annotated(self, inner: Any, metadata: tuple[Any, ...]) -> Schema:
        for alias, pattern in _PATTERNS:
            if get_args(alias)[1] in metadata:
                return _any_of({**_TEXT, **pattern}, *([] if alias is fields.Word else [_EXPRESSION]))
        schema = self.of_type(inner)
        for each in metadata:
            if isinstance(each, BeforeValidator):
                schema = _any_of(schema, *_short_forms(each.func, schema))
            for constraint in each.metadata if isinstance(each, FieldInfo) else [each]:
                schema = _bounded(schema, constraint)
        return schema


def _short_forms(validator: Callable[..., Any], schema: Schema) -> Iterator[Schema]:
    """What a validator makes a mapping or a list of: found by asking it."""
    if _asked(validator, ["x"]) == ["x"] and _asked(validator, "x") == ["x"]:  # one for a list of one
        yield from (each["items"] for each in schema.get("anyOf", [schema]) if "items" in each)
    if isinstance(_asked(validator, "x"), dict):
        yield _TEXT
    if isinstance(_asked(validator, ["x"]), dict):
        yield {"type": "array"}
    if isinstance(_asked(validator, None), dict):
        yield {"type": "null"}


def _asked(validator: Callable[..., Any], value: Any) -> Any:
    try:
        return validator(value)
    except Exception:  # noqa: BLE001  # a validator that refuses takes no short form
        return value


def _bounded(schema: Schema, constraint: Any) -> Schema:
    if (least := getattr(constraint, "min_length", None)) is not None:
        return _mapped(schema, {"array"}, {"minItems": least})
    bounds = {key: getattr(constraint, name) for name, key in _BOUNDS.items() if hasattr(constraint, name)}
    return _mapped(schema, {"integer", "number"}, bounds)


def _mapped(schema: Schema, kinds: set[str], more: Schema) -> Schema:
    if "anyOf" in schema:
        return {**schema, "anyOf": [_mapped(each, kinds, more) for each in schema["anyOf"]]}
    return {**schema, **more} if schema.get("type") in tuple(kinds) else schema


def _map_values(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    if "anyOf" in schema:
        return {**schema, "anyOf": [_map_values(each, change) for each in schema["anyOf"]]}
    if "additionalProperties" in schema:
        return {**schema, "additionalProperties": change(schema["additionalProperties"])}
    return schema


def _offering(schema: Schema, properties: dict[str, Schema]) -> Schema:
    return {
        "anyOf": [
            {**each, "properties": properties} if each.get("type") == "object" else each
            for each in schema["anyOf"]
        ]
    }


def _any_of(*schemas: Schema) -> Schema:
    """The alternatives, each once; none of them is itself a choice."""
    flat = [inner for each in schemas for inner in each.get("anyOf", [each])]
    once = [each for index, each in enumerate(flat) if each not in flat[:index]]
    if {} in once:
        return {}
    return once[0] if len(once) == 1 else {"anyOf": once}
