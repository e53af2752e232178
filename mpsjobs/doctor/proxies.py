"""The ways out of this machine, and the proxies that the environment puts into them."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from mpsjobs.cloud.connection import said
from mpsjobs.cloud.endpoint import Endpoint
from mpsjobs.cloud.proxy import Proxies, Proxy
from mpsjobs.model.settings import ProviderKind, StoreKind
from mpsjobs.wiring import Connections


@dataclass(frozen=True, slots=True)
class Way:
    """How a server is reached; `proxy` None: directly. In words it names hosts and ports, never a password."""

    endpoint: Endpoint
    proxy: Proxy | None

    @classmethod
    def to(cls, address: str) -> "Way":
        """The way to `[http[s]://]host[:port]`, as the environment has it now.

        Raises:
            CloudError: the address is none, or a variable names no proxy that can be used.
        """
        endpoint = Endpoint.parse(address)
        return cls(endpoint, Proxies.from_environment().to(endpoint))

    def __str__(self) -> str:
        return self.endpoint.header

    @property
    def variable(self) -> str:
        """The name of the variable that the proxy comes from, as it is written in the environment."""
        scheme = "https" if self.endpoint.tls else "http"
        names = [name for word in (scheme, "all") for name in (f"{word}_proxy", f"{word}_proxy".upper())]
        return next((name for name in names if os.environ.get(name)), names[1])

    @property
    def between(self) -> str:
        """The proxy in words."""
        return f"proxy {self.proxy} of {self.variable}"

    @property
    def remedy(self) -> str:
        """How to mend a proxy that does not work."""
        return f"Correct or unset {self.variable}, or name {self.endpoint.host} in NO_PROXY."


def ways(connections: Connections) -> Mapping[str, Way]:
    """The ways that leave this machine, as `api` and `store`.

    Raises:
        CloudError: see `Way.to`.
    """
    provider, store = connections.settings.provider, connections.settings.store
    found = {}
    if provider.kind is ProviderKind.TENCENT or provider.endpoint:
        found["api"] = Way.to(connections.api_endpoint)
    if store.kind is StoreKind.COS:
        found["store"] = Way.to(store.endpoint or f"{store.bucket}.cos.{store.region}.myqcloud.com")
    return found


def unreachable(place: Endpoint | Proxy, timeout_s: float) -> str | None:
    """Why no connection to this place can be made, in a few words; None when one can."""
    try:
        socket.create_connection((place.host, place.port), timeout_s).close()
    except (OSError, OverflowError, UnicodeError) as error:
        return said(error)
    return None
