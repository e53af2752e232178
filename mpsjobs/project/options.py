"""What a plan or an apply is told beside the specs."""

from dataclasses import dataclass

from mpsjobs.apply.mode import Mode
from mpsjobs.model.statements import Imported
from mpsjobs.plan.limits import NO_LIMITS, Limits
from mpsjobs.plan.saved import SavedPlan
from mpsjobs.plan.selection import EVERYTHING, Selection


@dataclass(frozen=True, slots=True)
class Options:
    """What a plan or an apply is told beside the specs.

    `saved` is a plan from a file: only what it says is done, if it still fits. `limits` stand in place of those of the policy for
    this once. After `max_failures` failures nothing more is submitted; at most `parallelism` takes are in flight at once. `resubmit` are
    addresses and globs whose attempts without an answer are given up if their outputs do not show now: their takes may then be paid twice.
    `patient`: whatever the policy says, nothing is given up for being unknown for long. `local_state`: a state
    file is trusted to outlive this machine, also in CI. `allow_delete`: takes may be deleted for good, as lifecycles order it. `imports`
    stand in place of those in the specs. `allow_behind`: in CI, a commit may be applied that does not contain the one applied last.
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


DEFAULTS = Options()
