"""What a run could not record is put back, once, and never against the history."""

from contextlib import closing
from pathlib import Path

import orjson
import pytest

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import (
    AssetRecorded,
    Event,
    OutputsRecorded,
    RunFinished,
    RunStarted,
    Sending,
    SubmitWithdrawn,
    TaskSubmitted,
)
from mpsjobs.state.file_session import FileSession
from mpsjobs.state.push import Pushed, push

from .files import broken, journal_of, opened, salvaged, store_at, told, write
from .histories import AT, bought, folded, intended, output, recorded

END = RunFinished(AT, "r", 0)
SUBMITTED = TaskSubmitted(AT, "a1", "t1", None)


@pytest.mark.parametrize("room", [0, 20, 10**6])
def test_what_was_put_aside_is_put_back_once(path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Whether none, a part, or all of the first line had reached the disk."""
    if room > 1000:
        monkeypatch.setattr("os.fdatasync", broken)
        session = opened(path)
        with pytest.raises(StateError):
            session.append(bought()[:1])
        session.append(bought()[1:])
        monkeypatch.undo()
        file = session.salvage([path.parent])
        session.close()
        assert file is not None
    else:
        file = salvaged(path, monkeypatch, [], bought(), room)
    lineage = orjson.loads(file.read_bytes())["lineage"]
    pushed = push(store_at(path), file)
    assert (pushed.appended + pushed.present, pushed.outdated, pushed.serial) == (4, 0, 4)
    state = store_at(path).read()
    expected = folded(*bought())
    expected.lineage = lineage
    assert state == expected
    before = {p.name: p.stat().st_mtime_ns for p in path.parent.iterdir() if p.suffix != ".lock"}
    assert push(store_at(path), file) == Pushed(0, 4, 0, 4)
    assert {p.name: p.stat().st_mtime_ns for p in path.parent.iterdir() if p.suffix != ".lock"} == before


def test_after_another_run_only_what_was_bought_is_put_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk was mended and apply run again before anybody thought of the file."""
    before: list[Event] = [intended(), Sending(AT, "a1"), recorded(fingerprint="f1:x")]
    after: list[Event] = [
        SUBMITTED,
        OutputsRecorded(AT, "a1", (output(),)),
        AssetRecorded(AT, "menu", "f1:old", "emulator", 1, None),
        END,
    ]
    file = salvaged(path, monkeypatch, before, after)
    since: list[Event] = [
        RunStarted(AT, "r2", "apply", "0.1.0", "me@box", "c1"),
        recorded(fingerprint="f1:x"),
    ]
    write(path, *since)
    assert push(store_at(path), file) == Pushed(2, 0, 2, 7)
    state = store_at(path).read()
    assert (state.assets["menu"].fingerprint, state.assets["menu"].status) == ("f1:x", "ready")
    assert (state.commit, state.pools["f1:x"].takes[0].task_id) == ("c1", "t1")
    assert push(store_at(path), file) == Pushed(0, 2, 2, 7)


def test_what_the_history_learned_by_itself_is_not_put_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = salvaged(path, monkeypatch, [intended(), Sending(AT, "a1")], [SUBMITTED])
    write(path, OutputsRecorded(AT, "a1", (output("found"),)))
    assert push(store_at(path), file) == Pushed(0, 0, 1, 3)
    assert store_at(path).read().pools["f1:x"].takes[0].adopted


@pytest.mark.parametrize(
    "since",
    [
        [TaskSubmitted(AT, "a1", "another", None)],
        [SubmitWithdrawn(AT, "a1"), intended("a2", take=2)],
    ],
)
def test_what_contradicts_the_history_is_refused_in_words(
    path: Path, monkeypatch: pytest.MonkeyPatch, since: list[Event]
) -> None:
    file = salvaged(path, monkeypatch, [intended()], [SUBMITTED])
    write(path, *since)
    journal = journal_of(path).read_bytes()
    with pytest.raises(StateError, match="contradicts the journal") as caught:
        push(store_at(path), file)
    assert "attempt a1, with the TaskId t1" in told(caught.value)
    assert "Keep the file" in told(caught.value)
    assert journal_of(path).read_bytes() == journal


def test_a_file_of_another_history_or_after_a_gap_is_refused(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = salvaged(path, monkeypatch, [intended(), Sending(AT, "a1")], [SUBMITTED])
    other = tmp_path / "other" / "s.json"
    with pytest.raises(StateError) as caught:
        push(store_at(other), file)
    assert "ends with event 0" in told(caught.value)
    assert not journal_of(other).exists()
    write(other, *bought())
    with pytest.raises(StateError) as caught:
        push(store_at(other), file)
    assert "belongs to the history" in told(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"version": 2}', b'{"version": 1}'])
def test_a_file_that_is_none_is_refused_in_words(path: Path, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "errored.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StateError) as caught:
        push(store_at(path), file)
    assert caught.value.diagnostics[0].hint
    assert not path.parent.exists()


def test_a_file_without_events_changes_nothing(path: Path, tmp_path: Path) -> None:
    write(path, *bought())
    session: FileSession
    with closing(opened(path)) as session:
        file = session.salvage([tmp_path])
    assert file is not None
    assert push(store_at(path), file) == Pushed(0, 0, 0, 4)
