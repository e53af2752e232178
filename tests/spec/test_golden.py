"""Whole projects against what they should come to: `tests/testdata/<case>/` with settings and specs, and

- `expected.txt`: the diagnostics, if there are any,
- `expected.json`: the desired assets, if there are no errors.

A case whose name ends in `-strict` is loaded strictly, and one with a file `environment` as that environment. `UPDATE_GOLDEN=1 pytest tests/spec/test_golden.py` writes what came out; read
the difference before you commit it.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from mpsjobs.model.asset import Asset
from mpsjobs.model.diagnostics import Diagnostic, SpecError
from mpsjobs.model.expectations import Expectations
from mpsjobs.model.lifecycle import Lifecycle
from mpsjobs.model.mastering import Mastering
from mpsjobs.spec.catalogue import load_catalogue
from mpsjobs.spec.load import load_assets
from mpsjobs.spec.settings import load_settings

TESTDATA = Path(__file__).parent.parent / "testdata"
CASES = sorted(path.parent for path in TESTDATA.glob("*/mpsjobs.yaml"))
UPDATE = "UPDATE_GOLDEN" in os.environ


def as_text(diagnostics: tuple[Diagnostic, ...]) -> str:
    return "".join(f"{line}\n" for diagnostic in diagnostics for line in lines(diagnostic))


def lines(diagnostic: Diagnostic) -> Iterator[str]:
    place = f"{diagnostic.position}: " if diagnostic.position else ""
    yield f"{place}{diagnostic.severity}[{diagnostic.code}]: {diagnostic.summary}"
    if diagnostic.detail:
        yield f"  detail: {diagnostic.detail}"
    if diagnostic.hint:
        yield f"  hint: {diagnostic.hint}"
    for related in diagnostic.related:
        yield f"  {related.position}: {related.label}"


def as_json(value: Any) -> Any:
    """What is set, in the order of the types."""
    if isinstance(value, Lifecycle | Mastering):
        return value.recorded
    if isinstance(value, Expectations):
        said = [field for field in fields(value) if getattr(value, field.name) != field.default]
        return {field.name: as_json(getattr(value, field.name)) for field in said}
    if is_dataclass(value):
        items = ((field.name, as_json(getattr(value, field.name))) for field in fields(value))
        return {name: item for name, item in items if item not in (None, [], {}) and name != "address"}
    if isinstance(value, tuple | list):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {name: as_json(item) for name, item in value.items()}
    return value


def assets_as_text(assets: tuple[Asset, ...]) -> str:
    described = {asset.address: {**as_json(asset), "origin": str(asset.origin)} for asset in assets}
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def outcome(root: Path) -> dict[str, str | None]:
    try:
        environment = root / "environment"
        settings, notices = load_settings(
            root, environment.read_text().strip() if environment.exists() else None
        )
        strict = root.name.endswith("-strict")
        loaded = load_assets(root, settings, load_catalogue(settings.models), strict=strict)
    except SpecError as error:
        return {"expected.txt": as_text(error.diagnostics), "expected.json": None}
    diagnostics = as_text((*notices, *loaded.diagnostics))
    return {"expected.txt": diagnostics or None, "expected.json": assets_as_text(loaded.assets)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_project_comes_to_what_is_expected(case: Path) -> None:
    for name, text in outcome(case).items():
        expected = case / name
        if UPDATE and text is None:
            expected.unlink(missing_ok=True)
        elif UPDATE:
            expected.write_text(text or "", encoding="utf-8")
        assert (expected.read_text(encoding="utf-8") if expected.exists() else None) == text


def test_most_cases_are_mistakes() -> None:
    mistakes = [case for case in CASES if not (case / "expected.json").exists()]
    assert len(CASES) >= 80
    assert len(mistakes) >= 50
