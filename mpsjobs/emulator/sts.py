"""Temporary credentials as the vendor's STS lends them (version 2018-08-13): AssumeRole and AssumeRoleWithWebIdentity."""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from mpsjobs.emulator.clock import Clock
from mpsjobs.emulator.errors import ApiError, missing, unknown, wrong_type
from mpsjobs.emulator.keys import Keys

ASSUME_ROLE, WEB_IDENTITY = "AssumeRole", "AssumeRoleWithWebIdentity"

_DURATION_S, _LONGEST_S = 7200, 43200
_ROLE = re.compile(r"qcs::cam::uin/[0-9]+:role(?:Name)?/\S+")
_SESSION = re.compile(r"[\w+=,.@-]{2,128}", re.ASCII)
_COMMON = frozenset({"RoleArn", "RoleSessionName", "DurationSeconds"})
_FIELDS = {
    ASSUME_ROLE: _COMMON | {"Policy", "ExternalId", "Tags", "SourceIdentity", "SerialNumber", "TokenCode"},
    WEB_IDENTITY: _COMMON | {"ProviderId", "WebIdentityToken"},
}


class Sts:
    """Lends keys. Every role there could be exists and may do everything; what is checked is the request."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def assume_role(self, account: str, body: Any) -> dict[str, Any]:
        """The answer's fields, for a request that `account` has signed. Raises ApiError."""
        return self._lend(account, _checked(ASSUME_ROLE, body))

    def assume_role_with_web_identity(self, body: Any) -> dict[str, Any]:
        """The answer's fields, for a request that nobody has signed. Raises ApiError."""
        fields = _checked(WEB_IDENTITY, body)
        for name in ("ProviderId", "WebIdentityToken"):
            if not fields.get(name):
                raise missing(name)
        ends = _end_of(fields["WebIdentityToken"])
        if ends is None or ends <= self._clock.now():
            raise ApiError(
                "InvalidParameter.WebIdentityTokenError",
                "The WebIdentityToken must be a JWT whose `exp` is still to come.",
            )
        return self._lend(self._keys.owner, fields)

    def _lend(self, account: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        lent = self._keys.lend(account, int(self._clock.now()) + fields.get("DurationSeconds", _DURATION_S))
        return {
            "Credentials": {
                "Token": lent.token,
                "TmpSecretId": lent.secret_id,
                "TmpSecretKey": lent.secret_key,
            },
            "ExpiredTime": lent.expires_at,
            "Expiration": datetime.fromtimestamp(lent.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def _checked(action: str, body: Any) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise wrong_type("Body")
    fields = {name: value for name, value in body.items() if value is not None}
    for name, value in fields.items():
        if name not in _FIELDS[action]:
            raise unknown(name)
        kind = {"DurationSeconds": int, "Tags": list}.get(name, str)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise wrong_type(name)
    for name, form in (("RoleArn", _ROLE), ("RoleSessionName", _SESSION)):
        if not fields.get(name):
            raise missing(name)
        if not form.fullmatch(fields[name]):
            raise ApiError("InvalidParameter.ParamError", f"The parameter `{name}` is not valid.")
    if not 0 < fields.get("DurationSeconds", _DURATION_S) <= _LONGEST_S:
        raise ApiError("InvalidParameter.OverTimeError", f"DurationSeconds must be from 1 to {_LONGEST_S}.")
    return fields


def _end_of(token: str) -> float | None:
    """When a JWT ends. Its signature is the identity provider's affair, whom nobody can ask here."""
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    ends = claims.get("exp") if isinstance(claims, dict) else None
    return ends if isinstance(ends, (int, float)) and not isinstance(ends, bool) else None
