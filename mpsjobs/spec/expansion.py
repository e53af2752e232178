"""One asset as it is written becomes many: `matrix`, and `for_each` over a list, a mapping or a table.

Addresses are stable: the values of a matrix join in the order of the dimensions' names, so what else stands there, and in which order,
changes none. The cost is linear in the number of assets, of which there are at most `MAX_ROWS` for one that is written.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from mpsjobs.model.asset import Sensitive
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related, SpecError
from mpsjobs.spec.addresses import is_address
from mpsjobs.spec.blocks import filled_in, split
from mpsjobs.spec.evaluation import fill
from mpsjobs.spec.matrix import Matrix
from mpsjobs.spec.scope import Cell, Each, Scope, UnresolvedError
from mpsjobs.spec.tables import Item, items_of, read_table
from mpsjobs.spec.templates import Template
from mpsjobs.spec.texts import find
from mpsjobs.spec.yaml import Map, Mark, Seq, position

KEYS = ("matrix", "for_each", "address")


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
                code=Code.BAD_FOR_EACH,
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
                list(Matrix(self.tell, file).combinations(value, mark))
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
                code=Code.BAD_FOR_EACH,
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
                code=Code.ADDRESS_PART_TWICE,
            )

    def joined(self, cells: list[Cell]) -> str | None:
        for cell in cells:
            if isinstance(cell.value, Sensitive):
                self.problem(
                    position(cell.place, ""),
                    "A sensitive value cannot be part of an address",
                    "Addresses are shown everywhere.",
                    "Use a variable that is not sensitive.",
                    code=Code.SENSITIVE_SHOWN,
                )
                return None
            if not is_address(cell.value):
                self.problem(
                    position(cell.place, ""),
                    "This cannot be part of an address",
                    f"It is {cell.value[:40]!r}. Addresses have letters, digits, `_` and `-`, with dots between them.",
                    "Write another word, or say how the address is made: `address: ${slug(each.…)}`.",
                    code=Code.BAD_ADDRESS_PART,
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
            code = Code.SENSITIVE_SHOWN
            summary, detail = (
                "A sensitive value cannot be part of an address",
                "Addresses are shown everywhere.",
            )
        elif isinstance(made, str) and is_address(made):
            return made
        else:
            code = Code.BAD_ADDRESS_PART
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
        self.problem(at, summary, detail, hint, Related(place, "made here"), code=code)
        return None

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
                code=Code.BAD_FOR_EACH,
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
                code=Code.BAD_FOR_EACH,
            )
        path = find(self.root, value["file"], at, file)
        self.data_files.add(path)
        return read_table(path, path.relative_to(self.root).as_posix(), key, at)

    def problem(
        self, at: Position, summary: str, detail: str, hint: str, *related: Related, code: Code
    ) -> None:
        self.tell([Diagnostic(summary, detail, hint, position=at, related=related, code=code)])
