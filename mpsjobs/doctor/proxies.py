"""The proxies that the environment names, and whether they are there."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from mpsjobs.model.settings import ProviderKind, StoreKind
from mpsjobs.wiring import Connections


@dataclass(frozen=True, slots=True)
class Way:
    """How `host:port` is reached. `variable` and `proxy` (host:port, never its password) are None where no proxy stands between."""

    host: str
    port: int
    variable: str | None = None
    proxy: tuple[str, int] | None = None

    @classmethod
    def to(cls, endpoint: str) -> "Way":
        """The way to `[http[s]://]host[:port]`, as the environment has it now."""
        parts = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
        host = parts.hostname or ""
        port = parts.port or (80 if parts.scheme == "http" else 443)
        address = getproxies().get(parts.scheme)
        if not address or proxy_bypass(f"{host}:{port}"):
            return cls(host, port)
        lower, upper = f"{parts.scheme}_proxy", f"{parts.scheme}_proxy".upper()
        variable = lower if os.environ.get(lower) else upper
        return cls(host, port, variable, _address(address))

    def __str__(self) -> str:
        return self.host if self.port in {80, 443} else f"{self.host}:{self.port}"

    @property
    def through(self) -> str:
        """The proxy in words."""
        host, port = self.proxy or ("", 0)
        return f"{host}:{port} ({self.variable})"


def ways(connections: Connections) -> Mapping[str, Way]:
    """The ways that leave this machine, as `api` and `store`."""
    provider, store = connections.settings.provider, connections.settings.store
    found = {}
    if provider.kind is ProviderKind.TENCENT or provider.endpoint:
        found["api"] = Way.to(connections.api_endpoint)
    if store.kind is StoreKind.COS:
        found["store"] = Way.to(store.endpoint or f"https://{store.bucket}.cos.{store.region}.myqcloud.com")
    return found


def _address(url: str) -> tuple[str, int]:
    """Host and port alone; a proxy without a port has the port of its scheme. ("", 0) where the variable holds no address."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "", 0
    return parts.hostname or "", port


def unreachable(host: str, port: int, timeout_s: float) -> str | None:
    """Why no connection to this place can be made, in a few words; None when one can."""
    try:
        socket.create_connection((host, port), timeout_s).close()
    except TimeoutError:
        return "no answer in time"
    except socket.gaierror:
        return "the name is not known"
    except (OSError, OverflowError, UnicodeError) as error:
        return (getattr(error, "strerror", None) or str(error)).lower()
    return None
