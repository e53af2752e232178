"""TC3-HMAC-SHA256, from the verifying side, written after the vendor's description of signature v3."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from mpsjobs.emulator.errors import ApiError, missing
from mpsjobs.emulator.keys import Keys

MAX_SKEW_S = 300
_MUST_BE_SIGNED = frozenset({"content-type", "host"})
_HEADER = re.compile(
    r"TC3-HMAC-SHA256\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})\s*"
)
_UNSIGNED = "UNSIGNED-PAYLOAD"
_SERVICES = frozenset({"mps", "sts"})


class Caller(NamedTuple):
    """Who signed, for which service, and whose account that is."""

    secret_id: str
    service: str
    account: str


class _Claim(NamedTuple):
    secret_id: str
    date: str
    service: str
    signed_headers: str
    signature: str


def verify(headers: Mapping[str, str], body: bytes, keys: Keys, now: float) -> Caller:
    """Who signed this POST to `/`. `headers` has lower-case names. Raises an AuthFailure.*."""
    claim = _claim(headers.get("authorization", ""))
    timestamp = _timestamp(headers)
    if abs(now - timestamp) > MAX_SKEW_S:
        raise ApiError(
            "AuthFailure.SignatureExpire",
            f"The signature has expired: X-TC-Timestamp is {timestamp}, the server's time is {int(now)}; "
            "they may differ by no more than five minutes.",
        )
    known = keys.find(claim.secret_id, headers.get("x-tc-token"), now)
    if claim.date != datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d"):
        raise _failure("The date of the credential scope is not the date of X-TC-Timestamp.")
    expected = _sign(
        known.secret_key, claim, timestamp, _canonical_request(headers, body, claim.signed_headers)
    )
    if not hmac.compare_digest(expected, claim.signature):
        raise _failure("Please check your signature is correct.")
    return Caller(claim.secret_id, claim.service, known.account)


def _failure(why: str) -> ApiError:
    return ApiError("AuthFailure.SignatureFailure", f"The provided credentials could not be validated. {why}")


def _claim(authorization: str) -> _Claim:
    match = _HEADER.fullmatch(authorization.strip())
    if match is None:
        raise ApiError(
            "AuthFailure.InvalidAuthorization",
            "The Authorization header in the request doesn't comply with Tencent Cloud standard.",
        )
    credential, signed_headers, signature = match.groups()
    # A SecretId holds no slash, but a wrong one may: the scope is the last three parts.
    secret_id, *scope = credential.rsplit("/", 3)
    if len(scope) != 3 or scope[1] not in _SERVICES or scope[2] != "tc3_request":
        raise _failure("The credential scope must be <SecretId>/<date>/<service>/tc3_request.")
    names = signed_headers.split(";")
    if names != sorted(set(names)) or not _MUST_BE_SIGNED.issubset(names):
        raise _failure("SignedHeaders must be sorted, in lower case, and hold content-type and host.")
    return _Claim(secret_id, scope[0], scope[1], signed_headers, signature)


def _timestamp(headers: Mapping[str, str]) -> int:
    text = headers.get("x-tc-timestamp")
    if text is None:
        raise missing("X-TC-Timestamp")
    if not re.fullmatch(r"[0-9]{1,11}", text):
        raise ApiError("InvalidParameter", "The value of X-TC-Timestamp must be seconds since 1970.")
    return int(text)


def _canonical_request(headers: Mapping[str, str], body: bytes, signed_headers: str) -> str:
    lines = []
    for name in signed_headers.split(";"):
        if name not in headers:
            raise _failure(f"The signed header `{name}` is not in the request.")
        # The vendor's rule: names and values in lower case, without outer spaces.
        lines.append(f"{name}:{headers[name].strip().lower()}\n")
    payload = _UNSIGNED.encode() if headers.get("x-tc-content-sha256") == _UNSIGNED else body
    return f"POST\n/\n\n{''.join(lines)}\n{signed_headers}\n{hashlib.sha256(payload).hexdigest()}"


def _sign(secret_key: str, claim: _Claim, timestamp: int, canonical_request: str) -> str:
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    to_sign = f"TC3-HMAC-SHA256\n{timestamp}\n{claim.date}/{claim.service}/tc3_request\n{digest}"
    key = f"TC3{secret_key}".encode()
    for part in (claim.date, claim.service, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()
