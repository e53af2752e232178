"""What holds for all input: data survives being written as YAML, and bytes never do more harm than a SpecError."""

import io
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, assume, given, settings, strategies as st
from ruamel.yaml import YAML

from mpsjobs.model.diagnostics import Diagnostic, SpecError
from mpsjobs.spec.catalogue import load_catalogue
from mpsjobs.spec.load import load_assets
from mpsjobs.spec.scalars import to_json
from mpsjobs.spec.settings import load_settings
from mpsjobs.spec.source import decode
from mpsjobs.spec.yaml import parse

TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"], include_characters="\n\x85\u2028"),
    max_size=30,
)
TRICKY = st.sampled_from(
    [
        "no",
        "on",
        "1:30",
        "012",
        "0o7",
        "~",
        "",
        "null",
        "true",
        "=",
        "<<",
        "a: b",
        "a?b:c",
        "#x",
        "- x",
        "${",
        "*a",
        "&a",
        "!t",
        "{",
        "'",
        '"',
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | TRICKY
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | TRICKY, inner, max_size=4),
    max_leaves=12,
)
FAST = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def read(text: str) -> Any:
    document = parse(decode(text.encode(), "a.yaml"), "a.yaml")
    assert not document.problems
    return to_json(document.root)


def quoted(value: Any, indent: str = "\n") -> str:
    """Block style, with JSON's quotes for text."""
    if isinstance(value, dict) and value:
        inner = indent + "  "
        return "".join(
            f"{indent}? {plain_json(key)}{indent}: {quoted(item, inner)}" for key, item in value.items()
        )
    if isinstance(value, list) and value:
        return "".join(f"{indent}- {quoted(item, indent + '  ')}" for item in value)
    return plain_json(value)


def plain_json(value: Any) -> str:
    """JSON without escapes for what lies beyond ASCII: YAML knows no surrogate pairs."""
    return json.dumps(value, ensure_ascii=False)


def mistakes(call: Callable[[], object]) -> tuple[Diagnostic, ...]:
    """What a call has to say. Anything but a SpecError fails the test."""
    try:
        call()
    except SpecError as error:
        return error.diagnostics
    return (Diagnostic("nothing"),)


@FAST
@given(DATA)
def test_json_is_yaml(data: Any) -> None:
    assert read(json.dumps(data, ensure_ascii=False)) == data
    assert read(json.dumps(data, ensure_ascii=False, separators=(",", ":"))) == data
    assert read(json.dumps(data, ensure_ascii=False, indent=2)) == data


@FAST
@given(DATA)
def test_block_style_with_quotes(data: Any) -> None:
    assert read(quoted(data)) == data


ODD_QUOTE = re.compile(r"""[^\s\[{,:]["'\]}]:[^\s]""")
"""Within a word, a quote or bracket that comes right before a colon."""


@FAST
@given(DATA, st.sampled_from([True, False, None]))
def test_what_another_writer_wrote(data: Any, flow: bool | None) -> None:  # noqa: FBT001  # the writer's own type
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = flow
    writer.allow_unicode = True
    stream = io.StringIO()
    writer.dump(data, stream)
    written = stream.getvalue()
    assume(not set(written) & set("\x85\u2028"))  # the writer takes them for line breaks, as YAML 1.1 did
    # In `[0':0]` the reader takes the quote for an end, and refuses what follows: an error, never another value.
    assume(not ODD_QUOTE.search(written))
    assert read(written) == data


@FAST
@given(st.binary(max_size=200) | st.text("ab:-?&*!|>'\"{}[],#%@`<~ \n\t0.", max_size=60).map(str.encode))
def test_bytes_raise_nothing_but_spec_errors(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "mpsjobs.yaml").write_text("project: x\nspecs: a.yaml\n")
        (root / "a.yaml").write_bytes(data)
        project, _ = load_settings(root)
        assert mistakes(lambda: load_assets(root, project, load_catalogue()))
        (root / "mpsjobs.yaml").write_bytes(data)
        assert mistakes(lambda: load_settings(root))


KEYS = st.sampled_from(
    [
        "group",
        "defaults",
        "assets",
        "model",
        "prompt",
        "lyrics",
        "instrumental",
        "store",
        "bucket",
        "reference_audio",
        "url",
        "takes",
        "additional_parameters",
        "tags",
        "extra_parameters",
        "a",
        "b.c",
        "A",
        "matrix",
        "include",
        "exclude",
        "for_each",
        "file",
        "key",
        "address",
        "preset",
        "presets",
        "variables",
        "default",
        "type",
        "sensitive",
        "provider",
        "kind",
        "models",
        "versions",
        "project",
    ]
)
SPECS = st.recursive(
    SCALARS
    | st.sampled_from(
        [
            "GL",
            "MiniMaxMusic",
            "Mureka",
            "${x}",
            "mp3",
            "${each.a}",
            "${var.A}",
            "x ${asset.path}",
            "${each}",
            "a.yaml",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)


@FAST
@given(
    st.fixed_dictionaries({"assets": st.dictionaries(KEYS, SPECS, max_size=4)}, optional={"defaults": SPECS})
    | SPECS,
    SPECS,
)
def test_any_structure_raises_nothing_but_spec_errors(spec: Any, project: Any) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "mpsjobs.yaml").write_text("project: x\nspecs: [a.yaml]\n")
        (root / "a.yaml").write_text(json.dumps(spec, ensure_ascii=False), encoding="utf-8")
        project_settings, _ = load_settings(root)
        for strict in (False, True):
            found = mistakes(partial(load_assets, root, project_settings, load_catalogue(), strict=strict))
            assert any(diagnostic.is_error for diagnostic in found)
        (root / "mpsjobs.yaml").write_text(json.dumps(project, ensure_ascii=False), encoding="utf-8")
        found = mistakes(lambda: load_catalogue(load_settings(root)[0].models))
        assert any(diagnostic.is_error for diagnostic in found)
