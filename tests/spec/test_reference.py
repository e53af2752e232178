"""The reference page says what the models say."""

from pathlib import Path

from mpsjobs.spec.reference import reference


def test_the_committed_page_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "spec-reference.md"
    assert page.read_text(encoding="utf-8") == reference(), (
        "run: python -m mpsjobs.spec.reference > docs/spec-reference.md"
    )


def test_every_key_says_what_it_is() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert rows
    assert [row for row in rows if row.endswith("|  |")] == []
