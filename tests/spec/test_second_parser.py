"""A second YAML 1.2 parser, written by others in another language, reads what the loader reads.

Known differences, which the comparison allows for: the other parser merges no `<<`, lets the last of two equal keys count where the
loader refuses them, reads integers of more than 64 bits as inexact numbers where the loader refuses them, and gives a `|` at the end of
the file that has no text a line break. And a `?` right before a comma or a closing bracket is a word to the other parser, and begins a key
for the loader.
"""

import math
import re
from typing import Any

import yaml12
from hypothesis import HealthCheck, assume, event, example, given, settings, strategies as st

from mpsjobs.model.diagnostics import SpecError
from mpsjobs.spec.scalars import UnusableNumberError, to_json
from mpsjobs.spec.source import decode
from mpsjobs.spec.yaml import parse
from tests.spec.yaml_files import files

MANY = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
SCALARS = st.from_regex(
    r"[-+]?[0-9._]{1,6}(e[-+]?[0-9]{1,2})?|0[ox][0-9a-f]{1,4}|[+-]?\.(inf|nan)|[ynYN~tfTF][a-zA-Z]{0,4}",
    fullmatch=True,
)
WORDS = st.sampled_from(
    [
        "null",
        "Null",
        "NULL",
        "nULL",
        "true",
        "True",
        "TRUE",
        "tRUE",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "~",
        "1:30",
        "2001-01-01",
    ]
)


def ours(text: str) -> Any:
    """What the loader makes of a text; only texts that it takes are of interest."""
    try:
        document = parse(decode(text.encode(), "a.yaml"), "a.yaml")
        assume(not document.problems)
        value = to_json(document.root)
    except (SpecError, UnusableNumberError):
        assume(False)
        raise
    return value


def theirs(text: str) -> Any:
    return (yaml12.parse_yaml(text, multi=True) or [None])[0]


def comparable(value: Any) -> Any:
    """A value with its types, for True is 1 and 1 is 1.0 in Python; integers beyond 64 bits are one to the other parser."""
    match value:
        case dict():
            return {str(key if key is not None else ""): comparable(item) for key, item in value.items()}
        case list():
            return [comparable(item) for item in value]
        case int() if not isinstance(value, bool) and not -(2**63) <= value < 2**63:
            return ("float", float(value))
        case float() if math.isnan(value):
            return "nan"
        case str():
            return ("str", str(value))
        case _:
            return (type(value).__name__, value)


@MANY
@given(files())
def test_documents_in_all_layouts(file: tuple[str, int]) -> None:
    text, _ = file
    value = ours(text)
    assert comparable(theirs(text)) == comparable(value)


@MANY
@given(SCALARS | WORDS)
@example("012")
@example("1_000")
@example("0o17")
@example("-0x1")
@example("18446744073709551615")
def test_scalars(scalar: str) -> None:
    text = f"a: {scalar}\nb: [{scalar}]\n"
    assert comparable(theirs(text)) == comparable(ours(text))


@MANY
@given(st.text("ab:-?&*'\"{}[],#% \n0.+2é\\", max_size=50) | st.text("a:- \n#'\"", max_size=30))
def test_any_text_that_both_take(text: str) -> None:
    """Where the other parser refuses a text, the loader was lenient: `test_yaml_suite` lists in what."""
    value = ours(text)
    assume("<<" not in text and not re.search(r"\?[,\]}]", text))
    try:
        other = theirs(text)
    except ValueError:
        event("only the loader takes it")
        return
    event("both take it")
    assert comparable(other) == comparable(value)
