"""What may become of an asset, beside its sound."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from mpsjobs.model.diagnostics import Position

LONGEST_TASK_S: Final = 3600.0
"""How long an apply waits for a task where the asset says nothing else."""


class OnRemove(StrEnum):
    """What becomes of an asset whose block is gone.

    RETIRE: its takes are kept, and remembered under its address · DELETE: its outputs are deleted from the store, for good · FORGET: the
    address is remembered no more, its takes stay with their sound.
    """

    RETIRE = "retire"
    DELETE = "delete"
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """`guarded_at` is where `prevent_regenerate` is written. `timeout_s` None: `LONGEST_TASK_S`."""

    prevent_regenerate: bool = False
    prevent_retire: bool = False
    on_remove: OnRemove = OnRemove.RETIRE
    timeout_s: float | None = None
    guarded_at: Position | None = field(default=None, compare=False)

    @property
    def recorded(self) -> dict[str, bool | str | float]:
        """As state keeps it, so that it is obeyed when the asset's block is gone: what differs from the default, by the key in specs."""
        values = {
            "prevent_regenerate": self.prevent_regenerate or None,
            "prevent_retire": self.prevent_retire or None,
            "on_remove": str(self.on_remove) if self.on_remove is not OnRemove.RETIRE else None,
            "timeout": self.timeout_s,
        }
        return {key: value for key, value in values.items() if value is not None}

    @classmethod
    def of(cls, recorded: Mapping[str, object]) -> "Lifecycle":
        """From what state keeps. What a newer mpsjobs wrote and this one does not know is passed over."""
        on_remove, timeout = recorded.get("on_remove"), recorded.get("timeout")
        return cls(
            prevent_regenerate=recorded.get("prevent_regenerate") is True,
            prevent_retire=recorded.get("prevent_retire") is True,
            on_remove=OnRemove(on_remove)
            if isinstance(on_remove, str) and on_remove in {*OnRemove}
            else OnRemove.RETIRE,
            timeout_s=float(timeout) if isinstance(timeout, int | float) else None,
        )


PLAIN: Final = Lifecycle()
