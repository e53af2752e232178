"""The COS store: what it sends, what it reads from nowhere, and what its errors say."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import boto3
import pytest

from mpsjobs.cloud.clock import SystemClock
from mpsjobs.cloud.cos_store import CosStore
from mpsjobs.cloud.credentials import Credentials
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import ObjectRef
from tests.s3 import S3Server, s3_store

KEY = ObjectRef("aurora-1250000000", "ap-guangzhou", "audio/x.wav")


@pytest.fixture
def server(s3_server: S3Server) -> S3Server:
    s3_server.empty(KEY.bucket)
    return s3_server


def test_a_cos_url_names_the_bucket_in_the_host_and_is_signed_with_version_4() -> None:
    store = CosStore(lambda: Credentials("AKIDtest", "a-secret-key", "a-token"), SystemClock())
    url = urlsplit(store.url(KEY, valid_s=900))
    query = parse_qs(url.query)
    assert (url.scheme, url.netloc) == ("https", "aurora-1250000000.cos.ap-guangzhou.myqcloud.com")
    assert url.path == "/audio/x.wav"
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["900"]
    assert query["X-Amz-Security-Token"] == ["a-token"]
    assert "/ap-guangzhou/s3/aws4_request" in query["X-Amz-Credential"][0]


def test_a_url_gives_the_object_to_whoever_holds_it(server: S3Server) -> None:
    store = s3_store(server.url)
    store.put(KEY, b"sound", content_type="audio/wav", metadata={})
    with urlopen(store.url(KEY, valid_s=60), timeout=10) as answer:
        assert answer.read() == b"sound"


def test_no_url_outlives_the_credentials_that_sign_it() -> None:
    store = s3_store("http://127.0.0.1:1", expires_at=SystemClock().utc() + timedelta(minutes=30))
    assert store.url(KEY, valid_s=1500)
    with pytest.raises(CloudError) as caught:
        store.url(KEY, valid_s=3600)
    assert "good for 60 minutes" in caught.value.diagnostics[0].detail


def test_nothing_is_taken_from_the_tools_of_another_cloud(
    server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[profile x]\nendpoint_url = http://127.0.0.1:1\nregion = mars\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_PROFILE", "missing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "none.pem"))
    store = s3_store(server.url)
    store.put(KEY, b"sound", content_type="audio/wav", metadata={})
    assert store.head(KEY) is not None


def _raw(server: S3Server) -> object:
    return boto3.client(
        "s3",
        endpoint_url=server.url,
        region_name="ap-guangzhou",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )


def test_metadata_of_any_language_and_the_content_type_are_kept(server: S3Server) -> None:
    s3_store(server.url).put(
        KEY, b"sound", content_type="audio/wav", metadata={"address": "主题/boss", "task-id": "24-a"}
    )
    head = _raw(server).head_object(Bucket=KEY.bucket, Key=KEY.key)  # type: ignore[attr-defined]
    assert head["Metadata"] == {"address": "%E4%B8%BB%E9%A2%98/boss", "task-id": "24-a"}
    assert head["ContentType"] == "audio/wav"


def test_a_large_file_goes_in_parts(server: S3Server, tmp_path: Path) -> None:
    source = tmp_path / "large"
    source.write_bytes(bytes(range(256)) * 4 * 1024 * 11)  # 11 MiB
    store = s3_store(server.url, multipart_bytes=5 * 1024 * 1024)
    info = store.put(KEY, source, content_type="audio/wav", metadata={})
    assert info.etag.endswith("-3")
    assert store.fetch(KEY, tmp_path / "back") == info
    assert (tmp_path / "back").read_bytes() == source.read_bytes()


def test_a_list_goes_over_many_pages(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    store = s3_store(server.url)
    for number in range(7):
        store.put(
            ObjectRef(KEY.bucket, KEY.region, f"a/{number}"), b"x", content_type="audio/wav", metadata={}
        )
    store._client(KEY.region).meta.events.register(
        "provide-client-params.s3.ListObjectsV2", lambda params, **_: {**params, "MaxKeys": 3}
    )
    found = store.list(ObjectRef(KEY.bucket, KEY.region, "a/"))
    assert [info.ref.key for info in found] == [f"a/{number}" for number in range(7)]


def test_errors_say_what_where_why_and_how_to_mend_it(server: S3Server) -> None:
    missing = ObjectRef("nowhere-1250000000", KEY.region, "k")
    with pytest.raises(CloudError) as caught:
        s3_store(server.url).put(missing, b"x", content_type="audio/wav", metadata={})
    (error,) = caught.value.diagnostics
    assert error.summary == "Cannot write to the object store"
    assert "nowhere-1250000000/k: NoSuchBucket" in error.detail
    assert "Create the bucket" in error.hint

    with pytest.raises(CloudError) as caught:
        s3_store("http://127.0.0.1:1", connect_timeout_s=1).head(KEY)
    assert "no connection" in caught.value.diagnostics[0].detail
    assert "a-secret-key" not in f"{caught.value!r} {caught.value.__cause__!r}"
