"""Rows of data files, for `for_each`: CSV as spreadsheets save it, and YAML. Every value knows its line.

CSV is UTF-8 or, with a byte order mark, UTF-16; cells are parted by a comma, a semicolon or a tab, whichever the header has most of. An
empty cell is an absent value; rows without any are passed over. The cost is linear.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related, SpecError
from mpsjobs.spec.scope import Cell, Each
from mpsjobs.spec.source import read_text
from mpsjobs.spec.suggest import did_you_mean, listed
from mpsjobs.spec.yaml import Elsewhere, Map, Mark, Plain, Seq, parse

MAX_ROWS = 100_000
_DELIMITERS = ",;\t"
_BAD_CSV = (
    ("unexpected end of data", "A cell in quotes is not closed", 'Close it with `"`.'),
    (
        "expected after",
        "A quote stands in the middle of a cell",
        'Write `""` for a quote inside of a cell in quotes.',
    ),
    ("field limit", "A cell is too long", "Put the text into a file of its own."),
)


@dataclass(frozen=True, slots=True)
class Item:
    """What `for_each` goes over: a key, where it is written, and what is known of it."""

    key: str
    place: Mark
    each: Each


def read_table(path: Path, label: str, key: str, at: Position) -> list[Item]:
    """The rows of a file. `key` is the column that names them, `at` where the file is named.

    Raises:
        SpecError: all that is wrong with it, at its lines.
    """
    if path.suffix.lower() in {".yaml", ".yml", ".json"}:
        document = parse(read_text(path, label, at=at), label)
        if document.problems:
            raise SpecError(*document.problems)
        return items_of(document.root, label, key)
    return _csv(read_text(path, label, at=at, utf16=True), label, key, at)


def items_of(root: Any, file: str, key: str) -> list[Item]:
    """The items of a list or a mapping. Items of a list are texts, or mappings with a key.

    Raises:
        SpecError: all that is wrong with them.
    """
    if not isinstance(root, Map | Seq):
        raise SpecError.of(
            "This is neither a list nor a mapping",
            detail="There is one asset for each of its items.",
            hint="Write one item a line, each after `- `, or `name: value` lines.",
            position=Position(file),
            code=Code.BAD_FOR_EACH,
        )
    if len(root) > MAX_ROWS:
        raise _too_many(Position(file, root.mark.line + 1, root.mark.column + 1))
    found: list[tuple[str, Mark, dict[str, Cell]]] = []
    problems: list[Diagnostic] = []
    if isinstance(root, Map):
        for name, value in root.items():
            place = _elsewhere(root.places[name][0], file)
            found.append((name, place, _cells(name, value, place, _elsewhere(root.places[name][1], file))))
    else:
        for value, mark in zip(root, root.places, strict=True):
            place = _elsewhere(mark, file)
            own = value.get(key) if isinstance(value, Map) else value
            if isinstance(own, str) and own.strip():
                found.append((own, place, _cells(own, value, place, place)))
            else:
                problems.append(
                    Diagnostic(
                        "This item has no key",
                        f'Its asset is named after "{key}".' if isinstance(value, Map) else "It is no text.",
                        f"Add `{key}: name`." if isinstance(value, Map) else "Write a word, or a mapping.",
                        position=Position(file, mark.line + 1, mark.column + 1),
                        code=Code.ROW_WITHOUT_KEY,
                    )
                )
    if problems:
        raise SpecError(*problems)
    known = dict.fromkeys(column for *_, cells in found for column in cells)
    return [
        Item(name, place, Each(cells, known, Position(file, place.line + 1, place.column + 1)))
        for name, place, cells in found
    ]


def _cells(name: str, value: Any, at_key: Elsewhere, at_value: Elsewhere) -> dict[str, Cell]:
    cells = {"key": Cell(name, at_key), "value": Cell(_moved(value, at_value.file), at_value)}
    if isinstance(value, Map):
        for column, inner in value.items():
            place = _elsewhere(value.places[column][1], at_value.file)
            cells[column] = Cell(_moved(inner, at_value.file), place)
    return cells


def _elsewhere(mark: Mark, file: str) -> Elsewhere:
    return mark if isinstance(mark, Elsewhere) else Elsewhere(mark.line, mark.column, file)


def _moved(value: Any, file: str) -> Any:
    """A copy of a tree that knows its file, so that it can be put into another one."""
    if isinstance(value, Map):
        made = Map(_elsewhere(value.mark, file))
        for key, item in value.items():
            made[key] = _moved(item, file)
            first, second = value.places[key]
            made.places[key] = (_elsewhere(first, file), _elsewhere(second, file))
        return made
    if isinstance(value, Seq):
        moved = Seq(_elsewhere(value.mark, file))
        moved.extend(_moved(item, file) for item in value)
        moved.places = [_elsewhere(mark, file) for mark in value.places]
        return moved
    return value


def _csv(text: str, label: str, key: str, at: Position) -> list[Item]:
    rows = _rows(text, label)
    first, header = next(rows, (1, []))
    columns = [name.strip() for name in header]
    known = [name for name in columns if name]
    problems = list(_bad_header(known, label, first, key, at))
    if problems:
        raise SpecError(*problems)
    index, items = columns.index(key), list[Item]()
    names = dict.fromkeys([*known, "key"])
    for line, row in rows:
        problem = _bad_row(row, columns, index, label, line)
        if problem:
            problems.append(problem)
            continue
        place = Elsewhere(line - 1, 0, label)
        cells = {
            name: Cell(Plain(cell), place)
            for name, cell in zip(columns, row, strict=False)
            if name and cell and not cell.isspace()
        }
        name = row[index].strip()
        each = Each({"key": Cell(Plain(name), place), **cells}, names, Position(label, line))
        items.append(Item(name, place, each))
        if len(items) > MAX_ROWS:
            raise _too_many(Position(label, line))
    if problems:
        raise SpecError(*problems)
    return items


def _rows(text: str, label: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with something in them, with the line where each begins."""
    header = text.lstrip("\r\n").splitlines()[:1]
    outside = "".join(header[0].split('"')[::2]) if header else ""
    delimiter = max(_DELIMITERS, key=outside.count)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=delimiter != "\t"
    )
    line = 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            what, hint = next(
                ((what, hint) for mark, what, hint in _BAD_CSV if mark in str(error)),
                ("This cannot be read as CSV", "Save it again as CSV."),
            )
            detail = "The row begins here."
            raise SpecError.of(
                what, detail=detail, hint=hint, position=Position(label, line), code=Code.BAD_TABLE
            ) from None
        if row is None:
            return
        if any(cell and not cell.isspace() for cell in row):
            yield line, row
        line = reader.line_num + 1


