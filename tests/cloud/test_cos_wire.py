"""The COS store on the wire: what it sends, what it survives, and how both ways of addressing a bucket fail."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
import trustme

from mpsjobs.cloud.conditional import probe
from mpsjobs.cloud.cos_store import CosStore
from mpsjobs.model.asset import StoreTarget
from mpsjobs.model.diagnostics import CloudError, Diagnostic
from mpsjobs.model.ports import Condition, ObjectRef
from tests.s3 import S3Server, s3_store
from tests.s3_proxy import S3Proxy, Trouble, resolving, s3_proxy

KEY = ObjectRef("aurora-1250000000", "ap-guangzhou", "audio/takes/x.wav")
MIB = 1024 * 1024


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[S3Proxy]:
    s3_server.empty(KEY.bucket)
    with s3_proxy(s3_server.url) as server, resolving():
        server.addressing, server.forbid_overwrite = "virtual", True
        yield server


@pytest.fixture
def store(proxy: S3Proxy, monkeypatch: pytest.MonkeyPatch) -> CosStore:
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))  # between two tries
    return s3_store(proxy.url, addressing_style="virtual", multipart_bytes=5 * MIB)


def large(tmp_path: Path) -> Path:
    file = tmp_path / "large"
    file.write_bytes(bytes(range(256)) * 4 * 1024 * 11)  # 11 MiB
    return file


def put(store: CosStore, source: Path | bytes = b"sound") -> None:
    store.put(KEY, source, content_type="audio/wav", metadata={"address": "menu", "task-id": "24-a"})


def use(store: CosStore, tmp_path: Path) -> None:
    """Everything that the store can send, once."""
    put(store)
    put(store, large(tmp_path))
    store.head(KEY)
    store.fetch(KEY, tmp_path / "back")
    list(store.list(KEY))
    for condition in Condition:
        store.create(KEY, b"x", condition=condition, content_type="text/plain", metadata={"address": "menu"})
    store.versioned(KEY)
    store.delete(KEY)


def test_what_cos_has_to_know_is_signed(proxy: S3Proxy, store: CosStore, tmp_path: Path) -> None:
    use(store, tmp_path)
    assert len(set(proxy.operations())) == 9
    for seen in proxy.seen:
        spoken = {name for name in seen.headers if name.startswith(("x-amz-", "x-cos-"))}
        assert spoken | {"host"} <= seen.signed_headers
        assert seen.headers["host"] == f"{KEY.bucket}.s3.test:{proxy.port}"
        assert seen.headers["x-amz-security-token"] == "a-token"
    marked = [seen for seen in proxy.seen if seen.operation in {"PUT", "POST uploads"}]
    assert all(seen.headers["x-amz-meta-address"] == "menu" for seen in marked)
    assert sum("x-cos-forbid-overwrite" in seen.headers for seen in marked) == 1
    assert sum("if-none-match" in seen.headers for seen in marked) == 1


@pytest.mark.parametrize("tls", [False, True])
def test_no_checksum_is_sent_that_cos_does_not_know(
    s3_server: S3Server, tmp_path: Path, *, tls: bool
) -> None:
    s3_server.empty(KEY.bucket)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = _server_context(authority) if tls else None
    with s3_proxy(s3_server.url, tls=context) as proxy, resolving():
        store = s3_store(
            proxy.url,
            addressing_style="virtual",
            ca_file=tmp_path / "ca.pem",
            multipart_bytes=5 * MIB,
        )
        use(store, tmp_path)
        assert "PUT uploadId" in proxy.operations()
        for seen in proxy.seen:
            assert (
                "chunked"
                not in f"{seen.headers.get('content-encoding')} {seen.headers.get('transfer-encoding')}"
            )
            assert "STREAMING" not in seen.headers["x-amz-content-sha256"]
            assert not [name for name in seen.headers if "checksum" in name or "trailer" in name]


def _server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("s3.test", "*.s3.test").configure_cert(context)
    return context


@pytest.mark.parametrize("troubles", [[503], [500, 503, 502], ["reset"], ["reset", 500, "answer lost"]])
def test_a_server_in_trouble_is_asked_again(
    proxy: S3Proxy, store: CosStore, tmp_path: Path, troubles: list[Trouble]
) -> None:
    for act in (
        lambda: put(store),
        lambda: store.head(KEY),
        lambda: store.fetch(KEY, tmp_path / "to"),
        lambda: list(store.list(KEY)),
        lambda: store.delete(KEY),
    ):
        proxy.troubles.extend(troubles)
        act()
        assert not proxy.troubles
    assert (tmp_path / "to").read_bytes() == b"sound"


def test_a_part_that_failed_is_sent_again(proxy: S3Proxy, tmp_path: Path, store: CosStore) -> None:
    proxy.troubles.extend([500, "reset", 503])
    put(store, large(tmp_path))
    assert store.fetch(KEY, tmp_path / "back") is not None
    assert (tmp_path / "back").read_bytes() == (tmp_path / "large").read_bytes()


def test_what_breaks_off_is_fetched_again_and_never_taken_for_whole(
    proxy: S3Proxy, store: CosStore, tmp_path: Path
) -> None:
    put(store)
    to = tmp_path / "to"
    proxy.troubles.extend(["cut off", "cut off"])
    assert store.fetch(KEY, to) is not None
    assert to.read_bytes() == b"sound"
    to.write_bytes(b"before")
    proxy.troubles.extend(["cut off"] * 3)
    with pytest.raises(CloudError):
        store.fetch(KEY, to)
    assert to.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["to"]


def test_a_create_whose_answer_was_lost_is_known_for_ours(proxy: S3Proxy, store: CosStore) -> None:
    def create(content: bytes) -> bool:
        forbid = Condition.FORBID_OVERWRITE
        return store.create(KEY, content, condition=forbid, content_type="x", metadata={}) is not None

    proxy.troubles.append("answer lost")
    assert create(b"mine")
    assert proxy.operations()[:2] == ["PUT", "PUT"]
    proxy.troubles.append("reset")
    assert not create(b"yours")
    assert not create(b"mine")  # refused at once: then it is not this call's


def test_a_bucket_that_ever_kept_versions_honours_no_condition_of_cos(
    proxy: S3Proxy, store: CosStore
) -> None:
    for status in ("Enabled", "Suspended"):
        store._client(KEY.region).put_bucket_versioning(
            Bucket=KEY.bucket, VersioningConfiguration={"Status": status}
        )
        found = probe(store, StoreTarget(KEY.bucket, KEY.region, "audio"))
        assert (found.condition, found.versioned) == (None, True)
    assert list(store.list(ObjectRef(KEY.bucket, KEY.region, ""))) == []


def test_a_probe_copes_with_what_it_may_not_do_and_with_what_the_server_does_not_take(
    proxy: S3Proxy, store: CosStore
) -> None:
    target = StoreTarget(KEY.bucket, KEY.region, "audio")
    proxy.denied = {"GET versioning", "DELETE"}
    found = probe(store, target)
    assert (found.condition, found.versioned) == (Condition.FORBID_OVERWRITE, None)
    assert {ref.key for ref in found.left} == {
        info.ref.key for info in store.list(ObjectRef(KEY.bucket, KEY.region, ""))
    }
    proxy.denied = set()
    proxy.troubles.append(501)
    assert probe(store, target).condition is Condition.FORBID_OVERWRITE
    proxy.denied = {"PUT"}
    with pytest.raises(CloudError, match="Cannot write"):
        probe(store, target)


def test_a_url_names_the_bucket_in_the_host(proxy: S3Proxy, store: CosStore) -> None:
    put(store)
    url = store.url(KEY, valid_s=60)
    assert urlsplit(url).hostname == f"{KEY.bucket}.s3.test"
    with urlopen(url, timeout=10) as answer:
        assert answer.read() == b"sound"


def test_more_than_a_thousand_objects_are_listed(
    proxy: S3Proxy, store: CosStore, s3_server: S3Server
) -> None:
    keys = [f"audio/takes/{number:05}/x.wav" for number in range(2300)]
    s3_server.fill(KEY.bucket, keys)
    found = store.list(ObjectRef(KEY.bucket, KEY.region, "audio/"), start_after=keys[99])
    assert [info.ref.key for info in found] == keys[100:]
    assert proxy.operations() == ["GET list-type"] * 3


# --- words ---------------------------------------------------------------------------------------------------------------------------


def told(act: object) -> Diagnostic:
    with pytest.raises(CloudError) as caught:
        act()  # type: ignore[operator]
    return caught.value.diagnostics[0]


def test_a_server_that_wants_the_bucket_in_the_host_says_so_and_so_do_we(proxy: S3Proxy) -> None:
    error = told(lambda: put(s3_store(proxy.url, addressing_style="path")))
    assert "PathStyleDomainForbidden" in error.detail
    assert error.hint == "Write `addressing_style: virtual` under `store:`."


def test_a_server_that_wants_the_bucket_in_the_path_is_recognised(
    proxy: S3Proxy, store: CosStore, tmp_path: Path
) -> None:
    proxy.addressing = "path"
    for act in (
        lambda: put(store),
        lambda: store.fetch(KEY, tmp_path / "to"),
        lambda: list(store.list(ObjectRef(KEY.bucket, KEY.region, "audio/"))),
    ):
        assert "write `addressing_style: path` under `store:`." in told(act).hint


def test_a_host_that_has_no_name_for_the_bucket_points_to_the_same(proxy: S3Proxy) -> None:
    nameless = s3_store("http://no-such-name.invalid", addressing_style="virtual", connect_timeout_s=1)
    error = told(lambda: nameless.head(KEY))
    assert "no connection" in error.detail
    assert "write `addressing_style: path`" in error.hint
    by_path = s3_store("http://no-such-name.invalid", addressing_style="path", connect_timeout_s=1)
    assert "addressing_style" not in told(lambda: by_path.head(KEY)).hint


@pytest.mark.parametrize("operation", ["PUT", "GET", "HEAD", "GET list-type", "DELETE"])
def test_a_refusal_names_the_right_and_the_request(
    proxy: S3Proxy, store: CosStore, tmp_path: Path, operation: str
) -> None:
    proxy.denied = {operation}
    act = {
        "PUT": lambda: put(store),
        "GET": lambda: store.fetch(KEY, tmp_path / "to"),
        "HEAD": lambda: store.head(KEY),
        "GET list-type": lambda: list(store.list(KEY)),
        "DELETE": lambda: store.delete(KEY),
    }[operation]
    error = told(act)
    assert "RequestId NjMxYjJh" in error.detail
    assert "Grant the credentials this right" in error.hint
