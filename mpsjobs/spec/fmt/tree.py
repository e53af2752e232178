"""A YAML file as it is written: every value as its source text, every comment and blank line beside what it belongs to.

A comment on a line of its own belongs to what follows it, unless it is indented further than that: then it closes the block that it
stands in. A comment at the end of a line belongs to the line. A blank line belongs to what follows it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from mpsjobs.spec.yaml import events

_ANCHOR = re.compile(r"&[\w-]+")
_GAP = re.compile(r"(?:\s|#[^\n]*)*")
_HEADER = re.compile(r"(?P<style>[|>])(?P<marks>[-+0-9]*)")


class KeptAsWrittenError(Exception):
    """The file is laid out in a way that is not worth formatting: a root that is no block of keys, keys of several lines."""


@dataclass(slots=True)
class Comment:
    """`closes_line`: it stands behind something on the same line."""

    text: str
    column: int
    closes_line: bool


Trivia: TypeAlias = "list[Comment | None]"
"""Comments, and None for blank lines, however many."""


@dataclass(slots=True)
class Leaf:
    """A scalar, an alias or nothing at all: `lines` of source, of which those after the first have lost their indentation.

    In a block scalar the first line is the header, and the rest keeps what is content. `keeps`: blank lines after it are part of it.
    """

    lines: list[str]
    value: str = ""
    anchor: str = ""
    keeps: bool = False
    alias: bool = False
    tail: Comment | None = None


@dataclass(slots=True)
class Branch:
    """A mapping or a list. `source` is what a flow (`{…}`, `[…]`) looks like in the file; it is empty for blocks."""

    mapping: bool
    column: int
    anchor: str = ""
    source: str = ""
    entries: "list[Entry]" = field(default_factory=list)
    foot: Trivia = field(default_factory=list)
    tail: Comment | None = None

    @property
    def flow(self) -> bool:
        return bool(self.source)


@dataclass(slots=True)
class Entry:
    """A key with its value, or an item of a list. `tail` closes the line of the key; `inner` stands between the key and its value."""

    key: Leaf | None
    value: Leaf | Branch
    lead: Trivia = field(default_factory=list)
    tail: Comment | None = None
    inner: Trivia = field(default_factory=list)


@dataclass(slots=True)
class File:
    """`head` are the lines up to `---`, `foot` those from `...` on; both are kept as they are.

    `comments`: the texts of all but those that stand in flows and in the headers of block scalars, which are part of them.
    """

    root: Branch
    head: list[str]
    foot: list[str]
    comments: list[str]


def read(text: str) -> File:
    """Read a text that `yaml.parse` takes without problems. Line breaks are LF.

    Raises:
        KeptAsWrittenError: see there.
    """
    return _Reader(text).file()


class _Reader:
    """`at` is how far the text is read; `line` is what stands last on the line that ends there."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.events: Iterator[Any] = events(text)
        self.at = 0
        self.line: Leaf | Branch | Entry | None = None
        self.comments: list[str] = []
        self.between: Trivia = []
        self.end = 0

    def file(self) -> File:
        start = next((event for event in self.events if type(event) is DocumentStartEvent), None)
        if start is None:
            raise KeptAsWrittenError
        head: list[str] = []
        if start.explicit:
            self.at = start.end_mark.index
            head = [line.rstrip() for line in self.text[: self.at].split("\n")]
        first = next(self.events, None)
        if type(first) is not MappingStartEvent or first.flow_style or first.anchor:
            raise KeptAsWrittenError
        if head and (self.text.count("\n", 0, first.start_mark.index) < len(head)):
            raise KeptAsWrittenError
        root = self.block(first)
        end = next(event for event in self.events if type(event) is DocumentEndEvent)
        stop = end.start_mark.index if end.explicit else len(self.text)
        root.foot += self.settle(root, -1, self.trivia(stop))
        foot = [line.rstrip() for line in self.text[stop:].strip().split("\n")] if end.explicit else []
        if head and root.entries[0].lead and (comment := root.entries[0].lead[0]) and comment.closes_line:
            head[-1] += f" {comment.text}"
            del root.entries[0].lead[0]
        return File(root, head, foot, self.comments)

    def trivia(self, stop: int, until: str = "") -> Trivia:
        """Comments and blank lines up to a place, or past a character between them; the rest are indicators."""
        text, found, same_line, read = self.text, list[Comment | None](), True, self.at
        while self.at < stop:
            char = text[self.at]
            if char == "#":
                end = text.find("\n", self.at)
                end = len(text) if end < 0 else end
                begin = text.rfind("\n", 0, self.at) + 1
                closes = same_line and bool(text[begin : self.at].strip())
                comment = Comment(text[self.at : end].rstrip(), self.at - begin, closes)
                self.comments.append(comment.text)
                found.append(comment)
                self.at = end
                continue
            if char == "\n":
                same_line = False
                begin = text.rfind("\n", 0, self.at) + 1
                # A block scalar may end with a line of spaces that belong to it: that line was read before.
                blank = begin >= read and not text[begin : self.at].strip()
                if blank and not (found and found[-1] is None):
                    found.append(None)
            self.at += 1
            if char == until:
                break
        first = found[0] if found else None
        if first and first.closes_line and self.line is not None and self.line.tail is None:
            self.line.tail = first
            del found[0]
        return found

    def settle(self, before: Leaf | Branch, column: int, found: Trivia) -> Trivia:
        """Give the blocks that end here the comments that are still indented as they are; what is left leads on."""
        closed = list(_open_blocks(before))
        while closed:
            index = next((i for i, each in enumerate(found) if each), None)
            comment = found[index] if index is not None else None
            if index is None or comment is None or comment.column <= column:
                break
            while len(closed) > 1 and closed[-1].column > comment.column:
                closed.pop()
            closed[-1].foot += found[: index + 1]
            del found[: index + 1]
        return found

    def block(self, event: Any) -> Branch:
        """A mapping or a list in block style, whose start was read."""
        mapping = type(event) is MappingStartEvent
        branch = Branch(mapping, event.start_mark.column)
        above: Trivia = []
        if event.anchor is not None:
            above = self.trivia(event.start_mark.index)
            branch.anchor = self.anchor(event)
        ending = MappingEndEvent if mapping else SequenceEndEvent
        while type(each := next(self.events)) is not ending:
            if not branch.entries and mapping:
                branch.column = each.start_mark.column
            start = each.start_mark.index
            found = self.trivia(start) if mapping else self.trivia(start, "-")
            if not mapping and not branch.entries:
                branch.column = self.at - 1 - (self.text.rfind("\n", 0, self.at) + 1)
            if branch.entries:
                found = self.settle(branch.entries[-1].value, branch.column, found)
            else:
                found = above + found
            entry = Entry(None, Leaf([""]), found)
            if mapping:
                entry.key = self.leaf(each, branch.column)
                if not entry.key.lines[0] or len(entry.key.lines) > 1 or self.between:
                    raise KeptAsWrittenError
                each = next(self.events)  # the value's event
            self.line = entry
            branch.entries.append(entry)
            entry.value = self.value(entry, each, branch.column)
        return branch

    def value(self, entry: Entry, event: Any, column: int) -> Leaf | Branch:
        if type(event) in {ScalarEvent, AliasEvent}:
            entry.inner = self.trivia(event.start_mark.index)
            leaf = self.leaf(event, column)
            entry.inner += self.between
            if leaf.lines != [""]:
                self.line = leaf
            return leaf
        if not event.flow_style:
            return self.block(event)
        entry.inner = self.trivia(event.start_mark.index)
        branch = self.flow(event, column)
        self.at = self.end
        self.line = branch
        return branch

    def flow(self, event: Any, column: int) -> Branch:
        """A mapping or a list in flow style; `end` is where it ends."""
        mapping = type(event) is MappingStartEvent
        begin = event.start_mark.index
        anchor = self.anchor(event)
        if anchor:
            begin = _end(_GAP, self.text, self.at)
        self.line = None
        branch = Branch(mapping, column, anchor)
        ending = MappingEndEvent if mapping else SequenceEndEvent
        while type(each := next(self.events)) is not ending:
            key = None
            if mapping:
                key, each = self.leaf(each, column), next(self.events)  # the value's event
            leaf = type(each) in {ScalarEvent, AliasEvent}
            branch.entries.append(Entry(key, self.leaf(each, column) if leaf else self.flow(each, column)))
        self.end = each.end_mark.index
        branch.source = self.text[begin : self.end]
        return branch

    def anchor(self, event: Any) -> str:
        """`&name`, if the event has one; what is read ends behind it."""
        if event.anchor is None:
            return ""
        begin = event.start_mark.index
        self.at = _end(_ANCHOR, self.text, begin)
        return self.text[begin : self.at]

    def leaf(self, event: Any, column: int) -> Leaf:
        begin, self.at = event.start_mark.index, event.end_mark.index
        self.between = []
        if type(event) is AliasEvent:
            return Leaf([self.text[begin : self.at]], alias=True)
        anchor = ""
        if event.anchor is not None:
            end = self.at
            anchor = self.anchor(event)
            self.between = self.trivia(min(_end(_GAP, self.text, self.at), end))
            begin, self.at = self.at, end
        source = self.text[begin : self.at]
        if event.style in {"|", ">"}:
            return self.block_scalar(source, anchor, begin, column)
        first, *rest = source.split("\n")
        strip = str.strip if not event.style else str.lstrip
        return Leaf([first, *(strip(line, " \t") for line in rest)], event.value, anchor)

    def block_scalar(self, source: str, anchor: str, begin: int, column: int) -> Leaf:
        header, *lines = source.split("\n")
        match = _HEADER.match(header)
        if match is None:
            raise KeptAsWrittenError
        marks, comment = match["marks"], header[match.end() :].rstrip()
        digit = next((int(mark) for mark in marks if mark.isdigit()), 0)
        first = next((line for line in lines if line.strip(" ")), max(lines, key=len, default=""))
        indent = column + digit if digit else len(first) - len(first.lstrip(" "))
        ended = lines and not lines[-1]
        if ended:
            lines.pop()
        chomp = next((mark for mark in marks if mark in "+-"), "")
        if not ended and lines:
            chomp = "-"  # the file ends here without a line break, and so does the text
        self.at = begin + len(source)
        if chomp != "+":
            while lines and not lines[-1][indent:]:
                lines.pop()
            self.at = begin + len("\n".join([header, *source.split("\n")[1 : len(lines) + 1]]))
        head = f"{match['style']}{'2' if digit else ''}{chomp}{comment}"
        return Leaf([head, *(line[indent:] for line in lines)], anchor=anchor, keeps=chomp == "+")


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _open_blocks(node: Leaf | Branch) -> Iterator[Branch]:
    """The blocks that end where the node ends, the outer first."""
    while isinstance(node, Branch) and not node.flow:
        yield node
        node = node.entries[-1].value
