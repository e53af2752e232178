"""The plan as a person reads it in a terminal: what happens to which asset, and why."""

import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import click
from rich.cells import cell_len

from mpsjobs.cli.output import Output
from mpsjobs.cli.plan_folding import Row, fold
from mpsjobs.cli.plan_words import (
    SYMBOLS,
    begun,
    compared,
    counted,
    counts_text,
    generations_text,
    group_headline,
    groups,
    harmless,
    has_price,
    headline,
    left_out_lines,
    note,
    nothing_to_do,
    paid_text,
    price_text,
    publishes_anew,
    shares,
    total,
    value_text,
    with_names,
)
from mpsjobs.cli.text_pieces import clipped, painted, wrapped
from mpsjobs.model.asset import Json
from mpsjobs.model.change import Change, Kind, Plan, Reason, Risk
from mpsjobs.plan.word_diff import Piece, Side, folded

_COLOURS = {
    Kind.GENERATE: "green",
    Kind.REGENERATE: "yellow",
    Kind.RESTORE: "cyan",
    Kind.UPDATE: "yellow",
    Kind.MOVE: "cyan",
    Kind.RETIRE: "red",
    Kind.RESUME: "blue",
    Kind.UNRESOLVED: "magenta",
    Kind.FAILED: "red",
}

FEW = 5
"""So many changes are shown in full without being asked for."""
MOST_LINES = 100
"""A kind of change with more assets is folded by the beginnings of their addresses."""
MOST_RISKS = 20
MOST_GROUPS = 10
_WIDEST_NAME = 48
_CONTEXT = 8


@dataclass(frozen=True, slots=True)
class Look:
    """How a plan is shown: in how many columns, with colours or with marks in their place, with every detail or as few as do."""

    width: int = 120
    colour: bool = False
    verbose: bool = False

    @classmethod
    def of(cls, output: Output, *, verbose: bool) -> "Look":
        """What fits where the results go; outside of a terminal COLUMNS may say how wide that is."""
        return cls(shutil.get_terminal_size((120, 24)).columns, output.coloured, verbose)


def plan_lines(plan: Plan, look: Look) -> Iterator[str]:
    """The whole plan, ending in the summary line."""
    shown = groups(with_names(plan))
    if not shown:
        yield _no_changes(plan)
        yield from _left_out(plan, look)
        yield from _risk_lines(plan.risks, look)
        return
    yield begun(plan)
    number = sum(len(changes) for _, changes in shown)
    for kind, changes in shown:
        if look.verbose or number <= FEW:
            yield from _in_full(changes, look)
        else:
            yield from _in_brief(kind, changes, look)
    if kept := plan.count([Kind.KEEP]):
        yield ""
        yield f"  ({counted(kept, 'unchanged asset')} hidden)"
    yield from _left_out(plan, look)
    yield from _risk_lines(plan.risks, look)
    yield from _share_lines(plan, look)
    yield ""
    yield summary_line(plan)


def one_line(plan: Plan) -> str:
    """All of it in one line."""
    return summary_line(plan) if groups(plan) else _no_changes(plan)


def _no_changes(plan: Plan) -> str:
    return f"{click.style('No changes.', fg='green', bold=True)} {nothing_to_do(plan)}"


def summary_line(plan: Plan) -> str:
    """The last line, such as `Plan: 2 to generate, 1 to move. 2 generations to pay.`."""
    return f"{click.style('Plan:', bold=True)} {counts_text(plan)}. {price_text(plan)}"


def _share_lines(plan: Plan, look: Look) -> Iterator[str]:
    rows = shares(plan, len(plan.changes) if look.verbose else MOST_GROUPS)
    if rows:
        yield ""
        yield click.style("Cost by group:", bold=True)
        names = max(cell_len(name) for name, _ in rows)
        for name, share in rows:
            yield f"  {name}{' ' * (names - cell_len(name))}  {paid_text(share.generations, share.cost)}"


def _symbol(kind: Kind) -> str:
    return click.style(SYMBOLS[kind], fg=_COLOURS[kind])


# --- one line an asset ---------------------------------------------------------------------------------------------------------------


def _in_brief(kind: Kind, changes: Sequence[Change], look: Look) -> Iterator[str]:
    yield ""
    yield click.style(f"  # {group_headline(kind, changes)}", bold=True)
    rows = list(fold(changes, MOST_LINES))
    names = min(max(cell_len(row.text) for row in rows), _WIDEST_NAME)
    prices = [_price(row) if any(map(has_price, changes)) else "" for row in rows]
    paid = max(map(len, prices))
    for row, price in zip(rows, prices, strict=True):
        begin = f"{SYMBOLS[kind]} {row.text}{' ' * (names - cell_len(row.text))}"
        if paid:
            begin += f"  {price.ljust(paid)}"
        room = look.width - cell_len(begin) - 6
        what = painted(clipped(_row_note(row), room), colour=look.colour) if room > 1 else ""
        yield f"  {_symbol(kind)}{begin[len(SYMBOLS[kind]) :]}  {what}".rstrip()
    if len(rows) < len(changes):
        yield f"    (folded; in full: mpsjobs plan --verbose, or --target '{_example(rows)}')"


