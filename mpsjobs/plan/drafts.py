"""Drafts: what a branch asks for is bought to be listened to, and nothing that is in use changes. What is merged later finds it there."""

from collections.abc import Iterable
from dataclasses import replace

from mpsjobs.model.change import Change, Copy, Import, Kind, Plan, Reconcile, Resume, Submit
from mpsjobs.model.codes import Code
from mpsjobs.model.state import Take
from mpsjobs.plan.risks import EVERY_ADDRESS
from mpsjobs.spec.suggest import listed

_AS_THEY_ARE = frozenset({Kind.RESUME, Kind.UNRESOLVED, Kind.FAILED, Kind.KEEP})

_ABOUT_RETIRING = frozenset({Code.MUST_NOT_RETIRE, Code.TOO_MANY_RETIRED})

_NOT_CHANGED = frozenset({"pick", "rejected", "lifecycle", "master", "publish"})
"""What is said of an asset beside its takes."""


def as_draft(plan: Plan) -> Plan:
    """The part of a plan that brings takes. Nothing is recorded, moved, rejected, retired or published."""
    actions = tuple(
        each for each in plan.actions if isinstance(each, Submit | Copy | Import | Resume | Reconcile)
    )
    bringing = {each.asset.address for each in actions if isinstance(each, Copy | Import)}
    changes = tuple(
        _as_draft(change, brings=change.address in bringing)
        for change in plan.changes
        if change.kind is not Kind.RETIRE
    )
    shown = {change.address for change in changes if change.kind is not Kind.KEEP} | {EVERY_ADDRESS}
    return replace(
        plan,
        changes=changes,
        actions=actions,
        risks=tuple(risk for risk in plan.risks if risk.address in shown),
        diagnostics=tuple(each for each in plan.diagnostics if each.code not in _ABOUT_RETIRING),
        draft=True,
    )


def _as_draft(change: Change, *, brings: bool) -> Change:
    heard = tuple(each for each in change.reasons if each.path.split(".")[0] not in _NOT_CHANGED)
    change = replace(change, reasons=heard, publishes=None)
    if change.generations:
        return replace(change, kind=Kind.GENERATE)
    if brings or change.kind in _AS_THEY_ARE:
        return change
    return replace(change, kind=Kind.KEEP, reasons=(), moved_from=None, message=None)


def told(drafts: Iterable[Take]) -> str | None:
    """In words: which drafts become takes of an asset."""
    numbers = [str(take.take) for take in drafts]
    many = "s"[: len(numbers) != 1]
    return (
        f"adopts {'a draft' if not many else 'drafts'}, free: take{many} {listed(numbers)}"
        if numbers
        else None
    )
