"""What an asset costs is the same in a large project as in a small one. Counted, not timed."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mpsjobs.model.state import AssetRecord, Output, Take
from tests.conftest import Folder

_counting: list[Counter[str]] = []


def _count(event: str, arguments: tuple[Any, ...]) -> None:
    if _counting and event == "open" and isinstance(arguments[0], str):
        _counting[-1][Path(arguments[0]).suffix] += 1


sys.addaudithook(_count)  # there is no way to take one away again


@contextmanager
def opened() -> Iterator[Counter[str]]:
    """How many files were opened, by suffix."""
    _counting.append(Counter())
    try:
        yield _counting[-1]
    finally:
        _counting.pop()


def specs(project: Folder, files: int, assets: int) -> None:
    for number in range(files):
        lines = "".join(f"  a{each}: theme {number} {each}\n" for each in range(assets))
        project.write(**{f"s{number}": f"group: g{number}\nassets:\n{lines}"})


def test_a_plan_opens_each_spec_once_and_the_state_once(project: Folder) -> None:
    counts = []
    project("plan")  # what is read once in a process is read now
    for files in (4, 40):
        specs(project, files, 2)
        with opened() as count:
            assert project("plan").code == 0
        counts.append(count)
    few, many = counts
    assert many[".yaml"] - few[".yaml"] == 36
    assert all(many[suffix] == few[suffix] for suffix in (*few, *many) if suffix != ".yaml")


def test_a_plan_reads_each_record_of_the_state_once(project: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    built: Counter[str] = Counter()

    def counted(cls: type) -> None:
        make = cls.__init__  # type: ignore[misc]

        def init(self: Any, *arguments: Any, **named: Any) -> None:
            built[cls.__name__] += 1
            make(self, *arguments, **named)

        monkeypatch.setattr(cls, "__init__", init)

    for cls in (Take, Output, AssetRecord):
        counted(cls)
    for assets in (2, 6):
        specs(project, 1, assets)
        assert project("apply", "--auto-approve").code == 0
        built.clear()
        assert project("plan").code == 0
        assert built == {"Take": assets, "Output": assets, "AssetRecord": assets}


def test_each_take_of_an_apply_is_made_durable_as_often_and_asked_for_once_as_an_object(
    project: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mpsjobs.cloud.directory_store import DirectoryStore
    from mpsjobs.state import journal

    counts: list[Counter[str]] = []
    for method in ("fetch", "put"):
        _counted(monkeypatch, DirectoryStore, method, counts)
    _counted(monkeypatch, journal.JournalWriter, "append", counts)
    for assets in (3, 12):
        counts.append(Counter())
        project.write(
            music="assets:\n" + "".join(f"  a{assets}_{n}: theme {assets} {n}\n" for n in range(assets))
        )
        assert project("apply", "--auto-approve").code == 0
    few, many = counts
    assert many["fetch"] == 4 * few["fetch"]
    assert many["append"] <= 4 * few["append"]


def _counted(monkeypatch: pytest.MonkeyPatch, cls: type, name: str, counts: list[Counter[str]]) -> None:
    real = getattr(cls, name)

    def counted(*arguments: Any, **named: Any) -> Any:
        if counts:
            counts[-1][name] += 1
        return real(*arguments, **named)

    monkeypatch.setattr(cls, name, counted)
