"""Which value of a variable counts, and how a sensitive one is kept to itself."""

from pathlib import Path

import pytest

from mpsjobs.model.asset import Asset, Sensitive
from mpsjobs.model.diagnostics import SpecError
from mpsjobs.plan.fingerprint import canonical_fields, fingerprint
from mpsjobs.spec.catalogue import load_catalogue
from mpsjobs.spec.load import load_assets
from mpsjobs.spec.settings import load_settings
from mpsjobs.spec.variables import NOTHING_GIVEN, Given

DECLARED = "project: test\ndefaults: {model: GL, version: 3.0-pro}\nvariables:\n"


def load(root: Path, given: Given = NOTHING_GIVEN, environment: str | None = None) -> dict[str, Asset]:
    settings, _ = load_settings(root, environment)
    return {
        asset.address: asset for asset in load_assets(root, settings, load_catalogue(), given=given).assets
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "specs").mkdir()
    (tmp_path / "mpsjobs.yaml").write_text(f"{DECLARED}  mood: calm\n")
    (tmp_path / "specs/a.yaml").write_text('assets: {a: "x ${var.mood}"}\n')
    return tmp_path


def test_the_nearer_source_of_a_value_counts(root: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "one.yaml", tmp_path / "two.yaml"
    first.write_text("mood: from the first file\n")
    second.write_text("mood: from the second file\n")
    with (root / "mpsjobs.yaml").open("a") as settings:
        settings.write("environments: {dev: {variables: {mood: from the environment}}}\n")
    environ = {"MPSJOBS_VAR_mood": "from the process", "MPSJOBS_VAR_other": "not declared"}
    steps = [
        (Given(), "from the environment"),
        (Given(environ=environ), "from the process"),
        (Given(environ=environ, files=(first,)), "from the first file"),
        (Given(environ=environ, files=(first, second)), "from the second file"),
        (Given((("mood", "one"), ("mood", "two")), (first,), environ), "two"),
    ]
    for given, expected in steps:
        assert load(root, given, "dev")["a"].sound.prompt == f"x {expected}"
    assert load(root)["a"].sound.prompt == "x calm"


def test_every_wrong_value_from_outside_is_told_with_its_source(root: Path, tmp_path: Path) -> None:
    (root / "mpsjobs.yaml").write_text(
        f"{DECLARED}  mood: {{default: calm, allowed: [calm, tense]}}\n  bpm: {{type: number, default: 92}}\n"
        "  all: {type: list, default: []}\n"
    )
    file = tmp_path / "values.yaml"
    file.write_text("bpm: quick\n\nmodo: calm\n")
    given = Given((("mood", "angry"), ("mod", "x"), ("all", "a,b")), (file, tmp_path / "none.yaml"))
    with pytest.raises(SpecError) as caught:
        load(root, given)
    told = {(each.summary, each.position.line if each.position else 0) for each in caught.value.diagnostics}
    assert told == {
        ('This is no value of the variable "mood"', 0),
        ('--var names no variable: "mod"', 0),
        ('The variable "all" must be a list', 0),
        ('The variable "bpm" must be a number', 1),
        ('--var-file names no variable: "modo"', 3),
        ("There is no such file", 1),
    }
    assert any('Did you mean "mood"?' in each.hint for each in caught.value.diagnostics)


def test_a_value_from_outside_is_what_its_type_says(root: Path) -> None:
    (root / "mpsjobs.yaml").write_text(
        f"{DECLARED}  takes: {{type: number}}\n  tags: {{type: list}}\n  sung: {{type: bool}}\n"
        "  id: {type: string}\n  free: {}\n"
    )
    (root / "specs/a.yaml").write_text(
        'assets: {a: {prompt: x, takes: "${var.takes}", tags: "${var.tags}", instrumental: "${var.sung}",'
        ' model: MiniMaxMusic, version: 2.6, additional_parameters: {a: "${var.id}", b: "${var.free}"}}}'
    )
    values = (("takes", "4"), ("tags", "[a, b]"), ("sung", "true"), ("id", "007"), ("free", "7"))
    asset = load(root, Given(values))["a"]
    assert (asset.takes, asset.tags, asset.sound.instrumental) == (4, ("a", "b"), True)
    assert asset.sound.additional_parameters == {"a": "007", "b": 7}


def test_a_sensitive_value_is_known_by_a_digest_alone(root: Path) -> None:
    (root / "mpsjobs.yaml").write_text(f"{DECLARED}  mood: {{sensitive: true}}\n")
    (root / "specs/a.yaml").write_text(
        'assets: {a: "x ${var.mood}", b: "y ${var.mood}", c: "${lower(var.mood)}", d: "${join(var.mood, var.mood)}"}'
    )
    names, prompts = set[str](), set[str]()
    for value in ("Zelda-7", "Zelda-8"):
        for asset in load(root, Given((("mood", value),))).values():
            prompt = asset.sound.prompt
            assert isinstance(prompt, Sensitive)
            assert "elda" in prompt.clear
            assert "elda" not in f"{prompt} {prompt!r} {asset}" + str(prompt)
            fields = canonical_fields(asset.sound)
            assert "elda" not in repr(fields)
            assert fields == canonical_fields(load(root, Given((("mood", value),)))[asset.address].sound)
            names.add(fingerprint(fields))
            prompts.add(prompt.clear)
    assert len(names) == len(prompts) == 8


def test_what_is_wrong_with_a_sensitive_value_does_not_quote_it(root: Path) -> None:
    (root / "mpsjobs.yaml").write_text(
        f"{DECLARED}  mood: {{sensitive: true, type: number}}\n  kind: {{sensitive: true, allowed: [a]}}\n"
    )
    with pytest.raises(SpecError) as caught:
        load(root, Given((("mood", "Zelda"), ("kind", "Zelda"))))
    assert len(caught.value.diagnostics) == 2
    assert "Zelda" not in repr(caught.value.diagnostics)
