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
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

import boto3
import botocore.session
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mpsjobs.cloud.cos_errors import failure
from mpsjobs.cloud.credentials import Credentials, CredentialsProvider
from mpsjobs.cloud.object_keys import check_key
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import Clock, ObjectInfo, ObjectRef

MULTIPART_BYTES: Final = 16 * 1024 * 1024
"""A larger object is put in parts of this size."""

_LONGEST_URL_S: Final = 7 * 24 * 3600
_CHUNK: Final = 1024 * 1024
_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound"})

_FILES: Final = frozenset({"config_file", "credentials_file"})
_UNTOUCHED: Final = {
    name: (None, None, os.devnull if name in _FILES else default, convert)
    for name, (_, _, default, convert) in botocore.session.Session.SESSION_VARIABLES.items()
}
"""What boto3 would take from the variables and files of another cloud's tools, it takes from nowhere."""


class CosStore:
    """Objects in buckets (see `mpsjobs.model.ports.ObjectStore`). Thread-safe.

    `endpoint` is `[http[s]://]host[:port]` of any S3-compatible server; None means `https://cos.<region>.myqcloud.com`. `credentials` is asked
    before every request, so renewed keys are used at once. `ca_file` replaces the trusted authorities.
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
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._endpoint = endpoint
        self._verify: str | bool = str(ca_file) if ca_file else True
        self._transfer = TransferConfig(
            multipart_threshold=multipart_bytes, multipart_chunksize=multipart_bytes, max_concurrency=4
        )
        self._config = Config(
            signature_version="s3v4",
            s3={"addressing_style": addressing_style},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"mode": "standard", "total_max_attempts": 4},
            connect_timeout=connect_timeout_s,
            read_timeout=read_timeout_s,
            max_pool_connections=32,
            ignore_configured_endpoint_urls=True,
        )
        self._lock = threading.Lock()
        self._clients: dict[str, tuple[Credentials, Any]] = {}

    def put(
        self, ref: ObjectRef, source: Path | bytes, *, content_type: str, metadata: Mapping[str, str]
    ) -> ObjectInfo:
        check_key(ref.key)
        # Metadata travel in headers, which are ASCII.
        marks = {name: quote(value, safe=" !#$&'()*+,/:;=?@[]~") for name, value in metadata.items()}
        client = self._client(ref.region)
        with _failures_named("write to", ref):
            if isinstance(source, Path):
                extra = {"ContentType": content_type, "Metadata": marks}
                client.upload_file(str(source), ref.bucket, ref.key, ExtraArgs=extra, Config=self._transfer)
                info = self.head(ref)
                if info is None:
                    raise CloudError.of(f"{ref.bucket}/{ref.key} was written and is not there.")
                return info
            answer = client.put_object(
                Bucket=ref.bucket, Key=ref.key, Body=source, ContentType=content_type, Metadata=marks
            )
            return ObjectInfo(ref, len(source), _bare(answer["ETag"]))

    def fetch(self, ref: ObjectRef, to: Path) -> ObjectInfo | None:
        check_key(ref.key)
        with _failures_named("read", ref):
            try:
                answer = self._client(ref.region).get_object(Bucket=ref.bucket, Key=ref.key)
            except ClientError as error:
                if _is_missing(error):
                    return None
                raise
            with contextlib.closing(answer["Body"]) as body:
                to.parent.mkdir(parents=True, exist_ok=True)
                _replace(to, body.iter_chunks(_CHUNK))  # verifies the length
            return ObjectInfo(ref, answer["ContentLength"], _bare(answer["ETag"]))

    def head(self, ref: ObjectRef) -> ObjectInfo | None:
        check_key(ref.key)
        with _failures_named("read", ref):
            try:
                answer = self._client(ref.region).head_object(Bucket=ref.bucket, Key=ref.key)
            except ClientError as error:
                if _is_missing(error):
                    return None
                raise
            return ObjectInfo(ref, answer["ContentLength"], _bare(answer["ETag"]))

    def list(self, prefix: ObjectRef, *, start_after: str = "") -> Iterator[ObjectInfo]:
        pages = self._client(prefix.region).get_paginator("list_objects_v2")
        after = {"StartAfter": start_after} if start_after else {}
        with _failures_named("list", prefix):
            for page in pages.paginate(Bucket=prefix.bucket, Prefix=prefix.key, **after):
                for found in page.get("Contents", ()):
                    ref = ObjectRef(prefix.bucket, prefix.region, found["Key"])
                    if not ref.key.endswith("/"):  # what consoles make for a folder
                        yield ObjectInfo(ref, found["Size"], _bare(found["ETag"]))

    def delete(self, ref: ObjectRef) -> None:
        check_key(ref.key)
        with _failures_named("delete from", ref):
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
            )
        if valid_s > _LONGEST_URL_S:
            raise ValueError("a signed URL lives seven days at most")
        url: str = self._client(ref.region).generate_presigned_url(
            "get_object", Params={"Bucket": ref.bucket, "Key": ref.key}, ExpiresIn=int(valid_s)
        )
        return url

    def _client(self, region: str) -> Any:
        """A client with the credentials of this moment; a new one only when they have changed."""
        credentials = self._credentials()
        with self._lock:
            known = self._clients.get(region)
            if known is None or known[0] != credentials:
                known = (credentials, self._new_client(region, credentials))
                self._clients[region] = known
            return known[1]

    def _new_client(self, region: str, credentials: Credentials) -> Any:
        core = botocore.session.Session(session_vars=_UNTOUCHED)
        endpoint = self._endpoint or f"https://cos.{region}.myqcloud.com"
        return boto3.session.Session(botocore_session=core).client(
            "s3",
            region_name=region,
            endpoint_url=endpoint if "://" in endpoint else f"https://{endpoint}",
            aws_access_key_id=credentials.secret_id,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.token,
            config=self._config,
            verify=self._verify,
        )


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


@contextlib.contextmanager
def _failures_named(verb: str, ref: ObjectRef) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError, boto3.exceptions.Boto3Error, OSError) as error:
        raise failure(error, verb, ref) from None
