"""What the reader of YAML promises: bounds, positions, and the rules of YAML 1.2."""

import re
import sys
from typing import Any

import pytest

from mpsjobs.model.diagnostics import Diagnostic, Position, SpecError
from mpsjobs.spec import yaml
from mpsjobs.spec.scalars import UnusableNumberError, meaning, to_json
from mpsjobs.spec.yaml import Map, Plain, parse


def read(text: str) -> Any:
    document = parse(text, "a.yaml")
    assert not document.problems
    return to_json(document.root)


def refused(text: str) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        parse(text, "a.yaml")
    return caught.value.diagnostics[0]


def test_scalars_keep_their_source_text() -> None:
    root = parse("a: 2.10\nb: '2.10'\nc: no\n", "a.yaml").root
    assert isinstance(root, Map)
    assert dict(root) == {"a": "2.10", "b": "2.10", "c": "no"}
    assert [type(value) for value in root.values()] == [Plain, str, Plain]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("tRue", "tRue"),
        ("012", 12),
        ("0o14", 12),
        ("0xff", 255),
        ("-0x1", "-0x1"),
        ("+5", 5),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("0b1", "0b1"),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("+1.5E-1", 0.15),
        (".", "."),
        ("-", "-"),
        ("+", "+"),
        ("..1", "..1"),
        ("=", "="),
        ("2001-01-01", "2001-01-01"),
        ("~", None),
        ("Null", None),
        ("nULL", "nULL"),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("٣", "٣"),
    ],
)
def test_the_core_schema(text: str, value: object) -> None:
    found = meaning(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text", [".inf", "-.INF", ".NaN", "1e999", "18446744073709551616", "9" * 5000, "0x" + "f" * 5000]
)
def test_numbers_that_json_cannot_hold(text: str) -> None:
    with pytest.raises(UnusableNumberError):
        meaning(text)


def test_merge_keys() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 3}\nd: {'<<': 1}\n"
    assert read(text)["c"] == {"x": 3, "y": 1, "z": 2}
    assert read(text)["d"] == {"<<": 1}


def test_merged_values_stand_where_they_were_written() -> None:
    root = parse("a: &a {x: 1}\nb:\n  <<: *a\n", "a.yaml").root
    assert yaml.position(root["b"].places["x"][1], "a.yaml") == Position("a.yaml", 1, 11)  # type: ignore[index,call-overload,union-attr]


@pytest.mark.parametrize("char", ["\x85", "\u2028", "\u2029"])
def test_former_line_breaks_are_text(char: str) -> None:
    assert read(f'a: "x{char}y"\nb: x{char}y\n\ue000: z\n') == {
        "a": f"x{char}y",
        "b": f"x{char}y",
        "\ue000": "z",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{url: https://a.b:80/c?d=e:f}", {"url": "https://a.b:80/c?d=e:f"}),
        ("{a: what? why? x}", {"a": "what? why? x"}),
        ("[a:b, c?, ?d, e::f]", ["a:b", "c?", "?d", "e::f"]),
        ('{"a":1,"b":[2,"x:y?z"]}', {"a": 1, "b": [2, "x:y?z"]}),
        ("{'a':b, c: 'd'}", {"a": "b", "c": "d"}),
        ("? a\n: b\n", {"a": "b"}),
        ("{? a : b}", {"a": "b"}),
        ('a: "x?y:z"\nb: |\n  q?r:s {\n', {"a": "x?y:z", "b": "q?r:s {\n"}),
    ],
)
def test_colons_and_question_marks_inside_of_words(text: str, value: object) -> None:
    assert read(text) == value


def test_crlf_and_lf_are_the_same() -> None:
    assert read("a: |\r\n  x\r\n  y\r\nb: z\r\n") == {"a": "x\ny\n", "b": "z"}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "~"])
def test_nothing(text: str) -> None:
    assert parse(text, "a.yaml").root is None