def _price(row: Row) -> str:
    return generations_text(row.changes) if total(row.changes) else ""


def _row_note(row: Row) -> tuple[Piece, ...]:
    if len(row.changes) == 1:
        return note(row.changes[0])
    return (Piece(Side.BOTH, counted(len(row.changes), "asset")),)


def _example(rows: Sequence[Row]) -> str:
    return next((row.name for row in rows if len(row.changes) > 1), rows[0].name)


# --- in full -------------------------------------------------------------------------------------------------------------------------


def _in_full(changes: Sequence[Change], look: Look) -> Iterator[str]:
    for change in changes:
        yield ""
        yield click.style(f"  # {headline(change)}", bold=True)
        songs = f"  ({generations_text([change])})" if has_price(change) else ""
        yield f"  {_symbol(change.kind)} {change.address}{songs}"
        if change.message:
            yield from _indented(harmless(change.message), look)
        if change.moved_from and change.kind is not Kind.MOVE:
            yield f"      known before as {change.moved_from}"
        if publishes_anew(change):
            yield f"      published as {harmless(str(change.publishes))}"
        if change.reasons:
            yield from _reason_lines(change.reasons, look)
            yield from _hidden_lines(change)
        elif change.kind in {Kind.GENERATE, Kind.RESTORE}:  # new here: this is what it is
            yield from _field_lines(change.fields, look)


def _hidden_lines(change: Change) -> Iterator[str]:
    named = {reason.path.split(".")[0] for reason in change.reasons}
    hidden = len(change.fields.keys() - named)
    if hidden and change.kind is Kind.REGENERATE:
        yield f"        ({counted(hidden, 'unchanged field')} hidden)"


def _reason_lines(reasons: Sequence[Reason], look: Look) -> Iterator[str]:
    width = max(len(reason.path) for reason in reasons)
    for reason in reasons:
        name = f"{reason.path.ljust(width)} ="
        if reason.before is None:
            yield f"      {click.style('+', fg='green')} {name} {_value(reason.after, look)}"
        elif reason.after is None:
            yield f"      {click.style('-', fg='red')} {name} {_value(reason.before, look)}"
        else:
            yield from _difference_lines(f"      {click.style('~', fg='yellow')} {name}", reason, look)


def _difference_lines(begin: str, reason: Reason, look: Look) -> Iterator[str]:
    pieces = compared(reason)
    if pieces is None:
        yield f"{begin} {_value(reason.before, look)} -> {_value(reason.after, look)}"
        return
    if reason.before == reason.after:  # the same words for another thing: take 1 of another sound
        yield f"{begin} {_value(reason.after, look)}"
        return
    pieces = (Piece(Side.BOTH, '"'), *folded(pieces, _CONTEXT), Piece(Side.BOTH, '"'))
    room = max(20, look.width - 10)
    lines = [painted(line, colour=look.colour) for line in wrapped(pieces, room)]
    if len(lines) == 1 and cell_len(click.unstyle(begin) + click.unstyle(lines[0])) < look.width:
        yield f"{begin} {lines[0]}"
        return
    yield begin
    yield from (f"          {line}" for line in lines)


def _field_lines(fields: Mapping[str, Json], look: Look) -> Iterator[str]:
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        yield f"      {click.style('+', fg='green')} {name.ljust(width)} = {_value(value, look)}"


def _value(value: Json, look: Look) -> str:
    return value_text(value, None if look.verbose else 160)


def _indented(text: str, look: Look) -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        max(40, look.width),
        initial_indent="      ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )


# --- what is left out ----------------------------------------------------------------------------------------------------------------


def _left_out(plan: Plan, look: Look) -> Iterator[str]:
    if plan.left_out:
        yield ""
        yield click.style(
            f"Left out: {counted(len(plan.left_out), 'asset')}, not bought by this plan", bold=True
        )
        for line in left_out_lines(plan):
            yield from textwrap.wrap(line, max(40, look.width), initial_indent="  ", subsequent_indent="    ")


# --- risks ---------------------------------------------------------------------------------------------------------------------------


def _risk_lines(risks: Sequence[Risk], look: Look) -> Iterator[str]:
    if not risks:
        return
    yield ""
    yield click.style("Risks:", bold=True)
    shown = risks if look.verbose else risks[:MOST_RISKS]
    for risk in shown:
        yield from textwrap.wrap(
            f"{risk.address}: {harmless(risk.summary)}",
            max(40, look.width),
            initial_indent="  ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    if len(shown) < len(risks):
        yield f"  and {counted(len(risks) - len(shown), 'more risk')}: mpsjobs plan --verbose"
