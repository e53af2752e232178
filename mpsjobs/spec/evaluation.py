"""What `${…}` makes of a text, in a scope."""

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any, assert_never

from mpsjobs.model.asset import FORMAT, Sensitive
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related
from mpsjobs.spec.expressions import Call, Expression, Literal, Name, names_in
from mpsjobs.spec.functions import FUNCTIONS
from mpsjobs.spec.scope import Scope, UnresolvedError
from mpsjobs.spec.suggest import closest, did_you_mean, listed
from mpsjobs.spec.templates import Template
from mpsjobs.spec.yaml import Mark, Plain

MAX_LENGTH = 1_000_000
"""Characters that one text may grow to."""


def fill(template: Template, scope: Scope) -> Any:
    """The text with its values, or where it is one expression and nothing else, its value: also a list or a mapping, None if absent.

    Raises:
        UnresolvedError: a name stands for nothing, or for something that has no place in a text.
        TooMuchError: the file has grown too much.
    """
    evaluation = _Evaluation(template, scope)
    if (only := template.only) is not None:
        return evaluation.value(only)
    texts = [part if isinstance(part, str) else evaluation.text(part) for part in template.parts or ()]
    made = evaluation.joined("", texts, min(template.places, default=0))
    return Plain(made) if template.plain and not isinstance(made, Sensitive) else made


def cell_of(template: Template, scope: Scope) -> Mark | None:
    """Where the value is written, for a text that is one name of `each` and nothing else."""
    only = template.only
    if scope.each and isinstance(only, Name) and only.root == "each" and len(only.parts) > 1:
        cell = scope.each.cells.get(only.parts[1])
        return cell.place if cell else None
    return None


