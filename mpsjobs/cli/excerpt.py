"""The line that a diagnostic is about, as it can be shown on a terminal."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from mpsjobs.model.diagnostics import Position, SpecError
from mpsjobs.spec.project_files import SETTINGS_NAME, find_project, is_settings_file
from mpsjobs.spec.source import MAX_BYTES
from mpsjobs.spec.yaml import Map, Mark, Seq, parse

WIDTH = 100
"""Columns of a line that are shown; of a longer one, those around the place."""
TAB = 4

_WORD = re.compile(r"[\w-]+")
_RIGHTS = re.compile(
    r"""(?P<scheme>https?://)(?P<user>[^/\s@"']+@)?(?P<path>[^\s"'?,}\]]*)(?P<query>\?[^\s"',}\]]+)?"""
)
"""What a URL has to prove a right with: user and password, and the signature in the query."""

_BREAK = re.compile(r"\r\n|\r|\n")
_SENSITIVE = re.compile(r"\bsensitive\b")
_TABLES = frozenset({".csv", ".tsv"})
_SPEC_KEYS = frozenset({"assets", "defaults", "group", "import", "moved", "presets", "variables"})
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_HIDDEN = "(not shown: sensitive values are near here)"


def visible(text: str) -> str:
    """The text with what cannot be seen, or turns the direction of writing around, as `<U+202E>`. Tabs stay."""
    if text.isprintable():
        return text
    return "".join(
        f"<U+{ord(char):04X}>" if char != "\t" and unicodedata.category(char) in _UNSEEN else char
        for char in text
    )


_SECRET = re.compile(r"\b(webhook|encryption|key_env|key_file)\b")
"""The address of a webhook is a secret as a whole, and somebody may write a key itself; it stands in such a line, or in the next two."""


class Line(NamedTuple):
    """A line of an excerpt: its number or room for it, and what stands behind the bar. `marks`: that is carets."""

    margin: str
    text: str
    marks: bool = False


class Sources:
    """The files of a project, each read once, for the lines that diagnostics are about. `root` None: there is no project."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._files: dict[str, _File | None] = {}

    def excerpt(self, at: Position) -> Iterator[Line]:
        """The line, with carets below the place; nothing where the file cannot be read or has no such line.

        Where the project has sensitive variables, no line is shown that may hold the value of one.
        """
        file = self._file(at.file)
        if file is None or not 0 < at.line <= len(file.lines):
            return
        number = str(at.line)
        margin = " " * len(number)
        yield Line(margin, "")
        if file.hides(at.line) or any(
            _SECRET.search(line) for line in file.lines[max(0, at.line - 3) : at.line]
        ):
            yield Line(number, _HIDDEN)
            return
        shown, below = _cut(_without_rights(file.lines[at.line - 1]), at.column - 1)
        yield Line(number, shown.rstrip())
        yield Line(margin, below, marks=True)

    def _file(self, name: str) -> "_File | None":
        if name not in self._files:
            text = self._read(name)
            self._files[name] = (
                None if text is None else _File(name, text, sensitive=self._is_sensitive(name))
            )
        return self._files[name]

    def _is_sensitive(self, name: str) -> bool:
        """Whether the file, its project or this one speaks of sensitive variables."""
        names = [name, SETTINGS_NAME]
        if self._root and (project := find_project((self._root / name).parent)):
            names.append(str(project / SETTINGS_NAME))
        return any(_SENSITIVE.search(self._read(each) or "") for each in names)

    def _read(self, name: str) -> str | None:
        if self._root is None:
            return None
        try:
            with (self._root / name).open("rb") as file:
                data = file.read(MAX_BYTES)
        except (OSError, ValueError):
            return None
        encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
        return data.decode(encoding, errors="replace")


class _File:
    def __init__(self, name: str, text: str, *, sensitive: bool) -> None:
        self.name = name
        self.text = text
        self.sensitive = sensitive
        self.lines = _BREAK.split(text)

    def hides(self, line: int) -> bool:
        return self.sensitive and any(line in hidden for hidden in self._hidden)

    @cached_property
    def _hidden(self) -> list[range]:
        """Lines that may hold sensitive values: what stands below `variables:`, a file of variables, a file that cannot be read."""
        everything = range(1, len(self.lines) + 1)
        if Path(self.name).suffix.lower() in _TABLES:
            return []
        try:
            root = parse(self.text, self.name).root
        except SpecError:
            return [everything]
        if (
            isinstance(root, Map)
            and not is_settings_file(Path(self.name).name)
            and not root.keys() & _SPEC_KEYS
        ):
            return [everything]
        return list(_below_variables(root, self.lines, len(self.lines)))


def _below_variables(value: object, lines: list[str], end: int) -> Iterator[range]:
    """The lines from each `variables:` to the next key beside or around it. `end` is the last line that may belong to `value`."""
    items: list[tuple[Mark, str, object]] = []
    if isinstance(value, Map):
        items = [(mark, key, value[key]) for key, (mark, _) in value.places.items() if key in value]
    elif isinstance(value, Seq):
        items = [(mark, "", item) for item, mark in zip(value, value.places, strict=True)]
    items.sort(key=lambda item: (item[0].line, item[0].column))
    ends = [
        mark.line if lines[mark.line][: mark.column].isspace() or not mark.column else mark.line + 1
        for mark, *_ in items
    ]
    for (mark, key, inner), last in zip(items, [*ends[1:], end], strict=False):
        if key == "variables":
            yield range(mark.line + 1, last + 1)
        else:
            yield from _below_variables(inner, lines, last)


def _without_rights(line: str) -> str:
    """The line with stars for what its URLs prove a right with; all columns stay."""
    return _RIGHTS.sub(
        lambda url: f"{url['scheme']}{_stars(url['user'])}{url['path']}{_stars(url['query'])}", line
    )


def _stars(text: str | None) -> str:
    return "*" * len(text or "")


def _cut(line: str, column: int) -> tuple[str, str]:
    """What is shown of a line, and the carets below the word at a column (from 0, in characters)."""
    column = min(column, len(line))
    word = _WORD.match(line, column)
    end = max(word.end() if word else 0, min(column + 1, len(line)))
    cells: list[str] = []
    at = 0
    for char in line:
        cells.append(_cell(char, at))
        at += _width(cells[-1])
    before, marked, after = cells[:column], cells[column:end], cells[end:]
    marked = _fitting(marked, WIDTH // 2)
    left = _fitting(before[::-1], max(WIDTH // 2, WIDTH - _width_of(marked) - _width_of(after)))[::-1]
    right = _fitting(after, max(0, WIDTH - _width_of(left) - _width_of(marked)))
    head = "…" if len(left) < len(before) else ""
    tail = "…" if len(marked) + len(right) < len(cells) - column else ""
    shown = "".join([head, *left, *marked, *right, tail])
    return shown, " " * (len(head) + _width_of(left)) + "^" * max(1, _width_of(marked))


def _fitting(cells: list[str], width: int) -> list[str]:
    """As many of the first cells as fit."""
    taken = 0
    for index, cell in enumerate(cells):
        taken += _width(cell)
        if taken > width:
            return cells[:index]
    return cells


def _cell(char: str, at: int) -> str:
    return " " * (TAB - at % TAB) if char == "\t" else visible(char)


def _width_of(cells: list[str]) -> int:
    return sum(map(_width, cells))


def _width(text: str) -> int:
    """Columns of a terminal: wide letters take two, accents that stand over others none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
