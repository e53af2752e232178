"""The role that is bound to a CVM instance, from the metadata service of the machine.

Our own, because the vendor's CVMRoleCredential waits without end for a machine that is not there, swallows every error, and keeps to itself
when the keys end.
"""

import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

import orjson

from mpsjobs.cloud.credentials import Credentials, Nothing, Source
from mpsjobs.cloud.get import GetFailedError, get
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError

METADATA: Final = "http://metadata.tencentyun.com"
"""Answers on the machines of the vendor only."""

_ROLES: Final = "/latest/meta-data/cam/security-credentials/"
_WITHIN_S: Final = 2.0
_ROLE = re.compile(r"[\w+=,.@-]{1,128}")


def from_cvm_role(metadata: str = METADATA) -> Source | Nothing:
    """The credentials of the machine's role, if this is such a machine and has one. Takes two seconds at most to say no."""
    place = "CVM role"
    try:
        role = get(f"{metadata}{_ROLES}", within_s=_WITHIN_S, direct=True).strip()
    except GetFailedError as error:
        if error.status == 404:
            return Nothing(place, "no role is bound to this machine")
        return Nothing(place, f"the metadata service does not answer, so this is no CVM: {error}")
    if not _ROLE.fullmatch(role):
        return Nothing(place, "the metadata service answers with something that is no role")
    return Source(f"role {role} on CVM", lambda: _fetch(metadata, role))


def _fetch(metadata: str, role: str) -> Credentials:
    try:
        answer = orjson.loads(get(f"{metadata}{_ROLES}{quote(role)}", within_s=_WITHIN_S, direct=True))
        if answer["Code"] != "Success":
            raise _failed(role, f"It says {str(answer['Code'])[:80]!r}.")
        return Credentials(
            answer["TmpSecretId"],
            answer["TmpSecretKey"],
            answer["Token"],
            datetime.fromtimestamp(answer["ExpiredTime"], UTC),
        )
    except GetFailedError as error:
        raise _failed(role, f"{error}.") from error
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        # `from None`: the parser's own words may quote the answer.
        raise _failed(role, "Its answer does not hold keys and their end.") from None


def _failed(role: str, why: str) -> CloudError:
    return CloudError.of(
        f"The metadata service gives no keys of the role {role}",
        detail=why,
        hint="Look in the console whether the role is still bound to this machine, and try again.",
        code=Code.ROLE_REFUSED,
    )
