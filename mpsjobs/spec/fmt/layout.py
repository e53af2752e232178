"""How a file should look: two spaces a level, keys in their order, at most one blank line in a row.

Scalars are the source's own text: quotes, escapes, folds and line breaks stay as they were written. A flow (`{…}`, `[…]`) on one line
gets even spacing; one on several lines is moved as a whole.
"""

import re
from dataclasses import replace
from operator import is_

from mpsjobs.spec.fmt.order import Shape, below, rank
from mpsjobs.spec.fmt.tree import Branch, Comment, Entry, File, Leaf, Trivia

STEP = 2
_MODELINE = re.compile(r"#\s*yaml-language-server\s*:")


def lay_out(file: File, shape: Shape) -> str:
    """The text of the file, formatted."""
    layout = _Layout(file)
    layout.lines += file.head
    layout.root(shape)
    while layout.lines[-1] == "" and not layout.open_end:
        layout.lines.pop()
    return "\n".join([*layout.lines, *file.foot]) + "\n"


class _Layout:
    """`open_end`: the last line belongs to a text that keeps the blank lines after it."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.lines: list[str] = []
        self.open_end = False

    def root(self, shape: Shape) -> None:
        """The file's own comments stay at its top, whatever comes first among the keys."""
        root = self.file.root
        lead = root.entries[0].lead
        stay = [index + 1 for index, each in enumerate(lead) if each is None or _MODELINE.match(each.text)]
        head = lead[: stay[-1]] if stay and any(lead[: stay[-1]]) else []
        del lead[: len(head)]
        self.trivia(head, 0, opening=not self.lines)
        self.block(root, 0, shape)

    def trivia(self, found: Trivia, indent: int, *, opening: bool = False) -> None:
        for each in found:
            if each is not None:
                self.line(f"{' ' * indent}{each.text}")
            elif not opening and self.lines[-1] and not self.open_end:
                self.line("")
            opening = False

    def line(self, text: str, tail: Comment | None = None, shift: int = 0) -> None:
        """A line, with the comment that closes it: in its old column, as far as that is possible."""
        if tail is not None:
            text = f"{text.ljust(tail.column + shift - 1)} {tail.text}"
        self.lines.append(text)
        self.open_end = False

    def block(self, branch: Branch, indent: int, shape: Shape, first: str = "") -> None:
        """`first` is what stands before the first entry instead of its indentation."""
        shift = indent - branch.column
        for index, entry in enumerate(_ordered(branch, shape)):
            prefix = first if first and index == 0 else " " * indent
            self.trivia(entry.lead, indent, opening=index == 0)
            if entry.key is None:
                self.value(f"{prefix}-", entry, indent, shift, shape)
            else:
                self.value(f"{prefix}{_key(entry.key)}:", entry, indent, shift, below(shape, entry.key.value))
        self.trivia(branch.foot, indent)

    def value(self, prefix: str, entry: Entry, indent: int, shift: int, shape: Shape) -> None:
        value = entry.value
        anchored = f"{prefix} {value.anchor}" if value.anchor else prefix
        if isinstance(value, Branch) and not value.flow:
            compact = entry.key is None and not (value.anchor or entry.tail)
            if compact and not any(_ordered(value, shape)[0].lead):
                self.block(value, indent + STEP, shape, f"{prefix} ")
                return
            self.line(anchored, entry.tail, shift)
            self.block(value, indent + STEP, shape)
            return
        lines = _value_lines(value, shape, indent, shift)
        if entry.tail or any(entry.inner):
            self.line(anchored, entry.tail, shift)
            lines = lines if any(lines) else []
            # What stands after a key without a value belongs to what follows.
            self.trivia([each for each in entry.inner if each], indent + STEP if lines else indent)
            anchored = " " * (indent + STEP - 1)
        for index, line in enumerate(lines):
            text = f"{anchored} {line}".rstrip(" ") if index == 0 else line
            self.line(text, value.tail if index == len(lines) - 1 else None, shift)
        self.open_end = isinstance(value, Leaf) and value.keeps


def _ordered(branch: Branch, shape: Shape) -> list[Entry]:
    """The entries in the order of their keys, unless an alias would come to stand before its anchor."""
    entries = branch.entries
    if not branch.mapping or shape is None:
        return entries
    ranked = sorted(entries, key=lambda entry: rank(shape, entry.key.value if entry.key else ""))
    if all(map(is_, ranked, entries)) or _bound(entries) != _bound(ranked):
        return entries
    if branch.flow or ranked[0] is entries[0]:
        return ranked
    return _with_gaps(ranked, entries[0])


def _with_gaps(ranked: list[Entry], former_first: Entry) -> list[Entry]:
    """What was first and is not any more takes over the blank line of what is first now."""
    first = ranked[0]
    gap = bool(first.lead) and first.lead[0] is None
    bare = replace(first, lead=first.lead[1:] if gap else first.lead)
    moved = replace(former_first, lead=[None, *former_first.lead] if gap else former_first.lead)
    return [bare if each is first else moved if each is former_first else each for each in ranked]


def _bound(entries: list[Entry]) -> list[int]:
    """Those of which one names what another marks, in their order; none where nothing is marked."""
    found = [(id(entry.key), *_marks(entry)) for entry in entries]
    marking = any(marks for _, marks, _ in found)
    return [identity for identity, marks, names in found if marking and (marks or names)]


def _marks(entry: Entry) -> tuple[bool, bool]:
    """Whether an entry holds anchors, and aliases."""
    marks = names = False
    pending: list[Leaf | Branch | None] = [entry.key, entry.value]
    while pending:
        node = pending.pop()
        if isinstance(node, Branch):
            marks = marks or bool(node.anchor)
            pending += [part for each in node.entries for part in (each.key, each.value)]
        elif node is not None:
            marks, names = marks or bool(node.anchor), names or node.alias
    return marks, names


def _key(key: Leaf) -> str:
    text = f"{key.anchor} {key.lines[0]}" if key.anchor else key.lines[0]
    return f"{text} " if key.alias else text


def _value_lines(value: Leaf | Branch, shape: Shape, indent: int, shift: int) -> list[str]:
    """The lines of a scalar or a flow; the first has no indentation."""
    inner = " " * (indent + STEP)
    if isinstance(value, Leaf):
        first, *rest = value.lines
        return [first, *(f"{inner}{line}" if line else "" for line in rest)]
    if "\n" not in value.source:
        return [_flow(value, shape)]
    first, *rest = value.source.split("\n")
    return [first, *(_moved(line, shift) for line in rest)]


def _moved(line: str, shift: int) -> str:
    bare = line.lstrip(" ")
    return f"{' ' * max(0, len(line) - len(bare) + shift)}{bare}" if bare else ""


def _flow(branch: Branch, shape: Shape) -> str:
    """A flow on one line, without its anchor."""
    if not branch.mapping:
        return f"[{', '.join(_inline(entry.value, shape) for entry in branch.entries)}]"
    return f"{{{', '.join(_pair(entry, shape) for entry in _ordered(branch, shape))}}}"


def _inline(node: Leaf | Branch, shape: Shape) -> str:
    text = node.lines[0] if isinstance(node, Leaf) else _flow(node, shape)
    return f"{node.anchor} {text}".strip(" ")


def _pair(entry: Entry, shape: Shape) -> str:
    if entry.key is None:
        return _inline(entry.value, shape)
    value = _inline(entry.value, below(shape, entry.key.value))
    return f"{_key(entry.key)}: {value}" if value else _key(entry.key).rstrip(" ")
