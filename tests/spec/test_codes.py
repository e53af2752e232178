"""Every diagnostic has a code, and a code means the same for ever."""

import ast
from collections.abc import Iterator
from pathlib import Path

from mpsjobs.model.codes import Code

ROOT = Path(__file__).parent.parent.parent
LIST = ROOT / "tests" / "testdata" / "codes.txt"

MAKERS = frozenset({"Diagnostic", "mistake"})
TELLERS = frozenset({"doubt", "error", "fail", "fatal", "problem", "tell", "warn"})
"""What the spec layer has to tell a mistake: place, summary, detail, hint, and the code."""
FULL = 3
"""So many arguments a teller has at least when it makes a diagnostic; with fewer, it is something else of this name."""


def makes_a_diagnostic(call: ast.Call) -> bool:
    match call.func:
        case ast.Name(id=name):
            return name in MAKERS or (name in TELLERS and len(call.args) > FULL)
        case ast.Attribute(value=ast.Name(id=owner), attr="of"):
            return owner.endswith("Error")
        case ast.Attribute(attr=name):
            return name in TELLERS and len(call.args) >= FULL
        case _:
            return False


def without_code(source: str, name: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and makes_a_diagnostic(node)
            and all(keyword.arg != "code" for keyword in node.keywords)
        ):
            yield f"{name}:{node.lineno}"


def test_every_place_that_makes_a_diagnostic_gives_it_a_code() -> None:
    files = sorted((ROOT / "mpsjobs").rglob("*.py"))
    assert files
    missing = [
        place
        for file in files
        for place in without_code(file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix())
    ]
    assert not missing, f"Give each of these a `code=`, from mpsjobs/model/codes.py: {', '.join(missing)}"


def test_a_place_without_a_code_would_be_found() -> None:
    source = 'Diagnostic("a")\nSpecError.of("b")\nself.problem(at, "c", "d", "e")\nmistake("f", code=Code.CIRCLE)\n'
    assert [place.partition(":")[2] for place in without_code(source, "x")] == ["1", "2", "3"]


def test_codes_are_only_ever_added() -> None:
    """`tests/testdata/codes.txt` has every code that there has been. Add new ones there; change and remove none."""
    listed = LIST.read_text(encoding="utf-8").splitlines()
    assert listed == sorted(listed)
    assert [f"{code} {code.name}" for code in Code] == listed


def test_no_code_is_there_that_nothing_gives() -> None:
    named = {
        node.attr
        for file in (ROOT / "mpsjobs").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Code"
    }
    assert [code.name for code in Code if code.name not in named] == []
