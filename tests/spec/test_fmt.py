"""How files look after `fmt`, by example."""

import re
from pathlib import Path

import pytest

from mpsjobs.model.diagnostics import SpecError
from mpsjobs.spec.fmt import Kind, format_text
from mpsjobs.spec.fmt.layout import lay_out
from mpsjobs.spec.yaml import parse

REPOSITORY = Path(__file__).parents[2]
SAMPLE = REPOSITORY / "tests" / "testdata" / "fmt"


def spec(text: str) -> str:
    once = format_text(text, "a.yaml", Kind.SPEC)
    assert format_text(once, "a.yaml", Kind.SPEC) == once
    return once


def test_a_file_with_something_of_everything() -> None:
    before, after = ((SAMPLE / name).read_text(encoding="utf-8") for name in ("before.yaml", "after.yaml"))
    assert spec(before) == after


@pytest.mark.parametrize(
    "path", [*sorted(REPOSITORY.glob("specs/*.yaml")), *sorted(REPOSITORY.glob("examples/*/specs/*.yaml"))]
)
def test_the_specs_of_this_repository_are_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert spec(text) == text


# before, after
CASES = {
    "keys come in the order of the reference, assets stay": (
        "assets:\n  z: {prompt: x, version: 1, model: y}\n  a:\n    prompt: x\n    model: y\ngroup: g\n",
        "group: g\nassets:\n  z: {model: y, version: 1, prompt: x}\n  a:\n    model: y\n    prompt: x\n",
    ),
    "keys that nobody knows come last, in their order": (
        "assets: {}\nzz: 1\nyy: 2\ngroup: g\n",
        "group: g\nassets: {}\nzz: 1\nyy: 2\n",
    ),
    "free mappings keep their order": (
        "assets:\n  a:\n    additional_parameters: {z: 1, a: 2}\n    extra_parameters:\n      z: 1\n      a: 2\n",
        "assets:\n  a:\n    extra_parameters:\n      z: 1\n      a: 2\n    additional_parameters: {z: 1, a: 2}\n",
    ),
    "quotes and odd numbers stay": (
        "assets:\n  a:\n    version: \"2.10\"\n    operator: 'yes'\n    scene: 0o17\n    tags: ['1e3', 1e3, \"\\u00e9\"]\n",
        "assets:\n  a:\n    version: \"2.10\"\n    scene: 0o17\n    operator: 'yes'\n    tags: ['1e3', 1e3, \"\\u00e9\"]\n",
    ),
    "comments go where their keys go": (
        "# the file\n\n# about assets\nassets:   # here\n  a: x # one\n# about the group\ngroup: g # two\n",
        "# the file\n\n# about the group\ngroup: g # two\n# about assets\nassets:   # here\n  a: x # one\n",
    ),
    "a comment that is indented further closes the block above": (
        "assets:\n  a:\n    prompt: x\n    # takes: 3\n  # b: y\n\n  c: z\n  # the end\n# really\n",
        "assets:\n  a:\n    prompt: x\n    # takes: 3\n  # b: y\n\n  c: z\n  # the end\n# really\n",
    ),
    "blank lines: one at most, none at the ends": (
        "\n\nassets:\n\n  a: x\n\n\n\n  b: y\n\n\n",
        "assets:\n  a: x\n\n  b: y\n",
    ),
    "a blank line stays between what changes places": (
        "assets:\n  a: x\n\ngroup: g\n",
        "group: g\n\nassets:\n  a: x\n",
    ),
    "lists are indented below their key": (
        "assets:\n  a:\n    tags:\n    - x\n    -   y\n    -\n      z\n",
        "assets:\n  a:\n    tags:\n      - x\n      - y\n      - z\n",
    ),
    "texts of several lines keep their lines": (
        "assets:\n    a:\n        prompt: one\n          two\n\n          three\n        lyrics: >2\n             four\n           five\n",
        "assets:\n  a:\n    prompt: one\n      two\n\n      three\n    lyrics: >2\n         four\n       five\n",
    ),
    "an anchor stays before its aliases": (
        "assets:\n  a: {version: &v 2.0, model: *v}\n  b:\n    prompt: &p x\n    model: *p\n    version: 1\n",
        "assets:\n  a: {version: &v 2.0, model: *v}\n  b:\n    prompt: &p x\n    model: *p\n    version: 1\n",
    ),
    "a merge comes first": (
        "assets:\n  a: &a {model: x}\n  b:\n    prompt: y\n    <<: *a\n",
        "assets:\n  a: &a {model: x}\n  b:\n    <<: *a\n    prompt: y\n",
    ),
    "a flow of several lines moves as a whole": (
        "assets:\n    a: {\n        prompt: x, # why\n        model: y\n    }\n",
        "assets:\n  a: {\n      prompt: x, # why\n      model: y\n  }\n",
    ),
    "question marks before keys go": ("? assets\n: ? a\n  : x\n", "assets:\n  a: x\n"),
    "the end of a last text without a line break stays without one": (
        "assets:\n  a:\n    lyrics: |\n      la",
        "assets:\n  a:\n    lyrics: |-\n      la\n",
    ),
    "blank lines that belong to a text stay with it": (
        "assets:\n  a:\n    lyrics: |+\n      la\n\n\n    prompt: x\n",
        "assets:\n  a:\n    prompt: x\n    lyrics: |+\n      la\n\n\n",
    ),
    "spaces that end a text are no blank line": (
        "assets:\n  a: x\ndefaults:\n  prompt: |\n    la\n      \n",
        "defaults:\n  prompt: |\n    la\n      \nassets:\n  a: x\n",
    ),
    "directives and document marks stay": (
        "%YAML 1.2\n# one\n--- # two\n# three\nassets: {}\ngroup: g\n...\n# four\n",
        "%YAML 1.2\n# one\n--- # two\ngroup: g\n# three\nassets: {}\n...\n# four\n",
    ),
    "the editor's line stays on top": (
        "# yaml-language-server: $schema=x\nassets: {}\ngroup: g\n",
        "# yaml-language-server: $schema=x\ngroup: g\nassets: {}\n",
    ),
    "a comment behind a key without a value leads on": ("---\n? key\n# one\n", "---\nkey:\n# one\n"),
    "letters of all scripts": ("assets:\n    温柔:   民谣   # é\n", "assets:\n  温柔: 民谣     # é\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_layout(case: str) -> None:
    before, after = CASES[case]
    assert spec(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "# only a comment\n",
        "[a,  b]\n",
        "{assets:   {}}\n",
        '{\n  "assets": {"b": 1}\n}\n',
        "? a\n  b\n: c\n",
        "&a\nb:   c\n",
        "x\n",
    ],
)
def test_what_is_no_block_of_keys_stays_as_written(text: str) -> None:
    assert spec(text) == text


def test_settings_have_an_order_of_their_own() -> None:
    text = "defaults: {format: wav, model: x}\nstate: {path: a.json, backend: file}\nproject: y\n"
    assert format_text(text, "mpsjobs.yaml", Kind.of("mpsjobs.yaml")) == (
        "project: y\nstate: {backend: file, path: a.json}\ndefaults: {model: x, format: wav}\n"
    )


@pytest.mark.parametrize(
    "text", ["a: [", "a: 1\na: 2\n", "a: !t x\n", "--- a\n--- b\n", "[a]: b\n", "\ta: b"]
)
def test_what_is_not_yaml_for_specs_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        format_text(text, "a.yaml", Kind.SPEC)


def test_a_layout_that_changes_the_meaning_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'assets:\n    a:\n        version: "2.10"   # why\n'
    for damage in (('"2.10"', "2.10"), ("   # why", ""), ("version", "scene"), ("assets", "%assets")):
        with monkeypatch.context() as patch:
            patch.setattr("mpsjobs.spec.fmt.lay_out", lambda *file, d=damage: lay_out(*file).replace(*d))
            with pytest.raises(SpecError, match="cannot be formatted without changing it"):
                format_text(text, "a.yaml", Kind.SPEC)


def test_a_large_file_comes_through() -> None:
    text = "assets:\n" + "".join(f"  a{n}:\n    format: wav\n    prompt: x # {n}\n\n" for n in range(3000))
    once = spec(text)
    assert re.findall(r"prompt: x # (\d+)\n    format", once) == [str(n) for n in range(3000)]
    assert parse(once, "a").root == parse(text, "a").root