class _Evaluation:
    def __init__(self, template: Template, scope: Scope) -> None:
        self.template = template
        self.scope = scope

    def value(self, expression: Expression) -> Any:
        match expression:
            case Literal(text):
                return text
            case Name():
                return self.name(expression)
            case Call():
                return self.call(expression)
            case _:
                assert_never(expression)

    def text(self, expression: Expression) -> str:
        """The value, which must be a text."""
        value = self.value(expression)
        if isinstance(value, str):
            return value
        what = str(expression) if isinstance(expression, Name) else "The result"
        if value is None:
            row = self.scope.each.row if self.scope.each else None
            place = self.place(expression.at)
            raise self.fail(
                row or place,
                f"`{what}` is empty here",
                "There is nothing to put into the text.",
                'Fill it in, or say what stands for it in the text: `${default(each.name, "…")}`.',
                *((Related(place, "put into this text"),) if row else ()),
                code=Code.NOT_A_TEXT,
            )
        kind = "a list" if isinstance(value, list) else "a mapping"
        hint = 'Write `${join(", ", …)}`.' if isinstance(value, list) else "Name one of its keys."
        raise self.fail(
            expression.at,
            f"`{what}` is {kind}",
            "Only a text can be put into a text.",
            hint,
            code=Code.NOT_A_TEXT,
        )

    def name(self, name: Name) -> Any:
        scope, root = self.scope, name.root
        match root:
            case "var":
                value = self.variable(name)
            case "each":
                value = self.each(name)
            case "asset":
                value = self.known(name, scope.asset, "This place")
            case "project":
                return self.inside(scope.project, name, 1)
            case "group":
                return self.inside(scope.group, name, 1)
            case "format":
                return self.inside(self.format(name), name, 1)
            case _:
                roots = ("var", "each", "asset", "project", "group")
                hint = did_you_mean(root, roots, f"Write `var.{root}` for a variable; put a text in quotes.")
                if root in scope.variables.names:
                    hint = f"Did you mean `var.{root}`?"
                elif scope.each and root in scope.each.known:
                    hint = f"Did you mean `each.{root}`?"
                raise self.fail(
                    name.at,
                    f'Unknown name "{root}"',
                    f"A name begins with {listed(roots, 'or')}.",
                    hint,
                    code=Code.UNKNOWN_NAME,
                )
        return self.inside(value, name, 2)

    def format(self, name: Name) -> str:
        if self.scope.publishing:
            return FORMAT
        raise self.fail(
            name.at,
            "There is no `format` here",
            "It is known when the file is there, and stands in `publish` alone.",
            "Write the format itself, or `var.format` for a variable of that name.",
            code=Code.UNKNOWN_NAME,
        )

    def variable(self, name: Name) -> Any:
        variables = self.scope.variables
        called = self.second(name, "var", variables.names)
        if called not in variables.names:
            hint = did_you_mean(called, variables.names, "Declare it under `variables:` in mpsjobs.yaml.")
            detail = f"Known variables: {listed(variables.names)}."
            raise self.fail(
                name.places[1], f'Unknown variable "{called}"', detail, hint, code=Code.UNKNOWN_VARIABLE
            )
        if not variables.has(called):
            raise UnresolvedError(variables.missing(called, self.place(name.places[1])))
        return variables.value(called)

    def each(self, name: Name) -> Any:
        each = self.scope.each
        if each is None:
            raise self.fail(
                name.at,
                "There is no `each` here",
                "It stands for a row or a combination, in assets with `for_each` or `matrix`.",
                "Write the value itself, or add `for_each:` or `matrix:` to the asset.",
                code=Code.UNKNOWN_NAME,
            )
        called = self.second(name, "each", each.known)
        if called in each.cells:
            return each.cells[called].value
        if called in each.known:
            return None
        raise self.unknown(name.places[1], called, each.known, "each")

    def known(self, name: Name, names: Mapping[str, str], where: str) -> str:
        called = self.second(name, name.root, names)
        if called not in names:
            if not names:
                raise self.fail(
                    name.at,
                    f"There is no `{name.root}` here",
                    f"{where} is not part of one.",
                    "Remove it.",
                    code=Code.UNKNOWN_NAME,
                )
            raise self.unknown(name.places[1], called, names, name.root)
        return names[called]

    def second(self, name: Name, root: str, names: Collection[str]) -> str:
        if len(name.parts) > 1:
            return name.parts[1]
        raise self.fail(
            name.at,
            f"`{root}` alone is no value",
            f"It has {listed(f'`{root}.{each}`' for each in names)}.",
            f"Write `{root}.name`.",
            code=Code.UNKNOWN_NAME,
        )

    def unknown(self, at: int, called: str, names: Collection[str], root: str) -> UnresolvedError:
        near = closest(called, names)
        return self.fail(
            at,
            f'Unknown name "{root}.{called}"',
            f"Known here: {listed(f'`{root}.{each}`' for each in names)}.",
            f"Did you mean `{root}.{near}`?" if near else "Use one of these.",
            code=Code.UNKNOWN_NAME,
        )

    def inside(self, value: Any, name: Name, depth: int) -> Any:
        """The value at the rest of the path."""
        for index in range(depth, len(name.parts)):
            if value is None:
                return None
            part, owner = name.parts[index], ".".join(name.parts[:index])
            if isinstance(value, dict):
                if part not in value:
                    raise self.unknown(name.places[index], part, value, owner)
                value = value[part]
            else:
                raise self.fail(
                    name.places[index],
                    f'`{owner}` has no "{part}"',
                    "It is a text." if isinstance(value, str) else "It is a list.",
                    f"Write `{owner}`.",
                    code=Code.UNKNOWN_NAME,
                )
        return value

    def call(self, call: Call) -> Any:
        function = FUNCTIONS.get(call.function)
        if function is None:
            hint = did_you_mean(call.function, FUNCTIONS, "Use one of these.")
            raise self.fail(
                call.at,
                f'Unknown function "{call.function}"',
                f"Known functions: {listed(FUNCTIONS)}.",
                hint,
                code=Code.UNKNOWN_FUNCTION,
            )
        if late := next((each for each in names_in(call) if each.root == "format"), None):
            self.format(late)
            raise self.fail(
                late.at,
                f"`{call.function}` cannot take `format`",
                "It is known only when the file is there.",
                "Write `${format}` by itself.",
                code=Code.WRONG_ARGUMENTS,
            )
        if len(call.arguments) != function.takes:
            raise self.fail(
                call.at,
                f"`{call.function}` takes {function.takes} argument{'s'[: function.takes != 1]}",
                f"Here it has {len(call.arguments)}.",
                f"Write it like `{function.example}`.",
                code=Code.WRONG_ARGUMENTS,
            )
        return function.apply(self, call)

    def joined(self, separator: str, texts: list[str], at: int) -> str:
        """Joined; sensitive if any of them is."""
        length = sum(map(len, texts)) + len(separator) * len(texts)
        if length > MAX_LENGTH:
            raise self.fail(
                at,
                "The text is too long",
                f"With its values it has more than {MAX_LENGTH:,} characters.",
                "Put less into it.",
                code=Code.GROWS_TOO_MUCH,
            )
        self.scope.work.add(length)
        keys = sorted({text.key for text in (separator, *texts) if isinstance(text, Sensitive)})
        made = separator.join(texts)
        if not keys:
            return made
        key = keys[0] if len(keys) == 1 else blake2b(b"".join(keys), digest_size=32).digest()
        return Sensitive(made, key)

    def place(self, at: int) -> Position:
        return self.template.places[at]

    def fail(
        self, at: int | Position, summary: str, detail: str, hint: str, *related: Related, code: Code
    ) -> UnresolvedError:
        place = at if isinstance(at, Position) else self.place(at)
        return UnresolvedError(Diagnostic(summary, detail, hint, position=place, related=related, code=code))
