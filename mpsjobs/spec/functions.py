"""The functions of `${…}`. There are few, and each says what it does to any text."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from mpsjobs.model.asset import Sensitive
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Position, SpecError
from mpsjobs.spec.expressions import Call, Expression
from mpsjobs.spec.scope import Scope, UnresolvedError
from mpsjobs.spec.texts import normal


class Here(Protocol):
    """The text in which a function is called."""

    @property
    def scope(self) -> Scope: ...

    def value(self, expression: Expression) -> Any: ...

    def text(self, expression: Expression) -> str: ...

    def joined(self, separator: str, texts: list[str], at: int) -> str: ...

    def place(self, at: int) -> Position: ...

    def fail(
        self, at: int | Position, summary: str, detail: str, hint: str, *, code: Code
    ) -> UnresolvedError: ...


def _lower(here: Here, call: Call) -> str:
    text = here.text(call.arguments[0])
    return _like(text, text.lower())


def _slug(here: Here, call: Call) -> str:
    """Letters, digits and `_`, with one dash for all else: fit for an address and a file name."""
    text = here.text(call.arguments[0])
    return _like(text, re.sub(r"[^\w]+", "-", unicodedata.normalize("NFKC", text).lower()).strip("-"))


def _join(here: Here, call: Call) -> str:
    separator, items = call.arguments
    value = here.value(items)
    if not isinstance(value, list):
        return here.text(items)  # one text, or the error that there is none
    texts = [item for item in value if item is not None]
    if not all(isinstance(item, str) for item in texts):
        raise here.fail(
            items.at,
            "This is no list of texts",
            "A list or a mapping is in it.",
            "Name a list of texts.",
            code=Code.WRONG_ARGUMENTS,
        )
    return here.joined(here.text(separator), texts, call.at)


def _default(here: Here, call: Call) -> Any:
    value = here.value(call.arguments[0])
    absent = value is None or (isinstance(value, str | list) and not value)
    return here.value(call.arguments[1]) if absent else value


def _file(here: Here, call: Call) -> str:
    argument = call.arguments[0]
    name = here.text(argument)
    at = here.place(argument.at)
    if isinstance(name, Sensitive):
        raise here.fail(
            at,
            "A sensitive value cannot name a file",
            "Messages would show it.",
            "Use another variable.",
            code=Code.SENSITIVE_SHOWN,
        )
    try:
        return normal(here.scope.texts.read(name, at, at.file))
    except SpecError as error:
        raise UnresolvedError(error.diagnostics[0]) from None


class Function(NamedTuple):
    takes: int
    example: str
    apply: Callable[[Here, Call], Any]


FUNCTIONS = {
    "lower": Function(1, "lower(each.title)", _lower),
    "slug": Function(1, "slug(each.title)", _slug),
    "join": Function(2, 'join(", ", each.tags)', _join),
    "default": Function(2, 'default(each.mood, "calm")', _default),
    "file": Function(1, 'file("prompts/style.md")', _file),
}


def _like(source: str, made: str) -> str:
    """As sensitive as what it was made from."""
    return Sensitive(made, source.key) if isinstance(source, Sensitive) else made
