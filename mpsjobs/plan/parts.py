"""A part of a plan that is carried out alone."""

from collections.abc import Collection
from dataclasses import replace

from mpsjobs.model.change import Import, Kind, Plan, Publish, Reconcile, Record, Resume


def only_waiting(plan: Plan, attempts: Collection[str] | None = None) -> Plan:
    """The part of a plan that waits for what was already submitted; the rest is left to an apply, and what speaks against it too.

    With `attempts` it is about these alone.
    """
    open_takes = [
        action
        for action in plan.actions
        if isinstance(action, Resume | Reconcile) and (attempts is None or action.attempt_id in attempts)
    ]
    sounds = {action.fingerprint for action in open_takes}
    changes = tuple(
        change
        for change in plan.changes
        if change.kind in {Kind.RESUME, Kind.UNRESOLVED}
        and (attempts is None or change.fingerprint in sounds)
    )
    waiting = {change.address for change in changes}
    followed = (
        action
        for action in plan.actions
        if isinstance(action, Record | Publish) and action.address in waiting
    )
    return replace(
        plan,
        changes=changes,
        actions=(*open_takes, *followed),
        risks=tuple(risk for risk in plan.risks if risk.address in waiting),
        diagnostics=tuple(each for each in plan.diagnostics if not each.is_error),
        left_out=(),
    )


def only_imports(plan: Plan) -> Plan:
    """The part of a plan that imports."""
    importing = {action.asset.address for action in plan.actions if isinstance(action, Import)}
    return replace(
        plan,
        changes=tuple(change for change in plan.changes if change.address in importing),
        actions=tuple(
            action
            for action in plan.actions
            if isinstance(action, Import) or (isinstance(action, Record) and action.address in importing)
        ),
        risks=tuple(risk for risk in plan.risks if risk.address in importing),
        diagnostics=tuple(each for each in plan.diagnostics if not each.is_error),
        left_out=(),
    )
