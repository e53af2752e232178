"""Where the credentials come from: what the settings say, or else the first place that has some."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mpsjobs.cloud.credentials import Nothing, Source, from_environment
from mpsjobs.cloud.credentials_cvm import METADATA, from_cvm_role
from mpsjobs.cloud.credentials_profile import from_named_profile, from_profile
from mpsjobs.cloud.sts import Sts
from mpsjobs.cloud.web_identity import from_tke, from_web_identity
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.settings import AssumeRole, CredentialsSettings


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look. `root` is the project, `metadata` the address of the metadata service."""

    environment: Mapping[str, str]
    home: Path
    root: Path
    metadata: str = METADATA


def find_source(
    settings: CredentialsSettings, places: Places, sts: Sts, tls: ssl.SSLContext | None = None
) -> Source:
    """The place that has the credentials; none of its keys have been asked for yet.

    Raises:
        CloudError: no place has any, or the one that the settings name has not, or one has but a part.
    """
    if settings.web_identity:
        found = from_web_identity(settings.web_identity, sts, places.environment, places.root, tls)
    elif settings.profile:
        found = from_named_profile(places.home, settings.profile)
    else:
        found = _first(places, sts)
    return _in_role(settings.assume_role, found, sts) if settings.assume_role else found


def _first(places: Places, sts: Sts) -> Source:
    """The quick and certain ones first; the metadata service, which may have to be waited for, last."""
    looks: tuple[Callable[[], Source | Nothing], ...] = (
        lambda: from_environment(places.environment),
        lambda: from_profile(places.home),
        lambda: from_tke(places.environment, sts),
        lambda: from_cvm_role(places.metadata),
    )
    empty = []
    for look in looks:
        match look():
            case Source() as source:
                return source
            case Nothing() as nothing:
                empty.append(nothing)
    raise CloudError.of(
        "There are no credentials for Tencent Cloud",
        detail="Looked for in: " + "; ".join(f"{each.place} ({each.why})" for each in empty) + ".",
        hint="Set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, or in CI `credentials.web_identity`; see docs/credentials.md.",
        code=Code.NO_CREDENTIALS,
    )


def _in_role(role: AssumeRole, base: Source, sts: Sts) -> Source:
    """The role, taken on with what the base gives at that moment: a base that is itself renewed stays good."""
    return Source(
        f"role {role.role_arn}, taken on with {base.words}", lambda: sts.assume_role(role, base.fetch())
    )
