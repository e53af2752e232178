"""`mpsjobs.picks.yaml`: what is read, what is told, and that an edit touches nothing else."""

from pathlib import Path

import pytest

from mpsjobs.model.codes import Code
from mpsjobs.model.decisions import Decision
from mpsjobs.model.diagnostics import Position, Severity, SpecError
from mpsjobs.model.settings import Settings
from mpsjobs.spec.catalogue import load_catalogue
from mpsjobs.spec.decision_lines import edited, line_of
from mpsjobs.spec.decisions import decisions_in
from mpsjobs.spec.fmt import Kind, format_text
from mpsjobs.spec.load import Loaded, load_assets
from mpsjobs.spec.settings import load_settings
from tests.spec.test_error_pages import SETTINGS, SPEC, example, load

SOUND = "f1:0123456789abcdef0123456789abcdef"
SUM = "0f3c" * 16
LINE = f'{{take: 2, fingerprint: "{SOUND}", sha256: "{SUM}", approved: true, rejected: {{1: "{SUM[:16]}"}}}}'
FULL = Decision(SOUND, 2, SUM, approved=True, rejected={1: SUM[:16]})


def test_a_line_is_read_as_it_is_written() -> None:
    assert decisions_in(f"level1.boss: {LINE}\n").decisions == {"level1.boss": FULL}
    assert line_of("level1.boss", FULL) == f"level1.boss: {LINE}"
    short = Decision(SOUND, rejected={3: None, 1: None})
    assert line_of("a", short) == f'a: {{fingerprint: "{SOUND}", rejected: [1, 3]}}'
    assert decisions_in(f"{line_of('a', short)}\n").decisions == {"a": short}


def test_every_mistake_is_told_at_its_place_and_the_other_lines_count() -> None:
    text = f"""\
good: {LINE}
number: {{take: 0, fingerprint: "{SOUND}"}}
slip: {{tke: 1, fingerprint: "{SOUND}"}}
nothing: {{take: 1}}
both: {{take: 1, fingerprint: "{SOUND}", rejected: [1]}}
lonely: {{fingerprint: "{SOUND}", approved: true}}
words: {{fingerprint: "{SOUND}", rejected: [first]}}
sum: {{take: 1, fingerprint: "{SOUND}", sha256: abc}}
good: {{}}
"""
    read = decisions_in(text)
    told = [(each.position.line, each.code) for each in read.problems if each.position]
    assert sorted(told) == [
        (2, Code.OUT_OF_RANGE),
        (3, Code.UNKNOWN_KEY),
        (4, Code.MISSING_KEY),
        (5, Code.CONTRADICTING_DECISION),
        (6, Code.CONTRADICTING_DECISION),
        (7, Code.BAD_VALUE),
        (8, Code.BAD_VALUE),
        (9, Code.DUPLICATE_KEY),
    ]
    assert read.decisions == {"good": FULL}
    assert [each.code for each in decisions_in("- a\n").problems] == [Code.WRONG_TYPE]
    assert decisions_in("# nothing yet\n") == decisions_in("")


def test_a_merge_that_was_not_finished_is_told_as_such() -> None:
    text = f"a: {LINE}\n<<<<<<< HEAD\nb: {LINE}\n=======\nc: {LINE}\n>>>>>>> other\n"
    for each in (text, text.replace("\n", "\r\n")):
        (problem,) = decisions_in(each).problems
        assert problem.code is Code.UNFINISHED_MERGE
        assert problem.position == Position("mpsjobs.picks.yaml", 2)
        assert problem.related[0].position.line == 6


def test_the_examples_of_the_error_pages_are_right(tmp_path: Path) -> None:
    for code in (
        Code.UNFINISHED_MERGE,
        Code.PICKED_TWICE,
        Code.DECIDED_FOR_NOBODY,
        Code.CONTRADICTING_DECISION,
    ):
        assert {each.code for each in load(tmp_path / code / "wrong", example(code, "Wrong"))} == {code}
        assert load(tmp_path / code / "right", example(code, "Right")) == ()


