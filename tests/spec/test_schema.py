"""The JSON Schemas against files of all kinds, judged by a validator and read by a YAML parser that are not ours."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml12
from jsonschema import Draft202012Validator

from mpsjobs.cli.schema import name_of
from mpsjobs.spec.catalogue import load_catalogue
from mpsjobs.spec.project_files import find_spec_files, is_settings_file
from mpsjobs.spec.schema import File, json_schema

REPOSITORY = Path(__file__).parents[2]
TESTDATA = REPOSITORY / "tests" / "testdata"
CASES = sorted(path.parent for path in TESTDATA.glob("*/mpsjobs.yaml"))
VALIDATORS = {file: Draft202012Validator(json_schema(file, load_catalogue())) for file in File}

# Mistakes that an editor does not show, and why: a schema looks at one value of one file at a time.
UNSEEN = {
    "addresses-differ-in-case": "it compares no keys",
    "addresses-equal-in-nfc": "it compares no keys",
    "defaults-in-settings-are-wrong": "what a model takes depends on another key",
    "doubts-strict": "what the catalogue lacks is a suggestion to an editor",
    "duplicate-addresses": "it compares no files",
    "duplicate-keys": "keys that are there twice are for the parser, and some keep the last",
    "glob-outside": "where links lead is not in the file",
    "lyrics": "what a model takes depends on another key",
    "no-model": "the model may come from defaults in another file",
    "parameter-types": "the type of a parameter depends on the model",
    "prompt-too-long": "characters are counted without the line break at the end",
    "settings-tencent": "a bucket is needed by one kind of provider only",
    "settings-tencent-directory": "the store depends on the provider",
    "settings-version-unreadable": "version specifiers have a grammar of their own",
}
SEEN = (
    *(
        "bad-names",
        "five-mistakes",
        "five-mistakes-two-files",
        "near-misses",
        "not-supported-yet",
        "references",
    ),
    *(
        "reference-files-wrong",
        "settings-empty",
        "settings-unknown-keys",
        "settings-values",
        "store-override",
    ),
    *("unknown-keys", "wrong-types", "yaml-errors"),
)


def refusals(path: Path) -> list[str]:
    """What is wrong with a file in the eyes of an editor."""
    try:
        value = yaml12.parse_yaml(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError):
        return ["not YAML"]
    return refused(value, File.SETTINGS if is_settings_file(path.name) else File.SPEC)


def refused(value: Any, file: File = File.SPEC) -> list[str]:
    return [error.message for error in VALIDATORS[file].iter_errors(value)]


def files(root: Path) -> Iterator[Path]:
    yield root / "mpsjobs.yaml"
    yield from find_spec_files(root, ["specs/**/*.yaml", "specs/**/*.yml"])


@pytest.mark.parametrize("file", File)
def test_the_schemas_are_schemas(file: File) -> None:
    Draft202012Validator.check_schema(json_schema(file, load_catalogue()))


@pytest.mark.parametrize("file", File)
def test_the_published_schemas_are_current(file: File) -> None:
    published = json.loads((REPOSITORY / "schemas" / name_of(file)).read_text(encoding="utf-8"))
    assert published == json_schema(file, load_catalogue()), (
        f"run: mpsjobs schema {file} > schemas/{name_of(file)}"
    )


@pytest.mark.parametrize(
    "root", [REPOSITORY, *sorted((REPOSITORY / "examples").iterdir())], ids=lambda path: path.name
)
def test_the_examples_are_accepted(root: Path) -> None:
    found = {path: refusals(path) for path in files(root)}
    assert len(found) > 1
    assert not any(found.values()), found


@pytest.mark.parametrize(
    "case", [case for case in CASES if (case / "expected.json").exists()], ids=lambda case: case.name
)
def test_what_mpsjobs_takes_is_accepted(case: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in files(case)]
    specs = [
        path for path in files(case) if not any(f"file: {path.name}" in text for text in texts)
    ]  # the rest is data
    assert {path.name: refusals(path) for path in specs if refusals(path)} == {}


@pytest.mark.parametrize("case", SEEN)
def test_most_mistakes_are_refused(case: str) -> None:
    assert any(refusals(path) for path in files(TESTDATA / case))


@pytest.mark.parametrize("case", UNSEEN)
def test_some_mistakes_only_mpsjobs_sees(case: str) -> None:
    assert not any(refusals(path) for path in files(TESTDATA / case)), (
        "it does, so it is no longer one of these"
    )


def asset(**fields: Any) -> dict[str, Any]:
    return {"assets": {"a": fields}}


@pytest.mark.parametrize(
    "value",
    [
        {"assets": {"a": "a prompt", "b": 12, "c": None}},
        {"group": "niveau.é", "assets": {"温柔.x-1": "x", "<<": {}}},
        asset(version=2.1, prompt={"file": "a.md"}, tags="one", takes=3, instrumental=True),
        asset(model="a model of next year", version="9"),
        asset(format="${var.format}", takes="${var.takes}", tags="${var.tags}", instrumental="${each.voice}"),
        asset(reference_audio={"url": "https://example.com/a.wav"}),
        asset(reference_audio=[{"file": "a.wav"}, {"url": "https://example.com/a.wav"}]),
        asset(additional_parameters={"anything": [1, {"b": None}]}, model=None),
    ],
)
def test_accepted(value: Any) -> None:
    assert refused(value) == []


@pytest.mark.parametrize(
    "value",
    [
        ["a"],
        {"asset": {}},
        asset(promt="x"),
        asset(format="ogg"),
        asset(takes=0),
        asset(takes="three"),
        asset(instrumental="yes"),
        asset(prompt={"files": "x"}),
        asset(prompt=["x"]),
        asset(reference_audio=[{}]),
        asset(reference_audio=[{"url": "https://a.example/b", "file": "c"}]),
        asset(reference_audio=[{"url": "ftp://example.com/a.wav"}]),
        asset(store={"bucket": "no-number"}),
        {"assets": {"a b": "x"}},
        {"group": "level one"},
    ],
)
def test_refused(value: Any) -> None:
    assert refused(value)


@pytest.mark.parametrize(
    ("settings", "fits"),
    [
        ({"project": "a", "provider": None, "policy": {"unknown_wait": "15m", "max_generations_per_apply": None}}, True),
        ({"project": "a", "models": {"M": {"versions": ["1", {"name": 2, "sites": ["cn"]}], "parameters": {"n": "integer"}}}}, True),
        ({}, False),
        ({"project": "a", "provider": {"kind": "aws"}}, False),
        ({"project": "a", "provider": {"requests_per_second": 21}}, False),
        ({"project": "a", "policy": {"unknown_wait": "15 minutes"}}, False),
        ({"project": "a", "credentials": {"secret_id": "x"}}, False),
        ({"project": "a", "specs": []}, False),
        ({"project": "a", "prices": {"currency": "USD", "GL": {"3.0-pro": 0.1, "x": {"per_second": 1, "seconds": 2}, "y": None}, "default": 1}}, True),
        ({"project": "a", "prices": {"currency": "dollars", "default": 1}}, False),
        ({"project": "a", "prices": {"GL": {"3.0-pro": [1]}}}, False),
        ({"project": "a", "prices": {"GL": {"per_minute": {"per_hour": 1}}}}, False),
    ],
)  # fmt: skip
def test_settings(settings: Any, fits: bool) -> None:  # noqa: FBT001  # a column of the table
    assert (refused(settings, File.SETTINGS) == []) is fits


def test_every_key_is_described() -> None:
    silent = [
        f"{name}.{key}"
        for file in File
        for name, model in json_schema(file, load_catalogue())["$defs"].items()
        for key, value in model["properties"].items()
        if not value.get("description") and name != "VersionSpec"
    ]
    assert silent == []


def test_what_is_known_is_offered() -> None:
    properties = json_schema(File.SPEC, load_catalogue())["$defs"]["AssetSpec"]["properties"]
    assert {"enum": ["mp3", "wav"]} in properties["format"]["anyOf"]
    assert "MiniMaxMusic" in properties["model"]["anyOf"][0]["enum"]
    assert "song_9.5" in properties["version"]["anyOf"][0]["enum"]
    assert "aigc_watermark" in properties["additional_parameters"]["anyOf"][0]["properties"]


def test_a_project_adds_its_own_models() -> None:
    catalogue = load_catalogue({"Mine": {"versions": ["v1"], "parameters": {"depth": "integer"}}})
    text = json.dumps(json_schema(File.SPEC, catalogue))
    assert '"Mine"' in text
    assert '"v1"' in text
    assert '"depth"' in text
