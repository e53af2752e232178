"""What a plan or an apply is told beside the specs."""

from dataclasses import dataclass
from enum import StrEnum

from mpsjobs.apply.mode import Mode
from mpsjobs.model.statements import Imported
from mpsjobs.plan.limits import NO_LIMITS, Limits
from mpsjobs.plan.saved import SavedPlan
from mpsjobs.plan.selection import EVERYTHING, Selection


class Refresh(StrEnum):
    """Whether it is looked for outputs in use: in the store, which may have lost them.

    AS_USUAL: a plan does not look; an apply does, and only tells · OFF: nobody looks · RECORD: what is found becomes history before the
    plan is made (a plan makes as if).
    """

    AS_USUAL = "as usual"
    OFF = "off"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class Options:
    """What a plan or an apply is told beside the specs.

    `saved` is a plan from a file: only what it says is done, if it still fits. `limits` stand in place of those of the policy for
    this once. After `max_failures` failures nothing more is submitted; at most `parallelism` takes are in flight at once. `resubmit` are
    addresses and globs whose attempts without an answer are given up if their outputs do not show now: their takes may then be paid twice.
    `patient`: whatever the policy says, nothing is given up for being unknown for long. `local_state`: a state
    file is trusted to outlive this machine, also in CI. `allow_delete`: takes may be deleted for good, as lifecycles order it. `imports`
    stand in place of those in the specs. `allow_behind`: in CI, a commit may be applied that does not contain the one applied last.
    `regenerate_missing`: what is gone from the store, and from the provider, may be bought once more.
    """

    mode: Mode = Mode.APPLY
    strict: bool = False
    selection: Selection = EVERYTHING
    saved: SavedPlan | None = None
    resubmit: tuple[str, ...] = ()
    limits: Limits = NO_LIMITS
    max_failures: int | None = None
    parallelism: int | None = None
    lock_timeout_s: float = 0
    patient: bool = False
    local_state: bool = False
    allow_delete: bool = False
    allow_behind: bool = False
    imports: tuple[Imported, ...] | None = None
    refresh: Refresh = Refresh.AS_USUAL
    regenerate_missing: bool = False

    @property
    def records_drift(self) -> bool:
        """Whether the plan is made from what is in the store now."""
        if self.refresh is Refresh.AS_USUAL:
            return self.mode is Mode.REFRESH or (self.saved is not None and self.saved.refreshed)
        return self.refresh is Refresh.RECORD


DEFAULTS = Options()
