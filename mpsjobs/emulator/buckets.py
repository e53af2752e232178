"""Outputs in the buckets of an S3 server: COS, or any other. The one part of the emulator that needs boto3."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mpsjobs.emulator.objects import NotWritten, Place

_TYPES: Final = {".mp3": "audio/mpeg", ".wav": "audio/wav"}
_NO_FILES: Final = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class Buckets:
    """A storage (see `mpsjobs.emulator.objects`) on an S3 server, as COS wants to be spoken to. Thread-safe."""

    def __init__(
        self,
        endpoint: str,
        *,
        addressing: Literal["virtual", "path"],
        secret_id: str,
        secret_key: str,
        token: str | None = None,
    ) -> None:
        self._options = {
            "endpoint_url": endpoint,
            "aws_access_key_id": secret_id,
            "aws_secret_access_key": secret_key,
            "aws_session_token": token,
            "config": Config(
                signature_version="s3v4",
                s3={"addressing_style": addressing},
                # Without these boto3 adds checksums that other servers than Amazon's refuse.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                retries={"mode": "standard", "total_max_attempts": 3},
                connect_timeout=5,
                read_timeout=30,
                ignore_configured_endpoint_urls=True,
            ),
        }
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def put(self, file: Path, place: Place) -> None:
        with _refusals_named(), file.open("rb") as content:
            self._client(place.region).put_object(
                Bucket=place.bucket, Key=place.key, Body=content, ContentType=_TYPES[file.suffix]
            )
        file.unlink()

    def url(self, place: Place, life_s: int) -> str | None:
        url: str = self._client(place.region).generate_presigned_url(
            "get_object", Params={"Bucket": place.bucket, "Key": place.key}, ExpiresIn=life_s
        )
        return url

    def _client(self, region: str) -> Any:
        with self._lock:
            if region not in self._clients:
                session = boto3.session.Session(
                    botocore_session=botocore.session.Session(session_vars=_NO_FILES)
                )
                self._clients[region] = session.client("s3", region_name=region, **self._options)
            return self._clients[region]


@contextlib.contextmanager
def _refusals_named() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        raise NotWritten(f"{told.get('Code')} ({str(told.get('Message')).rstrip('.')})") from error
    except BotoCoreError as error:
        raise NotWritten(str(error).rstrip(".")) from error
