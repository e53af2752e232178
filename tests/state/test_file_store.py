import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hypothesis import given, settings, strategies as st

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import AssetRetired, Event, RunFinished, Sending
from mpsjobs.model.ports import StateStore
from mpsjobs.model.state import State
from mpsjobs.state.codec import Header, Line, encode_header, encode_line
from mpsjobs.state.snapshot import sealed

from .files import backup_of, crash, journal_of, opened, refused, store_at, write
from .histories import AT, bought, folded, histories, intended, recorded

END = RunFinished(AT, "r", 0)


def test_it_is_a_state_store(path: Path) -> None:
    store: StateStore = store_at(path)
    assert store.read() == State(lineage="")


def test_reading_and_an_idle_session_write_nothing_but_the_lock(path: Path) -> None:
    store_at(path).read()
    assert not path.parent.exists()
    with closing(opened(path)) as session:
        session.append([])
        session.save()
    assert [p.name for p in path.parent.iterdir()] == ["mpsjobs.state.json.lock"]
    write(path, *bought())
    before = written(path.parent)
    store_at(path).read()
    opened(path).close()
    assert written(path.parent) == before


def written(folder: Path) -> dict[str, tuple[int, int]]:
    """What changes when a file is written or replaced; the lock's own file, which opening may touch, left out."""
    return {
        p.name: (p.stat().st_mtime_ns, p.stat().st_ino)
        for p in folder.iterdir()
        if not p.name.endswith(".lock")
    }


def test_what_was_appended_is_read_again(path: Path) -> None:
    written = write(path, *bought(), recorded())
    read = store_at(path).read()
    assert read == written
    assert (read.serial, len(read.lineage), read.assets["menu"].status) == (5, 36, "ready")
    assert write(path, AssetRetired(AT, "menu")).lineage == read.lineage
    assert store_at(path).read().serial == 6


def test_the_snapshot_is_a_cache_and_the_journal_never_rewritten(path: Path) -> None:
    state = write(path, *bought(), recorded())
    journal = journal_of(path).read_bytes()
    path.unlink()
    assert store_at(path).read() == state
    write(path, END)
    assert journal_of(path).read_bytes().startswith(journal)
    assert orjson.loads(path.read_bytes())["serial"] == 6


def test_only_what_follows_the_snapshot_is_read(path: Path) -> None:
    write(path, *bought())
    data = journal_of(path).read_bytes()
    # Overwrite an early event: whoever still reads it would notice.
    journal_of(path).write_bytes(data.replace(b"SubmitIntended", b"SubmitXntended"))
    write(path, recorded())
    assert store_at(path).read().serial == 5


@pytest.mark.parametrize("offset", [0, 1, 500, 10**9])
def test_a_wrong_hint_costs_time_and_nothing_else(path: Path, offset: int) -> None:
    state = write(path, *bought(), recorded())
    document = orjson.loads(path.read_bytes())
    path.write_bytes(sealed(document | {"journal_offset": offset}))
    assert store_at(path).read() == state


def test_the_snapshot_before_is_kept(path: Path) -> None:
    write(path, *bought())
    before = path.read_bytes()
    write(path, recorded())
    assert backup_of(path).read_bytes() == before
    assert not list(path.parent.glob("*.tmp"))


