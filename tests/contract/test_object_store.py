"""One suite for every object store. A new kind joins by its name in KINDS and a branch in `store`.

`s3` honours If-None-Match. `cos` has the bucket in the host's name, honours x-cos-forbid-overwrite, ignores If-None-Match, and shows a
new object only in the third listing. `plain` honours no condition.
"""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st

from mpsjobs.cloud.conditional import Conditional, probe
from mpsjobs.cloud.directory_store import DirectoryStore
from mpsjobs.model.asset import StoreTarget
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import Condition, ObjectInfo, ObjectRef, ObjectStore
from tests.s3 import S3Server, s3_store
from tests.s3_proxy import resolving, s3_proxy

KINDS = ["directory", "s3", "cos", "plain"]
BUCKET, REGION = "aurora-1250000000", "ap-guangzhou"
LATEST = 5
"""In so many listings of a store everything has shown."""


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    if kind == "directory":
        yield DirectoryStore(tmp_path / "store")
        return
    server: S3Server = request.getfixturevalue("s3_server")
    server.empty(BUCKET, "other-1250000000")
    if kind == "s3":
        yield s3_store(server.url)
        return
    with s3_proxy(server.url) as proxy, resolving():
        if kind == "cos":
            proxy.addressing, proxy.forbid_overwrite, proxy.late = "virtual", True, 3
            yield s3_store(proxy.url, addressing_style="virtual")
        else:
            proxy.addressing = "path"
            yield s3_store(proxy.url)


def ref(key: str, bucket: str = BUCKET) -> ObjectRef:
    return ObjectRef(bucket, REGION, key)


def put(store: ObjectStore, key: str, data: bytes | Path = b"x") -> str:
    return store.put(ref(key), data, content_type="audio/wav", metadata={"address": "menu"}).etag


def keys(store: ObjectStore, prefix: str = "", start_after: str = "") -> list[str]:
    """What a listing shows once everything has shown; what one shows before is a part of that, in the same order."""
    shown = [
        [info.ref.key for info in store.list(ref(prefix), start_after=start_after)] for _ in range(LATEST)
    ]
    for earlier, later in pairwise(shown):
        assert [key for key in later if key in set(earlier)] == earlier
    return shown[-1]


def test_what_was_put_is_found(store: ObjectStore, tmp_path: Path) -> None:
    info = store.put(ref("a/b c/ü.wav"), b"sound", content_type="audio/wav", metadata={})
    assert (info.ref, info.size) == (ref("a/b c/ü.wav"), 5)
    assert store.head(info.ref) == info
    assert keys(store, "a/") == [info.ref.key]
    assert list(store.list(ref("a/"))) == [info]
    to = tmp_path / "new folder" / "x.wav"
    assert store.fetch(info.ref, to) == info
    assert to.read_bytes() == b"sound"


def test_a_transfer_goes_on_where_it_broke_off(store: ObjectStore, tmp_path: Path) -> None:
    data, to = bytes(range(256)) * 9000, tmp_path / "new folder" / "out"
    etag = put(store, "k", data)
    info = store.append_rest(ref("k"), to)
    assert (info and info.etag, to.read_bytes()) == (etag, data)
    for begin in (0, 1, 70_000, len(data) - 1, len(data)):
        to.write_bytes(data[:begin])
        assert store.append_rest(ref("k"), to) == info
        assert to.read_bytes() == data
    to.write_bytes(b"wrong" + data[5:-3])
    store.append_rest(ref("k"), to)
    assert to.read_bytes() == b"wrong" + data[5:]
    assert store.append_rest(ref("nothing"), to) is None
    assert to.stat().st_size == len(data)
    put(store, "empty", b"")
    assert store.append_rest(ref("empty"), tmp_path / "empty") is not None
    assert (tmp_path / "empty").read_bytes() == b""


def test_a_file_is_put_and_fetched(store: ObjectStore, tmp_path: Path) -> None:
    source, to = tmp_path / "in", tmp_path / "out"
    source.write_bytes(bytes(range(256)) * 9000)
    to.write_bytes(b"old")
    put(store, "k", source)
    assert store.fetch(ref("k"), to) is not None
    assert to.read_bytes() == source.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["in", "out"]


