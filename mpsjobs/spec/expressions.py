r"""What may stand between `${` and `}`: names, texts in quotes, and calls of a few functions. There is no arithmetic and no loop.

::

    expression = name { "." name | "[" text "]" } | text | number | function "(" [ expression { "," expression } ] ")"
    text       = '"' … '"' | "'" … "'"      with \ before a quote or a \

Reading is linear in the length; calls nest at most `MAX_NESTING` deep.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

MAX_NESTING = 20

_TOKEN = re.compile(
    r"""\s*(?:(?P<name>[^\W\d][\w-]*)|(?P<number>\d[\w-]*)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<mark>[.,()\[\]}]))""",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BLANK = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Literal:
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """`root.path…`, such as `each.title`. `places` are where each part is written, in characters from the start of the text."""

    parts: tuple[str, ...]
    places: tuple[int, ...]

    @property
    def root(self) -> str:
        return self.parts[0]

    @property
    def at(self) -> int:
        return self.places[0]

    def __str__(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: "tuple[Expression, ...]"
    at: int


Expression: TypeAlias = Literal | Name | Call


class BadExpressionError(ValueError):
    """It cannot be read. `at` is where, in characters from the start of the text."""

    def __init__(self, at: int, what: str, hint: str) -> None:
        super().__init__(what)
        self.at = at
        self.what = what
        self.hint = hint


def names_in(expression: Expression) -> Iterator[Name]:
    match expression:
        case Name():
            yield expression
        case Call(arguments=arguments):
            for argument in arguments:
                yield from names_in(argument)
        case Literal():
            pass


def read_expression(text: str, start: int) -> tuple[Expression, int]:
    """The expression that begins at `start`, behind its `${`, and where the text goes on behind its `}`.

    Raises:
        BadExpressionError: what stands there is none.
    """
    reader = _Reader(text, start)
    expression = reader.expression(0)
    reader.take("}", "Close it with `}`; `$${` stands for a literal `${`.")
    return expression, reader.end


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


class _Reader:
    """One token ahead. `end` is where the last token that was taken ends."""

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.end = start
        self.next = self._scan(start)

    def expression(self, depth: int) -> Expression:
        token = self.next
        if depth > MAX_NESTING:
            raise BadExpressionError(
                token.at, "This is nested too deeply", f"At most {MAX_NESTING} calls stand in each other."
            )
        match token.kind:
            case "text":
                self._advance()
                return Literal(_ESCAPED.sub(r"\1", token.text[1:-1]), token.at)
            case "number":
                self._advance()
                return Literal(self._decimals(token), token.at)
            case "name":
                self._advance()
                return self._call(token, depth) if self.next.text == "(" else self._name(token)
            case _:
                pass
        what = "Nothing stands here" if token.text in {"}", ""} else f"`{token.text}` cannot stand here"
        raise BadExpressionError(
            token.at, what, "Write a name such as `var.mood`, a text in quotes, or a function."
        )

    def take(self, mark: str, hint: str) -> None:
        if self.next.text != mark or self.next.kind != "mark":
            what = (
                f"`{self.next.text[:20]}` is not expected here"
                if self.next.text
                else f"A `{mark}` is missing"
            )
            raise BadExpressionError(self.next.at, what, hint)
        if mark == "}":  # what follows is text again
            self.end = self.next.at + 1
        else:
            self._advance()

    def _call(self, function: _Token, depth: int) -> Call:
        self._advance()
        arguments: list[Expression] = []
        while self.next.text != ")":
            if arguments:
                self.take(",", "Put commas between arguments, and `)` behind the last.")
            arguments.append(self.expression(depth + 1))
        self._advance()
        return Call(function.text, tuple(arguments), function.at)

    def _name(self, root: _Token) -> Name:
        parts, places = [root.text], [root.at]
        while self.next.text in {".", "["} and self.next.kind == "mark":
            bracket = self.next.text == "["
            self._advance()
            token = self.next
            if token.kind not in ({"text"} if bracket else {"name", "number"}):
                hint = 'Write it like `each["Mood (en)"]`.' if bracket else "Write it like `each.title`."
                raise BadExpressionError(token.at, "A name is missing", hint)
            self._advance()
            if bracket:
                self.take("]", "Close it with `]`.")
            parts.append(_ESCAPED.sub(r"\1", token.text[1:-1]) if bracket else token.text)
            places.append(token.at)
        return Name(tuple(parts), tuple(places))

    def _decimals(self, whole: _Token) -> str:
        """`2.6` comes as three tokens."""
        if self.next.text != ".":
            return whole.text
        self._advance()
        if self.next.kind != "number":
            raise BadExpressionError(self.next.at, "Digits are missing", "Put the text in quotes.")
        digits = self.next.text
        self._advance()
        return f"{whole.text}.{digits}"

    def _advance(self) -> None:
        self.end = self.next.at + len(self.next.text)
        self.next = self._scan(self.end)

    def _scan(self, start: int) -> _Token:
        if match := _TOKEN.match(self.text, start):
            kind = str(match.lastgroup)
            return _Token(kind, match[kind], match.start(kind))
        at = _BLANK.match(self.text, start).end()  # type: ignore[union-attr]  # it matches the empty text
        odd = self.text[at : at + 1]
        if odd in {'"', "'"}:
            raise BadExpressionError(at, "A text is not closed", f"Close it with {odd}.")
        return _Token("odd", odd, at)
