"""What people say about faults, on the command line and in `POST /_emulator/faults`, checked."""

import math
import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from mpsjobs.emulator.faults import DELAYS, GROUPS, NAMES, Fault, Faults, Scripted, action_of


def pairs(texts: Iterable[str]) -> dict[str, float]:
    """The numbers of `NAME=NUMBER,NAME=NUMBER`, the last one for each name. Raises ValueError."""
    found = {}
    for pair in (pair for text in texts for pair in text.split(",")):
        name, _, number = pair.partition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise ValueError(f"`{pair}` is not NAME=NUMBER") from None
    return found


def check_probabilities(given: Mapping[str, float]) -> None:
    """Refuse what cannot be drawn from. Raises ValueError."""
    for name, probability in given.items():
        named(name)
        if not _is_number(probability) or not 0 <= probability <= 1:
            raise ValueError(f"the probability of {name} is {probability}; it must be from 0 to 1")
    for group in (group for groups in GROUPS.values() for group in groups):
        drawn = [name for name in given if isinstance(NAMES[name], group)]
        total = math.fsum(given[name] for name in drawn)
        if total > 1 + 1e-9:
            raise ValueError(
                f"only one of {', '.join(drawn)} can strike at a time: {total:g} in all is above 1"
            )


def check_delays(given: Mapping[str, float]) -> None:
    """Raises ValueError."""
    for name, seconds in given.items():
        if name not in DELAYS:
            raise ValueError(f"`{name}` has no delay; these have: {', '.join(DELAYS)}")
        if not _is_number(seconds) or not 0 <= seconds <= threading.TIMEOUT_MAX:
            raise ValueError(f"the delay of {name} is {seconds}; it must be a number of seconds from 0")


def named(name: str) -> Fault:
    """Raises ValueError with the names that there are."""
    if name not in NAMES:
        raise ValueError(f"there is no fault `{name}`; there are: {', '.join(NAMES)}")
    return NAMES[name]


def control(faults: Faults, content: bytes) -> None:
    """Do what the JSON says, all of it or nothing.

    - `faults`: {NAME: P} takes the place of all probabilities;
    - `delays`: {NAME: SECONDS} for those that have one;
    - `next`: [{"fault": NAME or [NAMES], "action", "match", "times"}] is added to what is scripted. Each strikes
      `times` (1) requests whose prompt holds a match of the regular expression `match` (any). `action` may be
      left out, since the fault says it. A scripted request has no other faults.

    Raises ValueError.
    """
    body = _fields(orjson.loads(content), {"faults", "delays", "next"})
    probabilities = _fields(body["faults"]) if "faults" in body else None
    delays = _fields(body.get("delays", {}))
    check_probabilities(probabilities or {})
    check_delays(delays)
    entries = body.get("next", [])
    if not isinstance(entries, list):
        raise ValueError("`next` must be a list")  # noqa: TRY004 — a bad value of the client's, not a bug
    faults.replace(probabilities, delays, [_scripted(entry) for entry in entries])


def _scripted(entry: Any) -> Scripted:
    fields = _fields(entry, {"fault", "action", "match", "times"})
    names = fields.get("fault", [])
    found: tuple[Fault, ...] = tuple(
        named(str(name)) for name in (names if isinstance(names, list) else [names])
    )
    action = action_of(found)
    if fields.get("action", action) != action:
        raise ValueError(f"{', '.join(found)} can only strike {action}")
    times = fields.get("times", 1)
    if type(times) is not int or times < 1:
        raise ValueError("`times` must be a whole number from 1")
    try:
        match = re.compile(str(fields.get("match", "")))
    except re.error as error:
        raise ValueError(f"`match` is not a regular expression: {error}") from error
    return Scripted(found, match, times)


def _fields(value: Any, known: set[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} must be a JSON object")  # noqa: TRY004
    unknown = sorted(set(value) - known) if known is not None else []
    if unknown:
        raise ValueError(f"there is no `{unknown[0]}` here; there are: {', '.join(sorted(known or ()))}")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
