"""What somebody says of the takes of one asset."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mpsjobs.model.diagnostics import Position


@dataclass(frozen=True, slots=True)
class Verdict:
    """What changes; all else stays as it is decided.

    `address` may be a glob. `pick` is a number, or 0: nothing is picked any more. `reject` has numbers of takes, with the SHA-256 of the
    recording that was heard, and `take_back` those whose rejection is taken back. `approved` is about the take that is picked, else about
    the one that is used.

    `fingerprint` and `sha256` (of the picked take) say what was heard, where that was elsewhere or some time ago: what is no longer the same
    is refused. None: what is there now. `at` is where it is written.
    """

    address: str
    pick: int | None = None
    sha256: str | None = None
    reject: Mapping[int, str | None] = field(default_factory=dict)
    take_back: tuple[int, ...] = ()
    approved: bool | None = None
    fingerprint: str | None = None
    at: Position | None = None
