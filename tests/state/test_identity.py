from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from mpsjobs.state import identity
from mpsjobs.state.identity import TimeOrderedIds, boot_id, host_name, timestamp, who

from .histories import FakeClock


@given(st.lists(st.integers(-5, 1000), min_size=2, max_size=50))
def test_ids_ascend_whatever_the_clock_does(steps: list[int]) -> None:
    clock = FakeClock()
    source = TimeOrderedIds(clock)
    ids = []
    for step in steps:
        clock.now += step / 1000
        ids.append(source.new())
    assert ids == sorted(set(ids))
    assert {len(each) for each in ids} == {26}


def test_ids_of_two_sources_sort_by_time() -> None:
    clock = FakeClock()
    early = TimeOrderedIds(clock).new()
    clock.now = 0.001
    late = TimeOrderedIds(clock, random=lambda _: 0).new()
    assert early < late
    assert late.endswith("0" * 16)
    assert set(early) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_a_time_is_utc_with_milliseconds() -> None:
    moment = datetime(2026, 11, 22, 21, 30, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    assert timestamp(moment) == "2026-11-22T13:30:00.123Z"


def test_the_machine_is_known() -> None:
    assert boot_id() == boot_id() != ""
    assert who().endswith(f"@{host_name()}")


def test_an_unknown_boot_is_never_the_same_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(identity, "_BOOT_ID", tmp_path / "missing")
    unknown = boot_id.__wrapped__
    assert unknown() != unknown()


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", nameless)
    assert who.__wrapped__().split("@")[0].isdigit()
