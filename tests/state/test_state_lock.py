from pathlib import Path

import orjson
import pytest

from mpsjobs.model.diagnostics import LockHeldError, StateError
from mpsjobs.state.identity import who
from mpsjobs.state.lock import StateLock

from .histories import FakeClock


def lock_at(folder: Path, clock: FakeClock | None = None) -> StateLock:
    return StateLock(folder / "s.json", clock=clock or FakeClock(), version="0.1.0")


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    first, second = lock_at(tmp_path), lock_at(tmp_path)
    first.acquire("apply", timeout_s=0)
    with pytest.raises(LockHeldError) as caught:
        second.acquire("apply", timeout_s=0)
    (diagnostic,) = caught.value.diagnostics
    lines = [line.strip() for line in diagnostic.detail.splitlines()]
    assert first.info is not None
    for line in (
        f"ID:        {first.info.id}",
        "Operation: apply",
        f"Who:       {who()}",
        "Version:   0.1.0",
        "Created:   2026-11-22T20:00:00.000Z",
        f"Path:      {tmp_path / 's.json'}",
    ):
        assert line in lines
    assert any(line.startswith("Info:") for line in lines)
    assert "--lock-timeout" in diagnostic.hint
    first.release()
    second.acquire("apply", timeout_s=0)
    second.release()


def test_it_waits_as_long_as_it_is_told(tmp_path: Path) -> None:
    first = lock_at(tmp_path)
    first.acquire("apply", timeout_s=0)
    clock = FakeClock()
    with pytest.raises(LockHeldError):
        lock_at(tmp_path, clock).acquire("plan", timeout_s=7)
    assert clock.now == pytest.approx(7)
    first.release()


def test_it_gets_the_lock_as_soon_as_it_is_free(tmp_path: Path) -> None:
    first = lock_at(tmp_path)
    first.acquire("apply", timeout_s=0)

    class Releasing(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.now > 1:
                first.release()

    clock = Releasing()
    second = lock_at(tmp_path, clock)
    second.acquire("plan", timeout_s=60)
    assert clock.now < 2
    second.release()


def test_the_info_goes_with_the_lock_and_is_never_trusted(tmp_path: Path) -> None:
    info = tmp_path / "s.json.lock.info"
    first = lock_at(tmp_path)
    first.acquire("apply", timeout_s=0)
    assert set(orjson.loads(info.read_bytes())) == {
        "id",
        "operation",
        "info",
        "who",
        "version",
        "created",
        "path",
    }
    first.release()
    first.release()
    assert not info.exists()
    info.write_text("left by a process that died")
    second = lock_at(tmp_path)
    second.acquire("apply", timeout_s=0)
    info.write_text("rubbish")
    with pytest.raises(LockHeldError) as caught:
        lock_at(tmp_path).acquire("apply", timeout_s=0)
    assert "has not said who" in caught.value.diagnostics[0].detail
    second.release()


def test_a_place_without_locks_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "s.json.lock").mkdir()
    with pytest.raises(StateError, match="cannot be locked"):
        lock_at(tmp_path).acquire("apply", timeout_s=0)


def test_who_waits_longer_than_a_moment_is_told_once_for_whom(tmp_path: Path) -> None:
    first = lock_at(tmp_path)
    first.acquire("apply", timeout_s=0)
    told: list[str] = []
    for patience_s in (0.3, 7):
        waiting = StateLock(tmp_path / "s.json", clock=FakeClock(), version="0.1.0", tell=told.append)
        with pytest.raises(LockHeldError):
            waiting.acquire("apply", timeout_s=patience_s)
    assert told == [f"Acquiring state lock… {who()} has it (apply, since 2026-11-22T20:00:00.000Z)"]
    first.release()
