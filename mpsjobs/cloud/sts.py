"""STS, the vendor's service that lends temporary keys for a role.

Two calls over our own transport, not through the vendor's STSAssumeRoleCredential and OIDCRoleArnCredential: those speak only https to STS,
drop the token of the keys they start from, renew long before or only after the end, and do not say when that is. The vendor's generic
client would do, but reads NO_PROXY in its own way and logs the identity token. That the requests are the same is held by
tests/cloud/test_credentials_vendor.py; docs/adr/0005 has the whole story.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from mpsjobs._version import __version__
from mpsjobs.cloud.credentials import Credentials
from mpsjobs.cloud.tc3 import Call, signed_headers, unsigned_headers
from mpsjobs.cloud.transport import Answer, AnswerLostError, NotSentError, Transport
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import Clock
from mpsjobs.model.settings import AssumeRole, Site, WebIdentity

HOSTS: Final = {Site.INTL: "sts.intl.tencentcloudapi.com", Site.CN: "sts.tencentcloudapi.com"}

DEFAULT_REGION: Final = "ap-guangzhou"
"""As the vendor's own: roles are not of a region, but the API wants one."""

_ATTEMPTS: Final = 3
_PAUSE_S: Final = 1.0
_TRANSIENT: Final = ("RequestLimitExceeded", "InternalError")

_HINTS: Final = (
    # Codes: https://cloud.tencent.com/document/api/1312, "error codes"
    (
        "InvalidParameter.OverTimeError",
        "Ask for a shorter `duration`, or allow a longer session in the role.",
    ),
    (
        "ResourceNotFound.RoleNotFound",
        "Look at `role_arn`: the account number and the role's name, with its case.",
    ),
    (
        "InternalError.GetRoleError",
        "Look at `role_arn`, and whether the role lets this identity take it on (its trusted entities).",
    ),
    (
        "AuthFailure.SignatureExpire",
        "Set the clock of this machine: it is more than five minutes off.",
    ),
    (
        "AuthFailure.TokenFailure",
        "The temporary keys have ended, or their token belongs to others. Get new ones.",
    ),
    ("AuthFailure", "Look whether SecretId and SecretKey belong together and are enabled."),
    (
        "UnauthorizedOperation",
        "Let the role trust this identity (its trusted entities), and allow it sts:AssumeRole.",
    ),
)
_HINT: Final = "Look at role_arn and, with web_identity, at provider_id, audience and the conditions of the role's trust."


class StsRefusedError(CloudError):
    """STS answered, and gives no keys."""


@dataclass(frozen=True, slots=True)
class Sts:
    """`connect` makes the way to STS. Each try has one of its own: there is one in an hour."""

    connect: Callable[[], Transport]
    clock: Clock

    def assume_role(self, role: AssumeRole, base: Credentials) -> Credentials:
        """Keys of the role, taken on with others.

        Raises:
            StsRefusedError: it may not be taken on.
            CloudError: STS cannot be reached, or its answer is none.
        """
        call = _call("AssumeRole", _parameters(role))
        return self._keys(
            call,
            role.role_arn,
            lambda host, timestamp: signed_headers(call, base, host=host, timestamp=timestamp),
            secrets=(base.secret_key, base.token or ""),
        )

    def assume_role_with_web_identity(
        self, identity: WebIdentity, token: str, region: str = DEFAULT_REGION
    ) -> Credentials:
        """Keys of the role, taken on with a token of the identity provider. Raises as above."""
        parameters = {"ProviderId": identity.provider_id, "WebIdentityToken": token}
        parameters |= _parameters(identity)
        call = _call("AssumeRoleWithWebIdentity", parameters, region)
        return self._keys(
            call,
            identity.role_arn,
            lambda host, timestamp: unsigned_headers(call, host=host, timestamp=timestamp),
            secrets=(token,),
        )

    def _keys(
        self,
        call: Call,
        role_arn: str,
        sign: Callable[[str, int], Mapping[str, str]],
        *,
        secrets: Iterable[str],
    ) -> Credentials:
        response = self._response(call, role_arn, sign)
        if response.get("Error") is not None:
            raise _refused(call, role_arn, response, secrets)
        try:
            keys = response["Credentials"]
            return Credentials(
                keys["TmpSecretId"],
                keys["TmpSecretKey"],
                keys["Token"],
                datetime.fromtimestamp(response["ExpiredTime"], UTC),
            )
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            # `from None`: the causes of these may quote what they found.
            raise _failed(role_arn, "The answer of STS does not hold keys and their end.") from None

    def _response(
        self, call: Call, role_arn: str, sign: Callable[[str, int], Mapping[str, str]]
    ) -> Mapping[str, Any]:
        """The answer. What may pass, such as a lost connection, is tried again: the call costs nothing."""

        def headers(host: str) -> Mapping[str, str]:
            signed = sign(host, int(self.clock.utc().timestamp()))
            return {**signed, "User-Agent": f"mpsjobs/{__version__}"}

        for left in reversed(range(_ATTEMPTS)):
            with closing(self.connect()) as transport:
                try:
                    response = _read(transport.stage(headers, call.body).finish())
                except (NotSentError, AnswerLostError) as error:
                    if not left:
                        raise _failed(role_arn, f"{call.action}: {error}") from error
                else:
                    if not left or not _code(response).startswith(_TRANSIENT):
                        return response
            self.clock.sleep(_PAUSE_S)
        raise AssertionError("the last attempt returns or raises")


def _parameters(role: AssumeRole | WebIdentity) -> dict[str, Any]:
    return {
        "RoleArn": role.role_arn,
        "RoleSessionName": role.session_name,
        "DurationSeconds": int(role.duration_s),
    }


def _call(action: str, parameters: Mapping[str, Any], region: str = DEFAULT_REGION) -> Call:
    return Call(action, orjson.dumps(parameters), region, "en-US", service="sts", version="2018-08-13")


def _read(answer: Answer) -> Mapping[str, Any]:
    """The `Response` object. Raises AnswerLostError where there is none, in words without what the answer holds."""
    if answer.status != 200:
        raise AnswerLostError("NotAnApiAnswer", f"It answered with HTTP status {answer.status}.")
    try:
        response = orjson.loads(answer.body)["Response"]
    except (ValueError, KeyError, TypeError):
        response = None
    if not isinstance(response, dict):
        raise AnswerLostError("NotAnApiAnswer", "Its answer is not one of the API.")
    return response


def _code(response: Mapping[str, Any]) -> str:
    error = response.get("Error")
    return str(error.get("Code")) if isinstance(error, dict) else ""


def _refused(
    call: Call, role_arn: str, response: Mapping[str, Any], secrets: Iterable[str]
) -> StsRefusedError:
    error = response["Error"]
    code = _code(response) or "NoErrorCode"
    message = str(error.get("Message", "")) if isinstance(error, dict) else ""
    for secret in filter(None, secrets):
        message = message.replace(secret, "(hidden)")
    hint = next((hint for known, hint in _HINTS if f"{code}.".startswith(f"{known}.")), _HINT)
    return StsRefusedError.of(
        f"STS gives no keys for the role {role_arn}",
        detail=f"{call.action}: {code}: {message[:500]} (RequestId {response.get('RequestId', 'unknown')})",
        hint=hint,
        code=Code.ROLE_REFUSED,
    )


def _failed(role_arn: str, why: str) -> CloudError:
    return CloudError.of(
        f"STS could not be asked for keys of the role {role_arn}",
        detail=why,
        hint="Look at the network and proxy of this machine, and at `credentials.endpoint`.",
        code=Code.ROLE_REFUSED,
    )
