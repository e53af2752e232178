"""Whoever reads a stable key while it is written anew reads one take or the other, whole."""

import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from mpsjobs.apply.publish import Publisher
from mpsjobs.cloud.directory_store import DirectoryStore
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import ObjectRef, ObjectStore
from mpsjobs.model.state import Output
from mpsjobs.plan.publishing import Publication
from tests.plan.states import take
from tests.s3 import S3Server, s3_store

BUCKET, REGION = "aurora-1250000000", "ap-guangzhou"
KEY = ObjectRef(BUCKET, REGION, "audio/music/menu.wav")
CONTENTS = (b"first" * 300_000, b"another" * 500_000)


@pytest.fixture(params=["directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    if request.param == "directory":
        yield DirectoryStore(tmp_path / "store")
        return
    server: S3Server = request.getfixturevalue("s3_server")
    server.empty(BUCKET)
    yield s3_store(server.url)


def publication(store: ObjectStore, number: int, content: bytes) -> Publication:
    """One take with that content in the store, to be published."""
    ref = ObjectRef(BUCKET, REGION, f"audio/takes/{number}/x.wav")
    info = store.put(ref, content, content_type="audio/wav", metadata={})
    output = Output(BUCKET, REGION, ref.key, info.etag, info.size, sha256(content).hexdigest(), "wav")
    return Publication("menu", "f1:x", take(number, outputs=(output,)), copies=((output, KEY),))


def test_a_reader_never_sees_half_of_a_take(store: ObjectStore, tmp_path: Path) -> None:
    publisher = Publisher(store, tmp_path / "scratch")
    publications = [publication(store, number, content) for number, content in enumerate(CONTENTS, 1)]
    (there,) = publisher.publish(publications[0])
    assert (there.key, there.take, there.sha256) == (KEY.key, 1, sha256(CONTENTS[0]).hexdigest())
    seen: list[int] = []
    done = threading.Event()

    def read() -> None:
        file = tmp_path / "read"
        while not done.is_set():
            if store.fetch(KEY, file) is None:
                seen.append(-2)
            else:
                content = file.read_bytes()
                seen.append(CONTENTS.index(content) if content in CONTENTS else -1)

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(1, 31):
        publisher.publish(publications[turn % 2])
    done.set()
    reader.join()
    assert set(seen) == {0, 1}
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.parametrize("left", [None, b"something else"])
def test_an_output_that_is_gone_or_changed_leaves_what_is_published(
    store: ObjectStore, tmp_path: Path, left: bytes | None
) -> None:
    publisher = Publisher(store, tmp_path / "scratch")
    publisher.publish(publication(store, 1, CONTENTS[0]))
    lost = publication(store, 2, CONTENTS[1])
    source = ObjectRef(BUCKET, REGION, lost.copies[0][0].key)
    if left is None:
        store.delete(source)
    else:
        store.put(source, left, content_type="audio/wav", metadata={})
    with pytest.raises(CloudError):
        publisher.publish(lost)
    store.fetch(KEY, tmp_path / "read")
    assert (tmp_path / "read").read_bytes() == CONTENTS[0]
