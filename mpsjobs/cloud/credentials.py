"""Who pays: the keys of an account, never shown, and where they come from."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError

SECRET_ID: Final = "TENCENTCLOUD_SECRET_ID"  # noqa: S105  # the name of a variable
SECRET_KEY: Final = "TENCENTCLOUD_SECRET_KEY"  # noqa: S105  # the name of a variable
TOKEN: Final = "TENCENTCLOUD_TOKEN"  # noqa: S105  # the name of a variable
TERRAFORM_TOKEN: Final = "TENCENTCLOUD_SECURITY_TOKEN"  # noqa: S105  # what the vendor's Terraform provider calls it

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
                    code=Code.BAD_CREDENTIALS,
                )


CredentialsProvider: TypeAlias = Callable[[], Credentials]
"""Asked before every request, so that it can renew what expires. Thread-safe. Raises CloudError when it has none."""


Renewal: TypeAlias = Callable[[str], bool]
"""Told the SecretId of keys that a server takes for ended; says whether there are others now. Thread-safe, never raises."""


def no_others(_secret_id: str) -> bool:
    """The `Renewal` of keys that stay what they are."""
    return False


@dataclass(frozen=True, slots=True)
class Source:
    """A place that has credentials. `words` names it for people, without a secret: "environment variables".

    `fetch` gets a new set each time, and raises CloudError when that fails.
    """

    words: str
    fetch: Callable[[], Credentials]


@dataclass(frozen=True, slots=True)
class Nothing:
    """A place that was looked into and has no credentials, and why."""

    place: str
    why: str


def from_environment(environment: Mapping[str, str]) -> Source | Nothing:
    """The credentials of TENCENTCLOUD_SECRET_ID, _SECRET_KEY and, for temporary ones, TENCENTCLOUD_TOKEN.

    Our own, because the vendor's EnvironmentVariableCredential leaves the token out: temporary keys would be refused.

    Raises:
        CloudError: one of the first two is set and the other is not.
    """
    place = "environment variables"
    secret_id, secret_key, token, other_token = (
        environment.get(name, "").strip() for name in (SECRET_ID, SECRET_KEY, TOKEN, TERRAFORM_TOKEN)
    )
    match bool(secret_id), bool(secret_key):
        case False, False:
            return Nothing(place, f"{SECRET_ID} and {SECRET_KEY} are not set")
        case True, True:
            found = Credentials(secret_id, secret_key, token or other_token or None)
            return Source(place, lambda: found)
        case _:
            missing, there = (SECRET_KEY, SECRET_ID) if secret_id else (SECRET_ID, SECRET_KEY)
            raise CloudError.of(
                "The credentials in the environment are incomplete",
                detail=f"{there} is set, and {missing} is not.",
                hint=f"Set {missing} too; with temporary credentials also {TOKEN}. To use another source, unset {there}.",
                code=Code.BAD_CREDENTIALS,
            )
