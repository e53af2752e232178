"""Deciding about takes: what somebody says after listening becomes lines of `mpsjobs.picks.yaml`, or a `pick:` in a spec.

The command line and the listening page say it by way of `Project.decide`.
"""

from collections.abc import Iterable
from pathlib import Path

from mpsjobs.deciding.exchange import read_verdicts
from mpsjobs.deciding.files import Decided, diff_of, one_at_a_time, plan_files, write
from mpsjobs.deciding.verdict import Verdict
from mpsjobs.deciding.weigh import Desk, weigh
from mpsjobs.model.change import Plan
from mpsjobs.model.state import State
from mpsjobs.spec.load import Loaded

__all__ = ["Decided", "Verdict", "decide", "diff_of", "one_at_a_time", "read_verdicts", "write"]


def decide(root: Path, loaded: Loaded, plan: Plan, state: State, verdicts: Iterable[Verdict]) -> Decided:
    """What comes of verdicts. `plan` is about all of `loaded`, made from `state`. Nothing is written yet.

    Raises:
        MpsjobsError: what cannot be decided, all of it at once.
    """
    inline = {asset.address: loaded.fields[asset.address].get("pick") for asset in loaded.assets}
    desk = Desk(
        {
            each.address: each.fingerprint
            for each in plan.changes
            if each.fingerprint and each.address in inline
        },
        state,
        plan.realm,
        loaded.statements.decisions,
        {address: said.value for address, said in inline.items() if said is not None},
    )
    return plan_files(root, loaded.statements.decisions, weigh(desk, verdicts), loaded.fields)
