"""The words and signs of a plan, shared by every form that it is shown in."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import orjson

from mpsjobs.model.asset import Json, masked
from mpsjobs.model.change import Change, Kind, LeftOut, Plan, Reason
from mpsjobs.model.lifecycle import OnRemove
from mpsjobs.model.money import Cost
from mpsjobs.plan.cost import Share, by_group
from mpsjobs.plan.word_diff import Piece, Side, folded, word_diff

SYMBOLS = {
    Kind.GENERATE: "+",
    Kind.REGENERATE: "-/+",
    Kind.RESTORE: "+",
    Kind.UPDATE: "~",
    Kind.MOVE: "~",
    Kind.RETIRE: "-",
    Kind.RESUME: "~",
    Kind.UNRESOLVED: "?",
    Kind.FAILED: "!",
    Kind.KEEP: " ",
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

# What is said of one asset, and of several.
_SAID = {
    Kind.GENERATE: ("will be generated", "will be generated"),
    Kind.REGENERATE: ("must be regenerated", "must be regenerated"),
    Kind.RESTORE: (
        "will be restored from a take that is there, free",
        "will be restored from takes that are there, free",
    ),
    Kind.UPDATE: ("will be updated in place", "will be updated in place"),
    Kind.MOVE: ("has moved", "have moved"),
    Kind.RETIRE: ("will be retired: its takes are kept", "will be retired: their takes are kept"),
    Kind.RESUME: (
        "will be resumed: its task is still running",
        "will be resumed: their tasks are still running",
    ),
    Kind.UNRESOLVED: ("is unresolved", "are unresolved"),
    Kind.FAILED: (
        "has failed and is not tried again by itself; to try: mpsjobs apply --target failed:",
        "have failed and are not tried again by themselves; to try: mpsjobs apply --target failed:",
    ),
}

_REMOVED = {
    OnRemove.DELETE: "will be deleted, as its lifecycle says",
    OnRemove.FORGET: "will be forgotten, as its lifecycle says",
}

NO_GROUP = "(no group)"
_REFERENCES = frozenset({"reference_audio", "reference_video"})
_CONTEXT = 3
_SHORT = 40
_MOST_NAMES = 10


def counted(number: int, what: str) -> str:
    """`1 asset`, `2 assets`, `5,000 assets`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def total(changes: Iterable[Change]) -> int:
    """The generations that these changes pay for."""
    return sum(change.generations for change in changes)


def generations_text(changes: Sequence[Change]) -> str:
    """What these changes pay for: `3 generations, 0.11 USD`."""
    costs = [change.cost for change in changes if change.cost]
    return paid_text(total(changes), sum(costs[1:], costs[0]) if costs else None)


def paid_text(generations: int, cost: Cost | None, to_pay: str = "") -> str:
    """`3 generations, 0.11 USD and 1 of them without a price`; without prices just the number."""
    songs = f"{counted(generations, 'generation')}{to_pay}"
    if cost is None or not generations:
        return songs
    if cost.unpriced == generations:
        return f"{songs}, without a price"
    unpriced = f" and {cost.unpriced:,} of them without a price" if cost.unpriced else ""
    return f"{songs}, {cost}{unpriced}"


def has_price(change: Change) -> bool:
    """Whether what it pays for is worth a word: it is more than one song, or known in money."""
    return change.generations > 1 or change.cost is not None


def headline(change: Change) -> str:
    """`level1.boss must be regenerated`."""
    moved = f" from {change.moved_from}" if change.kind is Kind.MOVE else ""
    removed = _REMOVED.get(change.on_remove) if change.on_remove else None
    return f"{change.address} {removed or _SAID[change.kind][0]}{moved}"


def group_headline(kind: Kind, changes: Sequence[Change]) -> str:
    """`12 assets must be regenerated (14 generations)`."""
    paid = f" ({generations_text(changes)})" if total(changes) else ""
    said = _SAID[kind][len(changes) > 1]
    if any(change.on_remove in _REMOVED for change in changes):
        said = "will be removed: what becomes of their takes is said with each"
    return f"{counted(len(changes), 'asset')} {said}{paid}"


