"""The plan as a comment on a pull request: GitHub's Markdown, which GitLab reads too.

It always fits into a comment: what does not fit is folded, from every detail to one line an asset to rows of addresses with counts. It
is the same for the same plan, so that a comment that is kept up to date changes only when the plan does: no times, no serials. Whatever
users or the cloud wrote stands in code, where it can neither mention anybody nor be markup.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import unified_diff
from itertools import chain, islice

import click

from mpsjobs.cli.listening_page import ListeningPage
from mpsjobs.cli.output import diagnostic_lines
from mpsjobs.cli.plan_folding import fold
from mpsjobs.cli.plan_words import (
    SYMBOLS,
    compared,
    counted,
    counts_text,
    generations_text,
    group_headline,
    groups,
    harmless,
    has_price,
    left_out_lines,
    note,
    nothing_to_do,
    paid_text,
    price_text,
    publishes_anew,
    shares,
    total,
    value_text,
    where_text,
    with_names,
)
from mpsjobs.model.change import Change, Kind, Plan, Reason, Risk
from mpsjobs.model.diagnostics import Diagnostic, Severity
from mpsjobs.plan.word_diff import GAP, Piece, Side, folded

LONGEST = 60_000
"""Code units of UTF-16. GitHub takes 65,536 in a comment; the rest is for whoever wraps this into a larger one."""
_ROWS = 200
_RISKS = 20
_GROUPS = 20
_DIAGNOSTICS = 20
_DIAGNOSTIC_LINES = 12
_LINE = 240
_TEXT = 2_000
_OPEN = 5
_CONTEXT = 12

_HEARD = frozenset({Kind.REGENERATE, Kind.RESTORE, Kind.UPDATE, Kind.RETIRE})
"""What has something to hear before an apply."""

_Lines = Iterable[str]


def plan_markdown(plan: Plan, project: str, page: ListeningPage | None = None) -> str:
    """The comment. The first line is a hidden mark by which a later run finds it again. Assets are links to their places on the `page`."""
    lines = [*_head(plan, project), *_left_out(plan), *_risks(plan.risks), *_diagnostics(plan.diagnostics)]
    if page and plan.has_changes:
        lines += ["", f"[Listen to the takes]({page.url})"]
    blocks = _Blocks(LONGEST - _size("\n".join(lines)), groups(with_names(plan)), page)
    return "\n".join([*lines, *blocks.lines()])


def failure_markdown(project: str, diagnostics: Sequence[Diagnostic], environment: str | None = None) -> str:
    """The comment in place of a plan that cannot be made."""
    title = f"## mpsjobs plan for {code(project)}: {counted(len(diagnostics), 'mistake')}"
    return "\n".join([marker(project, environment), title, "", *_diagnostics(diagnostics)])


def marker(project: str, environment: str | None) -> str:
    """A comment within the comment that nobody sees; each environment of a project has its own."""
    name = f"{project}.{environment}" if environment else project
    return f"<!-- mpsjobs plan: {re.sub(r'[^A-Za-z0-9_.]+', '-', name)} -->"


def _head(plan: Plan, project: str) -> Iterator[str]:
    shown = groups(plan)
    yield marker(project, plan.environment)
    yield f"## mpsjobs plan for {code(project)} ({code(where_text(plan))})"
    yield ""
    if not shown:
        yield f"**No changes.** {nothing_to_do(plan)}"
        return
    yield f"**{counts_text(plan)}. {price_text(plan)}**"
    if plan.draft:
        yield ""
        yield "A draft: nothing that is in use changes."
    yield ""
    yield "| | change | assets | generations |"
    yield "|---|---|--:|--:|"
    for kind, changes in shown:
        paid = f"{total(changes):,}" if total(changes) else ""
        yield f"| `{SYMBOLS[kind]}` | {kind} | {len(changes):,} | {paid} |"
    if kept := plan.count([Kind.KEEP]):
        yield f"| | unchanged | {kept:,} | |"
    yield from _shares(plan)


def _shares(plan: Plan) -> Iterator[str]:
    rows = shares(plan, _GROUPS)
    if rows:
        yield ""
        yield "| group | cost |"
        yield "|---|---|"
        for name, share in rows:
            yield f"| {code(name) if share.group else name} | {paid_text(share.generations, share.cost)} |"


def _left_out(plan: Plan) -> Iterator[str]:
    if plan.left_out:
        yield ""
        yield f"### Left out: {counted(len(plan.left_out), 'asset')}"
        yield ""
        lines = list(left_out_lines(plan))
        yield from (f"- {code(line)}" for line in lines[:_RISKS])
        if len(lines) > _RISKS:
            yield f"- and {counted(len(lines) - _RISKS, 'more reason')}"


def _risks(risks: Sequence[Risk]) -> Iterator[str]:
    if risks:
        yield ""
        yield f"### Risks: {len(risks):,}"
        yield ""
        yield from (f"- {code(risk.address)}: {code(risk.summary)}" for risk in risks[:_RISKS])
        if len(risks) > _RISKS:
            yield f"- and {counted(len(risks) - _RISKS, 'more risk')}: `mpsjobs plan --verbose`"


def _diagnostics(diagnostics: Sequence[Diagnostic]) -> Iterator[str]:
    """Errors stand open, the rest is behind a click."""
    errors = [each for each in diagnostics if each.is_error]
    others = [each for each in diagnostics if not each.is_error]
    if errors:
        yield ""
        yield from _fenced("text", _diagnostic_text(errors))
    if others:
        warnings = sum(each.severity is Severity.WARNING for each in others)
        counts = ((warnings, "warning"), (len(others) - warnings, "notice"))
        title = ", ".join(counted(number, what) for number, what in counts if number)
        yield from _details(title, _fenced("text", _diagnostic_text(others)))


def _diagnostic_text(diagnostics: Sequence[Diagnostic]) -> Iterator[str]:
    for diagnostic in diagnostics[:_DIAGNOSTICS]:
        lines = islice(diagnostic_lines(diagnostic), _DIAGNOSTIC_LINES)
        yield from (_short(harmless(click.unstyle(line))) for line in lines)
    if len(diagnostics) > _DIAGNOSTICS:
        yield f"and {len(diagnostics) - _DIAGNOSTICS:,} more: mpsjobs validate"


# --- the changes, as far as there is room --------------------------------------------------------------------------------------------


class _Blocks:
    """One block for each kind of change, each as rich as fits: first rows of addresses for all, then lines, then details."""

    def __init__(
        self, room: int, found: Sequence[tuple[Kind, list[Change]]], page: ListeningPage | None
    ) -> None:
        self._found = found
        self._page = page
        rows = max(1, _ROWS // max(1, len(found)))
        self._blocks = [[*_block(kind, changes, _rows(changes, rows))] for kind, changes in found]
        self._room = room - sum(map(_length, self._blocks))
        for level in (_one_line_each, _in_detail):
            self._enrich(level)

    def _enrich(self, level: Callable[[Sequence[Change], ListeningPage | None], _Lines]) -> None:
        for number, (kind, changes) in enumerate(self._found):
            now = _length(self._blocks[number])
            richer = _fitting(_block(kind, changes, level(changes, self._page)), self._room + now)
            if richer is not None:
                self._blocks[number] = richer
                self._room += now - _length(richer)

    def lines(self) -> Iterator[str]:
        return chain.from_iterable(self._blocks)


def _block(kind: Kind, changes: Sequence[Change], body: _Lines) -> Iterator[str]:
    yield from _details(group_headline(kind, changes), body, seen=len(changes) <= _OPEN)


def _rows(changes: Sequence[Change], most: int) -> Iterator[str]:
    rows = list(fold(changes, most))
    for row in rows:
        assets = f": {counted(len(row.changes), 'asset')}" if len(row.changes) > 1 else ""
        paid = f", {generations_text(row.changes)}" if total(row.changes) else ""
        ends = " … ".join(code(name) for name in (row.name, row.last) if name is not None)
        yield f"- {ends}{assets}{paid}"
    if len(rows) < len(changes):
        yield ""
        yield "Too many for a comment; in full: `mpsjobs plan --verbose`"


def _one_line_each(changes: Sequence[Change], page: ListeningPage | None) -> Iterator[str]:
    for change in changes:
        paid = f" ({generations_text([change])})" if has_price(change) else ""
        why = "".join(_marked(piece) for piece in note(change))
        yield f"- {_named(change, page)}{paid}" + (f" {code(why)}" if why else "")


def _in_detail(changes: Sequence[Change], page: ListeningPage | None) -> Iterator[str]:
    for change in changes:
        paid = f" ({generations_text([change])})" if has_price(change) else ""
        moved = f" from {code(change.moved_from)}" if change.moved_from else ""
        yield f"- **{_named(change, page)}**{moved}{paid}"
        if change.message:
            yield f"  {code(change.message)}"
        if publishes_anew(change):
            yield f"  published as {code(str(change.publishes))}"
        if page and page.pictures and change.kind in _HEARD:
            yield f"  ![waveforms]({page.picture(change.address)})"
        lines = [*_diff_lines(change)]
        if lines:
            yield ""
            yield from (f"  {line}" for line in _fenced("diff", lines))
            yield ""


def _named(change: Change, page: ListeningPage | None) -> str:
    return f"[{code(change.address)}]({page.place(change.address)})" if page else code(change.address)


def _diff_lines(change: Change) -> Iterator[str]:
    if not change.reasons and change.kind in {Kind.GENERATE, Kind.RESTORE}:  # new here: this is what it is
        yield from (f"+ {name} = {value_text(value, _LINE)}" for name, value in change.fields.items())
    for reason in change.reasons:
        yield from _reason_lines(reason)


def _reason_lines(reason: Reason) -> Iterator[str]:
    pieces = compared(reason)
    if pieces is None:
        if reason.before is not None:
            yield f"- {reason.path} = {value_text(reason.before, _LINE)}"
        if reason.after is not None:
            yield f"+ {reason.path} = {value_text(reason.after, _LINE)}"
        return
    before, after = str(reason.before), str(reason.after)
    if "\n" in before or "\n" in after:
        yield f"  {reason.path}:"
        lines = unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
        yield from (
            f"{line[0]}   {_short(harmless(line[1:]))}" for line in islice(lines, 3, None) if line[0] != "@"
        )
        return
    shown = folded(pieces, _CONTEXT)
    for sign, gone in (("-", Side.NEW), ("+", Side.OLD)):
        text = "".join(piece.text for piece in shown if piece.side is not gone)
        yield f"{sign} {reason.path} = {_short(harmless(text), _TEXT)}"


def _marked(piece: Piece) -> str:
    match piece.side:
        case Side.OLD:
            return f"[-{piece.text}-]"
        case Side.NEW:
            return f"{{+{piece.text}+}}"
        case Side.BOTH | Side.GAP:
            return piece.text


# --- Markdown ------------------------------------------------------------------------------------------------------------------------


def code(text: str) -> str:
    """Text from elsewhere as a span of code in one line: no markup, no mention, no link, nothing invisible."""
    text = _short(harmless(text))
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _fenced(language: str, lines: _Lines) -> Iterator[str]:
    """A block of code whose lines cannot end it."""
    lines = list(lines)
    fence = "`" * max(3, 1 + max(map(_longest_run, lines), default=0))
    yield f"{fence}{language}"
    yield from lines
    yield fence


def _details(title: str, body: _Lines, *, seen: bool = False) -> Iterator[str]:
    """What is seen after a click, or before one. `title` is our own words."""
    yield ""
    yield f"<details{' open' if seen else ''}><summary>{title}</summary>"
    yield ""
    yield from body
    yield ""
    yield "</details>"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _short(text: str, most: int = _LINE) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}{GAP}"


def _fitting(lines: _Lines, room: int) -> list[str] | None:
    """The lines, if there is room for them; reads no further than that."""
    taken: list[str] = []
    for line in lines:
        room -= _size(line) + 1
        if room < 0:
            return None
        taken.append(line)
    return taken


def _length(lines: _Lines) -> int:
    return sum(_size(line) + 1 for line in lines)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
