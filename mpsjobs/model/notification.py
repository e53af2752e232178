"""What is told, and to whom, when an apply has ended."""

import ipaddress
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from mpsjobs.model.asset import Json

NAMES: Final = (
    "project",
    "environment",
    "realm",
    "command",
    "summary",
    "exit_code",
    "submitted",
    "finished",
    "failed",
    "unresolved",
    "skipped",
    "running",
    "problems",
)
"""What a template may name."""


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """`webhook` is a secret, and so is what the variable `webhook_env` holds. `template`: a text, or the whole body."""

    webhook: str | None = field(default=None, repr=False)
    webhook_env: str | None = None
    on: Literal["always", "changes", "failure"] = "changes"
    template: str | dict[str, Json] | None = None


def unfit_webhook(url: str) -> str | None:
    """Why an address may not be called, without a word of it; None: it may. Plain http is for this machine alone."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if (
        parts.scheme not in {"http", "https"}
        or not host
        or not url.isascii()
        or not url.isprintable()
        or " " in url
    ):
        return "is no http or https URL"
    if parts.scheme == "http" and not _is_here(host):
        return "is plain http, which anybody on the way can read"
    return None


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
