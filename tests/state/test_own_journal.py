"""What a machine may conclude from the journal that it keeps beside a state in a bucket."""

import shutil
from pathlib import Path

from mpsjobs.state.codec import Header
from mpsjobs.state.own_journal import OwnJournal, left_behind, place_id
from tests.state.histories import intended


def test_a_folder_is_the_same_place_every_time(tmp_path: Path) -> None:
    assert place_id(tmp_path / "state") == place_id(tmp_path / "state") is not None


def test_a_copy_of_a_folder_is_another_place(tmp_path: Path) -> None:
    """A cache that was restored, or a copied project, lacks what the first one wrote since: it must not take that for unsent."""
    here = place_id(tmp_path / "state")
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    assert place_id(tmp_path / "copy") not in {here, None}


def test_nothing_is_concluded_while_a_journal_cannot_be_read(tmp_path: Path) -> None:
    here = place_id(tmp_path)
    journal = OwnJournal(tmp_path, 1, "abcd", Header("lineage", 0))
    journal.append([(1, intended())], sync=True)
    journal.close(forget=False)
    (left,) = left_behind(tmp_path)
    assert place_id(tmp_path) == here
    left.file.write_bytes(b"?" + left.file.read_bytes())
    assert place_id(tmp_path) is None
    left.file.unlink()
    assert place_id(tmp_path) == here


def test_where_nothing_can_be_written_nothing_is_concluded(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    assert place_id(tmp_path / "state") is None
