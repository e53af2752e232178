"""The plan as one JSON document, for scripts: `plan --json`."""

from mpsjobs.model.asset import Json, masked
from mpsjobs.model.change import Change, Kind, Plan
from mpsjobs.model.diagnostics import Diagnostic
from mpsjobs.model.money import Cost

FORMAT_VERSION = 1


def plan_document(plan: Plan) -> dict[str, Json]:
    """Stable within a `format_version`: keys are added, never renamed or removed. `cost` is null where there are no prices."""
    summary: dict[str, Json] = {str(kind): plan.count([kind]) for kind in Kind}
    return {
        "format_version": FORMAT_VERSION,
        "realm": plan.realm,
        "environment": plan.environment,
        "draft": plan.draft,
        "lineage": plan.lineage,
        "serial": plan.serial,
        "summary": summary
        | {"generations": plan.generations, "retakes": plan.retakes, "cost": cost_document(plan.cost)},
        "changes": [_change(change) for change in plan.changes],
        "risks": [{"address": risk.address, "summary": risk.summary} for risk in plan.risks],
        "diagnostics": [diagnostic_document(diagnostic) for diagnostic in plan.diagnostics],
        "left_out": [
            {
                "address": each.address,
                "generations": each.generations,
                "why": each.why,
                "missing": each.missing,
            }
            for each in plan.left_out
        ],
    }


def _change(change: Change) -> Json:
    return {
        "address": change.address,
        "kind": str(change.kind),
        "reasons": [{"path": r.path, "before": r.before, "after": r.after} for r in change.reasons],
        "generations": change.generations,
        "fingerprint": change.fingerprint,
        "fields": masked(dict(change.fields)),
        "moved_from": change.moved_from,
        "message": change.message,
        "depends_on": [*change.depends_on],
        "publishes": change.publishes,
        "on_remove": str(change.on_remove) if change.on_remove else None,
        "deletes": change.deletes,
        "retakes": change.retakes,
        "cost": cost_document(change.cost),
    }


def cost_document(cost: Cost | None) -> Json:
    """`amount` is a text with all its digits: a number of JSON is read as a float."""
    if cost is None:
        return None
    return {"currency": cost.currency, "amount": f"{cost.amount.normalize():f}", "unpriced": cost.unpriced}


def diagnostic_document(diagnostic: Diagnostic) -> Json:
    position = diagnostic.position
    return {
        "code": diagnostic.code and str(diagnostic.code),
        "severity": str(diagnostic.severity),
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
        "hint": diagnostic.hint,
        "file": position.file if position else None,
        "line": position.line if position else None,
        "column": position.column if position else None,
        "related": [
            {"file": r.position.file, "line": r.position.line, "column": r.position.column, "label": r.label}
            for r in diagnostic.related
        ],
    }
