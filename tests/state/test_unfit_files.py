"""Files that are damaged, missing, of another history or of another version."""

from pathlib import Path

import orjson
import pytest

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import RunFinished
from mpsjobs.state.snapshot import UPGRADES

from .files import backup_of, journal_of, opened, refused, store_at, write
from .histories import AT, bought, recorded

END = RunFinished(AT, "r", 0)


@pytest.mark.parametrize("content", [b"", b"{", b"<<<<<<< HEAD\n", b"[]"])
def test_a_broken_state_file_is_never_no_state(path: Path, content: bytes) -> None:
    state = write(path, *bought(), recorded())
    path.write_bytes(content)
    message = refused(path)
    assert "Delete or move away mpsjobs.state.json" in message
    path.unlink()
    assert store_at(path).read() == state


def test_a_broken_state_file_without_a_journal_names_the_backup(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"")
    assert ".backup" in refused(path)


def test_a_missing_journal_is_an_error_with_a_way_on(path: Path) -> None:
    state = write(path, *bought(), recorded())
    journal_of(path).unlink()
    assert "rebase" in refused(path)
    assert store_at(path).rebase() is None
    assert store_at(path).read() == state
    assert write(path, END).serial == 6
    path.unlink()
    assert store_at(path).read().serial == 6  # from the backup, which the new journal continues
    backup_of(path).unlink()
    assert "begins after event 5" in refused(path)


def test_a_rebase_keeps_the_old_journal_and_needs_a_snapshot(path: Path) -> None:
    with pytest.raises(StateError, match="no snapshot"):
        store_at(path).rebase()
    write(path, *bought())
    journal_of(path).write_bytes(b"")
    assert "journal:1:1" in refused(path)
    kept = store_at(path).rebase()
    assert kept is not None
    assert Path(kept).read_bytes() == b""
    assert store_at(path).read().serial == 4


def test_a_lone_backup_is_no_fresh_project(path: Path) -> None:
    write(path, *bought())
    write(path, END)
    path.unlink()
    journal_of(path).unlink()
    assert "backup" in refused(path)


def test_files_of_two_histories_do_not_mix(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "mpsjobs.state.json"
    write(path, *bought())
    write(other, *bought())
    journal_of(path).write_bytes(journal_of(other).read_bytes())
    assert "belongs to the history" in refused(path)


def test_a_journal_that_went_back_in_time_is_noticed(path: Path) -> None:
    write(path, *bought())
    early = journal_of(path).read_bytes()
    write(path, recorded())
    journal_of(path).write_bytes(early)
    assert "ends with event 5" in refused(path)
    torn = early + b"x" * 300
    journal_of(path).write_bytes(torn)
    assert "ends with event 5" in refused(path)


def test_an_older_snapshot_catches_up_with_the_journal(path: Path) -> None:
    write(path, *bought())
    early = path.read_bytes()
    state = write(path, recorded())
    path.write_bytes(early)
    assert store_at(path).read() == state


def test_an_older_state_is_written_anew_and_its_original_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, *bought(), recorded())
    original = path.read_bytes()
    monkeypatch.setattr("mpsjobs.state.codec.VERSION", 2)
    monkeypatch.setitem(UPGRADES, 1, lambda document: document)
    assert store_at(path).read().serial == 5
    assert path.read_bytes() == original
    opened(path).close()
    write(path, END)
    write(path, END)
    assert orjson.loads(path.read_bytes())["version"] == 2
    assert path.with_name("mpsjobs.state.json.v1").read_bytes() == original
    assert store_at(path).read().serial == 7
