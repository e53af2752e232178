"""Projects that were applied, made once for a module of tests and copied for each."""

from pathlib import Path

from mpsjobs.cli.app import run
from tests.conftest import SETTINGS


def applied_project(root: Path, spec: str) -> Path:
    """The folder, with the settings of all tests and this spec, after an apply."""
    (root / "mpsjobs.yaml").write_text(SETTINGS, encoding="utf-8")
    (root / "specs").mkdir()
    (root / "specs" / "music.yaml").write_text(spec, encoding="utf-8")
    assert run(("-C", str(root), "apply", "--auto-approve")) == 0
    return root