def test_saving_works_without_hard_links_and_after_leftovers(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, *bought())
    before = path.read_bytes()
    for suffix in (".tmp", ".backup.tmp"):
        path.with_name(path.name + suffix).write_bytes(b"left by a crash")

    def no_links(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.link", no_links)
    state = write(path, recorded())
    assert backup_of(path).read_bytes() == before
    assert store_at(path).read() == state


def test_an_event_that_does_not_fit_is_not_written(path: Path) -> None:
    with closing(opened(path)) as session:
        with pytest.raises(StateError, match="contradicts"):
            session.append([intended(), Sending(AT, "nobody"), END])
        session.append([Sending(AT, "a1")])
        assert session.state.serial == 2
    assert store_at(path).read() == folded_with_lineage(path, intended(), Sending(AT, "a1"))


def folded_with_lineage(path: Path, *events: Event) -> State:
    state = folded(*events)
    state.lineage = store_at(path).read().lineage
    return state


# --- crashes -----------------------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(histories(12), st.data())
def test_a_crash_at_any_byte_loses_only_what_was_not_durable(
    events: list[Event], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "state.json"
        done = durable = 0
        while done < len(events):
            session = opened(path)
            assert session.state.serial == done
            for _ in range(data.draw(st.integers(1, 4))):
                batch = events[done : done + data.draw(st.integers(1, 3))]
                sync = data.draw(st.booleans())
                session.append(batch, sync=sync)
                done += len(batch)
                durable = done if sync else durable
                if data.draw(st.integers(0, 3)) == 0:
                    session.save()
                    durable = done
            safe = session._journal.durable
            assert safe >= durable
            if data.draw(st.booleans()):
                session.close()
                durable = done
            else:
                crash(session)
                done = durable = tear(path, durable, data)
        expected = folded(*events[:done])
        state = store_at(path).read()
        expected.lineage = state.lineage
        assert state == expected
        path.unlink(missing_ok=True)
        assert not events or store_at(path).read() == expected


def tear(path: Path, durable: int, data: st.DataObject) -> int:
    """Cut the journal anywhere after the durable events, perhaps with rubbish behind; how many events are left."""
    journal = journal_of(path)
    if not journal.exists():
        return durable
    content = journal.read_bytes()
    ends = [index + 1 for index, byte in enumerate(content) if byte == ord("\n")]
    cut = data.draw(st.integers(ends[durable], len(content)))
    journal.write_bytes(content[:cut] + data.draw(st.sampled_from([b"", b"\0" * 40, b'{"seq":', b"x\ny\n"])))
    return sum(end <= cut for end in ends) - 1


def test_readers_ignore_a_torn_end_and_the_lock_holder_cuts_it_off(path: Path) -> None:
    session = opened(path)
    session.append(bought())
    crash(session)
    whole = journal_of(path).read_bytes()
    journal_of(path).write_bytes(whole + b'{"seq":5,"at":"2026')
    assert store_at(path).read().serial == 4
    assert journal_of(path).read_bytes() != whole
    opened(path).close()
    assert journal_of(path).read_bytes() == whole


def test_the_whole_unsynced_end_may_be_torn_even_if_a_part_of_it_is_sound(path: Path) -> None:
    session = opened(path)
    session.append([intended()])
    session.append([Sending(AT, "a1")], sync=False)
    session.append([END], sync=False)
    crash(session)
    lines = journal_of(path).read_bytes().splitlines(keepends=True)
    journal_of(path).write_bytes(b"".join([*lines[:2], b"\0" * (len(lines[2]) - 1) + b"\n", lines[3]]))
    assert store_at(path).read().serial == 1
    assert write(path, END).serial == 2


@pytest.mark.parametrize("line", [2, 3, 4])
def test_a_damaged_line_before_durable_ones_is_an_error_that_says_where(path: Path, line: int) -> None:
    session = opened(path)
    for event in bought():
        session.append([event])
    crash(session)
    lines = journal_of(path).read_bytes().splitlines(keepends=True)
    lines[line - 1] = lines[line - 1].replace(b"a1", b"a2")
    journal_of(path).write_bytes(b"".join(lines))
    message = refused(path)
    assert f"mpsjobs.state.json.journal:{line}:1" in message
    assert "copy" in message


def test_lines_of_a_killed_run_are_durable_before_others_follow(path: Path) -> None:
    """Or damage to its last line would pass for the torn end of a later crash, and take what follows with it."""
    for events in (bought()[:2], bought()[2:3]):
        session = opened(path)
        session.append(events, sync=False)
        crash(session)
    content = journal_of(path).read_bytes()
    journal_of(path).write_bytes(content.replace(b'"Sending"', b'"Sxnding"'))
    assert "journal:3:1" in refused(path)


@pytest.mark.parametrize(("numbers", "line"), [([1, 3], 3), ([1, 1], 3), ([2], 2)])
def test_missing_and_repeated_events_are_errors_that_say_where(
    path: Path, numbers: list[int], line: int
) -> None:
    path.parent.mkdir()
    lines = [encode_line(Line(seq, 0, END)) for seq in numbers]
    journal_of(path).write_bytes(encode_header(Header("L", 0)) + b"".join(lines))
    assert f"journal:{line}:1" in refused(path)


# --- a killed process ----------------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from histories import AT, FakeClock, bought
from mpsjobs.model.events import Sending
from mpsjobs.state.file_store import FileStateStore
session = FileStateStore(Path(sys.argv[1]), clock=FakeClock(), version="0.1.0").open("apply", lock_timeout_s=0)
session.append(bought()[:1])
session.append(bought()[1:2], sync=False)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_holds_no_lock_and_leaves_its_marks(path: Path) -> None:
    here = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", KILLED, str(path), here], check=False)
    state = write(path, END)
    assert state.pools["f1:x"].takes[0].sending
    assert state.serial == 3


def test_a_reader_beside_a_writer_sees_whole_states(path: Path) -> None:
    with closing(opened(path)) as session:
        for count, event in enumerate([*bought(), recorded()], 1):
            session.append([event], sync=False)
            assert store_at(path).read() == session.state
            assert session.state.serial == count
            session.save()
            assert store_at(path).read() == session.state
