"""Whatever the store shows, hides or forbids: what was paid for is found, once."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mpsjobs.apply.collect import Collector, Search
from mpsjobs.audio.measurer import Measurer
from mpsjobs.cloud.connection import Timeouts
from mpsjobs.cloud.cos_store import CosStore
from mpsjobs.cloud.fetch import Fetcher
from mpsjobs.emulator.stub import write_stub
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import ObjectRef, ResultFile
from tests.s3 import S3Server, s3_store
from tests.s3_proxy import S3Proxy, resolving, s3_proxy

BUCKET, REGION = "aurora-1250000000", "ap-guangzhou"
PATH = ObjectRef(BUCKET, REGION, "audio/takes/0001/")
ELSEWHERE = ObjectRef("results-1250000000", REGION, "x/")
MARKS = {"address": "menu", "fingerprint": "f1:abc", "task-id": "24-a"}
LATE = 1000
"""Later than anybody looks."""


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[S3Proxy]:
    s3_server.empty(BUCKET, ELSEWHERE.bucket)
    with s3_proxy(s3_server.url) as server, resolving():
        server.addressing = "virtual"
        yield server


@pytest.fixture
def store(proxy: S3Proxy) -> CosStore:
    return s3_store(proxy.url, addressing_style="virtual")


@pytest.fixture
def collector(store: CosStore, tmp_path: Path) -> Iterator[Collector]:
    measurer = Measurer(tmp_path / "measures")
    yield Collector(store, Fetcher(Timeouts(10, 60)), tmp_path / "scratch", measurer)
    measurer.close()


def song(name: str, folder: Path) -> bytes:
    write_stub(folder / name, "wav", name)
    return (folder / name).read_bytes()


def put(store: CosStore, folder: Path, name: str, at: ObjectRef = PATH) -> ResultFile:
    """What a task does: it writes an object, and its answer names the URL."""
    ref = replace(at, key=at.key + name)
    store.put(ref, song(name, folder), content_type="audio/wav", metadata={})
    return ResultFile(store.url(ref, valid_s=600), 30.0)


def test_what_a_late_listing_hides_is_found_by_the_keys_of_the_urls(
    proxy: S3Proxy, store: CosStore, collector: Collector, tmp_path: Path
) -> None:
    proxy.late = LATE
    results = (put(store, tmp_path, "a.wav"), put(store, tmp_path, "b b.wav"))
    proxy.seen.clear()
    outputs = collector.collect(Search(PATH, 2, results))
    assert outputs is not None
    assert [output.key for output in outputs] == [f"{PATH.key}a.wav", f"{PATH.key}b b.wav"]
    assert "PUT" not in proxy.operations()
    for output in outputs:
        content = (tmp_path / Path(output.key).name).read_bytes()
        assert output.size == len(content)
        assert output.sha256 == hashlib.sha256(content).hexdigest()
        assert output.etag == hashlib.md5(content).hexdigest()  # what the server calls it
        assert output.format == "wav"
        assert output.duration_s


def test_a_denied_listing_does_not_keep_outputs_from_being_found(
    proxy: S3Proxy, store: CosStore, collector: Collector, tmp_path: Path
) -> None:
    results = (put(store, tmp_path, "a.wav"),)
    proxy.denied = {"GET list-type"}
    outputs = collector.collect(Search(PATH, 1, results))
    assert outputs is not None
    assert [output.key for output in outputs] == [f"{PATH.key}a.wav"]
    with pytest.raises(CloudError, match="Cannot list"):
        collector.collect(Search(PATH, 1))


def test_where_neither_list_nor_head_is_allowed_the_url_is_used_at_once(
    proxy: S3Proxy, store: CosStore, collector: Collector, tmp_path: Path
) -> None:
    results = (put(store, tmp_path, "a.wav", ELSEWHERE),)
    proxy.denied = {"GET list-type", "HEAD"}
    outputs = collector.collect(Search(PATH, 1, results, MARKS))
    assert outputs is not None
    assert [output.key for output in outputs] == [f"{PATH.key}fetched-0.wav"]
    proxy.denied = set()
    head = store._client(REGION).head_object(Bucket=BUCKET, Key=outputs[0].key)
    assert head["Metadata"] == MARKS
    assert head["ContentType"] == "audio/x-wav"


def test_a_denied_listing_without_a_url_that_helps_is_said(
    proxy: S3Proxy, store: CosStore, collector: Collector
) -> None:
    proxy.denied = {"GET list-type"}
    gone = ResultFile(store.url(replace(ELSEWHERE, key="x/gone.wav"), valid_s=60), None)
    with pytest.raises(CloudError, match="Cannot list"):
        collector.collect(Search(PATH, 1, (gone,)))


def test_outputs_that_lie_elsewhere_are_put_there_in_the_end_and_only_once(
    proxy: S3Proxy, store: CosStore, collector: Collector, tmp_path: Path
) -> None:
    proxy.late = LATE
    results = tuple(put(store, tmp_path, name, ELSEWHERE) for name in ("a.wav", "b.wav"))
    search = Search(PATH, 2, results, MARKS)
    assert collector.collect(search) is None
    outputs = collector.collect(replace(search, rescue=True))
    proxy.seen.clear()
    assert collector.collect(replace(search, rescue=True)) == outputs
    assert outputs is not None
    assert [output.key for output in outputs] == [f"{PATH.key}fetched-{n}.wav" for n in (0, 1)]
    assert "PUT" not in proxy.operations()


def test_several_outputs_count_when_all_show_and_no_sound_twice(
    proxy: S3Proxy, store: CosStore, collector: Collector, tmp_path: Path
) -> None:
    """Of two outputs only the first shows in time; the URLs do not tell the keys."""
    proxy.late = 1
    put(store, tmp_path, "a.wav")
    proxy.late = LATE
    put(store, tmp_path, "b.wav")
    proxy.late = 1
    results = tuple(put(store, tmp_path, name, ELSEWHERE) for name in ("a.wav", "b.wav"))
    search = Search(PATH, 2, results, MARKS)
    assert collector.collect(search) is None
    outputs = collector.collect(replace(search, rescue=True))
    assert outputs is not None
    assert [output.key for output in outputs] == [f"{PATH.key}a.wav", f"{PATH.key}fetched-1.wav"]
    assert len({output.sha256 for output in outputs}) == 2


def test_a_listing_that_still_grows_is_not_taken_for_whole(
    proxy: S3Proxy, store: CosStore, collector: Collector, tmp_path: Path
) -> None:
    for name, late in (("a.wav", 1), ("b.wav", 1), ("c.wav", 2)):
        proxy.late = late
        put(store, tmp_path, name)
    assert collector.collect(Search(PATH, 2)) is None
    outputs = collector.collect(Search(PATH, 2))
    assert outputs is not None
    assert len(outputs) == 3


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\2\0qt  ", "mov"),
        (
            b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\xf7\x81\1\x42\xf2\x81\4\x42\xf3\x81\x08\x42\x82\x84webm",
            "webm",
        ),
        (b"who knows", "bin"),
    ],
)
def test_a_video_is_recorded_beside_the_audio(
    store: CosStore, collector: Collector, tmp_path: Path, content: bytes, form: str
) -> None:
    audio = put(store, tmp_path, "a.wav")
    video = replace(PATH, key=f"{PATH.key}clip.bin")
    store.put(video, content, content_type="application/octet-stream", metadata={})
    results = (audio, ResultFile(store.url(video, valid_s=60), 30.0))
    outputs = collector.collect(Search(PATH, 2, results))
    assert outputs is not None
    assert [(output.format, output.size) for output in outputs[1:]] == [(form, len(content))]
    assert outputs[1].duration_s is None


def test_a_url_tells_the_key_wherever_the_bucket_stands(
    proxy: S3Proxy, store: CosStore, collector: Collector, tmp_path: Path
) -> None:
    url = put(store, tmp_path, "a.wav").url
    assert urlsplit(url).hostname == f"{BUCKET}.s3.test"
    elsewhere = f"https://cdn.test/{BUCKET}/{PATH.key}a.wav?sign=x"
    proxy.denied = {"GET list-type"}
    for named in (url, elsewhere):
        assert collector.collect(Search(PATH, 1, (ResultFile(named, None),)))
