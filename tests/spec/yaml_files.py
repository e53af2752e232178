"""YAML as people write it, in many layouts, made by chance: with comments wherever one may stand, each with a number of its own."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

KEYS = [
    *(
        "assets",
        "defaults",
        "group",
        "model",
        "version",
        "prompt",
        "lyrics",
        "tags",
        "format",
        "store",
        "bucket",
    ),
    *(
        "takes",
        "url",
        "file",
        "reference_audio",
        "additional_parameters",
        "project",
        "provider",
        "kind",
        "a",
        "b",
    ),
    *('"quoted"', "'single'", "a b", "<<x", "'#'", "ü"),
]
PLAIN = [
    "x",
    "2.10",
    "no",
    "~",
    "1:30",
    "a#b",
    "http://x/y#z",
    "a  b",
    "x, y",
    "é",
    "-x",
    "{{",
    "null",
    "${v}",
    "0o7",
]
QUOTED = ['"2.10"', "'yes'", '"a: b # c"', "'it''s'", '"\\u00e9\\n"', '""', '"x\\\\ "', "'[a]'"]
FLOWS = [
    *(
        "[]",
        "{}",
        "[ a,b , 'c' ]",
        "{ version: 2.10 ,model: GL}",
        "{a, b: }",
        "[a: b]",
        '{"a":1, "b":[x,{c: d}]}',
    ),
    *("[\n@a, # in\n@b\n@]", "{\n@model: 'x',\n\n@version: y }", "[x,\n@y]"),
]
BLOCKS = [
    "|\n@x\n@ y\n\n@z\n",
    ">-\n@x\n\n\n",
    "|+\n@x\n\n\n",
    "|-\n@x #no\n",
    ">\n@long\n@  more\n\n@text\n",
    "|\n\n@x\n\n",
]
FOLDED = ["a b\n@c d\n\n@e", '"a \\\n@ b\n\n@c"', "'x\n\n@y # z'", '"x \n@y"']


@dataclass
class Writer:
    """Writes YAML in many ways, with comments wherever one may stand; each has a number of its own."""

    draw: Any
    comments: int = 0
    anchors: int = 0

    def comment(self, chance: int = 5) -> str:
        if self.draw(st.integers(0, chance)):
            return ""
        self.comments += 1
        return f"#c{self.comments};"

    def tail(self) -> str:
        text = self.comment()
        return (
            f"{' ' * self.draw(st.integers(1, 4))}{text}"
            if text
            else self.draw(st.sampled_from(["", "", "", "  "]))
        )

    def own_lines(self, indent: int) -> str:
        out = ""
        while self.draw(st.integers(0, 4)) == 0:
            if self.draw(st.booleans()):
                out += self.draw(st.sampled_from(["\n", "   \n"]))
            else:
                text = self.comment(0)
                out += f"{' ' * max(0, indent + self.draw(st.sampled_from([0, 0, 0, 1, 2, -2])))}{text}\n"
        return out

    def anchor(self) -> str:
        if self.draw(st.integers(0, 9)):
            return ""
        self.anchors += 1
        return f" &n{self.anchors}"

    def scalar(self, indent: int) -> str:
        """What stands behind a colon or a dash, up to the end of its line or lines."""
        inner = " " * (indent + self.draw(st.integers(1, 4)))
        kind = self.draw(st.integers(0, 9))
        anchor = self.anchor()
        if kind == 0:
            return f"{anchor}{self.tail()}\n"
        if kind == 1 and self.anchors and not anchor:
            return f" *n{self.draw(st.integers(1, self.anchors))}{self.tail()}\n"
        gap = self.draw(st.sampled_from([" ", " ", "   "]))
        if kind == 2:
            header, _, rest = self.draw(st.sampled_from(BLOCKS)).partition("\n")
            return f"{anchor}{gap}{header}{self.tail()}\n{rest.replace('@', inner)}"
        pool = {3: FOLDED, 4: FLOWS, 5: QUOTED}.get(kind, PLAIN)
        text = self.draw(st.sampled_from(pool)).replace("@", inner)
        if kind in {6, 7} and self.draw(st.integers(0, 3)) == 0:
            return f"{anchor}{self.tail()}\n{self.own_lines(indent + 2)}{inner}{text}{self.tail()}\n"
        return f"{anchor}{gap}{text}{self.tail()}\n"

    def mapping(self, indent: int, depth: int, *, compact: bool = False) -> str:
        out = ""
        for index, key in enumerate(
            self.draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
        ):
            if not (compact and index == 0):
                out += self.own_lines(indent) + " " * indent
            out += f"{key}{self.draw(st.sampled_from(['', '', ' ']))}:{self.value(indent, depth, indent + self.draw(st.integers(1, 4)))}"
        return out

    def sequence(self, indent: int, depth: int) -> str:
        out = ""
        for _ in range(self.draw(st.integers(1, 3))):
            out += f"{self.own_lines(indent)}{' ' * indent}-"
            gap = self.draw(st.integers(1, 3))
            if depth and self.draw(st.integers(0, 2)) == 0:
                out += " " * gap + self.mapping(indent + 1 + gap, depth - 1, compact=True)
            else:
                out += self.value(indent, depth, indent + 1 + gap)
        return out

    def value(self, indent: int, depth: int, inner: int) -> str:
        kind = self.draw(st.integers(0, 3)) if depth else 3
        if kind >= 2:
            return self.scalar(indent)
        start = f"{self.anchor()}{self.tail()}\n"
        return start + (self.mapping(inner, depth - 1) if kind else self.sequence(inner, depth - 1))


@st.composite
def files(draw: Any) -> tuple[str, int]:
    writer = Writer(draw)
    head = draw(st.sampled_from(["", "", "", "---\n", "%YAML 1.2\n---\n", "# head\n\n", "# head\n---\n"]))
    text = head + writer.mapping(draw(st.sampled_from([0, 0, 0, 2])), 3) + writer.own_lines(0)
    return text + draw(st.sampled_from(["", "", "...\n", "...\n# after\n"])), writer.comments