@pytest.mark.parametrize("opening", ["[", "{", "{a: ", "- ", "? ", "[\n", "!x [", "&a ["])
def test_deep_nesting_is_refused(opening: str) -> None:
    assert refused(opening * 100_000).summary in {"This is nested too deeply", "Tags are not read"}


def test_as_deep_as_promised() -> None:
    value = read("[" * yaml.MAX_DEPTH + "]" * yaml.MAX_DEPTH)
    depth = 0
    while value:
        value, depth = value[0], depth + 1
    assert depth == yaml.MAX_DEPTH - 1


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_a_bomb_of_aliases_is_refused() -> None:
    assert refused(bomb(30)).summary == "Aliases repeat too much"


def test_a_bomb_of_merge_keys_is_refused() -> None:
    wide = ", ".join(f"k{n}: v" for n in range(1000))
    assert (
        refused(f"a: &a {{{wide}}}\n" + "\n".join(f"b{n}: {{<<: *a}}" for n in range(1000))).summary
        == "Aliases repeat too much"
    )


def test_a_long_text_repeated_often_is_refused() -> None:
    text = f"a: &a {'x' * 1_000_000}\nb: [{', '.join(['*a'] * 10_000)}]"
    assert refused(text).summary == "Aliases repeat too much"


def test_defaults_shared_by_many_are_not_a_bomb() -> None:
    base = ", ".join(f"k{n}: v" for n in range(20))
    root = read(f"a: &a {{{base}}}\n" + "\n".join(f"b{n}: {{<<: *a, x: {n}}}" for n in range(5_000)))
    assert len(root) == 5_001


def test_too_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "MAX_VALUES", 100)
    assert refused("[" + "a, " * 200 + "]").summary == "The file holds too many values"


def test_an_alias_inside_of_its_anchor() -> None:
    assert refused("a: &a\n  - b: *a\n").position == Position("a.yaml", 2, 8)


def test_anchors_may_be_given_anew() -> None:
    assert read("[&a 1, *a, &a 2, *a]") == [1, 1, 2, 2]


def test_an_alias_may_be_a_key() -> None:
    assert read("a: &k x\n*k : y\n") == {"a": "x", "x": "y"}


def test_reading_goes_on_after_small_mistakes() -> None:
    document = parse("a: 1\na: 2\nb: !t 3\n[c]: 4\nd: 5\n", "a.yaml")
    assert [problem.position for problem in document.problems] == [
        Position("a.yaml", 2, 1),
        Position("a.yaml", 3, 4),
        Position("a.yaml", 4, 1),
    ]
    assert to_json(document.root) == {"a": 1, "b": 3, "d": 5}


BROKEN = [
    "a: b: c",
    "a: [1",
    "a: {b",
    "\ta: 1",
    'a: "x',
    "- a\nb: c",
    "a: *",
    "a: &",
    "a: @x",
    "a: `x",
    "a: %x",
    "%YAML 3.0\n---\na",
    "%FOO\n---\na",
    "%YAML",
    "%TAG a",
    'a: "\\q"',
    'a: "\\ud83d"',
    "a: |3x\n",
    "a: ]",
    "}",
    ": x",
    "a: !<x",
    "a: !e!x y",
    "a: - b",
    'key: "a" b',
    "a: |\n\tx\n",
    "x: >\n  a\n b",
    "a: &x &y z",
    '"a\n---\nb"',
    "a: b\n...\nfoo: x",
]


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_not_yaml_is_said_in_our_words(text: str) -> None:
    diagnostic = refused(text)
    words = f"{diagnostic.summary} {diagnostic.detail} {diagnostic.hint}"
    assert not re.search(r"did not find|found |while |token|scalar|stream|block mapping|context", words)
    assert diagnostic.position is not None
    assert diagnostic.hint


def test_the_stack_of_python_is_not_the_limit() -> None:
    assert sys.getrecursionlimit() > yaml.MAX_DEPTH * 4
