"""A run notices that the state is no longer its own before it pays for anything."""

import timeit
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import orjson
import pytest

from mpsjobs.model.diagnostics import LockHeldError, LockLostError, StateError
from mpsjobs.model.events import RunFinished, Sending, TaskSubmitted
from mpsjobs.state.codec import Header, encode_header
from mpsjobs.state.identity import who
from mpsjobs.state.lock import StateLock
from mpsjobs.state.push import Pushed, push

from .files import journal_of, opened, store_at, told, write
from .histories import AT, FakeClock, bought, intended

END = RunFinished(AT, "r", 0)


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def lock_at(path: Path) -> StateLock:
    return StateLock(path, clock=FakeClock(), version="0.1.0")


def rotate(path: Path) -> None:
    """What `force-unlock` does on a machine that does not see our flock."""
    beside(path, ".lock.epoch").write_text("1\n")


def replaced(suffix: str) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        file = beside(path, suffix)
        content = file.read_bytes()
        file.rename(beside(path, ".kept"))
        file.write_bytes(content)

    return replace


def removed(suffix: str) -> Callable[[Path], None]:
    return lambda path: beside(path, suffix).unlink()


def written(suffix: str) -> Callable[[Path], None]:
    def write_to(path: Path) -> None:
        with beside(path, suffix).open("ab") as file:
            file.write(b"\n")

    return write_to


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (rotate, "force-unlock"),
        (removed(".lock"), ".lock"),
        (replaced(".lock"), ".lock"),
        (removed(".journal"), ".journal"),
        (replaced(".journal"), ".journal"),
        (written(".journal"), ".journal"),
        (removed(""), "mpsjobs.state.json"),
        (replaced(""), "mpsjobs.state.json"),
        (written(""), "mpsjobs.state.json"),
    ],
)
def test_a_loss_is_noticed_and_nothing_is_written_after(
    path: Path, tmp_path: Path, change: Callable[[Path], None], words: str
) -> None:
    write(path, intended())
    session = opened(path)
    session.confirm()
    session.append([Sending(AT, "a1")])
    session.confirm()
    change(path)
    with pytest.raises(LockLostError) as caught:
        session.confirm()
    assert words in told(caught.value)
    assert "run the command again" in told(caught.value)
    with pytest.raises(LockLostError):
        session.confirm()
    before = {p.name: p.read_bytes() for p in path.parent.iterdir() if ".lock" not in p.name}
    session.append([TaskSubmitted(AT, "a1", "t1", None)])
    assert session.failed
    file = session.salvage([tmp_path])
    assert file is not None
    assert [line["type"] for line in orjson.loads(file.read_bytes())["unrecorded"]] == ["TaskSubmitted"]
    session.close()
    assert {p.name: p.read_bytes() for p in path.parent.iterdir() if ".lock" not in p.name} == before


def test_what_a_run_without_its_lock_learned_is_put_back_after_the_other_run(
    path: Path, tmp_path: Path
) -> None:
    session = opened(path)
    session.append([intended(), Sending(AT, "a1")])
    beside(path, ".lock").unlink()  # as on two machines that do not see each other's locks
    assert store_at(path).force_unlock() is not None
    write(path, END)
    with pytest.raises(LockLostError):
        session.confirm()
    session.append([TaskSubmitted(AT, "a1", "t1", None)])
    file = session.salvage([tmp_path])
    assert file is not None
    session.close()
    assert push(store_at(path), file) == Pushed(1, 0, 0, 4)
    assert store_at(path).read().pools["f1:x"].takes[0].task_id == "t1"


def test_a_journal_that_appears_from_nowhere_is_not_ours(path: Path) -> None:
    with closing(opened(path)) as session:
        session.confirm()
        journal_of(path).write_bytes(encode_header(Header("L", 0)))
        with pytest.raises(LockLostError):
            session.append([END])
    assert journal_of(path).read_bytes() == encode_header(Header("L", 0))


def test_a_save_of_our_own_is_no_loss(path: Path) -> None:
    with closing(opened(path)) as session:
        session.append(bought())
        session.save()
        session.confirm()
        session.append([END])
        session.confirm()
        assert not session.failed
        serial = session.state.serial
    assert store_at(path).read().serial == serial


@pytest.mark.parametrize("what", ["removed", "replaced", "written"])
def test_an_append_notices_it_too(path: Path, what: str) -> None:
    session = opened(path)
    session.append([intended()])
    {"removed": removed, "replaced": replaced, "written": written}[what](".journal")(path)
    with pytest.raises(LockLostError):
        session.append([END])
    session.close()


def test_looking_is_cheap(path: Path) -> None:
    write(path, *bought())
    with closing(opened(path)) as session:
        session.confirm()
        seconds = min(timeit.repeat(session.confirm, number=100, repeat=5)) / 100
    assert seconds < 1e-3  # some 20 µs on an idle machine


# --- force-unlock --------------------------------------------------------------------------------------------------------------------


def test_a_living_holder_is_never_unlocked(path: Path) -> None:
    with closing(opened(path)) as session:
        assert session.lock_info is not None
        for lock_id in (None, session.lock_info.id):
            with pytest.raises(LockHeldError) as caught:
                store_at(path).force_unlock(lock_id)
            assert f"Who:       {who()}" in told(caught.value)
            assert "It is alive" in told(caught.value)
        session.confirm()


def test_a_dead_holder_is_cleared_away(path: Path) -> None:
    lock = lock_at(path)
    lock.acquire("apply", timeout_s=0)
    info = lock.info
    assert info is not None
    assert lock._lock is not None
    lock._lock.release()  # as the system does when the process dies
    with pytest.raises(StateError, match="No lock has this ID") as caught:
        store_at(path).force_unlock("other")
    assert info.id in told(caught.value)
    assert store_at(path).force_unlock(info.id) == info
    assert store_at(path).force_unlock() is None
    assert beside(path, ".lock.epoch").read_text() == "2\n"
    assert not beside(path, ".lock.info").exists()
    with pytest.raises(StateError) as caught:
        store_at(path).force_unlock(info.id)
    assert "Nobody holds the lock" in told(caught.value)


def test_an_unreadable_epoch_is_replaced_by_another(path: Path) -> None:
    path.parent.mkdir()
    beside(path, ".lock.epoch").write_text("rubbish")
    with closing(opened(path)) as session:
        session.confirm()
        with suppress(FileNotFoundError):
            beside(path, ".lock").unlink()
        store_at(path).force_unlock()
        with pytest.raises(LockLostError):
            session.confirm()
    assert beside(path, ".lock.epoch").read_text() == "1\n"


def test_a_run_that_lost_its_lock_leaves_the_next_ones_info_alone(path: Path) -> None:
    first = lock_at(path)
    first.acquire("apply", timeout_s=0)
    beside(path, ".lock").unlink()
    second = lock_at(path)
    second.acquire("apply", timeout_s=0)
    first.release()
    assert second.read_info() == second.info
    second.release()
