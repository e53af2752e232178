"""The official YAML Test Suite: every case is read as the suite says, or it is listed here with the reason why not.

The reader is libyaml, which is stricter than YAML 1.2 in some rare layouts and more lenient in others, and specs are less than YAML:
one document, no tags, keys that are words. What is read at all must mean what the suite says.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml12

from mpsjobs.model.diagnostics import SpecError
from mpsjobs.spec.scalars import to_json
from mpsjobs.spec.source import decode
from mpsjobs.spec.yaml import parse

CASES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "testdata" / "yaml-suite" / "cases.json").read_text(encoding="utf-8")
)


class Refused(NamedTuple):
    """Valid YAML that is refused: why, how the message begins, and which cases."""

    why: str
    summary: str
    cases: str


REFUSED = (
    Refused(
        "a tag would give a value another type than its field has",
        "Tags are not read",
        "2AUY 2XXW 33X3 35KP 52DL 565N 57H4 5TYM 6CK3 6JWB 6WLZ 735Y 74H7 7FWL 8MK2 9KAX 9WXW BU8L CC74 CUP7 EHF6 F2C7 FH7J HMQ5 J7PZ"
        " L94M LE5A M5C3 P76L S4JQ U3C3 UGM3 UKK6-2 WZ62 Z67P Z9M4",
    ),
    Refused(
        "keys are names",
        "A key must be a word",
        "4FJ6 6BFJ 6PBE 9MMW KK5P LX3P M2N8-1 M5DY Q9WF RZP5 SBG9 V9D5 X38W XW4D",
    ),
    Refused("keys are names; nothing is none", "A key was expected here", "2JQS 6M2F M2N8-0 NHX8 NKF9 S3PD SM9W-1 UKK6-0"),
    Refused("keys are names; nothing is none", "A space is missing after the colon", "FRK4"),
    Refused("keys are names; nothing is none", "A value was expected here", "CFD4"),
    Refused("a file holds one document", "A second document starts here", "6XDY 6ZKB 9DXL JHB9 KSS4 L383 PUW8 RZT7 U9NS"),
    Refused("a file holds one document", "Something follows the end of the document", "7Z25 M7A3"),
    Refused("a file holds one document; the second is not even reached", "This is not valid YAML", "W4TN"),
    Refused("a file holds one document; the second is not even reached", "A `{` mapping is not closed", "UT92"),
    Refused("another version of YAML reads words otherwise", "This file asks for another version of YAML", "BEC7 MUS6-2 MUS6-3 MUS6-4"),
    Refused("no directive means anything here", "This is not valid YAML", "2LFX 6LVF C4HZ MUS6-5 MUS6-6"),
    Refused("names of anchors are words", "This cannot be the name of an anchor", "2SXE Y2GN"),
    Refused("names of anchors are words", "A name is missing after `*` or `&`", "8XYN W5VH"),
    Refused("libyaml takes no tab between indicators, nor at the start of a line", "A tab is used to indent",
            "6BCT 6CA3 96NN-0 96NN-1 A2M4 DK95-0 DK95-3 Q5MG R4YG Y79Y-1 Y79Y-10"),
    Refused("libyaml takes no tab between indicators, nor at the start of a line", "This is not valid YAML", "DK95-4"),
    Refused("libyaml wants a key and its colon on one line", "A `{` mapping is not closed", "4MUZ-0 4MUZ-1 4MUZ-2 5MUD 9SA2 K3WX NJ66 VJP3-1"),
    Refused("libyaml wants a space after the colon, also before a comma", "A space is missing after the colon", "4ABK"),
    Refused("libyaml takes a question mark that stands alone between brackets for the mark of a key", "A `[` list is not closed", "JR7V"),
    Refused("libyaml wants the text of a block indented, even at the root", "Something follows the end of the document", "DK3J FP8R"),
    Refused("libyaml sees no empty document before `...`", "A value was expected here", "HWV9 QT73"),
)  # fmt: skip

# Not YAML, and read all the same: libyaml does, and nobody is misled.
TAKEN = {
    "9C9N": "the lines of a flow need no indentation",
    "9JBA": "a comment needs no space behind a bracket",
    "CVW2": "a comment needs no space behind a comma",
    "DK95-1": "a tab may indent the lines of a text in quotes",
    "G5U8": "a dash may stand alone in a flow",
    "QB6E": "the lines of a text in quotes need no indentation",
    "S98Z": "blank lines may be longer than the first line of a text",
    "SU5Z": "a comment needs no space behind a quote",
    "X4QW": "a comment needs no space behind the mark of a text",
    "Y79Y-3": "a tab may indent the lines of a flow",
    "YJV2": "a dash may stand alone in a flow",
}

# Read, with another value or with one that the suite gives only as a tree.
VALUES: dict[str, tuple[Any, str]] = {
    "2G84-3": ("", "the suite gives a tree"),
    "DFF7": ({"explicit": "entry", "implicit": "entry", "": None}, "a key that is left out is empty text: keys are text"),
    "JEF9-2": ([""], "spaces before the end of the file are no line"),
    "L24T-1": ({"foo": "x\n "}, "the file ends inside of a line of spaces, and so does the text"),
    "PW8X": ([None, "a", {"": "a", "b": None}, {"": None}, {"": None}, {"": None}], "an empty key is empty text: keys are text"),
}  # fmt: skip

EXPECTED = {case: refused for refused in REFUSED for case in refused.cases.split()}


def read(case: str) -> Any:
    document = parse(decode(CASES[case]["yaml"].encode(), "a.yaml"), "a.yaml")
    if document.problems:
        raise SpecError(*document.problems)
    return to_json(document.root)


def test_every_case_is_there_and_every_exception_is_one_of_them() -> None:
    assert len(CASES) == 402
    assert not (EXPECTED.keys() | TAKEN.keys() | VALUES.keys()) - CASES.keys()
    assert sum(len(refused.cases.split()) for refused in REFUSED) == len(EXPECTED)


@pytest.mark.parametrize("case", CASES)
def test_a_case_of_the_suite(case: str) -> None:
    says = CASES[case]
    if case in EXPECTED or (says.get("fails") and case not in TAKEN):
        with pytest.raises(SpecError) as caught:
            read(case)
        assert all(diagnostic.position for diagnostic in caught.value.diagnostics)
        if case in EXPECTED:
            assert caught.value.diagnostics[0].summary == EXPECTED[case].summary
    elif case in VALUES:
        assert read(case) == VALUES[case][0]
    elif case in TAKEN:
        assert says["fails"]
        read(case)
    else:
        value = read(case)
        assert value == (says["documents"] or [None])[0]
        assert len(says["documents"]) <= 1


@pytest.mark.parametrize(
    "case", [case for case in CASES if "documents" in CASES[case] and case not in EXPECTED]
)
def test_the_other_parser_is_a_fit_witness(case: str) -> None:
    """The parser of the differential tests reads the suite as it should be read."""
    assert yaml12.parse_yaml(CASES[case]["yaml"], multi=True) == CASES[case]["documents"]
