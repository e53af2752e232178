"""Texts with `${…}` in them: read once where they are written, filled in for each asset. `$${` is a literal `${`.

Values are put in as they are and never read again, so filling in always ends.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple, Self

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position
from mpsjobs.spec.expressions import (
    BadExpressionError,
    Call,
    Expression,
    Literal,
    Name,
    names_in,
    read_expression,
)
from mpsjobs.spec.yaml import Document, Map, Mark, Plain, Seq, position

INTERPOLATED = frozenset({"assets", "defaults", "presets"})
"""The keys of a file, and of each environment in it, below which `${…}` is read."""
ENVIRONMENTS = "environments"
_OWN_NAMES = frozenset({"notify"})
"""Below these `${…}` is left as it is: its names are known when an apply has ended."""

_SPECIAL = re.compile(r"\$\$\{|\$\{")
_BREAK = re.compile(r"\r\n|\r|\n")


class Template(str):
    """The source text of a scalar with `${…}`. It stands in the tree in place of the text until it is filled in.

    `parts` are texts and expressions; None: it cannot be read, which has been said. `places` has the position of each name, call and
    literal by its offset; `plain` is whether the scalar stands without quotes.
    """

    __slots__ = ("parts", "places", "plain")
    parts: tuple[str | Expression, ...] | None
    places: dict[int, Position]
    plain: bool

    def __new__(
        cls, text: str, parts: tuple[str | Expression, ...] | None, places: dict[int, Position]
    ) -> Self:
        made = super().__new__(cls, text)
        made.parts = parts
        made.places = places
        made.plain = type(text) is Plain
        return made

    @property
    def only(self) -> Expression | None:
        """The expression, where it is all there is."""
        only = self.parts[0] if self.parts and len(self.parts) == 1 else None
        return None if isinstance(only, str) else only

    def names(self) -> Iterator[Name]:
        for part in self.parts or ():
            if not isinstance(part, str):
                yield from names_in(part)


def roots_in(value: Any) -> frozenset[str]:
    """The first words of all names in a tree: what it takes to fill it in. The name `*` stands for texts that need nothing."""
    found: set[str] = set()
    for template in templates_in(value):
        found.add("*")
        found.update(name.root for name in template.names())
    return frozenset(found)


def templates_in(value: Any) -> Iterator[Template]:
    if isinstance(value, Template):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from templates_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from templates_in(item)


def read_templates(document: Document, text: str) -> tuple[Diagnostic, ...]:
    """Put templates into the tree, in place. `text` is what the document was read from.

    Below keys other than `INTERPOLATED` there are none: `${` is a mistake, and `$${` becomes `${`.
    """
    root = document.root
    if "${" not in text or not isinstance(root, Map):
        return ()
    reading = _Reading(document.file, text)
    environments = root.get(ENVIRONMENTS)
    for block in environments.values() if isinstance(environments, Map) else ():
        if isinstance(block, Map) and id(block) not in reading.seen:
            reading.seen.add(id(block))
            reading.entries(block)
    reading.entries(root)
    return tuple(dict.fromkeys(reading.found))


class _Special(NamedTuple):
    """A `${` or `$${` in the value of a scalar, and where it stands in the file; None where an escape hides it."""

    mark: str
    start: int
    source: int | None


class _Reading:
    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.found: list[Diagnostic] = []
        self.seen: set[int] = set()

    @cached_property
    def line_starts(self) -> list[int]:
        return [0, *(match.end() for match in _BREAK.finditer(self.text))]

    def entries(self, root: Map) -> None:
        for key in root:
            if "${" in key:
                self.in_key(root.places[key][0])
            if key in _OWN_NAMES:
                continue
            inside = key in INTERPOLATED
            self.entry(root, key, root[key], root.places[key][1], self.template if inside else self.literal)

    def entry(self, owner: Any, key: Any, value: Any, mark: Mark, make: Callable[[str, Mark], str]) -> None:
        if isinstance(value, str):
            if "${" in value and not isinstance(value, Template):
                owner[key] = make(value, mark)
        elif isinstance(value, Map | Seq) and id(value) not in self.seen:
            self.seen.add(id(value))  # an alias of what was done already is passed over
            if isinstance(value, Map):
                for name, item in value.items():
                    if "${" in name:
                        self.in_key(value.places[name][0])
                    self.entry(value, name, item, value.places[name][1], make)
            else:
                for index, item in enumerate(value):
                    self.entry(value, index, item, value.places[index], make)

    def in_key(self, mark: Mark) -> None:
        self.problem(
            position(mark, self.file),
            '"${" cannot stand in a key',
            "Keys are the same for everybody; values are put into texts only.",
            "Write the key itself, or `$${` for a literal `${`.",
            code=Code.TEMPLATE_MISPLACED,
        )

    def literal(self, value: str, mark: Mark) -> str:
        for special in self.specials(value, mark):
            if special.mark == "${":
                self.problem(
                    self.place(special, 0, value, mark),
                    '"${" cannot be used here',
                    "Values are put into texts below `assets`, `defaults` and `presets`.",
                    "Write the value itself, or `$${` for a literal `${`.",
                    code=Code.TEMPLATE_MISPLACED,
                )
        return type(value)(value.replace("$${", "${"))

    def template(self, value: str, mark: Mark) -> str:
        parts: list[str | Expression] = []
        places: dict[int, Position] = {}
        done, literal = 0, ""
        for special in self.specials(value, mark):
            if special.start < done:  # inside of a text in quotes
                continue
            literal += value[done : special.start]
            if special.mark == "$${":
                literal += "${"
                done = special.start + 3
                continue
            try:
                expression, done = read_expression(value, special.start + 2)
            except BadExpressionError as error:
                at = self.place(special, error.at - special.start, value, mark)
                detail = "`${…}` takes a name, a text in quotes, or a function of these."
                self.problem(at, error.what, detail, error.hint, code=Code.BAD_EXPRESSION)
                return Template(value, None, places)
            for offset in _offsets(expression):
                places[offset] = self.place(special, offset - special.start, value, mark)
            parts += [literal, expression] if literal else [expression]
            literal = ""
        literal += value[done:]
        return Template(value, (*parts, literal) if literal else tuple(parts), places)

    def specials(self, value: str, mark: Mark) -> Iterator[_Special]:
        """Style and folding never tear a `${` apart: the n-th of the value is the n-th of the file, from the scalar's place on."""
        in_file = _SPECIAL.finditer(self.text, self.offset(mark))
        for match in _SPECIAL.finditer(value):
            there = next(in_file, None)
            same = there is not None and there[0] == match[0]
            yield _Special(match[0], match.start(), there.start() if there and same else None)

    def offset(self, mark: Mark) -> int:
        return self.line_starts[min(mark.line, len(self.line_starts) - 1)] + mark.column

    def place(self, special: _Special, ahead: int, value: str, mark: Mark) -> Position:
        """Where a character of the value stands, `ahead` of the `${` before it; quotes may have escapes on the way."""
        if special.source is None:
            return position(mark, self.file)
        text, at = self.text, special.source
        quote = text[self.offset(mark)]
        for _ in value[special.start : special.start + ahead]:
            escaped = (quote == '"' and text[at : at + 1] == "\\") or (
                quote == "'" and text[at : at + 2] == "''"
            )
            at += 2 if escaped else 1
        line = bisect_right(self.line_starts, min(at, len(text)))
        return Position(self.file, line, at - self.line_starts[line - 1] + 1)

    def problem(self, at: Position, summary: str, detail: str, hint: str, *, code: Code) -> None:
        self.found.append(Diagnostic(summary, detail, hint, position=at, code=code))


def _offsets(expression: Expression) -> Iterator[int]:
    match expression:
        case Literal():
            yield expression.at
        case Name():
            yield from expression.places
        case Call():
            yield expression.at
            for argument in expression.arguments:
                yield from _offsets(argument)
