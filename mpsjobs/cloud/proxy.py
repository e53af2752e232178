"""Proxies, as the environment names them for every program: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in either case.

The rules are those of urllib, requests and curl. Lower case wins; nothing is special about loopback unless NO_PROXY says so. An entry of
NO_PROXY is a host with all below it, with or without a port, an address, a network such as 10.0.0.0/8, or `*`.
"""

import base64
import contextlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self
from urllib import request
from urllib.parse import unquote, urlsplit

from mpsjobs.cloud.endpoint import Endpoint
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a proxy listens. `authorization` is the header that it wants, a secret: `str` and `repr` show host and port alone."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Proxies:
    """Which proxy leads where. `urls` has them by scheme, `no` the exceptions; they may hold passwords and are never shown."""

    urls: Mapping[str, str] = field(repr=False)

    @classmethod
    def from_environment(cls) -> Self:
        return cls(request.getproxies_environment())

    def to(self, endpoint: Endpoint) -> Proxy | None:
        """The proxy on the way to an endpoint; None for the direct way.

        Raises:
            CloudError: the variable names no proxy that can be used.
        """
        scheme = "https" if endpoint.tls else "http"
        name = scheme if self.urls.get(scheme) else "all"
        url = self.urls.get(name)
        return _proxy(f"{name.upper()}_PROXY", url) if url and not self._passes_by(endpoint) else None

    def _passes_by(self, endpoint: Endpoint) -> bool:
        exceptions = self.urls.get("no", "")
        bare = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        address = f"{bare}:{endpoint.port}"
        if request.proxy_bypass_environment(address, {"no": exceptions}):  # type: ignore[attr-defined]  # typeshed lacks it
            return True
        return any(_within(endpoint.host, each.strip().strip("[]")) for each in exceptions.split(","))


NO_PROXIES: Final = Proxies({})
"""The direct way everywhere."""


def _within(host: str, network: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    return False


def _proxy(variable: str, url: str) -> Proxy:
    """Read `[http://][user:password@]host[:port]`. What is wrong is said without showing the URL: it may hold a password."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    if parts.scheme != "http" or not host or not host.isascii() or " " in host:
        kind = f"a proxy of the kind {parts.scheme!r:.20}" if host else "something that is no proxy's address"
        raise CloudError.of(
            "The proxy cannot be used",
            detail=f"{variable} names {kind}.",
            hint=f"Write {variable}=http://host:port, with user:password@ before the host where it wants that, "
            "or name the hosts that are reached without it in NO_PROXY.",
            code=Code.BAD_PROXY,
        )
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return Proxy(host, port if port is not None else 80, authorization)
