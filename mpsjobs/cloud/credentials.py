"""Who pays: the keys of an account, never shown."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from mpsjobs.model.diagnostics import CloudError

SECRET_ID = "TENCENTCLOUD_SECRET_ID"  # noqa: S105  # the name of a variable
SECRET_KEY = "TENCENTCLOUD_SECRET_KEY"  # noqa: S105  # the name of a variable
TOKEN = "TENCENTCLOUD_TOKEN"  # noqa: S105  # the name of a variable

_VISIBLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key pair, and the session token that comes with a temporary one. Its text form shows nothing of the secrets.

    `expires_at` (UTC, aware) is when a temporary one ends, if that is known.
    """

    secret_id: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        for name, value in (
            ("SecretId", self.secret_id),
            ("SecretKey", self.secret_key),
            ("token", self.token),
        ):
            if value is not None and not _VISIBLE.fullmatch(value):
                raise CloudError.of(
                    f"The {name} of the credentials cannot be right",
                    detail="It is empty, or holds spaces, line breaks or letters outside ASCII.",
                    hint="Copy it again from the console, without quotes or line breaks.",
                )


CredentialsProvider: TypeAlias = Callable[[], Credentials]
"""Asked before every request, so that it can renew what expires. Thread-safe. Raises CloudError when it has none."""


def from_environment(environment: Mapping[str, str] = os.environ) -> Credentials:
    """The credentials of TENCENTCLOUD_SECRET_ID, _SECRET_KEY and, for temporary ones, TENCENTCLOUD_TOKEN.

    Raises:
        CloudError: one or both of the first two are not set.
    """
    secret_id, secret_key = (environment.get(name, "").strip() for name in (SECRET_ID, SECRET_KEY))
    missing = [name for name, value in ((SECRET_ID, secret_id), (SECRET_KEY, secret_key)) if not value]
    if missing:
        half = len(missing) == 1
        raise CloudError.of(
            "The credentials are incomplete" if half else "There are no credentials for Tencent Cloud",
            detail=f"The environment variable {missing[0]} is not set."
            if half
            else f"The environment variables {SECRET_ID} and {SECRET_KEY} are not set.",
            hint=f"Set {' and '.join(missing)}; with temporary credentials also {TOKEN}.",
        )
    return Credentials(secret_id, secret_key, environment.get(TOKEN, "").strip() or None)
