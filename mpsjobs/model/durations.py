"""Durations as people write them."""

import re

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smh])")


def seconds_of(text: str) -> float | None:
    """`90s`, `15m` or `2h` in seconds; None for anything else."""
    found = _DURATION.fullmatch(text)
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]] if found else None