def with_names(plan: Plan) -> Plan:
    """The plan as people read it: what is made from another asset names it by its address, where the plan knows whose sound it is."""
    names = {change.fingerprint: change.address for change in reversed(plan.changes)}
    return replace(plan, changes=tuple(_with_names(change, names) for change in plan.changes))


def _with_names(change: Change, names: Mapping[str | None, str]) -> Change:
    if _REFERENCES.isdisjoint(change.fields) and not change.reasons:
        return change
    fields = {path: _named(path, value, names) for path, value in change.fields.items()}
    reasons = (
        Reason(each.path, _named(each.path, each.before, names), _named(each.path, each.after, names))
        for each in change.reasons
    )
    return replace(change, fields=fields, reasons=tuple(reasons))


def _named(path: str, value: Json, names: Mapping[str | None, str]) -> Json:
    if path not in _REFERENCES or not isinstance(value, list):
        return value
    return [
        {"asset": names.get(str(item["asset"]), item["asset"])}
        if isinstance(item, dict) and "asset" in item
        else item
        for item in value
    ]


def groups(plan: Plan) -> list[tuple[Kind, list[Change]]]:
    """The changes that do something or need a look, by kind; within a kind in reading order."""
    found: dict[Kind, list[Change]] = {kind: [] for kind in Kind if kind is not Kind.KEEP}
    for change in plan.changes:
        if change.kind is not Kind.KEEP:
            found[change.kind].append(change)
    return [(kind, changes) for kind, changes in found.items() if changes]


def counts_text(plan: Plan) -> str:
    """`2 to generate, 1 to move`."""
    counts = {kind: plan.count([kind]) for kind in _VERBS}
    return ", ".join(f"{count:,} {_VERBS[kind]}" for kind, count in counts.items() if count)


def price_text(plan: Plan) -> str:
    """The price in a sentence: `3 generations to pay, 0.11 USD.`."""
    paid = f"{paid_text(plan.generations, plan.cost, ' to pay')}." if plan.generations else "Nothing to pay."
    return paid + retakes_text(plan)


def retakes_text(plan: Plan) -> str:
    """What may come on top of the price."""
    if not plan.retakes:
        return ""
    return f" Up to {counted(plan.retakes, 'generation')} more if takes miss what is expected."


def shares(plan: Plan, most: int) -> list[tuple[str, Share]]:
    """What each group of assets costs, by what it is called: the dearest `most` of them, the others in one.

    None where there is only one group.
    """
    every = by_group(plan.changes)
    if len(every) <= 1:
        return []
    named = [(each.group or NO_GROUP, each) for each in every[:most]]
    if rest := every[most:]:
        cost = sum((each.cost for each in rest[1:]), rest[0].cost)
        share = Share(None, sum(each.generations for each in rest), cost)
        named.append((f"and {counted(len(rest), 'more group')}", share))
    return named


def where_text(plan: Plan) -> str:
    """Where the takes come from: `environment staging, tencent/intl`."""
    return f"environment {plan.environment}, {plan.realm}" if plan.environment else plan.realm


def begun(plan: Plan) -> str:
    """How a plan with changes begins."""
    where = where_text(plan)
    if plan.draft:
        return f"As a draft, mpsjobs will do the following ({where}); nothing that is in use changes:"
    return f"mpsjobs will do the following ({where}):"


def nothing_to_do(plan: Plan) -> str:
    """What follows on `No changes.`, in a sentence."""
    number = len(plan.changes)
    match number:
        case _ if plan.draft and number:
            said = "Every take that the specs ask for is there to be listened to."
        case 0 if plan.left_out:
            said = "Nothing of what is selected can be bought by this plan."
        case _ if plan.left_out:
            said = f"{counted(number, 'asset')} {'is' if number == 1 else 'are'} as the specs want, the others are left out."
        case 0:
            said = "There are no assets."
        case 1:
            said = "The one asset is as the specs want it."
        case _:
            said = f"All {number:,} assets are as the specs want them."
    return f"{said} (environment {plan.environment})" if plan.environment else said


