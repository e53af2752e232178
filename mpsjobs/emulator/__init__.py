"""A stand-in for the MPS audio actions on loopback, with a durable ledger and music worth listening to.

It imports nothing of the rest of `mpsjobs`: it checks signatures with its own code, so that a bug in the
client's signing cannot cancel out. The server never loads numpy; that happens in child processes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mpsjobs.emulator.config import EmulatorConfig, default_credentials, default_tokens

if TYPE_CHECKING:
    from mpsjobs.emulator.embedded import EmbeddedEmulator
    from mpsjobs.emulator.service import Emulator, EmulatorBusy, serve_forever

__all__ = [
    "EmbeddedEmulator",
    "Emulator",
    "EmulatorBusy",
    "EmulatorConfig",
    "default_credentials",
    "default_tokens",
    "serve_forever",
]

_LAZY = {
    "EmbeddedEmulator": "mpsjobs.emulator.embedded",
    "Emulator": "mpsjobs.emulator.service",
    "EmulatorBusy": "mpsjobs.emulator.service",
    "serve_forever": "mpsjobs.emulator.service",
}


def __getattr__(name: str) -> Any:
    """Load the server only when it is used: a command that merely reads the settings stays quick."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
