"""What the guide and the example show runs as it stands."""

import re
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mpsjobs import Project, SpecError
from tests.conftest import Folder, Ran

REPOSITORY = Path(__file__).parents[2]
NIGHTLY = REPOSITORY / "examples" / "nightly"


@pytest.fixture
def nightly(tmp_path: Path, mpsjobs: Callable[..., Ran]) -> Folder:
    """A copy of the example, at the emulator's quickest."""
    root = tmp_path / "nightly"
    shutil.copytree(NIGHTLY, root, ignore=shutil.ignore_patterns(".mpsjobs", "audio", "mpsjobs.state*"))
    settings = (root / "mpsjobs.yaml").read_text().replace("audio: short", "audio: stub")
    (root / "mpsjobs.yaml").write_text(settings)

    return Folder(root, mpsjobs)


def test_the_guide_to_python_runs_from_top_to_bottom(
    project: Folder, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    project.write(music="assets: {menu: x, level1.boss: y}\n")
    monkeypatch.chdir(project.root)
    page = (REPOSITORY / "docs" / "guide" / "python.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        exec(block, names)
    out = capfd.readouterr().out
    assert "2 generations" in out
    assert "level1.boss#1" in out
    assert len(project.bill()) == 2


def test_a_schedulers_task_buys_what_is_missing_once_and_no_more_than_it_may(nightly: Folder) -> None:
    generate = runpy.run_path(str(NIGHTLY / "task.py"))["generate"]
    with pytest.raises(SpecError):
        generate(str(nightly.root), 3)
    assert nightly.bill() == []
    assert generate(str(nightly.root), 4)["generated"] == 4
    assert generate(str(nightly.root), 4) == {"generated": 0, "recorded": 0}
    assert len(nightly.bill()) == 4


def test_a_schedulers_task_fails_when_an_asset_fails(nightly: Folder) -> None:
    generate = runpy.run_path(str(NIGHTLY / "task.py"))["generate"]
    (nightly.root / "specs" / "loops.yaml").write_text("assets: {a: mpsblockedword, b: y}\n")
    with pytest.raises(RuntimeError, match="incomplete: a"):
        generate(str(nightly.root), 3)


def test_the_notebook_runs_from_the_first_cell_to_the_last(
    nightly: Folder, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(nightly.root)
    runpy.run_path(str(NIGHTLY / "notebook.py"))
    out = capfd.readouterr().out
    assert "4 generations" in out
    assert "queue: take 2" in out
    assert {asset.address for asset in Project.open().current(Project.open().state())} == {
        "exit",
        "lobby",
        "queue",
    }