def loaded(root: Path, text: str, spec: str = SPEC) -> Loaded:
    (root / "specs").mkdir()
    (root / "mpsjobs.yaml").write_text(SETTINGS)
    (root / "specs" / "a.yaml").write_text(spec)
    (root / "mpsjobs.picks.yaml").write_text(text)
    settings: Settings = load_settings(root)[0]
    return load_assets(root, settings, load_catalogue(settings.models))


def test_decisions_are_no_spec_and_no_environment(tmp_path: Path) -> None:
    found = loaded(tmp_path, f"theme: {LINE}\nthme: {LINE}\n")
    assert [asset.address for asset in found.assets] == ["theme"]
    assert found.statements.decisions == {"theme": FULL, "thme": FULL}
    (told,) = found.diagnostics
    assert (told.severity, told.hint) == (Severity.WARNING, 'Did you mean "theme"?')
    assert load_settings(tmp_path)[0].environments == ()


def test_a_broken_file_stops_the_loading(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="must be a mapping"):
        loaded(tmp_path, "theme: 2\n")


WRITTEN = f"""\
# The director's choices

# heard in March
c: {LINE} # louder
d:
  take: 1   # for now
  fingerprint: "{SOUND}"

z: {LINE}

# the end
"""


def test_an_edit_leaves_all_other_lines_and_all_comments_as_they_are() -> None:
    one = Decision(SOUND, 1)
    for address in ("a", "cc", "zz"):
        after = edited(WRITTEN, {address: one}).splitlines()
        added = line_of(address, one)
        assert [line for line in after if line != added] == WRITTEN.splitlines()
        assert [line for line in after if ": {" in line] == sorted(line for line in after if ": {" in line)
    assert edited(WRITTEN, {"c": one}) == WRITTEN.replace(f"c: {LINE}", line_of("c", one))
    gone = edited(WRITTEN, {"c": None})
    assert gone == WRITTEN.replace(f"c: {LINE} # louder\n", "")
    block = edited(WRITTEN, {"d": one})
    assert line_of("d", one) in block.splitlines()
    assert "# for now" in block
    assert decisions_in(block).decisions == {"c": FULL, "d": one, "z": FULL}
    assert edited(WRITTEN, {"c": FULL}) == WRITTEN
    assert edited(WRITTEN.replace("\n", "\r\n"), {"d": one}) == block.replace("\n", "\r\n")


def test_an_edit_never_breaks_what_stands_beside_it() -> None:
    aliased = f"a: &same {LINE}\nb: *same\n"
    after = edited(aliased, {"a": Decision(SOUND, 1)})
    assert decisions_in(after).decisions == {"a": Decision(SOUND, 1), "b": FULL}
    assert [each.code for each in decisions_in("a b: {}\n").problems] == [Code.BAD_NAME]


def test_a_new_file_says_what_it_is_and_nothing_is_written_for_nothing() -> None:
    assert edited("", {"a": None}) == ""
    made = edited("", {"b": FULL})
    assert made.startswith("# Which takes are used")
    assert edited(made, {"b": None}) + line_of("b", FULL) + "\n" == made


@pytest.mark.parametrize(
    "text",
    [WRITTEN, f"z: {LINE}\n# of a\na: {LINE} # b\n", f"{{z: {LINE}, a: {LINE}}}\n", "# nothing\n", ""],
)
def test_fmt_sorts_and_keeps_what_is_said(text: str) -> None:
    after = format_text(text, "mpsjobs.picks.yaml", Kind.of("mpsjobs.picks.yaml"))
    assert decisions_in(after).decisions == decisions_in(text).decisions
    addresses = [line.partition(":")[0] for line in after.splitlines() if ": {" in line]
    assert addresses == sorted(addresses)
    assert after.count("#") == text.count("#")
    assert format_text(after, "mpsjobs.picks.yaml", Kind.DECISIONS) == after
