"""TC3-HMAC-SHA256, the signature of the provider's API version 3. Pure; after the vendor's description and its SDK."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mpsjobs.cloud.credentials import Credentials

SERVICE: Final = "mps"
API_VERSION: Final = "2019-06-12"
CONTENT_TYPE: Final = "application/json"
_SIGNED: Final = "content-type;host"


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of the API: an action and the JSON of its parameters."""

    action: str
    body: bytes
    region: str | None = None
    language: str | None = None
    service: str = SERVICE
    version: str = API_VERSION


def signed_headers(call: Call, credentials: Credentials, *, host: str, timestamp: int) -> dict[str, str]:
    """All headers of the request `POST /`, apart from Content-Length.

    `host` is the Host header as it is sent, with the port unless it is the scheme's own; `timestamp` counts seconds since 1970.
    """
    headers = _headers(call, host=host, timestamp=timestamp)
    if credentials.token:
        headers["X-TC-Token"] = credentials.token
    date = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")
    scope = f"{date}/{call.service}/tc3_request"
    canonical = "\n".join(
        (
            "POST",
            "/",
            "",
            f"content-type:{CONTENT_TYPE}",
            f"host:{host}",
            "",
            _SIGNED,
            hashlib.sha256(call.body).hexdigest(),
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}"
    key = f"TC3{credentials.secret_key}".encode()
    for part in (date, call.service, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    headers["Authorization"] = (
        f"TC3-HMAC-SHA256 Credential={credentials.secret_id}/{scope}, SignedHeaders={_SIGNED}, Signature={signature}"
    )
    return headers


def unsigned_headers(call: Call, *, host: str, timestamp: int) -> dict[str, str]:
    """The same for the few actions that need no signature, since what they are given proves who asks."""
    return _headers(call, host=host, timestamp=timestamp) | {"Authorization": "SKIP"}


def _headers(call: Call, *, host: str, timestamp: int) -> dict[str, str]:
    headers = {
        "Content-Type": CONTENT_TYPE,
        "Host": host,
        "X-TC-Action": call.action,
        "X-TC-Version": call.version,
        "X-TC-Timestamp": str(timestamp),
    }
    if call.region:
        headers["X-TC-Region"] = call.region
    if call.language:
        headers["X-TC-Language"] = call.language
    return headers
