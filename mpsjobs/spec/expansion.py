"""One asset as it is written becomes many: `matrix`, and `for_each` over a list, a mapping or a table.

Addresses are stable: the values of a matrix join in the order of the dimensions' names, so what else stands there, and in which order,
changes none. The cost is linear in the number of assets, of which there are at most `MAX_ROWS` for one that is written.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from mpsjobs.model.asset import Sensitive
from mpsjobs.model.diagnostics import Diagnostic, Position, Related, Severity, SpecError
from mpsjobs.spec.addresses import is_address
from mpsjobs.spec.blocks import filled_in, split
from mpsjobs.spec.scope import Cell, Each, Scope, UnresolvedError, fill
from mpsjobs.spec.suggest import did_you_mean, listed
from mpsjobs.spec.tables import MAX_ROWS, Item, items_of, read_table
from mpsjobs.spec.templates import Template
from mpsjobs.spec.texts import find
from mpsjobs.spec.yaml import Elsewhere, Map, Mark, Seq, position

KEYS = ("matrix", "for_each", "address")
_DIMENSION = re.compile(r"[^\W\d][\w-]*")


class Instance(NamedTuple):
    """One of the assets. `suffix` comes after the name; `each` is None where there is only one, without a suffix."""

    suffix: str = ""
    each: Each | None = None


@dataclass
class Expansion:
    """The assets of the files of a project. `data_files` are those that were read for rows: they are no specs."""

    root: Path
    tell: Callable[[list[Diagnostic]], None]

    def __post_init__(self) -> None:
        self.data_files: set[Path] = set()

    def instances(self, name: str, node: Map, scope: Scope, file: str) -> list[Instance]:
        """What an asset with some of `KEYS` stands for; nothing, where that cannot be said."""
        known = [key for key in ("matrix", "for_each") if key in node]
        if len(known) != 1:
            key = (known or ["address"])[-1]
            summary = 'Both "matrix" and "for_each"' if known else '"address" stands alone'
            self.problem(
                position(node.places[key][0], file),
                summary,
                "An asset is one for each combination, or one for each item."
                if known
                else "It says what the addresses of a matrix or a for_each look like.",
                "Remove one of the two." if known else "Remove it, or rename the asset.",
            )
            return []
        key = known[0]
        written, problems = filled_in(split(node, key)[1], scope)
        self.tell([problem for problem in problems if problem])
        value, mark = written.get(key), written.places[key][1] if key in written else None
        if mark is None:
            return []
        try:
            found = (
                list(self.combinations(value, mark, file))
                if key == "matrix"
                else list(self.items(value, mark, file))
            )
        except SpecError as error:
            self.tell(list(error.diagnostics))
            return []
        address = node.get("address")
        if address is not None and not isinstance(address, str):
            self.problem(
                position(node.places["address"][1], file),
                '"address" must be text',
                "It is put together from values.",
                'Write it like `"${each.mood}.${each.biome}"`.',
            )
            return []
        return list(self.named(name, found, address, scope))

    def named(
        self, name: str, found: list[tuple[list[Cell], Each]], address: str | None, scope: Scope
    ) -> Iterator[Instance]:
        """With the addresses that they have: each once, whatever the case."""
        seen: dict[str, tuple[str, Position]] = {}
        for cells, each in found:
            at = each.row
            if address is None:
                suffix = self.joined(cells)
            else:
                suffix = self.templated(name, address, replace(scope, asset={"name": name}, each=each), at)
            if suffix is None:
                continue
            first, place = seen.setdefault(suffix.casefold(), (suffix, at))
            if place is at:
                yield Instance(suffix, each)
                continue
            same = "twice" if first == suffix else f'as "{first}" already, which differs only in case'
            self.problem(
                at,
                f'"{suffix}" is there {same}',
                f'Both would be named "{name}.{suffix}".',
                "Change one of the two.",
                Related(place, "first written here"),
            )

    def joined(self, cells: list[Cell]) -> str | None:
        for cell in cells:
            if isinstance(cell.value, Sensitive):
                self.problem(
                    position(cell.place, ""),
                    "A sensitive value cannot be part of an address",
                    "Addresses are shown everywhere.",
                    "Use a variable that is not sensitive.",
                )
                return None
            if not is_address(cell.value):
                self.problem(
                    position(cell.place, ""),
                    "This cannot be part of an address",
                    f"It is {cell.value[:40]!r}. Addresses have letters, digits, `_` and `-`, with dots between them.",
                    "Write another word, or say how the address is made: `address: ${slug(each.…)}`.",
                )
                return None
        return ".".join(cell.value for cell in cells)

    def templated(self, name: str, address: str, scope: Scope, at: Position) -> str | None:
        try:
            if not isinstance(address, Template):
                made: Any = address
            elif address.parts is None:
                return None
            else:
                made = fill(address, scope)
        except UnresolvedError as error:
            self.tell([error.diagnostic] if error.diagnostic else [])
            return None
        if isinstance(made, Sensitive):
            summary, detail = (
                "A sensitive value cannot be part of an address",
                "Addresses are shown everywhere.",
            )
        elif isinstance(made, str) and is_address(made):
            return made
        else:
            summary = "This cannot be part of an address"
            detail = (
                f'`address` of "{name}" makes {made[:40]!r} of it.'
                if isinstance(made, str)
                else "It is empty."
            )
        place = (
            address.places[min(address.places)] if isinstance(address, Template) and address.places else at
        )
        hint = "Use `slug(…)`, which leaves only letters, digits, `_` and `-`."
        self.problem(at, summary, detail, hint, Related(place, "made here"))
        return None

    # --- for_each ---------------------------------------------------------------------------------------------------------------

    def items(self, value: Any, mark: Mark, file: str) -> Iterator[tuple[list[Cell], Each]]:
        at = position(mark, file)
        if isinstance(value, Map) and isinstance(value.get("file"), str) and value.keys() <= {"file", "key"}:
            items = self.table(value, file)
        elif isinstance(value, Map | Seq):
            items = items_of(value, file, "key")
        else:
            raise SpecError.of(
                '"for_each" must be a list, a mapping or a file',
                detail="There is one asset for each of its items.",
                hint="Write a list, or `{file: cues.csv, key: id}`.",
                position=at,
            )
        for item in items:
            yield [Cell(item.key, item.place)], item.each

    def table(self, value: Map, file: str) -> list[Item]:
        at = position(value.places["file"][1], file)
        key = value.get("key", "id")
        if not isinstance(key, str):
            raise SpecError.of(
                '"key" must be text',
                detail="It names the column that the assets are named after.",
                hint="Write the name of a column.",
                position=position(value.places["key"][1], file),
            )
        path = find(self.root, value["file"], at, file)
        self.data_files.add(path)
        return read_table(path, path.relative_to(self.root).as_posix(), key, at)

    # --- matrix -----------------------------------------------------------------------------------------------------------------

    def combinations(self, node: Any, mark: Mark, file: str) -> Iterator[tuple[list[Cell], Each]]:
        if not isinstance(node, Map):
            raise SpecError.of(
                '"matrix" must be a mapping',
                detail="It has a list of values for each dimension.",
                hint="Write it like `matrix: {biome: [forest, desert], mood: [calm, tense]}`.",
                position=position(mark, file),
            )
        dimensions = {
            name: _dimension(name, value, node.places[name], file)
            for name, value in node.items()
            if name not in {"include", "exclude"}
        }
        if not dimensions:
            raise SpecError.of(
                "This matrix has no dimensions",
                detail="Addresses are made of the values of its dimensions.",
                hint="Write it like `matrix: {biome: [forest, desert]}`.",
                position=position(mark, file),
            )
        if math.prod(map(len, dimensions.values())) > MAX_ROWS:
            raise SpecError.of(
                "These are too many assets",
                detail=f"The dimensions have {' times '.join(str(len(each)) for each in dimensions.values())} values; "
                f"one asset stands for at most {MAX_ROWS:,}.",
                hint="Take values out of the dimensions, or split the asset.",
                position=position(mark, file),
            )
        names = sorted(dimensions)
        rows = [
            dict(zip(names, cells, strict=True)) for cells in product(*(dimensions[name] for name in names))
        ]
        rows = self.without(rows, names, list(_entries(node, "exclude", file)))
        self.include(rows, names, list(_entries(node, "include", file)))
        known = dict.fromkeys([*names, *(column for row in rows for column in row)])
        for row in rows:
            place = position(row[names[0]].place, file)
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
                )
                continue
            matching = index.matching(entry.cells)
            gone.update(matching)
            if not matching:
                detail = "It may hold a slip, or what it meant is gone."
                found = Diagnostic(
                    "This excludes nothing", detail, "Correct it, or delete it.", Severity.WARNING, entry.at
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
            )

    def problem(self, at: Position, summary: str, detail: str, hint: str, *related: Related) -> None:
        self.tell([Diagnostic(summary, detail, hint, position=at, related=related)])


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
            )
        cells = {name: Cell(inner, _in(item.places[name][1], file)) for name, inner in item.items()}
        for name, cell in cells.items():
            if not isinstance(cell.value, str):
                raise SpecError.of(
                    f'"{name}" must be a word',
                    detail=f"Values in `{key}` are texts.",
                    hint="Write a word.",
                    position=position(cell.place, file),
                )
        yield _Entry(cells, at, {name: position(item.places[name][0], file) for name in item})


def _in(mark: Mark, file: str) -> Elsewhere:
    return mark if isinstance(mark, Elsewhere) else Elsewhere(mark.line, mark.column, file)
