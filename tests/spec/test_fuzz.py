"""The fuzz target holds for what a short run tries, and finds what is broken on purpose."""

from pathlib import Path

import pytest

from mpsjobs.model.diagnostics import SpecError
from tests import fuzz


def test_a_short_run_breaks_nothing() -> None:
    seen = fuzz.fuzz(seed=1, goes_on=lambda tried: tried < 150)
    assert {"spec", "settings", "table", "text", "layout", "diagnostics"} <= seen.keys()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_a_longer_run_breaks_nothing(seed: int) -> None:
    fuzz.fuzz(seed=seed, goes_on=lambda tried: tried < 3000)


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        RecursionError(),
        MemoryError(),
        SystemExit(1),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "x"),
        SpecError(),
    ],
)
def test_whatever_is_no_diagnostic_is_found(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(fuzz, "load_assets", broken)
    with pytest.raises(fuzz.Broken):
        fuzz.Target(tmp_path)(b"\0assets: {a: x}\n")


def test_what_never_ends_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_arguments: object, **_options: object) -> None:
        while True:
            pass

    monkeypatch.setattr(fuzz, "load_assets", endless)
    monkeypatch.setattr(fuzz, "LONGEST_S", 0.05)
    with pytest.raises(fuzz.Broken, match="TimeoutError"):
        fuzz.Target(tmp_path)(b"\0assets: {a: x}\n")


def test_the_same_seed_tries_the_same() -> None:
    one, other, third = fuzz.Mutations(7), fuzz.Mutations(7), fuzz.Mutations(8)
    tried = [one.next() for _ in range(20)]
    assert tried == [other.next() for _ in range(20)]
    assert tried != [third.next() for _ in range(20)]
