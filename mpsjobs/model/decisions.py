"""What people decided about takes after they had listened: which one is used, which ones never, and what is approved."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mpsjobs.model.diagnostics import Position
from mpsjobs.model.state import Take


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of `mpsjobs.picks.yaml`: what was decided about one address while it had the sound `fingerprint`.

    `take` is the number of the picked take, `sha256` that of its first file. `rejected` has the numbers of the takes that are never used
    again, each with the SHA-256 of its first file. A SHA-256 is in hex, and may be only its beginning; None: whatever has the number.
    `approved` is about the picked take.
    """

    fingerprint: str
    take: int | None = None
    sha256: str | None = None
    approved: bool = False
    rejected: Mapping[int, str | None] = field(default_factory=dict)
    at: Position = field(default=Position(""), compare=False)

    @property
    def empty(self) -> bool:
        return self.take is None and not self.rejected

    def rejects(self, take: Take) -> bool:
        """Whether this very take is rejected. It must be one of this sound."""
        return take.take in self.rejected and is_audio_of(take, self.rejected[take.take])


def is_audio_of(take: Take, sha256: str | None) -> bool:
    """Whether a decision with this SHA-256 is about the outputs of the take; None fits them all."""
    return sha256 is None or any(output.sha256.startswith(sha256) for output in take.outputs)
