"""Whose keys are good: those that the emulator was given, and temporary ones that its own STS has lent."""

import base64
import binascii
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import orjson

from mpsjobs.emulator.errors import ApiError

_LENT = "AKIDtmp"


class Temporary(NamedTuple):
    """Temporary credentials, good until `expires_at` (seconds since 1970)."""

    secret_id: str
    secret_key: str
    token: str
    expires_at: int


class Known(NamedTuple):
    """What goes with a SecretId. `account` is the SecretId that a temporary one was lent to, else the same."""

    secret_key: str
    account: str


class Keys:
    """All keys. Thread-safe.

    Nothing of temporary ones is stored: what belongs to their SecretId follows from it and from a secret in the data folder, so that
    they outlive a restart.
    """

    def __init__(self, data: Path, credentials: Mapping[str, str], tokens: Mapping[str, str]) -> None:
        self._credentials = credentials
        self._tokens = tokens
        self._secret = secret_in(data / "sts.key")

    @property
    def owner(self) -> str:
        """The account that roles belong to."""
        return next(iter(self._credentials))

    def lend(self, account: str, expires_at: int) -> Temporary:
        """New temporary credentials for the account."""
        claim = orjson.dumps([account, expires_at, secrets.token_hex(8)])
        secret_id = _LENT + base64.urlsafe_b64encode(claim).decode().rstrip("=")
        return Temporary(
            secret_id, self._derive("key", secret_id), self._derive("token", secret_id), expires_at
        )

    def find(self, secret_id: str, token: str | None, now: float) -> Known:
        """What goes with the SecretId, if `token` does. Raises AuthFailure.SecretIdNotFound, AuthFailure.TokenFailure."""
        account, expires_at = self._lent(secret_id) or (secret_id, None)
        if account not in self._credentials:
            raise ApiError(
                "AuthFailure.SecretIdNotFound",
                "The SecretId is not found, please ensure that your SecretId is correct.",
            )
        lent = expires_at is not None
        expected = self._derive("token", secret_id) if lent else self._tokens.get(secret_id)
        if not hmac.compare_digest((expected or "").encode(), (token or "").encode()):
            raise _token_failure("Please check your Token is correct.")
        if expires_at is not None and now >= expires_at:
            raise _token_failure("The Token has expired.")
        return Known(self._derive("key", secret_id) if lent else self._credentials[secret_id], account)

    def _lent(self, secret_id: str) -> tuple[str, int] | None:
        """Who has it and until when, if it looks like one of ours."""
        if not secret_id.startswith(_LENT):
            return None
        text = secret_id.removeprefix(_LENT)
        try:
            account, expires_at, _ = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (binascii.Error, ValueError, TypeError):
            return None
        return (account, expires_at) if isinstance(account, str) and isinstance(expires_at, int) else None

    def _derive(self, what: str, secret_id: str) -> str:
        return hmac.digest(self._secret, f"{what}\n{secret_id}".encode(), "sha256").hex()


def _token_failure(why: str) -> ApiError:
    return ApiError("AuthFailure.TokenFailure", f"Token verification failed. {why}")


def secret_in(path: Path) -> bytes:
    """The secret in the file, made if there is none (or only half of one, after a kill)."""
    if not path.exists() or path.stat().st_size != 32:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(fd, secrets.token_bytes(32))
        finally:
            os.close(fd)
    return path.read_bytes()
