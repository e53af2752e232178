"""Matrices, loops and what is put into texts: whatever is written, the same assets come out, under the same addresses."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from mpsjobs.model.asset import Asset
from mpsjobs.model.diagnostics import Position, SpecError
from mpsjobs.spec.catalogue import load_catalogue
from mpsjobs.spec.expressions import BadExpressionError, read_expression
from mpsjobs.spec.load import load_assets
from mpsjobs.spec.mistakes import check
from mpsjobs.spec.settings import load_settings
from mpsjobs.spec.tables import MAX_ROWS

SETTINGS = "project: test\ndefaults: {model: GL, version: 3.0-pro}\n"
WORDS = st.text("abcdefghijklmnop", min_size=1, max_size=6)
MATRICES = st.dictionaries(
    WORDS, st.lists(WORDS, min_size=1, max_size=3, unique=True), min_size=1, max_size=3
)
FEW = settings(max_examples=40)


def loaded(files: Mapping[str, str]) -> tuple[Asset, ...]:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in {"mpsjobs.yaml": SETTINGS, **files}.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        project, _ = load_settings(root)
        return load_assets(root, project, load_catalogue()).assets


def of(asset: Any) -> tuple[Asset, ...]:
    return loaded({"specs/a.yaml": json.dumps({"assets": {"it": asset}}, ensure_ascii=False)})


def sounds(assets: tuple[Asset, ...]) -> dict[str, str | None]:
    return {asset.address: asset.sound.prompt for asset in assets}


def text_of(matrix: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} ${{each.{name}}}" for name in sorted(matrix))


@FEW
@given(MATRICES, st.randoms(use_true_random=False))
def test_reordering_the_keys_and_values_of_a_matrix_changes_nothing(
    matrix: dict[str, list[str]], random: Any
) -> None:
    other = [(name, random.sample(values, len(values))) for name, values in matrix.items()]
    random.shuffle(other)
    prompt = text_of(matrix)
    assert sounds(of({"matrix": matrix, "prompt": prompt})) == sounds(
        of({"prompt": prompt, "matrix": dict(other)})
    )


@FEW
@given(MATRICES, WORDS)
def test_adding_a_value_adds_assets_and_touches_no_other(matrix: dict[str, list[str]], word: str) -> None:
    dimension = min(matrix)
    more = matrix | {dimension: [word, *(each for each in matrix[dimension] if each != word)]}
    before = sounds(of({"matrix": matrix, "prompt": text_of(matrix)}))
    after = sounds(of({"matrix": more, "prompt": text_of(matrix)}))
    assert before.items() <= after.items()


@FEW
@given(st.dictionaries(WORDS, WORDS, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows: dict[str, str], random: Any) -> None:
    spec = "assets: {cue: {for_each: {file: cues.csv}, prompt: '${each.mood}'}}"
    lines = [f"{key},{mood}" for key, mood in rows.items()]
    tables = []
    for _ in range(2):
        tables.append(
            sounds(loaded({"specs/a.yaml": spec, "specs/cues.csv": "\n".join(["id,mood", *lines])}))
        )
        random.shuffle(lines)
    assert tables[0] == tables[1] == {f"cue.{key}": mood for key, mood in rows.items()}


@FEW
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=40))
def test_what_is_put_in_is_never_read_again(value: str) -> None:
    csv_text = 'id,text\nx,"' + value.replace('"', '""') + '${var.x} ${each.text} $${"\n'
    spec = "assets: {cue: {for_each: {file: cues.csv}, prompt: '${each.text}|'}}"
    (prompt,) = sounds(loaded({"specs/a.yaml": spec, "specs/cues.csv": csv_text})).values()
    assert prompt is not None
    assert prompt.endswith("${var.x} ${each.text} $${|")


@settings(max_examples=300)
@given(st.text("""${}()[].,"'\\ abvar:1-""", max_size=30))
def test_any_text_is_an_expression_or_says_where_it_is_none(text: str) -> None:
    try:
        _, end = read_expression(text, 0)
    except BadExpressionError as error:
        found = error
    else:
        assert text[end - 1] == "}"
        return
    assert 0 <= found.at <= len(text)
    assert found.what
    assert found.hint


@settings(max_examples=150)
@given(st.text("""${}()[].,"'\\ abvarech:1-""", max_size=40))
def test_any_text_in_a_prompt_gives_an_asset_or_a_place(text: str) -> None:
    try:
        assets = of({"prompt": f"x{text}"})
    except SpecError as error:
        places = [each.position for each in error.diagnostics]
    else:
        assert len(assets) == 1
        return
    assert {place.line if place else None for place in places} == {1}


def test_calls_nest_only_so_deep() -> None:
    with pytest.raises(SpecError, match="nested too deeply"):
        of({"prompt": "${" + "lower(" * 5000 + "'x'" + ")" * 5000 + "}"})


def test_a_text_grows_only_so_long() -> None:
    with pytest.raises(SpecError, match="too long"):
        of({"for_each": {"a": "x" * 30_000}, "prompt": "${each.value}" * 50})


def test_a_file_grows_only_so_much() -> None:
    many = [f"v{n}" for n in range(300)]
    with pytest.raises(SpecError, match="grows too much"):
        of({"matrix": {"a": many, "b": many}, "prompt": "${each.a}" + "x" * 10_000})
    with pytest.raises(SpecError, match="too long"):
        of(
            {
                "for_each": {"a": {"all": many * 10, "by": "x" * 10_000}},
                "prompt": "${join(each.by, each.all)}",
            }
        )


def test_a_row_too_many_is_refused_at_its_line() -> None:
    rows = "id\n" + "".join(f"r{n}\n" for n in range(MAX_ROWS + 1))
    with pytest.raises(SpecError, match="too many assets") as caught:
        loaded({"specs/a.yaml": "assets: {c: {for_each: {file: c.csv}, prompt: x}}", "specs/c.csv": rows})
    assert caught.value.diagnostics[0].position == Position("specs/c.csv", MAX_ROWS + 2)


def test_one_wrong_template_is_told_once_for_all_rows() -> None:
    rows = "id\n" + "".join(f"r{n}\n" for n in range(200))
    with pytest.raises(SpecError) as caught:
        loaded(
            {
                "specs/a.yaml": "assets:\n  c: {for_each: {file: c.csv}, prompt: 'x ${each.mood}', formt: mp3}",
                "specs/c.csv": rows,
            }
        )
    assert [each.summary for each in caught.value.diagnostics] == [
        'Unknown name "each.mood"',
        'Unknown key "formt"',
    ]


def test_the_work_is_linear_in_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validations are counted, not timed."""
    calls: list[int] = []
    for rows in (10, 100):
        count = 0

        def counted(original: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **keywords: Any) -> Any:
                nonlocal count
                count += 1
                return original(*args, **keywords)

            return call

        with monkeypatch.context() as patch:
            patch.setattr("mpsjobs.spec.blocks.check", counted(check))
            table = "id\n" + "".join(f"r{n}\n" for n in range(rows))
            spec = "presets: {p: {takes: 2}}\nassets: {c: {for_each: {file: c.csv}, preset: p, prompt: '${each.id}'}}"
            assert len(loaded({"specs/a.yaml": spec, "specs/c.csv": table})) == rows
        calls.append(count)
    assert calls[1] - calls[0] == 90
