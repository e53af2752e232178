"""`mpsjobs fmt`: how spec files and settings should look.

Guarantees: the meaning stays, which is checked on every result by reading it again with the loader's own reader; every comment stays;
formatting what is formatted changes nothing; assets keep their order, and decisions come into that of their addresses. Nothing is read from or written to disk here, and the result of
`format_text` depends on nothing but the text and its kind, so that it may be cached by content.
"""

from enum import Enum
from typing import Any

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Severity, SpecError
from mpsjobs.model.garbage import uncollected
from mpsjobs.spec.decision_lines import formatted as in_lines
from mpsjobs.spec.decisions import decisions_in
from mpsjobs.spec.fmt.layout import lay_out
from mpsjobs.spec.fmt.order import SETTINGS, SPEC
from mpsjobs.spec.fmt.tree import KeptAsWrittenError, read
from mpsjobs.spec.project_files import PICKS_NAME, is_settings_file
from mpsjobs.spec.yaml import Map, Seq, parse


class Kind(Enum):
    SPEC = SPEC
    SETTINGS = SETTINGS
    DECISIONS = None

    @classmethod
    def of(cls, name: str) -> "Kind":
        """What a file of this name holds."""
        if name == PICKS_NAME:
            return cls.DECISIONS
        return cls.SETTINGS if is_settings_file(name) else cls.SPEC


def format_text(text: str, file: str, kind: Kind) -> str:
    """A file, formatted. `text` is what `source.decode` makes of its bytes; line breaks come out as LF.

    A file without keys, and one whose keys go over several lines, stays as it is.

    Raises:
        SpecError: it is not YAML that specs may consist of, or formatting would change its meaning, which is a mistake of ours.
    """
    with uncollected():
        return _formatted(text, file, kind)


def _formatted(text: str, file: str, kind: Kind) -> str:
    if kind is Kind.DECISIONS:
        if problems := decisions_in(text, file).problems:
            raise SpecError(*problems)
        return in_lines(text)
    before = parse(text, file)
    if before.problems:
        raise SpecError(*before.problems)
    unix = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        tree = read(unix)
        after = lay_out(tree, kind.value)
    except KeptAsWrittenError:
        return unix if unix.endswith("\n") or not unix else _ended(unix, before.root, file)
    if after != unix and not (
        _means_the_same(after, before.root, file) and sorted(read(after).comments) == sorted(tree.comments)
    ):
        raise SpecError(_refused(file))
    return after


def _ended(text: str, root: Any, file: str) -> str:
    ended = f"{text}\n"
    return ended if _means_the_same(ended, root, file) else text


def _means_the_same(text: str, root: Any, file: str) -> bool:
    try:
        document = parse(text, file)
    except SpecError:
        return False
    return not document.problems and _same(document.root, root)


def _same(one: Any, other: Any) -> bool:
    """Whether two values as read are equal, quotes included; the order of keys does not count."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Map):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, Seq):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _refused(file: str) -> Diagnostic:
    return Diagnostic(
        "This file cannot be formatted without changing it",
        "Read again, the result would say something else. The file was left as it is; this is a bug in mpsjobs.",
        "Please report it with the file.",
        Severity.ERROR,
        Position(file),
        code=Code.CANNOT_FORMAT,
    )