def _bad_header(known: list[str], label: str, line: int, key: str, at: Position) -> Iterator[Diagnostic]:
    place = Position(label, line)
    for name in dict.fromkeys(name for name in known if known.count(name) > 1):
        yield Diagnostic(
            f'The column "{name[:40]}" is there twice',
            "Only one of the two could count.",
            "Rename one of them, or delete it.",
            position=place,
            code=Code.BAD_TABLE,
        )
    if key not in known:
        yield Diagnostic(
            f'There is no column "{key}"',
            f"The first row with something in it has {listed(known)}. The assets are named after this column.",
            did_you_mean(key, known, "Name another column with `key:`, or add this one."),
            position=place,
            related=(Related(at, "the file is named here"),),
            code=Code.NO_COLUMN,
        )


def _bad_row(row: list[str], columns: list[str], index: int, label: str, line: int) -> Diagnostic | None:
    surplus = any(cell.strip() for cell in row[len(columns) :])
    if surplus or len(row) < len(columns):
        return Diagnostic(
            f"This row has {len(row)} cells, the header {len(columns)}",
            "Nobody can tell which column a cell belongs to.",
            "Put a cell with a comma, a semicolon or a line break in it into quotes, or mend the row.",
            position=Position(label, line),
            code=Code.BAD_TABLE,
        )
    if not row[index].strip():
        return Diagnostic(
            "This row has no key",
            f'Its cell in the column "{columns[index]}" is empty, and its asset is named after that.',
            "Fill it in, or delete the row.",
            position=Position(label, line),
            code=Code.ROW_WITHOUT_KEY,
        )
    return None


def _too_many(at: Position) -> SpecError:
    return SpecError.of(
        "These are too many assets",
        detail=f"One asset stands for at most {MAX_ROWS:,}.",
        hint="Split the table, or the list.",
        position=at,
        code=Code.TOO_MANY_ASSETS,
    )
