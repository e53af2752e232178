"""What source text means where a number, a switch or a free JSON value is asked for: the core schema of YAML 1.2."""

import re

from mpsjobs.model.asset import Json
from mpsjobs.spec.yaml import Map, Plain, Seq, Value

_WORDS: dict[str, bool | None] = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    "null": None,
    "Null": None,
    "NULL": None,
    "~": None,
    "": None,
}
_NUMBER = re.compile(
    r"(?P<int>[-+]?[0-9]+)|0o(?P<oct>[0-7]+)|0x(?P<hex>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<special>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
_FIRST = frozenset("+-.0123456789")
_BASES = {"int": 10, "oct": 8, "hex": 16}
_LONGEST = 400
"""No number that can be kept is longer: the limit keeps the conversion of absurd ones cheap."""


class UnusableNumberError(ValueError):
    """A number that JSON, or a 64-bit reader of it, cannot hold. The message is a sentence for the user."""


def meaning(text: str) -> bool | int | float | str | None:
    """What a plain scalar means: a switch, a number, null, or else text.

    Raises:
        UnusableNumberError: infinite, not a number, or an integer of more than 64 bits.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST or (match := _NUMBER.fullmatch(text)) is None:
        return text
    kind = str(match.lastgroup)
    if kind == "special":
        raise UnusableNumberError("Infinity and not-a-number cannot be sent as JSON.")
    if len(text) > _LONGEST:
        raise UnusableNumberError("The number has too many digits.")
    if kind == "float":
        number = float(text)
        if number in {float("inf"), float("-inf")}:
            raise UnusableNumberError("The number is too large.")
        return number
    whole = int(match[kind], _BASES[kind])
    if not -(2**63) <= whole < 2**64:
        raise UnusableNumberError("The number has more than 64 bits.")
    return whole


def to_json(value: Value) -> Json:
    """A free value with everything in it decided.

    Raises:
        UnusableNumberError: see `meaning`.
    """
    match value:
        case Plain():
            return meaning(value)
        case Map() | dict():
            return {key: to_json(item) for key, item in value.items()}
        case Seq() | list():
            return [to_json(item) for item in value]
        case _:
            return value
