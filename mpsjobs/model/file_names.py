"""Addresses as names of files, valid on every system."""

from typing import Final

_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
)


def stem_of(address: str) -> str:
    """The address as the name of a file or a folder."""
    first, dot, rest = address.partition(".")
    return (f"{first}~" if first.lower() in _RESERVED else first) + dot + rest
