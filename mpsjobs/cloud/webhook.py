"""Posting JSON to a webhook. Its address is a secret: whoever knows it can write there."""

import ssl
from dataclasses import dataclass, field
from typing import Final

from mpsjobs.cloud.get import GetFailedError, post
from mpsjobs.cloud.proxy import NO_PROXIES, Proxies
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError, Diagnostic, Severity

WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts over the ways that the settings and the environment name. `tls` replaces the default TLS settings."""

    tls: ssl.SSLContext | None = field(default=None, repr=False)
    proxies: Proxies = NO_PROXIES
    within_s: float = WITHIN_S

    def __call__(self, url: str, body: bytes) -> None:
        """Post once; follow no redirect.

        Raises:
            CloudError: a warning that does not hold the address: there was no answer in time, or its status is not 2xx.
        """
        try:
            post(url, body, within_s=self.within_s, tls=self.tls, proxies=self.proxies)
        except GetFailedError as error:
            raise CloudError(
                Diagnostic(
                    "Nobody was told of the end of this apply",
                    f"The webhook: {error}.",
                    "What was done is recorded all the same.",
                    severity=Severity.WARNING,
                    code=Code.NOT_NOTIFIED,
                )
            ) from None  # the cause may hold the address
