"""Which files are specs."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mpsjobs.model.diagnostics import SpecError
from mpsjobs.spec.project_files import find_project, find_spec_files

DEFAULT = ("specs/**/*.yaml", "specs/**/*.yml")


def found(root: Path, *patterns: str) -> list[str]:
    return [
        path.relative_to(root.resolve()).as_posix() for path in find_spec_files(root, patterns or DEFAULT)
    ]


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_the_nearest_folder_upward(tmp_path: Path) -> None:
    touch(tmp_path, "a/mpsjobs.yaml", "a/b/c/x")
    assert find_project(tmp_path / "a/b/c") == (tmp_path / "a").resolve()
    assert find_project(tmp_path / "a") == (tmp_path / "a").resolve()
    assert find_project(tmp_path) is None


def test_all_depths_in_the_order_of_paths(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "specs/z.yaml",
        "specs/a/b/c.yml",
        "specs/a.yaml",
        "specs/a/x.yaml",
        "other/a.yaml",
        "specs/x.csv",
        "specs/YAML.YAML",
    )
    assert found(tmp_path) == ["specs/a.yaml", "specs/a/b/c.yml", "specs/a/x.yaml", "specs/z.yaml"]


def test_what_is_hidden_nested_or_settings_is_passed_over(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "a.yaml",
        ".b/c.yaml",
        ".d.yaml",
        "e/mpsjobs.yaml",
        "e/f.yaml",
        "e/g/h.yaml",
        "mpsjobs.yaml",
        "mpsjobs.prod.yaml",
        "i/j.yaml",
    )
    assert found(tmp_path, "**/*.yaml") == ["a.yaml", "i/j.yaml"]


def test_patterns_without_stars_across_folders(tmp_path: Path) -> None:
    touch(tmp_path, "a.yaml", "b/a.yaml", "b/c/a.yaml", "x1/a.yaml", "[.yaml")
    assert found(tmp_path, "*.yaml") == ["[.yaml", "a.yaml"]
    assert found(tmp_path, "./?/a.yaml") == ["b/a.yaml"]
    assert found(tmp_path, "x[0-9]/*.yaml", "a.yaml", "a.yaml") == ["a.yaml", "x1/a.yaml"]
    assert found(tmp_path, "**/c/**/**/*.yaml") == ["b/c/a.yaml"]
    assert found(tmp_path, "nothing/**/*.yaml", "a.yaml/*.yaml") == []


def test_loops_of_links_end(tmp_path: Path) -> None:
    touch(tmp_path, "specs/a/x.yaml")
    for name in ("one", "two", "three"):
        (tmp_path / "specs/a" / name).symlink_to(tmp_path / "specs", target_is_directory=True)
    (tmp_path / "specs/itself.yaml").symlink_to(tmp_path / "specs/a/x.yaml")
    assert len(found(tmp_path)) == 1


@pytest.mark.parametrize(
    "pattern", ["../*.yaml", "/etc/*.yaml", "specs/../../*.yaml", "~/x.yaml", "C:/x.yaml"]
)
def test_patterns_that_lead_outside(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(SpecError, match="inside of the project"):
        find_spec_files(tmp_path, [pattern])


def test_links_that_lead_outside_or_nowhere(tmp_path: Path) -> None:
    root = tmp_path / "project"
    touch(tmp_path, "other/a.yaml", "project/specs/b.yaml")
    (root / "specs/out").symlink_to(tmp_path / "other", target_is_directory=True)
    (root / "specs/out.yaml").symlink_to(tmp_path / "other/a.yaml")
    (root / "specs/gone.yaml").symlink_to(tmp_path / "gone")
    with pytest.raises(SpecError) as caught:
        find_spec_files(root, DEFAULT)
    assert [str(d.position) for d in caught.value.diagnostics] == [
        "specs/gone.yaml:1:1",
        "specs/out:1:1",
        "specs/out.yaml:1:1",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    touch(tmp_path, "specs/a/x.yaml")
    (tmp_path / "specs/a").chmod(0)
    try:
        with pytest.raises(SpecError, match="cannot be read"):
            find_spec_files(tmp_path, DEFAULT)
    finally:
        (tmp_path / "specs/a").chmod(0o755)


def test_a_project_reached_by_a_link(tmp_path: Path, project: Callable[..., Path]) -> None:
    root = project({"specs/a.yaml": "", "elsewhere/x": ""})
    link = tmp_path / "elsewhere/link"
    link.symlink_to(root, target_is_directory=True)
    assert found(link) == ["specs/a.yaml"]