def test_what_is_not_there_is_none(store: ObjectStore, tmp_path: Path) -> None:
    put(store, "folder/x")
    for key in ("nothing", "folder", "folder/x/y"):
        assert store.head(ref(key)) is None
        assert store.fetch(ref(key), tmp_path / "to") is None
        if key != "folder":
            store.delete(ref(key))
    assert not (tmp_path / "to").exists()
    assert keys(store, "elsewhere/") == []
    assert list(store.list(ref("", bucket="other-1250000000"))) == []


def test_a_put_replaces_and_the_etag_tells(store: ObjectStore) -> None:
    etags = [put(store, "k", data) for data in (b"one", b"two", b"six", b"longer")]
    assert all(before != after for before, after in pairwise(etags))
    info = store.head(ref("k"))
    assert info is not None
    assert (info.etag, info.size) == (etags[-1], 6)
    assert keys(store) == ["k"]


def test_a_deleted_object_is_gone(store: ObjectStore) -> None:
    put(store, "a/k")
    store.delete(ref("a/k"))
    store.delete(ref("a/k"))
    assert store.head(ref("a/k")) is None
    assert keys(store) == []


def test_a_list_is_in_the_order_of_keys(store: ObjectStore) -> None:
    for key in ("a/c", "a-b", "a.b", "a/b/x", "a0", "b", "a/b-x", "ü"):
        put(store, key)
    assert keys(store) == ["a-b", "a.b", "a/b-x", "a/b/x", "a/c", "a0", "b", "ü"]
    assert keys(store, "a/b") == ["a/b-x", "a/b/x"]
    assert keys(store, "a/b/") == ["a/b/x"]
    assert keys(store, "", "a/b-x") == ["a/b/x", "a/c", "a0", "b", "ü"]
    assert keys(store, "a/", "a/b/zzz") == ["a/c"]
    assert keys(store, "a/", "a/b") == ["a/b-x", "a/b/x", "a/c"]


_KEYS = st.lists(st.text("ab-/.0é", min_size=1, max_size=6), min_size=1, max_size=12)


def storable(key: str) -> bool:
    return all(part not in {"", ".", ".."} for part in key.split("/"))


@settings(deadline=None, max_examples=60)
@given(_KEYS, st.text("ab-/0", max_size=3), st.text("ab-/0é", max_size=4))
def test_a_list_is_the_sorted_selection(names: list[str], prefix: str, start_after: str) -> None:
    with TemporaryDirectory() as folder:
        store = DirectoryStore(Path(folder))
        there: list[str] = []
        for key in filter(storable, names):
            clash = any(other.startswith(f"{key}/") or key.startswith(f"{other}/") for other in there)
            if not clash:
                put(store, key)
                there.append(key)
        if not storable(prefix.rpartition("/")[0] or "x"):
            return
        expected = sorted({key for key in there if key.startswith(prefix) and key > start_after})
        assert keys(store, prefix, start_after) == expected


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.", "a\0b"])
def test_keys_that_would_leave_the_bucket_are_refused(store: ObjectStore, key: str, tmp_path: Path) -> None:
    for act in (
        lambda: put(store, key),
        lambda: store.head(ref(key)),
        lambda: store.fetch(ref(key), tmp_path / "x"),
    ):
        with pytest.raises(CloudError):
            act()


def test_a_reader_sees_a_whole_object_or_none(store: ObjectStore, tmp_path: Path) -> None:
    sizes = {1_000_000, 1_500_000}
    over = threading.Event()

    def write() -> None:
        for _ in range(10):
            for size in sizes:
                store.put(ref("k"), bytes([size % 251]) * size, content_type="x", metadata={})
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not over.is_set():
        info = store.fetch(ref("k"), tmp_path / "to")
        if info is not None:
            data = (tmp_path / "to").read_bytes()
            assert len(data) in sizes
            assert info.size == len(data)
            assert len(set(data)) == 1
        assert [info.ref.key for info in store.list(ref(""))] in ([], ["k"])
    writer.join()


