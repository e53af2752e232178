"""Blocks of fields as a person wrote them (defaults, a preset, an asset), which become layers when their values are filled in."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from mpsjobs.model.asset import Sensitive
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related
from mpsjobs.spec.documents import AssetSpec
from mpsjobs.spec.evaluation import cell_of, fill
from mpsjobs.spec.layers import Layer
from mpsjobs.spec.mistakes import Path, check
from mpsjobs.spec.scope import WORK_PER_VALUE, Scope, UnresolvedError
from mpsjobs.spec.templates import Template, roots_in
from mpsjobs.spec.variables import Variables
from mpsjobs.spec.yaml import Map, Mark, Seq

Tell = Callable[[Iterable[Diagnostic]], None]

_SAME_FOR_ALL = frozenset({"*", "var", "project", "format"})
"""Names that stand for the same in every asset: what holds no others is filled in once."""
_SENSITIVE_TEXTS = frozenset({"prompt", "lyrics", "variation", "operator", "description"})
_SENSITIVE_PARAMETERS = frozenset({"extra_parameters", "additional_parameters"})


@dataclass(frozen=True)
class Block:
    """`kind` says what may stand in it, `name` and `title` what it is called in messages and in `show --spec`."""

    kind: type[AssetSpec]
    node: Any
    file: str
    whole: Position
    name: str
    title: str

    @cached_property
    def roots(self) -> frozenset[str]:
        return roots_in(self.node)

    @cached_property
    def size(self) -> int:
        """How many values there are in it."""
        return size_of(self.node)

    @property
    def same_for_all(self) -> bool:
        """Whether it says the same in every asset."""
        return self.roots <= _SAME_FOR_ALL

    @cached_property
    def _known(self) -> dict[Variables | None, tuple[Layer, bool]]:
        return {}

    def layer(self, scope: Scope, tell: Tell) -> tuple[Layer, bool]:
        """What it says in a scope, and whether that is all of it: what is wrong is told and left out."""
        if not self.same_for_all:
            return self._filled_in(scope, tell)
        key = scope.variables if self.roots else None
        if key not in self._known:
            self._known[key] = self._filled_in(replace(scope, each=None), tell)
        return self._known[key]

    def _filled_in(self, scope: Scope, tell: Tell) -> tuple[Layer, bool]:
        scope.work.add(self.size * WORK_PER_VALUE)
        node, complete = self.node, True
        row = scope.each.row if scope.each else None
        if self.roots:
            node, problems = filled_in(node, scope)
            complete = not problems
            tell(about(row, filter(None, problems)))
        checked = check(self.kind, node, self.file, name=self.name, whole=self.whole)
        tell(about(row, checked.diagnostics))
        spec = checked.value or self.kind()
        if self.roots and scope.variables.sensitive:
            spec = _still_sensitive(spec, node)
        return Layer(spec, node, self.file, self.whole, self.title), complete and not checked.dropped


def about(row: Position | None, diagnostics: Iterable[Diagnostic]) -> Iterable[Diagnostic]:
    """The diagnostics, each with the row for which it was found."""
    for each in diagnostics:
        named = each.related or (each.position and row and each.position.file == row.file)
        yield each if row is None or named else replace(each, related=(Related(row, "for this row"),))


def filled_in(node: Any, scope: Scope) -> tuple[Any, list[Diagnostic | None]]:
    """A copy of a tree with values in place of templates.

    What is absent is left out. So is each field of the root with something wrong in it; None stands for what was told before.
    """
    problems: list[Diagnostic | None] = []
    if not isinstance(node, Map):
        return node, problems
    made = Map(node.mark)
    for key, value in node.items():
        at = node.places.get(key, (node.mark, node.mark))
        try:
            inner = replace(scope, publishing=True) if key == "publish" else scope
            value, place = _value(value, at[1], inner, (key,))  # noqa: PLW2901
        except UnresolvedError as error:
            problems.append(error.diagnostic)
            continue
        if value is not ABSENT:
            made[key] = value
            made.places[key] = (at[0], place)
    return made, problems


ABSENT: Any = object()


def _value(value: Any, mark: Mark, scope: Scope, path: Path) -> tuple[Any, Mark]:
    if isinstance(value, Template):
        if value.parts is None:
            raise UnresolvedError(None)
        made = fill(value, scope)
        if any(isinstance(each, Sensitive) for each in (made if isinstance(made, list) else [made])):
            _allow_sensitive(value, path)
        return (ABSENT if made is None else made), cell_of(value, scope) or mark
    if isinstance(value, Map):
        return _map(value, scope, path), mark
    if isinstance(value, Seq):
        return _seq(value, scope, path), mark
    return value, mark


def _map(node: Map, scope: Scope, path: Path) -> Map:
    made = Map(node.mark)
    for key, value in node.items():
        at = node.places[key]
        inner, place = _value(value, at[1], scope, (*path, key))
        if inner is not ABSENT:
            made[key] = inner
            made.places[key] = (at[0], place)
    return made


def _seq(node: Seq, scope: Scope, path: Path) -> Seq:
    made = Seq(node.mark)
    for index, item in enumerate(node):
        inner, place = _value(item, node.places[index], scope, (*path, index))
        if inner is not ABSENT:
            made.append(inner)
            made.places.append(place)
    return made


def _allow_sensitive(template: Template, path: Path) -> None:
    text = path[0] in _SENSITIVE_TEXTS and len(path) == 1
    url = str(path[0]).startswith("reference_") and path[-1] == "url"
    if text or url or path[0] in _SENSITIVE_PARAMETERS:
        return
    raise UnresolvedError(
        Diagnostic(
            f'A sensitive value cannot stand in "{path[-1] if isinstance(path[-1], str) else path[0]}"',
            "This is shown in plans, in messages or in the names of files.",
            "Use a variable that is not sensitive. Prompts, lyrics, parameters, URLs of references and the operator may be.",
            position=template.places[min(template.places)],
            code=Code.SENSITIVE_SHOWN,
        )
    )


def _still_sensitive(spec: AssetSpec, node: Any) -> AssetSpec:
    """Validation makes plain texts of all texts; mark those again that are to be hidden."""
    marked: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, Sensitive) and isinstance(text := getattr(spec, key, None), str):
            marked[key] = Sensitive(text, value.key)
        elif key.startswith("reference_"):
            items = [
                item.get("url")
                for item in (value if isinstance(value, Seq) else [value])
                if isinstance(item, Map)
            ]
            found = getattr(spec, key, None)
            if found and any(isinstance(url, Sensitive) for url in items):
                marked[key] = [
                    each.model_copy(update={"url": url}) if isinstance(url, Sensitive) else each
                    for each, url in zip(found, items, strict=True)
                ]
    return spec.model_copy(update=marked) if marked else spec


def size_of(value: Any) -> int:
    """How many values there are in a tree."""
    if isinstance(value, dict):
        return 1 + sum(map(size_of, value.values()))
    return 1 + sum(map(size_of, value)) if isinstance(value, list) else 1


def split(node: Any, *keys: str) -> tuple[Any, Map | None]:
    """A mapping without some keys, and one with these alone; None where it has none of them."""
    if not isinstance(node, Map) or not any(key in node for key in keys):
        return node, None
    rest, taken = Map(node.mark), Map(node.mark)
    rest.places = taken.places = node.places
    for key, value in node.items():
        (taken if key in keys else rest)[key] = value
    return rest, taken
