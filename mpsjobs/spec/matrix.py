"""The combinations of a matrix, with `include` and `exclude` as GitHub Actions has them. The cost is linear in their number."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from mpsjobs.model.asset import Sensitive
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related, Severity, SpecError
from mpsjobs.spec.scope import Cell, Each
from mpsjobs.spec.suggest import did_you_mean, listed
from mpsjobs.spec.tables import MAX_ROWS
from mpsjobs.spec.yaml import Elsewhere, Map, Mark, Seq, position

_DIMENSION = re.compile(r"[^\W\d][\w-]*")


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix of the file `file`. What is wrong with an entry is told, and the entry left out."""

    tell: Callable[[list[Diagnostic]], None]
    file: str

    def combinations(self, node: Any, mark: Mark) -> Iterator[tuple[list[Cell], Each]]:
        if not isinstance(node, Map):
            raise SpecError.of(
                '"matrix" must be a mapping',
                detail="It has a list of values for each dimension.",
                hint="Write it like `matrix: {biome: [forest, desert], mood: [calm, tense]}`.",
                position=position(mark, self.file),
                code=Code.BAD_MATRIX,
            )
        dimensions = {
            name: _dimension(name, value, node.places[name], self.file)
            for name, value in node.items()
            if name not in {"include", "exclude"}
        }
        if not dimensions:
            raise SpecError.of(
                "This matrix has no dimensions",
                detail="Addresses are made of the values of its dimensions.",
                hint="Write it like `matrix: {biome: [forest, desert]}`.",
                position=position(mark, self.file),
                code=Code.BAD_MATRIX,
            )
        if math.prod(map(len, dimensions.values())) > MAX_ROWS:
            raise SpecError.of(
                "These are too many assets",
                detail=f"The dimensions have {' times '.join(str(len(each)) for each in dimensions.values())} values; "
                f"one asset stands for at most {MAX_ROWS:,}.",
                hint="Take values out of the dimensions, or split the asset.",
                position=position(mark, self.file),
                code=Code.TOO_MANY_ASSETS,
            )
        names = sorted(dimensions)
        rows = [
            dict(zip(names, cells, strict=True)) for cells in product(*(dimensions[name] for name in names))
        ]
        rows = self.without(rows, names, list(_entries(node, "exclude", self.file)))
        self.include(rows, names, list(_entries(node, "include", self.file)))
        known = dict.fromkeys([*names, *(column for row in rows for column in row)])
        for row in rows:
            place = position(row[names[0]].place, self.file)
            # A position of its own for each: combinations are told apart by it.
            yield [row[name] for name in names], Each(row, known, replace(place))

    def without(
        self, rows: list[dict[str, Cell]], names: list[str], entries: list["_Entry"]
    ) -> list[dict[str, Cell]]:
        index, gone = _Index(rows), set[int]()
        for entry in entries:
            if unknown := [name for name in entry.cells if name not in names]:
                self.problem(
                    entry.place(unknown[0]),
                    f'"{unknown[0]}" is no dimension',
                    f"The matrix has {listed(names)}.",
                    did_you_mean(unknown[0], names, "Use one of these."),
                    code=Code.UNKNOWN_DIMENSION,
                )
                continue
            matching = index.matching(entry.cells)
            gone.update(matching)
            if not matching:
                detail = "It may hold a slip, or what it meant is gone."
                found = Diagnostic(
                    "This excludes nothing",
                    detail,
                    "Correct it, or delete it.",
                    Severity.WARNING,
                    entry.at,
                    code=Code.NO_COMBINATION,
                )
                self.tell([found])
        return [row for number, row in enumerate(rows) if number not in gone]

    def include(self, rows: list[dict[str, Cell]], names: list[str], entries: list["_Entry"]) -> None:
        """As GitHub Actions does: an entry adds to the combinations that it fits, else it is one more."""
        index = _Index(rows[:])
        for entry in entries:
            own = {name: cell for name, cell in entry.cells.items() if name in names}
            matching = index.matching(own)
            for number in matching:
                rows[number].update({name: cell for name, cell in entry.cells.items() if name not in own})
            if matching:
                continue
            if len(own) == len(names):
                rows.append(dict(entry.cells))
                continue
            missing = [name for name in names if name not in own]
            self.problem(
                entry.at,
                "This fits no combination",
                f"It would be one more, but it does not say {listed(missing)}.",
                f"Add {listed(f'`{name}:`' for name in missing)}, or correct its values.",
                code=Code.NO_COMBINATION,
            )

    def problem(
        self, at: Position, summary: str, detail: str, hint: str, *related: Related, code: Code
    ) -> None:
        self.tell([Diagnostic(summary, detail, hint, position=at, related=related, code=code)])


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of `include` or `exclude`."""

    cells: dict[str, Cell]
    at: Position
    keys: Mapping[str, Position]

    def place(self, name: str) -> Position:
        return self.keys[name]


class _Index:
    """Finds the combinations that have some values, each set of dimensions indexed once."""

    def __init__(self, rows: list[dict[str, Cell]]) -> None:
        self.rows = rows
        self.by: dict[tuple[str, ...], dict[tuple[str, ...], list[int]]] = {}

    def matching(self, cells: Mapping[str, Cell]) -> list[int]:
        names = tuple(sorted(cells))
        if names not in self.by:
            index = self.by[names] = {}
            for number, row in enumerate(self.rows):
                index.setdefault(tuple(row[name].value for name in names), []).append(number)
        return self.by[names].get(tuple(cells[name].value for name in names), [])


def _dimension(name: str, value: Any, places: tuple[Mark, Mark], file: str) -> list[Cell]:
    if not _DIMENSION.fullmatch(name):
        raise SpecError.of(
            "This cannot be the name of a dimension",
            detail="It has to fit into `${each.name}`.",
            hint="Use letters, digits, `_` and `-`, and begin with a letter.",
            position=position(places[0], file),
            code=Code.BAD_MATRIX,
        )
    values = value if isinstance(value, Seq) else [value]
    marks = value.places if isinstance(value, Seq) else [places[1]]
    cells: dict[str, Cell] = {}
    problems: list[Diagnostic] = []
    for item, mark in zip(values, marks, strict=True):
        at = position(mark, file)
        if not isinstance(item, str) or not item.strip() or isinstance(item, Sensitive):
            kind = "A sensitive value cannot" if isinstance(item, Sensitive) else "Only a word can"
            problems.append(
                Diagnostic(
                    f"{kind} be a value of a dimension",
                    "It becomes part of an address.",
                    "Write a word.",
                    position=at,
                    code=Code.BAD_MATRIX,
                )
            )
        elif item in cells:
            first = Related(position(cells[item].place, file), "first written here")
            problems.append(
                Diagnostic(
                    f'The dimension "{name}" has this value twice',
                    "Both would have the same address.",
                    "Remove one of the two.",
                    position=at,
                    related=(first,),
                    code=Code.MATRIX_VALUE_TWICE,
                )
            )
        else:
            cells[item] = Cell(item, _in(mark, file))
    if problems:
        raise SpecError(*problems)
    return list(cells.values())


def _entries(node: Map, key: str, file: str) -> Iterator[_Entry]:
    value = node.get(key)
    if value is None:
        return
    listing = value if isinstance(value, Seq) else [value]
    marks = value.places if isinstance(value, Seq) else [node.places[key][1]]
    for item, mark in zip(listing, marks, strict=True):
        at = position(mark, file)
        if not isinstance(item, Map) or not item:
            raise SpecError.of(
                f'"{key}" takes mappings',
                detail="Each says values of dimensions.",
                hint=f"Write it like `{key}: [{{biome: desert, mood: calm}}]`.",
                position=at,
                code=Code.BAD_MATRIX,
            )
        cells = {name: Cell(inner, _in(item.places[name][1], file)) for name, inner in item.items()}
        for name, cell in cells.items():
            if not isinstance(cell.value, str):
                raise SpecError.of(
                    f'"{name}" must be a word',
                    detail=f"Values in `{key}` are texts.",
                    hint="Write a word.",
                    position=position(cell.place, file),
                    code=Code.BAD_MATRIX,
                )
        yield _Entry(cells, at, {name: position(item.places[name][0], file) for name in item})


def _in(mark: Mark, file: str) -> Elsewhere:
    return mark if isinstance(mark, Elsewhere) else Elsewhere(mark.line, mark.column, file)