def note(change: Change) -> tuple[Piece, ...]:
    """Why, in one line: what the message says, and the fields that differ, the first text among them compared by word."""
    if change.kind is Kind.MOVE:
        return (_plain(f"from {change.moved_from}"),)
    parts: list[tuple[Piece, ...]] = []
    if change.message:
        parts.append((_plain(change.message),))
    if change.moved_from:
        parts.append((_plain(f"known before as {change.moved_from}"),))
    if change.kind is Kind.GENERATE and not change.reasons:
        parts.append((_plain(_what(change)),))
    parts += [_difference(reason) for reason in sorted(change.reasons, key=_is_text)]
    pieces: list[Piece] = []
    for part in parts:
        pieces += [_plain("; "), *part] if pieces else part
    return tuple(pieces)


def publishes_anew(change: Change) -> bool:
    """Whether a key is to be told beside the fields that differ."""
    return change.publishes is not None and all(reason.path != "publish" for reason in change.reasons)


def compared(reason: Reason) -> tuple[Piece, ...] | None:
    """The two texts of a reason by word; None where its values are no texts, or too short to be compared."""
    if not (isinstance(reason.before, str) and isinstance(reason.after, str)):
        return None
    return word_diff(reason.before, reason.after) if _is_text(reason) else None


def left_out_lines(plan: Plan) -> Iterator[str]:
    """What the selection keeps from being bought, by the reason: a few names of each, and what it would cost."""
    by_reason: dict[str, list[LeftOut]] = {}
    for each in plan.left_out:
        by_reason.setdefault(each.why, []).append(each)
    for why, left in by_reason.items():
        names = ", ".join(each.address for each in left[:_MOST_NAMES])
        more = f" and {len(left) - _MOST_NAMES:,} more" if len(left) > _MOST_NAMES else ""
        songs = counted(sum(each.generations for each in left), "generation")
        yield f"{why}: {names}{more} ({songs})"


def value_text(value: Json, most: int | None = 160) -> str:
    """As JSON, with all that could disturb a terminal escaped (controls, direction marks); long texts are cut."""
    text = harmless(orjson.dumps(masked(value)).decode())
    return text if most is None or len(text) <= most else f"{text[: most - 1]}…"


def harmless(text: str) -> str:
    """Text from elsewhere with whatever could disturb a terminal or a reader written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _is_harmless(char) else _escaped(char) for char in text)


def _is_harmless(char: str) -> bool:
    return unicodedata.category(char) not in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def _escaped(char: str) -> str:
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char) or (
        f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
    )


def _plain(text: str) -> Piece:
    return Piece(Side.BOTH, text)


def _what(change: Change) -> str:
    """What is made: model, version and the beginning of the prompt."""
    words = {name: str(masked(change.fields.get(name)) or "") for name in ("model", "version", "prompt")}
    prompt = f'"{words["prompt"]}"' if words["prompt"] else ""
    return " ".join(filter(None, (words["model"], words["version"], prompt)))


def _difference(reason: Reason) -> tuple[Piece, ...]:
    pieces = compared(reason)
    if pieces is not None:
        return (_plain(f"{reason.path}: "), *folded(pieces, _CONTEXT))
    if isinstance(reason.before, list | dict) or isinstance(reason.after, list | dict):
        return (_plain(reason.path),)
    if reason.before is None:
        return (_plain(f"{reason.path} = {value_text(reason.after, _SHORT)}"),)
    if reason.after is None:
        return (_plain(f"no {reason.path}"),)
    before, after = (value_text(value, _SHORT) for value in (reason.before, reason.after))
    return (_plain(f"{reason.path} {before} -> {after}"),)


def _is_text(reason: Reason) -> bool:
    """Whether both are texts of more than one word; a format or a version is shown whole."""
    return all(
        isinstance(value, str) and (" " in value or "\n" in value or len(value) > _SHORT)
        for value in (reason.before, reason.after)
    )
