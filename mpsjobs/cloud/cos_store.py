"""COS, and any S3-compatible server, as an object store.

COS speaks S3, with its own rules: the bucket stands in the host's name, signatures are version 4, and no checksums but those asked for.
boto3 is told all of that here, and never looks for keys, endpoints or settings of another cloud.
"""

import contextlib
import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, assert_never
from urllib.parse import quote

import boto3
import botocore.session
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from mpsjobs.cloud.cos_errors import bucket_overlooked, failure
from mpsjobs.cloud.cos_signing import KeysOfTheMoment, watch_for_ended_keys
from mpsjobs.cloud.credentials import CredentialsProvider, Renewal, no_others
from mpsjobs.cloud.object_keys import check_key
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import Clock, Condition, ObjectInfo, ObjectRef

MULTIPART_BYTES: Final = 16 * 1024 * 1024
"""A larger object is put in parts of this size."""

_LONGEST_URL_S: Final = 7 * 24 * 3600
_CHUNK: Final = 1024 * 1024
_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_FORBID: Final = "ForbidOverwrite"
_TAKEN: Final = frozenset({"412", "PreconditionFailed", "FileAlreadyExists", "ConditionalRequestConflict"})
_UNTOLD: Final = frozenset({"AccessDenied", "403", "NotImplemented", "501", "MethodNotAllowed", "405"})
"""How a store says that it does not tell whether a bucket keeps versions."""

_BROKEN_OFF: Final = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
_FETCHES: Final = 3

_FILES: Final = frozenset({"config_file", "credentials_file"})
_UNTOUCHED: Final = {
    name: (None, None, os.devnull if name in _FILES else default, convert)
    for name, (_, _, default, convert) in botocore.session.Session.SESSION_VARIABLES.items()
}
"""What boto3 would take from the variables and files of another cloud's tools, it takes from nowhere."""


