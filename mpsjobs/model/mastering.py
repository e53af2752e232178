"""Finishing: what is made of a take, here and for free, before people and game builds get it. Takes no part in the fingerprint."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any, Final, Self

import orjson

FORMATS: Final = ("mp3", "ogg", "wav", "flac")
"""What a finished file can be written as."""

_VERSION: Final = 1
"""Of what is made of the same settings; raise it when the same take would sound otherwise."""


@dataclass(frozen=True, slots=True)
class Mastering:
    """`loudness` in LUFS (integrated, EBU R 128), `true_peak` the most in dBTP, `fade_out` in seconds.

    `format` are the files that are made; none: one, in the format of the take.
    """

    loudness: float | None = None
    true_peak: float | None = None
    trim_silence: bool = False
    fade_out: float | None = None
    format: tuple[str, ...] = ()

    @property
    def recorded(self) -> dict[str, Any]:
        """As state keeps it: what is said, by the key in specs. Empty where nothing is made."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        found = {name: value for name, value in said.items() if value not in (None, False, ())}
        return {name: [*value] if isinstance(value, tuple) else value for name, value in found.items()}

    @property
    def name(self) -> str:
        """`m1-` and 16 hex digits: the fingerprint of the finishing, safe in keys."""
        canonical = orjson.dumps(self.recorded, option=orjson.OPT_SORT_KEYS)
        return f"m{_VERSION}-{blake2b(canonical, digest_size=8).hexdigest()}"

    @classmethod
    def of(cls, recorded: object) -> Self | None:
        """From what state keeps; None where nothing is made. What a newer mpsjobs wrote and this one does not know is passed over."""
        if not isinstance(recorded, Mapping):
            return None
        known = {each.name for each in fields(cls)}
        values = {name: value for name, value in recorded.items() if name in known}
        if isinstance(values.get("format"), list):
            values["format"] = tuple(values["format"])
        return cls(**values) if values else None

    def __bool__(self) -> bool:
        return self != NOTHING_MADE


NOTHING_MADE: Final = Mastering()
