"""What boto3 signs with: the keys of the moment, and others when the server says that these have ended."""

import re
from typing import Any, Final

from botocore.credentials import Credentials as BotoCredentials, ReadOnlyCredentials

from mpsjobs.cloud.credentials import CredentialsProvider, Renewal

_ENDED: Final = frozenset({"ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "RequestExpired", "400"})
"""How a store says that keys are not good any more; a HEAD has no words for it."""

_SIGNED_WITH: Final = "mpsjobs_signed_with"
_SIGNER: Final = re.compile(r"Credential=([^/]+)/")


class KeysOfTheMoment(BotoCredentials):  # type: ignore[misc]  # the library has no types
    """Asked for at each request, so that a client outlives its keys."""

    def __init__(self, provider: CredentialsProvider) -> None:
        keys = provider()
        super().__init__(keys.secret_id, keys.secret_key, keys.token, method="mpsjobs")
        self._provider = provider

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        keys = self._provider()
        return ReadOnlyCredentials(keys.secret_id, keys.secret_key, keys.token)

    def load_credentials(self) -> "KeysOfTheMoment":
        """As boto3 asks a place for the credentials that it has."""
        return self


def watch_for_ended_keys(client: Any, renew: Renewal) -> None:
    """Have boto3 send a request again, signed anew, where its keys have ended and `renew` says that there are others now."""

    def note_signer(request: Any, **_: object) -> None:
        signer = _SIGNER.search(str(request.headers.get("Authorization", "")))
        request.context[_SIGNED_WITH] = signer[1] if signer else None

    def needs_retry(response: Any, request_dict: Any, **_: object) -> float | None:
        code = response[1].get("Error", {}).get("Code") if response else None
        signer = request_dict["context"].get(_SIGNED_WITH)
        return 0.0 if code in _ENDED and signer and renew(signer) else None

    client.meta.events.register_last("request-created.s3", note_signer)
    client.meta.events.register("needs-retry.s3", needs_retry)