class CosStore:
    """Objects in buckets (see `mpsjobs.model.ports.ObjectStore`). Thread-safe.

    `endpoint` is `[http[s]://]host[:port]` of any S3-compatible server; None means `https://cos.<region>.myqcloud.com`. `credentials` is asked
    before every request, so renewed keys are used at once; where the server says that keys have ended, `renew` is told their SecretId and
    says whether there are others now. `ca_file` replaces the trusted authorities.
    """

    def __init__(  # noqa: PLR0913  # what a user sets, one to one
        self,
        credentials: CredentialsProvider,
        clock: Clock,
        *,
        endpoint: str | None = None,
        addressing_style: Literal["virtual", "path"] = "virtual",
        connect_timeout_s: float = 10,
        read_timeout_s: float = 60,
        ca_file: Path | None = None,
        multipart_bytes: int = MULTIPART_BYTES,
        attempts: int = 4,
        renew: Renewal = no_others,
    ) -> None:
        """`attempts`: how often a request is sent when the network or the server fails; 1: a write lands before this returns, or never."""
        self._credentials = credentials
        self._clock = clock
        self._endpoint = endpoint
        self._bucket_in_host = endpoint is not None and addressing_style == "virtual"
        self._verify: str | bool = str(ca_file) if ca_file else True
        self._transfer = TransferConfig(
            multipart_threshold=multipart_bytes, multipart_chunksize=multipart_bytes, max_concurrency=4
        )
        self._config = Config(
            signature_version="s3v4",
            s3={"addressing_style": addressing_style},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=connect_timeout_s,
            read_timeout=read_timeout_s,
            max_pool_connections=32,
            ignore_configured_endpoint_urls=True,
        )
        self._lock = threading.Lock()
        self._renew = renew
        self._clients: dict[str, Any] = {}

    def put(
        self, ref: ObjectRef, source: Path | bytes, *, content_type: str, metadata: Mapping[str, str]
    ) -> ObjectInfo:
        check_key(ref.key)
        about = {"ContentType": content_type, "Metadata": _in_headers(metadata)}
        client = self._client(ref.region)
        with self._failures_named("write to", ref):
            if isinstance(source, bytes):
                answer = client.put_object(Bucket=ref.bucket, Key=ref.key, Body=source, **about)
                return ObjectInfo(ref, len(source), _bare(answer["ETag"]))
            size = source.stat().st_size
            if size <= self._transfer.multipart_threshold:
                with source.open("rb") as content:
                    answer = client.put_object(Bucket=ref.bucket, Key=ref.key, Body=content, **about)
                return ObjectInfo(ref, size, _bare(answer["ETag"]))
            client.upload_file(str(source), ref.bucket, ref.key, ExtraArgs=about, Config=self._transfer)
            info = self.head(ref)
            if info is None:
                raise CloudError.of(
                    f"{ref.bucket}/{ref.key} was written and is not there.", code=Code.STORE_FAILED
                )
            return info

    def create(
        self,
        ref: ObjectRef,
        content: bytes,
        *,
        condition: Condition,
        content_type: str,
        metadata: Mapping[str, str],
    ) -> ObjectInfo | None:
        check_key(ref.key)
        match condition:
            case Condition.IF_NONE_MATCH:
                demand: dict[str, str | bool] = {"IfNoneMatch": "*"}
            case Condition.FORBID_OVERWRITE:
                demand = {_FORBID: True}
            case _:
                assert_never(condition)
        with self._failures_named("write to", ref):
            try:
                answer = self._client(ref.region).put_object(
                    Bucket=ref.bucket,
                    Key=ref.key,
                    Body=content,
                    ContentType=content_type,
                    Metadata=_in_headers(metadata),
                    **demand,
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in _TAKEN:
                    raise
                sent_again = error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
                return self._if_ours(ref, content) if sent_again else None
            return ObjectInfo(ref, len(content), _bare(answer["ETag"]))

    def _if_ours(self, ref: ObjectRef, content: bytes) -> ObjectInfo | None:
        """The object that refused a second try, if the first one had made it and only its answer was lost."""
        with TemporaryDirectory(prefix="mpsjobs-") as folder:
            file = Path(folder) / "object"
            there = self.fetch(ref, file)
            return there if there and file.read_bytes() == content else None

    def versioned(self, bucket: ObjectRef) -> bool | None:
        with self._failures_named("read", bucket):
            try:
                answer = self._client(bucket.region).get_bucket_versioning(Bucket=bucket.bucket)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in _UNTOLD:
                    return None
                raise
            return answer.get("Status") in {"Enabled", "Suspended"}

    def fetch(self, ref: ObjectRef, to: Path) -> ObjectInfo | None:
        check_key(ref.key)
        with self._failures_named("read", ref):
            client = self._client(ref.region)
            for left in reversed(range(_FETCHES)):
                try:
                    answer = client.get_object(Bucket=ref.bucket, Key=ref.key)
                except ClientError as error:
                    if _is_missing(error):
                        return None
                    raise
                to.parent.mkdir(parents=True, exist_ok=True)
                try:
                    with contextlib.closing(answer["Body"]) as body:
                        _replace(to, body.iter_chunks(_CHUNK))  # verifies the length
                    return ObjectInfo(ref, answer["ContentLength"], _bare(answer["ETag"]))
                except _BROKEN_OFF:  # botocore repeats requests, but not the reading of an answer
                    if not left:
                        raise
        raise AssertionError(ref)

    def append_rest(self, ref: ObjectRef, to: Path) -> ObjectInfo | None:
        check_key(ref.key)
        with self._failures_named("read", ref):
            to.parent.mkdir(parents=True, exist_ok=True)
            for left in reversed(range(_FETCHES)):
                begin = to.stat().st_size if to.exists() else 0
                info = self.head(ref)
                if info is None or begin >= info.size > 0:
                    return info
                answer = self._client(ref.region).get_object(Bucket=ref.bucket, Key=ref.key, **_range(begin))
                try:
                    partial = answer["ResponseMetadata"]["HTTPStatusCode"] == 206
                    with contextlib.closing(answer["Body"]) as body, to.open("ab") as file:
                        if not partial:  # the server knows no ranges
                            file.truncate(0)
                        for chunk in body.iter_chunks(_CHUNK):  # verifies the length
                            file.write(chunk)
                except _BROKEN_OFF:
                    if not left:
                        raise
                else:
                    return info
        raise AssertionError(ref)

    def head(self, ref: ObjectRef) -> ObjectInfo | None:
        check_key(ref.key)
        with self._failures_named("read", ref):
            try:
                answer = self._client(ref.region).head_object(Bucket=ref.bucket, Key=ref.key)
            except ClientError as error:
                if _is_missing(error):
                    return None
                raise
            return ObjectInfo(ref, answer["ContentLength"], _bare(answer["ETag"]))

    def read(self, ref: ObjectRef) -> bytes | None:
        check_key(ref.key)
        with self._failures_named("read", ref):
            try:
                answer = self._client(ref.region).get_object(Bucket=ref.bucket, Key=ref.key)
            except ClientError as error:
                if _is_missing(error):
                    return None
                raise
            with contextlib.closing(answer["Body"]) as body:
                content: bytes = body.read()  # verifies the length
                return content

    def age_s(self, ref: ObjectRef) -> float | None:
        check_key(ref.key)
        with self._failures_named("read", ref):
            try:
                answer = self._client(ref.region).head_object(Bucket=ref.bucket, Key=ref.key)
            except ClientError as error:
                if _is_missing(error):
                    return None
                raise
            told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
            now = parsedate_to_datetime(told) if told else self._clock.utc()
            age: timedelta = now - answer["LastModified"]
            return max(0.0, age.total_seconds())

    def list(self, prefix: ObjectRef, *, start_after: str = "") -> Iterator[ObjectInfo]:
        pages = self._client(prefix.region).get_paginator("list_objects_v2")
        after = {"StartAfter": start_after} if start_after else {}
        with self._failures_named("list", prefix):
            for page in pages.paginate(Bucket=prefix.bucket, Prefix=prefix.key, **after):
                if self._bucket_in_host and "IsTruncated" not in page:
                    raise bucket_overlooked(prefix)
                for found in page.get("Contents", ()):
                    ref = ObjectRef(prefix.bucket, prefix.region, found["Key"])
                    if not ref.key.endswith("/"):  # what consoles make for a folder
                        yield ObjectInfo(ref, found["Size"], _bare(found["ETag"]))

    def delete(self, ref: ObjectRef) -> None:
        check_key(ref.key)
        with self._failures_named("delete from", ref):
            self._client(ref.region).delete_object(Bucket=ref.bucket, Key=ref.key)

    def url(self, ref: ObjectRef, *, valid_s: float) -> str:
        check_key(ref.key)
        ends = self._credentials().expires_at
        if ends is not None and ends < self._clock.utc() + timedelta(seconds=valid_s):
            raise CloudError.of(
                "No URL can live as long as the task may take",
                detail=f"It would have to be good for {valid_s / 60:.0f} minutes, and the temporary credentials that sign it "
                f"end at {ends:%H:%M} UTC.",
                hint="Use credentials that live longer: a longer `duration` of the role, or permanent keys.",
                code=Code.CREDENTIALS_END_TOO_SOON,
            )
        if valid_s > _LONGEST_URL_S:
            raise ValueError("a signed URL lives seven days at most")
        url: str = self._client(ref.region).generate_presigned_url(
            "get_object", Params={"Bucket": ref.bucket, "Key": ref.key}, ExpiresIn=int(valid_s)
        )
        return url

    def _client(self, region: str) -> Any:
        """The client of a region. Raises CloudError where there are no credentials."""
        self._credentials()
        with self._lock:
            if region not in self._clients:
                self._clients[region] = self._new_client(region)
            return self._clients[region]

    def _new_client(self, region: str) -> Any:
        core = botocore.session.Session(session_vars=_UNTOUCHED)
        core.register_component("credential_provider", KeysOfTheMoment(self._credentials))
        endpoint = self._endpoint or f"https://cos.{region}.myqcloud.com"
        client = boto3.session.Session(botocore_session=core).client(
            "s3",
            region_name=region,
            endpoint_url=endpoint if "://" in endpoint else f"https://{endpoint}",
            config=self._config,
            verify=self._verify,
        )
        watch_for_ended_keys(client, self._renew)
        client.meta.events.register("before-parameter-build.s3.PutObject", _note_demand)
        client.meta.events.register("before-call.s3.PutObject", _forbid_overwrite)
        return client

    @contextlib.contextmanager
    def _failures_named(self, verb: str, ref: ObjectRef) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError, boto3.exceptions.Boto3Error, OSError) as error:
            raise failure(error, verb, ref, bucket_in_host=self._bucket_in_host) from None


def _note_demand(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    """S3 has no such parameter: what boto3 would refuse is taken out before it looks."""
    context[_FORBID] = params.pop(_FORBID, False)


def _forbid_overwrite(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    """A header that is there before the request is signed is signed with it."""
    if context.get(_FORBID):
        params["headers"]["x-cos-forbid-overwrite"] = "true"


def _in_headers(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata travel in headers, which are ASCII."""
    return {name: quote(value, safe=" !#$&'()*+,/:;=?@[]~") for name, value in metadata.items()}


def _range(begin: int) -> dict[str, str]:
    return {"Range": f"bytes={begin}-"} if begin else {}


def _bare(etag: str) -> str:
    return etag.strip('"')


def _is_missing(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in _MISSING


def _replace(target: Path, chunks: Iterator[bytes]) -> None:
    """Write a file and rename it into place, with nothing left behind on failure."""
    temporary = target.parent / f".tmp-{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
