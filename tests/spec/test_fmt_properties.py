"""What holds for all files that are formatted: the meaning and the comments stay, and a second time changes nothing."""

import re
from typing import Any

from hypothesis import HealthCheck, assume, event, given, settings, strategies as st

from mpsjobs.model.diagnostics import SpecError
from mpsjobs.spec.fmt import Kind, format_text
from mpsjobs.spec.source import decode
from mpsjobs.spec.yaml import Map, Seq, parse
from tests.spec.yaml_files import files

THOROUGH = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def plainly(value: Any) -> Any:
    """A value as read, with quotes told apart, in a form whose equality is Python's own."""
    if isinstance(value, Map):
        return {key: plainly(item) for key, item in value.items()}
    if isinstance(value, Seq):
        return [plainly(item) for item in value]
    return (type(value).__name__, value)


def formatted(text: str, kind: Kind) -> str:
    """Assumes that the text may be formatted at all. To be refused for a changed meaning is a failure."""
    try:
        assume(not parse(text, "a.yaml").problems)
    except SpecError:
        assume(False)
    return format_text(text, "a.yaml", kind)


@THOROUGH
@given(files(), st.sampled_from([Kind.SPEC, Kind.SETTINGS]))
def test_meaning_and_comments_stay_and_a_second_time_changes_nothing(
    file: tuple[str, int], kind: Kind
) -> None:
    text, comments = file
    once = formatted(text, kind)
    event("changed" if once != text else "as it was")
    assert plainly(parse(once, "a.yaml").root) == plainly(parse(text, "a.yaml").root)
    assert format_text(once, "a.yaml", kind) == once
    assert sorted(re.findall(r"#c\d+;", once)) == sorted(f"#c{n + 1};" for n in range(comments))
    assert once.endswith("\n")


@THOROUGH
@given(files())
def test_line_breaks_of_other_systems_come_to_the_same(file: tuple[str, int]) -> None:
    text, _ = file
    assert formatted(text.replace("\n", "\r\n"), Kind.SPEC) == formatted(text, Kind.SPEC)


@THOROUGH
@given(st.text("ab:-?&*|>'\"{}[],#% \n0+2", max_size=60) | st.text("ab:-|>&*# \n", max_size=40))
def test_any_text_keeps_its_meaning_or_is_left_alone(text: str) -> None:
    try:
        root = parse(decode(text.encode(), "a.yaml"), "a.yaml")
        once = format_text(text, "a.yaml", Kind.SPEC)
    except SpecError:
        return
    assert plainly(parse(once, "a.yaml").root) == plainly(root.root)
    assert format_text(once, "a.yaml", Kind.SPEC) == once
