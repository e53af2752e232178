"""The address of an API: `mps.intl.tencentcloudapi.com` or `http://127.0.0.1:9000`."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`host` in lower case, as the Host header and the signature want it; an IPv6 address without its brackets."""

    tls: bool
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `[http[s]://]host[:port]`; https unless it says otherwise.

        Raises:
            CloudError: it is something else.
        """
        try:
            parts = urlsplit(text if "://" in text else f"https://{text}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
            parts = urlsplit("")
        extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username
        if parts.scheme not in {"http", "https"} or not host or not host.isascii() or extra or " " in host:
            raise CloudError.of(
                "The endpoint is not an address",
                detail=f"`{text}` is not of the form host, host:port, http://host:port or https://host:port.",
                hint="Set provider.endpoint to the API's host, for example mps.intl.tencentcloudapi.com.",
                code=Code.BAD_ENDPOINT,
            )
        tls = parts.scheme == "https"
        return cls(tls, host, port if port is not None else (443 if tls else 80))

    @property
    def header(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.header}"