CONDITIONS = {
    "directory": Condition.IF_NONE_MATCH,
    "s3": Condition.IF_NONE_MATCH,
    "cos": Condition.FORBID_OVERWRITE,
    "plain": None,
}


def create(store: ObjectStore, key: str, content: bytes, condition: Condition) -> ObjectInfo | None:
    return store.create(
        ref(key), content, condition=condition, content_type="text/plain", metadata={"a": "ü"}
    )


def test_the_probe_finds_the_condition_that_the_store_honours_and_leaves_nothing(
    store: ObjectStore, kind: str
) -> None:
    for prefix in ("", "audio/x"):
        found = probe(store, StoreTarget(BUCKET, REGION, prefix))
        assert found == Conditional(CONDITIONS[kind], versioned=False)
    assert keys(store) == []


def test_who_creates_first_has_it(store: ObjectStore, kind: str, tmp_path: Path) -> None:
    condition = CONDITIONS[kind]
    if condition is None:
        return  # a store without any gives no such promise, and the probe says so
    first = create(store, "locks/a", b"mine", condition)
    assert first is not None
    assert first == store.head(ref("locks/a"))
    assert create(store, "locks/a", b"yours", condition) is None
    assert store.fetch(ref("locks/a"), tmp_path / "to") == first
    assert (tmp_path / "to").read_bytes() == b"mine"
    store.delete(ref("locks/a"))
    assert create(store, "locks/a", b"yours", condition) is not None


def test_a_condition_that_is_ignored_overwrites(store: ObjectStore, kind: str) -> None:
    if kind == "directory":
        return  # link(2) needs no telling
    for condition in set(Condition) - {CONDITIONS[kind]}:
        assert create(store, f"locks/{condition.name}", b"mine", condition) is not None
        assert create(store, f"locks/{condition.name}", b"yours", condition) is not None


@pytest.mark.parametrize("key", ["", "a//b", "../a"])
def test_a_create_refuses_the_same_keys(store: ObjectStore, key: str) -> None:
    with pytest.raises(CloudError):
        create(store, key, b"x", Condition.IF_NONE_MATCH)


# --- the directory store alone ------------------------------------------------------------------------------------------------------


def test_it_is_plain_files_that_others_may_write(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    put(store, "a/k", b"x")
    assert (tmp_path / BUCKET / "a" / "k").read_bytes() == b"x"
    (tmp_path / BUCKET / "a" / "other").write_bytes(b"y")
    (tmp_path / BUCKET / "a" / ".tmp-1234").write_bytes(b"half")
    assert keys(store) == ["a/k", "a/other"]
    with pytest.raises(CloudError):
        store.head(ref("a/.tmp-1234"))


def test_a_key_cannot_be_a_file_and_a_folder(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    put(store, "a")
    with pytest.raises(CloudError, match="Cannot write"):
        put(store, "a/b")
    put(store, "b/c")
    with pytest.raises(CloudError, match="Cannot write"):
        put(store, "b")
    assert not list(tmp_path.rglob(".tmp-*"))


def test_of_many_writers_at_once_one_creates(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda n: create(store, "k", b"%d" % n, Condition.IF_NONE_MATCH), range(64)))
    (winner,) = [n for n, info in enumerate(made) if info]
    assert (tmp_path / BUCKET / "k").read_bytes() == b"%d" % winner
    assert not list(tmp_path.rglob(".tmp-*"))


@pytest.mark.parametrize("bucket", ["", "..", "a/b", ".tmp-x"])
def test_a_bucket_is_one_folder(tmp_path: Path, bucket: str) -> None:
    with pytest.raises(CloudError):
        DirectoryStore(tmp_path).head(ref("k", bucket))


def test_a_long_list_is_not_read_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DirectoryStore(tmp_path)
    for attempt in range(20):
        put(store, f"audio/takes/{attempt:02}/x.wav")
    seen: list[str] = []
    scandir = os.scandir

    def watched(path: Path) -> object:
        seen.append(str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", watched)
    found = store.list(ref("audio/takes/"), start_after="audio/takes/17/x.wav")
    assert [info.ref.key for info in found] == ["audio/takes/18/x.wav", "audio/takes/19/x.wav"]
    assert len(seen) == 4
