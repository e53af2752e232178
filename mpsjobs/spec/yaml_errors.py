"""What libyaml says about broken YAML, in the words of a person who wants to mend it."""

from typing import Any

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related

_QUOTES = "Put the whole text in quotes."
_INDENT = "Indent with spaces, and all keys of one mapping by the same number of them."

# libyaml's problem → summary, detail, hint, code. `tests/spec` checks that the common mistakes reach their line here.
_WORDS: dict[str, tuple[str, str, str, Code]] = {
    "mapping values are not allowed in this context": (
        "A colon is not allowed here",
        "Either the text before it holds a colon and needs quotes, or this line is indented too far.",
        'Put text with a colon in quotes: `prompt: "Act 1: the storm"`.',
        Code.YAML_SYNTAX,
    ),
    "could not find expected ':'": (
        "A key without a colon",
        "This line is neither `key: value` nor part of the text above it.",
        "Add the colon, or indent the line further when it goes on with the text above.",
        Code.YAML_SYNTAX,
    ),
    "did not find expected key": (
        "A key was expected here",
        "The line is indented in another way than its neighbours, or something follows a text in quotes.",
        _INDENT,
        Code.YAML_SYNTAX,
    ),
    "did not find expected '-' indicator": (
        "An item of the list was expected here",
        "The lines above are a list, and this line does not begin with `-`.",
        "Begin each item with `- `, or indent this line as the key that it belongs to.",
        Code.YAML_SYNTAX,
    ),
    "block sequence entries are not allowed in this context": (
        "A list cannot start on this line",
        "`- ` begins an item only on a line of its own.",
        "Start a new line before the `-`, or put text that begins with `-` in quotes.",
        Code.YAML_SYNTAX,
    ),
    "did not find expected ',' or ']'": (
        "A `[` list is not closed",
        "The items are separated by commas and closed by `]`.",
        "Add the missing `,` or `]`.",
        Code.UNCLOSED,
    ),
    "did not find expected ',' or '}'": (
        "A `{` mapping is not closed",
        "The entries are separated by commas and closed by `}`.",
        "Add the missing `,` or `}`; quote text that holds commas or braces.",
        Code.UNCLOSED,
    ),
    "did not find expected node content": (
        "A value was expected here",
        "The character here closes or separates something that was not begun.",
        "Remove it, or put the text in quotes.",
        Code.YAML_SYNTAX,
    ),
    "found unexpected end of stream": (
        "A quote is not closed",
        "The file ends inside a text in quotes.",
        "Close the quote.",
        Code.UNCLOSED,
    ),
    "found unexpected document indicator": (
        "A quote is not closed",
        "A line with `---` or `...` comes before the closing quote.",
        "Close the quote.",
        Code.UNCLOSED,
    ),
    "found unknown escape character": (
        "Unknown escape in a text in double quotes",
        "A backslash has a meaning between double quotes.",
        "Double the backslash, or use single quotes.",
        Code.YAML_SYNTAX,
    ),
    "found invalid Unicode character escape code": (
        "This escape is not a character",
        "Halves of a surrogate pair and codes above 10FFFF stand for nothing.",
        "Write the character itself.",
        Code.YAML_SYNTAX,
    ),
    "found unexpected ':'": (
        "A space is missing after the colon",
        "Between braces `{a:b}` could be one word.",
        "Write `{a: b}`.",
        Code.YAML_SYNTAX,
    ),
    "found a tab character where an indentation space is expected": (
        "A tab is used to indent",
        "YAML indents with spaces only.",
        "Replace the tab by spaces.",
        Code.TAB_INDENT,
    ),
    "did not find expected comment or line break": (
        "Text follows where the line must end",
        "After `|` or `>` the text starts on the next line.",
        "Move the text to the next line and indent it.",
        Code.YAML_SYNTAX,
    ),
    "did not find expected alphabetic or numeric character": (
        "A name is missing after `*` or `&`",
        "`&name` marks a value and `*name` repeats it.",
        "Put text that begins with `*` or `&` in quotes.",
        Code.BAD_ANCHOR,
    ),
    "did not find expected <document start>": (
        "Something follows the end of the document",
        "A file holds one document.",
        "Move what follows into a file of its own.",
        Code.SECOND_DOCUMENT,
    ),
    "found incompatible YAML document": (
        "This file asks for another version of YAML",
        "Files are read as YAML 1.2.",
        "Remove the `%YAML` line.",
        Code.YAML_VERSION,
    ),
    "found undefined tag handle": (
        "Tags are not read",
        "A word that begins with `!` is a tag.",
        "Remove the tag; text that begins with `!` needs quotes.",
        Code.YAML_TAG,
    ),
}
_UNKNOWN = (
    "This is not valid YAML",
    "The reader got stuck here.",
    "Check quotes, brackets and indentation on this line and the one above.",
    Code.YAML_SYNTAX,
)


def explain(error: Any, text: str, file: str) -> Diagnostic:
    """Translate an error of libyaml. `text` is what it was reading."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        summary, detail, hint, code = _UNKNOWN
        return Diagnostic(summary, detail, hint, position=Position(file), code=code)
    line, column = mark.line, mark.column
    start = getattr(error, "context_mark", None)
    summary, detail, hint, code = _words(error.problem, _character(text, line, column))
    related: tuple[Related, ...] = ()
    if start is not None and start.line != line:
        related = (Related(Position(file, start.line + 1, start.column + 1), "it began here"),)
    return Diagnostic(
        summary, detail, hint, position=Position(file, line + 1, column + 1), related=related, code=code
    )


def _words(problem: str, character: str) -> tuple[str, str, str, Code]:
    if problem != "found character that cannot start any token":
        return _WORDS.get(problem, _UNKNOWN)
    if character == "\t":
        return _WORDS["found a tab character where an indentation space is expected"]
    return (
        "Text cannot begin with this character",
        f"`{character}` is reserved at the beginning of a value.",
        _QUOTES,
        Code.YAML_SYNTAX,
    )


def _character(text: str, line: int, column: int) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n", line + 1)
    return lines[line][column : column + 1] if line < len(lines) else ""
