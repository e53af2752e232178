"""YAML 1.2 as values that know where they were written.

libyaml (by way of ruamel.yaml) cuts the text into events; what they mean is decided here, because libyaml's callers decide it by the
rules of YAML 1.1, where `no` is false and `1:30` is ninety. A scalar without quotes stays its source text (`Plain`) until something
asks for a number or a switch: see `scalars`.

Guarantees: the cost is linear in the size of the text; nesting is at most `MAX_DEPTH`, so that whoever walks the result may recurse;
aliases share what they name, and add at most a bounded multiple of what was written.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]  # re-exported by intent, with a fallback for its name
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related, SpecError
from mpsjobs.spec.yaml_errors import explain

MAX_DEPTH = 100
MAX_VALUES = 1_000_000
"""Keys and values of one file; far more than a person can keep in one, far fewer than 32 MiB of commas."""
FREE_COPIES = 100_000
"""How much aliases may add to any file, in values (long text counts more), besides `COPIES_PER_VALUE` for each value written."""
COPIES_PER_VALUE = 10

Value: TypeAlias = "str | Map | Seq | None"

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_OPEN = object()
"""Stands for an anchor whose value is still being read: an alias to it would contain itself."""
# What libyaml reads by the rules of YAML 1.1, though YAML 1.2 takes it for text: other line breaks, and colons and question marks
# inside of words between brackets, as in `{url: https://example.com/a?b}`.
_FORMER_BREAKS = "\x85\u2028\u2029"
_INNER_COLON = re.compile(r""":(?=[^\s,\[\]{}])(?<!["'\]}]:)(?<!["'\]}][ \t]:)""")
_INNER_QUESTION = re.compile(r"\?(?:(?=[^\s,\[\]{}])|(?<=[^\s,\[\]{}]\?))")
_AFTER_ANCHORS = frozenset(["", *" \t\r\n,[]{}"])
_PRIVATE = range(0xE000, 0xF900)


class Mark(Protocol):
    """A place as libyaml gives it: line and column from 0, in characters."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


class Elsewhere(NamedTuple):
    """A place in another file than the one that is read: where a value that was put in here comes from."""

    line: int
    column: int
    file: str


class Plain(str):
    """A scalar without quotes: its source text. `2.10` is not yet a number, `no` never becomes a switch."""

    __slots__ = ()


class Map(dict[str, Any]):
    """A mapping, with the places of its keys and values. Keys are the source text of scalars."""

    __slots__ = ("mark", "places")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.places: dict[str, tuple[Mark, Mark]] = {}

    def without(self, key: str) -> "Map":
        """A copy that lacks a key."""
        return self.with_value(key, None, drop=True)

    def with_value(self, key: str, value: Value, *, drop: bool = False) -> "Map":
        """A copy in which a key that is there has another value, or is dropped."""
        copy = Map(self.mark)
        copy.update(self)
        copy.places = self.places
        if drop:
            copy.pop(key, None)
        else:
            copy[key] = value
        return copy


class Seq(list[Any]):
    """A sequence, with the places of its items."""

    __slots__ = ("mark", "places")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.places: list[Mark] = []


@dataclass(frozen=True, slots=True)
class Document:
    """The one document of a file. `root` is None when the file holds nothing.

    `problems` are mistakes after which the reading went on: of duplicate keys the first counts, of tags none.
    """

    root: Value
    file: str
    problems: tuple[Diagnostic, ...] = ()


def parse(text: str, file: str) -> Document:
    """Read a document. What does not stop the reading is collected in its `problems`.

    Raises:
        SpecError: it is not YAML, or would grow without bounds: what was collected so far, and what stopped the reading.
    """
    guarded, restore = _guarded(text)
    reader = _Reader(guarded, file, restore)
    try:
        return reader.document()
    except YAMLError as error:
        raise SpecError(*reader.problems, explain(error, text, file)) from None


def events(text: str) -> Iterator[Any]:
    """What libyaml sees in a text that `parse` has read, for those who care how it is written. Marks count characters of `text`."""
    next_event = CParser(_guarded(text)[0]).get_event
    while type(event := next_event()) is not StreamEndEvent:
        yield event


def position(mark: Mark, file: str) -> Position:
    return Position(mark.file if isinstance(mark, Elsewhere) else file, mark.line + 1, mark.column + 1)


def _guarded(text: str) -> tuple[str, dict[int, str]]:
    """The text with private characters that are not in it in place of what libyaml would misread, and how to turn them back.

    Each stands for one character, so that lines and columns stay right.
    """
    spare = (chr(code) for code in _PRIVATE if chr(code) not in text)
    restore: dict[int, str] = {}
    for char in _FORMER_BREAKS:
        if char in text and (stand_in := next(spare, None)):
            restore[ord(stand_in)] = char
            text = text.replace(char, stand_in)
    if "{" in text or "[" in text:
        for pattern, char in ((_INNER_COLON, ":"), (_INNER_QUESTION, "?")):
            if pattern.search(text) and (stand_in := next(spare, None)):
                restore[ord(stand_in)] = char
                text = pattern.sub(stand_in, text)
    return text, restore


class _Reader:
    """Builds values from events, for one document."""

    def __init__(self, text: str, file: str, restore: Mapping[int, str]) -> None:
        self.next = CParser(text).get_event
        self.source = text
        self.file = file
        self.restore = restore
        self.problems: list[Diagnostic] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.size = 0  # values, with everything that aliases repeat
        self.written = 0  # values that stand in the text

    def document(self) -> Document:
        self.next()  # the start of the stream
        start = self.next()
        if type(start) is StreamEndEvent:
            return Document(None, self.file)
        if start.version not in {None, (1, 2)}:
            self.problem(
                start.start_mark,
                "This file asks for another version of YAML",
                "Files are read as YAML 1.2, where `no` and `on` are words.",
                "Remove the `%YAML` line.",
                code=Code.YAML_VERSION,
            )
        root = self.node(self.next(), 0)
        self.next()  # the end of the document
        if type(more := self.next()) is DocumentStartEvent:
            self.problem(
                more.start_mark,
                "A second document starts here",
                "A file holds one document; `---` starts another.",
                "Move what follows into a file of its own.",
                code=Code.SECOND_DOCUMENT,
            )
        return Document(root, self.file, tuple(self.problems))

    def node(self, event: Any, depth: int) -> Any:
        kind = type(event)
        if kind is AliasEvent:
            return self.alias(event)
        if event.tag is not None:
            self.tag(event)
        before, anchor = self.size, event.anchor
        if anchor is not None:
            self.check_anchor(event)
        value: Value
        if kind is ScalarEvent:
            value = self.scalar(event)
        else:
            if depth >= MAX_DEPTH:
                raise self.fatal(
                    event.start_mark,
                    "This is nested too deeply",
                    f"At most {MAX_DEPTH} levels are read.",
                    "Check for brackets that nobody closed.",
                    code=Code.TOO_MUCH_YAML,
                )
            if anchor is not None:
                self.anchors[anchor] = (_OPEN, 0)
            value = (
                self.mapping(event, depth + 1)
                if kind is MappingStartEvent
                else self.sequence(event, depth + 1)
            )
            self.size += 1
            self.written += 1
        if anchor is not None:
            self.anchors[anchor] = (value, self.size - before)
        return value

    def scalar(self, event: Any) -> str | None:
        text = self.text(event)
        self.size += 1 + (len(text) >> 5)
        self.written += 1
        if self.written > MAX_VALUES:
            raise self.fatal(
                event.start_mark,
                "The file holds too many values",
                f"At most {MAX_VALUES:,} keys and values are read from one file.",
                "Split the file.",
                code=Code.TOO_MUCH_YAML,
            )
        if event.style:
            return text
        return None if text in _NULLS else Plain(text)

    def text(self, event: Any) -> str:
        text: str = event.value
        return text.translate(self.restore) if self.restore and not text.isascii() else text

    def alias(self, event: Any) -> Any:
        value, size = self.anchors.get(event.anchor, (None, -1))
        if size < 0:
            raise self.fatal(
                event.start_mark,
                f"There is no anchor `&{event.anchor}` above this alias",
                "`*name` repeats what `&name` marked earlier in the same file.",
                "Put text that begins with `*` in quotes.",
                code=Code.BAD_ANCHOR,
            )
        if value is _OPEN:
            raise self.fatal(
                event.start_mark,
                f"`*{event.anchor}` stands inside of what it repeats",
                "It would contain itself without end.",
                "Write out what is meant here.",
                code=Code.BAD_ANCHOR,
            )
        self.written += 1
        self.size += size
        if self.size > FREE_COPIES + COPIES_PER_VALUE * self.written:
            raise self.fatal(
                event.start_mark,
                "Aliases repeat too much",
                "Written out, this file would be many times its size. Aliases of aliases multiply.",
                "Use `defaults:` for what many assets share.",
                code=Code.TOO_MUCH_YAML,
            )
        return value

    def check_anchor(self, event: Any) -> None:
        """Libyaml ends the name of an anchor at a colon, and takes the rest of it for the value."""
        start = event.start_mark.index
        after = start + 1 + len(event.anchor)
        if self.source[start] == "&" and self.source[after : after + 1] not in _AFTER_ANCHORS:
            self.problem(
                event.start_mark,
                "This cannot be the name of an anchor",
                "Letters, digits, `-` and `_` can stand in it, and a space comes after it.",
                "Choose another name; text that begins with `&` needs quotes.",
                code=Code.BAD_ANCHOR,
            )

    def sequence(self, start: Any, depth: int) -> Seq:
        result = Seq(start.start_mark)
        while type(event := self.next()) is not SequenceEndEvent:
            result.append(self.node(event, depth))
            result.places.append(event.start_mark)
        return result

    def mapping(self, start: Any, depth: int) -> Map:
        result = Map(start.start_mark)
        places = result.places
        merges: tuple[Any, Mark, Mark] | None = None
        while type(event := self.next()) is not MappingEndEvent:
            key = self.key(event, depth)
            value_event = self.next()
            value = self.node(value_event, depth)
            at = (event.start_mark, value_event.start_mark)
            if key is None:
                continue
            if key == "<<" and type(event) is ScalarEvent and not event.style:
                if merges is None:
                    merges = (value, *at)
                else:
                    self.duplicate(key, event.start_mark, merges[1])
            elif key in result:
                self.duplicate(key, event.start_mark, places[key][0])
            else:
                result[key] = value
                places[key] = at
        if merges is not None:
            self.merge(result, merges[0], merges[2])
        return result

    def key(self, event: Any, depth: int) -> str | None:
        if type(event) is ScalarEvent:
            if event.tag is None and event.anchor is None:
                self.size += 1
                self.written += 1
            else:
                self.node(event, depth)
            return self.text(event)
        value = self.node(event, depth)
        if isinstance(value, str):
            return str(value)
        self.problem(
            event.start_mark,
            "A key must be a word",
            "This key is a list or a mapping.",
            "Put a name before the colon; text that begins with `{`, `[` or `?` needs quotes.",
            code=Code.KEY_IS_NO_WORD,
        )
        return None

    def merge(self, into: Map, value: Any, at: Mark) -> None:
        """`<<`: take the keys that are missing; the mapping's own keys win, then the earlier source."""
        for source in value if isinstance(value, Seq) else [value]:
            if not isinstance(source, Map):
                self.problem(
                    at,
                    "`<<` takes a mapping",
                    "It merges the keys of a mapping, or of a list of them.",
                    "Write `<<: *name`.",
                    code=Code.BAD_ANCHOR,
                )
                continue
            for key, inherited in source.items():
                if key not in into:
                    into[key] = inherited
                    into.places[key] = source.places[key]

    def duplicate(self, key: str, at: Mark, first: Mark) -> None:
        related = (Related(position(first, self.file), "first written here"),)
        hint = (
            "Merge several mappings with one list: `<<: [*a, *b]`." if key == "<<" else "Keep one of the two."
        )
        self.problems.append(
            Diagnostic(
                f'The key "{key}" is there twice',
                f"Line {first.line + 1} has it already; only one of the two could count.",
                hint,
                position=position(at, self.file),
                related=related,
                code=Code.DUPLICATE_KEY,
            )
        )

    def tag(self, event: Any) -> None:
        self.problem(
            event.start_mark,
            "Tags are not read",
            f"`{event.tag.translate(self.restore)}` would give this value another type.",
            "Remove the tag; text that begins with `!` needs quotes.",
            code=Code.YAML_TAG,
        )

    def problem(self, mark: Mark, summary: str, detail: str, hint: str, *, code: Code) -> None:
        self.problems.append(Diagnostic(summary, detail, hint, position=position(mark, self.file), code=code))

    def fatal(self, mark: Mark, summary: str, detail: str, hint: str, *, code: Code) -> SpecError:
        """The reading cannot go on: all that was found so far, and this."""
        self.problem(mark, summary, detail, hint, code=code)
        return SpecError(*self.problems)
