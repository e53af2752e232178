"""Downloads are copies: they follow the current takes, and nothing that somebody else put there is lost."""

from pathlib import Path

import pytest

from mpsjobs.apply.download import Downloads, file_names
from mpsjobs.apply.progress import Downloaded, Noticed
from mpsjobs.cloud.directory_store import DirectoryStore
from mpsjobs.model.ports import ObjectRef
from mpsjobs.model.state import Output


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def downloads(tmp_path: Path, store: DirectoryStore) -> Downloads:
    return Downloads(tmp_path / "audio", tmp_path / "manifest.json", store)


def made(store: DirectoryStore, content: str) -> tuple[Output, ...]:
    import hashlib

    data = content.encode()
    ref = ObjectRef("b-1", "local", f"takes/{content}/1.mp3")
    info = store.put(ref, data, content_type="audio/mpeg", metadata={})
    return (Output("b-1", "local", ref.key, info.etag, len(data), hashlib.sha256(data).hexdigest(), "mp3"),)


def output(kind: str = "mp3") -> Output:
    return Output("b", "r", "k", "e", 1, "00", kind)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("level1.boss", "level1.boss.mp3"),
        ("con", "con~.mp3"),
        ("Aux.theme", "Aux~.theme.mp3"),
        ("com10", "com10.mp3"),
    ],
)
def test_names_are_valid_on_windows(address: str, name: str) -> None:
    assert list(file_names(address, (output(),))) == [name]


def test_several_outputs_have_several_names() -> None:
    assert list(file_names("a", (output(), output("wav"), output()))) == ["a.mp3", "a.wav", "a~2.mp3"]


def test_a_take_is_put_in_place_once(downloads: Downloads, store: DirectoryStore) -> None:
    outputs = made(store, "one")
    assert [type(told) for told in downloads.place("a", outputs)] == [Downloaded]
    assert downloads.place("a", outputs) == []
    assert (downloads.folder / "a.mp3").read_text() == "one"


def test_another_take_replaces_it_and_a_gone_asset_takes_its_copy_along(
    downloads: Downloads, store: DirectoryStore
) -> None:
    downloads.place("a", made(store, "one"))
    list(downloads.sync({"b": made(store, "two")}))
    assert sorted(path.name for path in downloads.folder.iterdir()) == ["b.mp3"]
    list(downloads.sync({"b": made(store, "three")}))
    assert (downloads.folder / "b.mp3").read_text() == "three"


def test_what_somebody_put_in_the_way_is_left_alone_and_said(
    downloads: Downloads, store: DirectoryStore
) -> None:
    downloads.folder.mkdir()
    (downloads.folder / "a.mp3").write_text("mine")
    assert [type(told) for told in downloads.place("a", made(store, "one"))] == [Noticed]
    assert (downloads.folder / "a.mp3").read_text() == "mine"


def test_what_somebody_changed_is_neither_replaced_nor_removed(
    downloads: Downloads, store: DirectoryStore
) -> None:
    downloads.place("a", made(store, "one"))
    (downloads.folder / "a.mp3").write_text("edited by hand")
    assert [type(told) for told in downloads.place("a", made(store, "two"))] == [Noticed]
    list(downloads.sync({}))
    assert (downloads.folder / "a.mp3").read_text() == "edited by hand"


def test_without_its_memory_it_knows_its_files_by_their_content(
    downloads: Downloads, store: DirectoryStore
) -> None:
    outputs = made(store, "one")
    downloads.place("a", outputs)
    downloads.manifest.write_text("not json")
    again = Downloads(downloads.folder, downloads.manifest, store)
    assert [type(told) for told in again.place("a", outputs)] == [Downloaded]
    assert (downloads.folder / "a.mp3").read_text() == "one"


def test_an_output_that_left_the_store_is_said(downloads: Downloads, store: DirectoryStore) -> None:
    outputs = made(store, "one")
    store.delete(ObjectRef("b-1", "local", outputs[0].key))
    assert [type(told) for told in downloads.place("a", outputs)] == [Noticed]
