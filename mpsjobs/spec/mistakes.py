"""Validation with the user's words: pydantic finds what is wrong, this says where it is written and how to mend it.

Pydantic's own wording never reaches the user.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from mpsjobs.model.asset import Sensitive
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position
from mpsjobs.spec.documents import TAGS, Written
from mpsjobs.spec.suggest import closest, listed
from mpsjobs.spec.yaml import Map, Mark, Plain, Seq, position

T = TypeVar("T", bound=Written)
Path = tuple[str | int, ...]

# pydantic's type of error → what the value must be.
_WANTED = {
    "string_type": ("text", "Write a word or a text, in quotes if need be."),
    "int_type": ("a whole number", "Write digits, without quotes."),
    "int_from_float": ("a whole number", "Write digits, without quotes."),
    "float_type": ("a number", "Write digits, without quotes."),
    "bool_type": ("true or false", "Write `true` or `false`, without quotes."),
    "list_type": ("a list", "Write one item a line, each after `- `."),
    "dict_type": ("a mapping", "Write `key: value` lines, indented below it."),
    "model_type": ("a mapping", "Write `key: value` lines, indented below it."),
}

_KINDS: dict[type, str] = {str: "text in quotes", list: "a list", dict: "a mapping"}
_BOUNDS = {
    "greater_than_equal": ("ge", "small", "at least"),
    "greater_than": ("gt", "small", "greater than"),
    "less_than_equal": ("le", "large", "at most"),
    "less_than": ("lt", "large", "less than"),
}
_PLAIN = {
    "missing": ("is missing", "It has no default.", "Add `{name}:`.", Code.MISSING_KEY),
    "literal_error": (
        "has an unknown value",
        "It must be {expected}.",
        "Use one of these.",
        Code.UNKNOWN_VALUE,
    ),
    "enum": ("has an unknown value", "It must be {expected}.", "Use one of these.", Code.UNKNOWN_VALUE),
    "too_short": (
        "is empty",
        "At least one item is needed.",
        "Add one, or remove the key.",
        Code.EMPTY_VALUE,
    ),
}


@dataclass(frozen=True, slots=True)
class Checked(Generic[T]):
    """`value` is None only when nothing could be saved. `dropped` are the paths of what was wrong and is left out of `value`."""

    value: T | None
    diagnostics: tuple[Diagnostic, ...] = ()
    dropped: tuple[Path, ...] = ()


def check(
    kind: type[T], root: Any, file: str, *, name: str = "The file", whole: Position | None = None
) -> Checked[T]:
    """Validate a document, or as much of it as is right, so that later checks can go on with the rest.

    `name` is what a part of a document is called, and `whole` where it is written.
    """
    try:
        return Checked(kind.model_validate(root))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=True)
    whole = whole or Position(file)
    diagnostics = tuple(
        dict.fromkeys(_diagnostic(kind, detail, root, file, name, whole) for detail in details)
    )
    dropped = tuple({_field(detail, root) for detail in details})
    for path in dropped:
        root = _without(root, path)
    try:
        return Checked(kind.model_validate(root), diagnostics, dropped)
    except ValidationError:
        return Checked(None, diagnostics, dropped)


def locate(root: Any, path: Path, *, key: bool = False) -> Mark | None:
    """Where the value at the path (or its key) is written; of what is not there, the nearest thing around it."""
    found: Mark | None = getattr(root, "mark", None)
    for index, part in enumerate(path, start=1):
        if isinstance(root, Map) and part in root.places:
            found = root.places[str(part)][0 if key and index == len(path) else 1]
            root = root[str(part)]
        elif isinstance(root, Seq) and isinstance(part, int) and part < len(root.places):
            found, root = root.places[part], root[part]
        elif part in TAGS or part == 0:
            continue  # a choice of types, or the only item of a list that was not written as one
        else:
            break
    return found


def _diagnostic(
    kind: type[Written], error: ErrorDetails, root: Any, file: str, name: str, whole: Position
) -> Diagnostic:
    path = tuple(part for part in error["loc"] if part not in TAGS)
    unknown = error["type"] == "extra_forbidden"
    mark = locate(root, path, key=unknown)
    summary, detail, hint, code = _unknown_key(kind, path) if unknown else _bad_value(error, path, name)
    if isinstance(error["input"], Sensitive):
        detail = "Its value is sensitive, and not shown."
    return Diagnostic(summary, detail, hint, position=position(mark, file) if mark else whole, code=code)


def _unknown_key(kind: type[Written], path: Path) -> tuple[str, str, str, Code]:
    owner, key = _model_at(kind, path[:-1]), str(path[-1])
    if purpose := owner.LATER.get(key):
        return (
            f'"{key}" is not supported yet',
            f"This version of mpsjobs has no {purpose}; ignoring the key would give you something else than you asked for.",
            "Remove the key.",
            Code.NOT_SUPPORTED_YET,
        )
    if place := owner.ELSEWHERE.get(key):
        return (
            f'"{key}" cannot stand here',
            f"It belongs to {place}.",
            "Move it there, or remove it.",
            Code.KEY_MISPLACED,
        )
    known = [field.alias or name for name, field in owner.model_fields.items()]
    near = closest(key, known, cutoff=0.75)
    return (
        f'Unknown key "{key}"',
        f"Keys of {owner.TITLE}: {listed(known)}.",
        f'Did you mean "{near}"?' if near else owner.OTHERWISE,
        Code.UNKNOWN_KEY,
    )


def _bad_value(error: ErrorDetails, path: Path, whole: str) -> tuple[str, str, str, Code]:
    name = next((part for part in reversed(path) if isinstance(part, str)), whole)
    context = error.get("ctx", {})
    kind = error["type"]
    if kind == "mistake":
        return context["summary"].replace("{name}", name), context["detail"], context["hint"], context["code"]
    if kind in _BOUNDS:
        key, size, words = _BOUNDS[kind]
        return (
            f'"{name}" is too {size}',
            f"It must be {words} {context[key]:g}.",
            "Write another number.",
            Code.OUT_OF_RANGE,
        )
    if kind in _PLAIN:
        says, detail, hint, code = _PLAIN[kind]
        return f'"{name}" {says}', detail.format_map(context), hint.format(name=name), code
    wanted, hint = _WANTED.get(kind, ("something else", "Look at the documentation of this key."))
    what = f'"{name}"' if path else whole
    return f"{what} must be {wanted}", f"It is {_kind_of(error['input'])}.", hint, Code.WRONG_TYPE


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Plain):
        return f"`{value[:40]}`"
    if isinstance(value, int | float):
        return f"the number {value}"
    return next((name for kind, name in _KINDS.items() if isinstance(value, kind)), "empty")


def _model_at(kind: type[Written], path: Path) -> type[Written]:
    """The model whose keys stand at the path."""
    skip = False
    for part in path:
        field = None if skip else _field_of(kind, str(part))
        skip = False
        if field is not None and (inner := next(_models(field.annotation), None)):
            kind, skip = inner
        elif field is None and (inner := next(_models(kind.__annotations__.get("__pydantic_extra__")), None)):
            kind = inner[0]
    return kind


def _field_of(kind: type[Written], key: str) -> FieldInfo | None:
    return next(
        (field for name, field in kind.model_fields.items() if (field.alias or name) == key),
        None,
    )


def _models(annotation: Any, *, keyed: bool = False) -> Iterator[tuple[type[Written], bool]]:
    """The models inside an annotation, with whether they are the values of a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, Written):
        yield annotation, keyed
    for inner in get_args(annotation):
        yield from _models(inner, keyed=keyed or get_origin(annotation) is dict)


def _field(error: ErrorDetails, root: Any) -> Path:
    """The smallest thing that is left out for an error: a field of an asset, a field of the defaults, else a key of the file."""
    path = error["loc"]
    depth = 1
    if path and path[0] in {"assets", "defaults"}:
        depth = 3 if path[0] == "assets" else 2
    for length, part in enumerate(path[:depth]):
        if not isinstance(root, Map) or part not in root:
            return path[:length]
        root = root[str(part)]
    return path[:depth]


def _without(root: Any, path: Path) -> Any:
    if not path or not isinstance(root, Map):
        return None if not path else root
    key = str(path[0])
    if key not in root:
        return root
    return root.without(key) if len(path) == 1 else root.with_value(key, _without(root[key], path[1:]))
