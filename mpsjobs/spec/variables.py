"""Variables: what a project leaves open, declared in its settings and set from outside; and what a file names for itself.

A later source goes before an earlier one: the default, the environment of the settings, `MPSJOBS_VAR_name`, `--var-file`, `--var`.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mpsjobs.model.asset import Sensitive
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related, SpecError
from mpsjobs.spec.documents import VariableSpec, declaration
from mpsjobs.spec.mistakes import check, locate
from mpsjobs.spec.scalars import UnusableNumberError, meaning
from mpsjobs.spec.source import read_text
from mpsjobs.spec.suggest import did_you_mean, listed
from mpsjobs.spec.yaml import Map, Plain, parse, position

ENVIRONMENT_PREFIX = "MPSJOBS_VAR_"

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_WANTED = {
    "string": ("a text", "Write a text."),
    "number": ("a number", "Write digits."),
    "bool": ("true or false", "Write `true` or `false`."),
    "list": ("a list", "Write it like `[calm, tense]`."),
    None: ("a text, a number, a switch or a list", "Write one of these."),
}


@dataclass(frozen=True, slots=True)
class Given:
    """Values from outside of the project's files.

    `assignments` come from `--var`, `files` from `--var-file`, `environ` from the process (with the prefix).
    """

    assignments: tuple[tuple[str, str], ...] = ()
    files: tuple[Path, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)


NOTHING_GIVEN = Given()


@dataclass(frozen=True, slots=True)
class Variable:
    """A declaration. `default` None: it has none. `broken`: something is wrong with it, which has been said."""

    name: str
    spec: VariableSpec
    default: Any
    at: Position
    broken: bool = False

    def accept(self, value: Any, at: Position | None, source: str) -> Any:
        """The value in the form of its type.

        Raises:
            SpecError: it is of another type, or none of the allowed values. A sensitive value is not quoted.
        """
        kind = self.spec.type
        try:
            made = _typed(value, kind)
        except (ValueError, UnusableNumberError):
            wanted, hint = _WANTED[kind]
            detail = f"{source} is something else."
            raise SpecError.of(
                f'The variable "{self.name}" must be {wanted}',
                detail=detail,
                hint=hint,
                position=at,
                code=Code.VARIABLE_TYPE,
            ) from None
        allowed = self.spec.allowed
        for item in made if isinstance(made, list) else [made]:
            if allowed is not None and item not in allowed:
                hint = "" if self.spec.sensitive else did_you_mean(item, allowed, "Use one of these.")
                raise SpecError.of(
                    f'This is no value of the variable "{self.name}"',
                    detail=f"{source} is none of those that are allowed: {listed(allowed, 'or')}.",
                    hint=hint or "Use one of these.",
                    position=at,
                    code=Code.VALUE_NOT_ALLOWED,
                )
        return made


class Variables:
    """Declared variables with their values."""

    def __init__(self, declared: Mapping[str, Variable], values: Mapping[str, Any]) -> None:
        self._declared = declared
        self._values = dict(values)
        self._ready: dict[str, Any] = {}

    @property
    def names(self) -> Collection[str]:
        return self._declared.keys()

    @property
    def sensitive(self) -> bool:
        """Whether any of them is."""
        return any(each.spec.sensitive for each in self._declared.values())

    def has(self, name: str) -> bool:
        return name in self._values

    def missing(self, name: str, used: Position) -> Diagnostic | None:
        """What to say where a variable without a value is used; None where its declaration was refused."""
        if self._declared[name].broken:
            return None
        return Diagnostic(
            f'The variable "{name}" has no value',
            "It has no default, and nothing sets it.",
            f"Say `--var {name}=…`, name a file with `--var-file`, set {ENVIRONMENT_PREFIX}{name}, or give it a `default:`.",
            position=self._declared[name].at,
            related=(Related(used, "used here"),),
            code=Code.VARIABLE_WITHOUT_VALUE,
        )

    def value(self, name: str) -> Any:
        """A text, or a list of texts; sensitive ones say so by their type."""
        if name not in self._ready:
            value = self._values[name]
            if self._declared[name].spec.sensitive:
                value = [_sensitive(item) for item in value] if isinstance(value, list) else _sensitive(value)
            self._ready[name] = value
        return self._ready[name]

    def at(self, name: str) -> Position:
        return self._declared[name].at

    def with_own(self, own: Mapping[str, Variable]) -> "Variables":
        """These, and those that a file declares for itself."""
        return Variables({**self._declared, **own}, {**self._values, **_defaults(own)})


def _defaults(declared: Mapping[str, Variable]) -> dict[str, Any]:
    return {name: each.default for name, each in declared.items() if each.default is not None}


def declare(node: Mapping[str, Any], file: str, tell: Callable[[Diagnostic], None]) -> dict[str, Variable]:
    """The declarations below `variables:` of a file; what is wrong with them is told."""
    declared: dict[str, Variable] = {}
    for name, value in node.items():
        places = node.places[name] if isinstance(node, Map) else None
        at, whole = (position(mark, file) for mark in places) if places else (Position(file), Position(file))
        written = declaration(value)
        checked = check(VariableSpec, written, file, name=f'"{name}"', whole=whole)
        for problem in checked.diagnostics:
            tell(problem)
        variable = Variable(name, checked.value or VariableSpec(), None, at, broken=bool(checked.diagnostics))
        if not _NAME.fullmatch(name):
            variable = replace(variable, broken=True)
            tell(
                Diagnostic(
                    "This cannot be the name of a variable",
                    f"It is {name[:40]!r}.",
                    "Use letters, digits and `_`, and begin with a letter.",
                    position=at,
                    code=Code.BAD_VARIABLE_NAME,
                )
            )
        elif variable.spec.default is not None and not variable.broken:
            mark = locate(written, ("default",)) if isinstance(written, Map) else None
            try:
                default = variable.accept(
                    variable.spec.default, position(mark, file) if mark else whole, "The default"
                )
                variable = replace(variable, default=default)
            except SpecError as error:
                variable = replace(variable, broken=True)
                for problem in error.diagnostics:
                    tell(problem)
        declared[name] = variable
    return declared


def resolve(
    declared: Mapping[str, Variable], given: Given, environment: Mapping[str, Any] = {}, file: str = ""
) -> Variables:
    """The variables with the values that count. `environment` are those of the chosen environment, as read from `file`.

    Raises:
        SpecError: a value that does not fit, a name that is not declared, a file that cannot be read; all of them at once.
    """
    values = _defaults(declared)
    problems: list[Diagnostic] = []
    for name, value, source, at in _assignments(given, declared, environment, file, problems):
        if name not in declared:
            hint = did_you_mean(name, declared, "Declare it under `variables:` in mpsjobs.yaml.")
            known = f"The project has {listed(declared)}." if declared else "The project declares none."
            words = f"{source[:1].upper()}{source[1:]}"
            problems.append(
                Diagnostic(
                    f'{words} names no variable: "{name}"',
                    known,
                    hint,
                    position=at,
                    code=Code.UNKNOWN_VARIABLE,
                )
            )
            continue
        try:
            values[name] = declared[name].accept(value, at, f"The value from {source}")
        except SpecError as error:
            problems.extend(error.diagnostics)
    if problems:
        raise SpecError(*problems)
    return Variables(declared, values)


def _assignments(
    given: Given,
    declared: Mapping[str, Variable],
    environment: Mapping[str, Any],
    file: str,
    problems: list[Diagnostic],
) -> Iterator[tuple[str, Any, str, Position | None]]:
    """Name, value, source and place, the weakest first."""
    for name, value in environment.items():
        if value is not None:
            yield name, value, "the environment", _place(environment, name, declared, file)
    for name, variable in declared.items():
        if (text := given.environ.get(f"{ENVIRONMENT_PREFIX}{name}")) is not None:
            yield name, _from_outside(text, variable), f"{ENVIRONMENT_PREFIX}{name}", None
    for path in given.files:
        values = _in_file(path, problems)
        for name, value in values.items():
            yield name, value, "--var-file", _place(values, name, declared, str(path))
    for name, text in given.assignments:
        yield name, _from_outside(text, declared.get(name)), "--var", None


def _in_file(path: Path, problems: list[Diagnostic]) -> Mapping[str, Any]:
    label = str(path)
    try:
        document = parse(read_text(path, label), label)
    except SpecError as error:
        problems.extend(error.diagnostics)
        return {}
    problems.extend(document.problems)
    if isinstance(document.root, Map):
        return document.root
    if document.root is not None:
        problems.append(
            Diagnostic(
                "A file of variables must be a mapping",
                "It has one line for each variable.",
                "Write `name: value` lines.",
                position=Position(label),
                code=Code.BAD_VARIABLE_FILE,
            )
        )
    return {}


def _place(values: Mapping[str, Any], name: str, declared: Collection[str], file: str) -> Position | None:
    """Where a value stands; of a name that is not declared, where the name does."""
    if not isinstance(values, Map):
        return None
    key, value = values.places[name]
    return position(value if name in declared else key, file)


def _from_outside(text: str, variable: Variable | None) -> Any:
    """A word of the command line or the environment; for a list, YAML."""
    if variable is None or variable.spec.type != "list":
        return Plain(text)
    try:
        return parse(text, "").root
    except SpecError:
        return None


def _typed(value: Any, kind: str | None) -> Any:
    if kind == "list" or (kind is None and isinstance(value, list)):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(kind)
        return value
    if not isinstance(value, str):
        raise ValueError(kind)  # noqa: TRY004  # one kind of error for all that does not fit
    means = meaning(Plain(value)) if kind in {"number", "bool"} else None
    if kind == "number" and (isinstance(means, bool) or not isinstance(means, int | float)):
        raise ValueError(kind)
    if kind == "bool":
        if not isinstance(means, bool):
            raise ValueError(kind)
        return Plain("true" if means else "false")
    return str(value) if kind == "string" else Plain(value) if kind == "number" else value


def _sensitive(text: str) -> Sensitive:
    """Its key costs what a password hash costs, once for each value: a digest in a state is no easier to guess than that."""
    key = hashlib.scrypt(text.encode(), salt=b"mpsjobs sensitive 1", n=2**14, r=8, p=1, dklen=32)
    return Sensitive(text, key)
