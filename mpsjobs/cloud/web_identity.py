"""A role by an identity that others vouch for: GitHub Actions, GitLab, any OIDC provider, and TKE for its pods."""

import base64
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import orjson

from mpsjobs.cloud.credentials import Credentials, Nothing, Source
from mpsjobs.cloud.get import GetFailedError, get
from mpsjobs.cloud.sts import DEFAULT_REGION, Sts, StsRefusedError
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError, Diagnostic
from mpsjobs.model.settings import WebIdentity

_GITHUB_URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
_GITHUB_TOKEN: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105  # the name of a variable
_GITHUB_WITHIN_S: Final = 30.0
_TKE: Final = ("TKE_REGION", "TKE_PROVIDER_ID", "TKE_WEB_IDENTITY_TOKEN_FILE", "TKE_ROLE_ARN")


@dataclass(frozen=True, slots=True)
class _Token:
    """Where an identity token comes from, in words, and how to read it. It is read anew for each set of keys."""

    words: str
    read: Callable[[], str]


def from_web_identity(
    identity: WebIdentity,
    sts: Sts,
    environment: Mapping[str, str],
    root: Path,
    tls: ssl.SSLContext | None = None,
) -> Source:
    """The role of the settings, by the token that they name. A relative `token_file` is one of the folder `root`."""
    if identity.token_env:
        token = _from_variable(identity.token_env, environment)
    elif identity.token_file:
        token = _from_file(root / identity.token_file, identity.token_file)
    else:
        token = _from_github(environment, identity.audience, tls)
    return _role(f"role {identity.role_arn} by {token.words}", identity, token, sts)


def from_tke(environment: Mapping[str, str], sts: Sts) -> Source | Nothing:
    """The role of a pod on TKE, by the variables and the token file that TKE gives it.

    Raises:
        CloudError: some of the variables are set and others are not.
    """
    region, provider_id, file, role_arn = values = [environment.get(name, "").strip() for name in _TKE]
    missing = [name for name, value in zip(_TKE, values, strict=True) if not value]
    if len(missing) == len(_TKE):
        return Nothing("TKE", f"this is no pod with a role: {_TKE[-1]} is not set")
    if missing:
        raise CloudError.of(
            "The identity of this pod is incomplete",
            detail=f"{', '.join(name for name in _TKE if name not in missing)} is set, and {', '.join(missing)} is not.",
            hint="TKE sets all of them for a pod whose service account has a role. Unset them all to use another source.",
            code=Code.BAD_CREDENTIALS,
        )
    identity = WebIdentity(provider_id, role_arn, token_file=file)
    return _role(f"role {role_arn} of this TKE pod", identity, _from_file(Path(file), file), sts, region)


def _role(words: str, identity: WebIdentity, token: _Token, sts: Sts, region: str = DEFAULT_REGION) -> Source:
    def fetch() -> Credentials:
        text = token.read()
        try:
            return sts.assume_role_with_web_identity(identity, text, region)
        except StsRefusedError as error:
            raise _with_claims(error, token, text) from error

    return Source(words, fetch)


def _from_variable(name: str, environment: Mapping[str, str]) -> _Token:
    def read() -> str:
        token = environment.get(name, "").strip()
        if not token:
            raise _no_token(
                f"The variable {name} is not set.",
                f"In GitLab, name {name} under `id_tokens:` of the job; see docs/credentials.md.",
            )
        return token

    return _Token(f"the token in {name}", read)


def _from_file(file: Path, shown: str) -> _Token:
    def read() -> str:
        try:
            token = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "It is not ASCII text"
            raise _no_token(f"{shown}: {why}.", "Look at the path, and who may read the file.") from None
        if not token:
            raise _no_token(f"{shown}: The file is empty.", "Look at what writes the file.")
        return token

    return _Token(f"the token in {shown}", read)


def _from_github(environment: Mapping[str, str], audience: str | None, tls: ssl.SSLContext | None) -> _Token:
    """A token of GitHub Actions, for the audience given or else GitHub's default one. Such a token lives for minutes: each time a new one."""

    def read() -> str:
        url, bearer = (environment.get(name, "").strip() for name in (_GITHUB_URL, _GITHUB_TOKEN))
        if not url or not bearer:
            raise _no_token(
                f"`credentials.web_identity` names no token, and GitHub Actions offers none: {_GITHUB_URL if not url else _GITHUB_TOKEN} is not set.",
                "In GitHub Actions, give the job `permissions: {id-token: write}`. Elsewhere set token_env or token_file.",
            )
        if audience:
            url += f"{'&' if '?' in url else '?'}audience={quote(audience, safe='')}"
        headers = {"Authorization": f"bearer {bearer}", "Accept": "application/json"}
        try:
            token = orjson.loads(get(url, within_s=_GITHUB_WITHIN_S, headers=headers, tls=tls))["value"]
        except GetFailedError as error:
            raise _no_token(
                f"GitHub's token service: {error}.",
                "Look whether the job may have a token: `permissions: {id-token: write}`.",
            ) from error
        except (ValueError, KeyError, TypeError):
            token = None
        if not isinstance(token, str) or not token:
            raise _no_token("GitHub's token service answers with something that is no token.", "Try again.")
        return token

    return _Token("GitHub's OIDC token", read)


def _no_token(detail: str, hint: str) -> CloudError:
    return CloudError.of(
        "There is no identity token to take on the role with",
        detail=detail,
        hint=hint,
        code=Code.NO_CREDENTIALS,
    )


def _with_claims(error: StsRefusedError, token: _Token, text: str) -> StsRefusedError:
    """The refusal with what the token says of itself, which is what a role's trust is about. None of it is a secret."""
    claims = _claims(text)
    said = ", ".join(
        f"{name} {claims[name]!r:.200}" for name in ("iss", "aud", "sub", "exp") if name in claims
    )
    also = f" Of {token.words}: {said}." if said else f" What {token.words} holds is no JSON Web Token."
    return StsRefusedError(
        *(
            Diagnostic(each.summary, each.detail + also, each.hint, code=each.code)
            for each in error.diagnostics
        )
    )


def _claims(token: str) -> Mapping[str, Any]:
    """What a JSON Web Token claims, unchecked; nothing where it is none."""
    try:
        payload = token.split(".")[1]
        claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, IndexError):
        return {}
    return claims if isinstance(claims, dict) else {}
