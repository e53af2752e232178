"""A project on disk in one call."""

from collections.abc import Callable
from pathlib import Path

import pytest

MakeProject = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> MakeProject:
    """`project({"specs/a.yaml": "…"}, "project: x")` writes the files and returns the folder."""

    def make(files: dict[str, str] | None = None, settings: str = "project: test\n") -> Path:
        for name, text in {"mpsjobs.yaml": settings, **(files or {})}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return make
