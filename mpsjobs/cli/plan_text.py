"""The plan as a person reads it: what happens to which asset, and why."""

import unicodedata
from collections.abc import Iterator, Mapping

import click
import orjson

from mpsjobs.model.asset import Json, masked
from mpsjobs.model.change import Change, Kind, Plan, Reason

_SYMBOLS = {
    Kind.GENERATE: ("+", "green"),
    Kind.REGENERATE: ("-/+", "yellow"),
    Kind.RESTORE: ("+", "cyan"),
    Kind.UPDATE: ("~", "yellow"),
    Kind.MOVE: ("~", "cyan"),
    Kind.RETIRE: ("-", "red"),
    Kind.RESUME: ("~", "blue"),
    Kind.UNRESOLVED: ("?", "magenta"),
    Kind.FAILED: ("!", "red"),
}

_HEADERS = {
    Kind.GENERATE: "will be generated",
    Kind.REGENERATE: "must be regenerated",
    Kind.RESTORE: "will be restored: an earlier take comes back, free",
    Kind.UPDATE: "will be updated in place",
    Kind.MOVE: "has moved from",
    Kind.RETIRE: "will be retired: its takes are kept",
    Kind.RESUME: "will be resumed: its task is still running",
    Kind.UNRESOLVED: "is unresolved",
    Kind.FAILED: "has failed and is not tried again by itself; to try: mpsjobs apply --target failed:",
}

_VERBS = {
    Kind.GENERATE: "to generate",
    Kind.REGENERATE: "to regenerate",
    Kind.RESTORE: "to restore",
    Kind.UPDATE: "to update",
    Kind.MOVE: "to move",
    Kind.RETIRE: "to retire",
    Kind.RESUME: "to resume",
    Kind.UNRESOLVED: "unresolved",
    Kind.FAILED: "failed",
}

_LONGEST = 160


def plan_lines(plan: Plan) -> Iterator[str]:
    """The whole plan, ending in the summary line."""
    shown = [change for change in plan.changes if change.kind is not Kind.KEEP]
    if not shown:
        number = len(plan.changes)
        rest = f"All {number} assets are as the specs want them." if number else "There are no assets."
        rest += f" (environment {plan.environment})" if plan.environment else ""
        yield f"{click.style('No changes.', fg='green', bold=True)} {rest}"
        yield from _risk_lines(plan)
        return
    where = f"environment {plan.environment}, {plan.realm}" if plan.environment else plan.realm
    yield f"mpsjobs will do the following ({where}):"
    for change in shown:
        yield ""
        yield from _change_lines(change)
    kept = len(plan.changes) - len(shown)
    if kept:
        yield ""
        yield f"  ({counted(kept, 'unchanged asset')} hidden)"
    yield from _risk_lines(plan)
    yield ""
    yield summary_line(plan)


def _risk_lines(plan: Plan) -> Iterator[str]:
    if plan.risks:
        yield ""
        yield click.style("Risks:", bold=True)
        yield from (f"  {risk.address}: {risk.summary}" for risk in plan.risks)


def summary_line(plan: Plan) -> str:
    """The last line, such as `Plan: 2 to generate, 1 to move. 2 generations to pay.`."""
    counts = [f"{count} {verb}" for kind, verb in _VERBS.items() if (count := plan.count([kind]))]
    paid = (
        "Nothing to pay."
        if not plan.generations
        else f"{plan.generations} generation{'s'[: plan.generations > 1]} to pay."
    )
    return f"{click.style('Plan:', bold=True)} {', '.join(counts)}. {paid}"


def _change_lines(change: Change) -> Iterator[str]:
    symbol, colour = _SYMBOLS[change.kind]
    moved = f" {change.moved_from}" if change.kind is Kind.MOVE else ""
    yield click.style(f"  # {change.address} {_HEADERS[change.kind]}{moved}", bold=True)
    songs = f"  ({change.generations} generations)" if change.generations > 1 else ""
    yield f"  {click.style(symbol, fg=colour)} {change.address}{songs}"
    if change.message:
        yield f"      {change.message}"
    if change.moved_from and change.kind is not Kind.MOVE:
        yield f"      known before as {change.moved_from}"
    if change.publishes and not any(reason.path == "publish" for reason in change.reasons):
        yield f"      published as {change.publishes}"
    if change.reasons:
        yield from _reason_lines(change.reasons)
        hidden = len(change.fields) - len(
            {reason.path.split(".")[0] for reason in change.reasons} & change.fields.keys()
        )
        if hidden and change.kind is Kind.REGENERATE:
            yield f"        ({counted(hidden, 'unchanged field')} hidden)"
    elif change.kind is Kind.GENERATE:
        yield from _field_lines(change.fields)


def _reason_lines(reasons: tuple[Reason, ...]) -> Iterator[str]:
    width = max(len(reason.path) for reason in reasons)
    for reason in reasons:
        name = reason.path.ljust(width)
        if reason.before is None:
            yield f"      {click.style('+', fg='green')} {name} = {value_text(reason.after)}"
        elif reason.after is None:
            yield f"      {click.style('-', fg='red')} {name} = {value_text(reason.before)}"
        else:
            yield f"      {click.style('~', fg='yellow')} {name} = {value_text(reason.before)} -> {value_text(reason.after)}"


def _field_lines(fields: Mapping[str, Json]) -> Iterator[str]:
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        yield f"      {click.style('+', fg='green')} {name.ljust(width)} = {value_text(value)}"


def value_text(value: Json) -> str:
    """As JSON, with all that could disturb a terminal escaped (controls, direction marks); long texts are cut."""
    text = "".join(
        char if unicodedata.category(char) not in {"Cc", "Cf"} else f"\\u{ord(char):04x}"
        for char in orjson.dumps(masked(value)).decode()
    )
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def counted(number: int, what: str) -> str:
    """`1 asset`, `2 assets`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
