"""The plan: changes for the reader, and the actions that carry them out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mpsjobs.model.asset import Asset
from mpsjobs.model.change import Change, Kind, Plan, Reconcile, Resume
from mpsjobs.model.diagnostics import Diagnostic
from mpsjobs.model.state import AssetRecord, State
from mpsjobs.model.statements import NOTHING_SAID, Statements
from mpsjobs.plan.actions import imports_of, open_takes_of, publications_of, steps_of
from mpsjobs.plan.choosing import blocked_by, mention_drawn_in, targeted_by, with_needs
from mpsjobs.plan.cost import priced
from mpsjobs.plan.decisions import Ruling
from mpsjobs.plan.diff import change_of
from mpsjobs.plan.finishing import finishes, with_finishing
from mpsjobs.plan.hindrances import beyond_limit, hindrance_of, suffices
from mpsjobs.plan.imports import Imports
from mpsjobs.plan.judging import judge, mention_judged, missed
from mpsjobs.plan.moves import Moves, said_moves, seen_moves
from mpsjobs.plan.notes import shared_sounds, with_row
from mpsjobs.plan.policy import breaches
from mpsjobs.plan.promotion import Copies, bought_twice
from mpsjobs.plan.publishing import publish_of, with_publication
from mpsjobs.plan.purchases import Purchases
from mpsjobs.plan.removal import forbidden, remove
from mpsjobs.plan.risks import asset_risks, behind, large_regeneration, missing_in_store
from mpsjobs.plan.selection import Candidate
from mpsjobs.plan.terms import Hindrance, Known, Terms
from mpsjobs.plan.wanted import Wanted, in_order, name_sounds


def build(
    desired: Sequence[Asset],
    state: State,
    terms: Terms,
    diagnostics: Iterable[Diagnostic] = (),
    statements: Statements = NOTHING_SAID,
) -> Plan:
    """Compare what is wanted with what has been done. `statements` is what the specs say of renames and imports.

    Deterministic: the same input gives the same plan. `desired` has unique addresses. Reads `state`, never changes it.
    """
    ruling = Ruling(statements.decisions, state, terms)
    state = ruling.state
    said = said_moves(statements.moved, state, {asset.address for asset in desired})
    every = name_sounds(
        in_order(desired),
        state,
        terms.realm,
        lambda asset, name: suffices(asset, name, state, terms),
        said.old_of,
    )
    moves = seen_moves(every, state, terms.realm, said)
    every = ruling.settle(every, moves)
    judged = judge(every, ruling.state, terms.realm)
    state = judged.state
    targeted = targeted_by(every, state, terms)
    purchases = Purchases(Copies(terms.sources, terms.realm), Imports(statements.imports, state))
    blocked = blocked_by(every, state, terms)
    selected = with_needs(every, targeted, blocked, terms)
    made = _changes(selected, blocked, moves, state, terms, purchases)
    changes = {address: ruling.shown(change) for address, change in made.items()}
    wanted = {address: every[address] for address in changes}
    mention_drawn_in(changes, selected, targeted)
    gone = state.assets.keys() - every.keys() - moves.gone
    removals = remove(
        {each for each in gone if terms.selection.includes(Candidate(each))}, state, every, terms.realm
    )
    changes.update(removals.changes)
    open_takes = tuple(open_takes_of(state, terms, every))
    _mention(open_takes, changes, every)
    mention_judged(changes, judged)
    ordered = tuple(priced(with_row(changes[address], wanted), terms.prices) for address in sorted(changes))
    steps = [changes[address] for address in (*wanted, *sorted(changes.keys() - wanted.keys()))]
    arriving = {change.fingerprint for change in steps if change.generations}
    imports = imports_of(purchases, state)
    arriving |= {action.fingerprint for action in (*open_takes, *purchases.copies.actions, *imports)}
    return Plan(
        realm=terms.realm,
        lineage=state.lineage,
        serial=state.serial,
        changes=ordered,
        actions=(
            *ruling.rejects,
            *judged.of(changes),
            *open_takes,
            *purchases.copies.actions,
            *imports,
            *steps_of(steps, wanted, state, terms, purchases, removals),
            *finishes(steps, wanted, arriving),
            *publications_of(steps, wanted, arriving, state, terms),
        ),
        risks=(
            *behind(state.commit, terms.standing),
            *removals.risks,
            *missing_in_store(purchases.left_out, every, state, terms.realm),
            *large_regeneration(ordered),
            *ruling.risks(ordered),
            *asset_risks(ordered, wanted, state, terms, purchases.copies),
            *missed(changes, wanted, state, terms.realm),
            *bought_twice(ordered, purchases.copies),
        ),
        diagnostics=(
            *diagnostics,
            *shared_sounds(ordered, wanted),
            *said.diagnostics,
            *ruling.diagnostics,
            *purchases.imports.elsewhere(every),
            *forbidden(ordered, wanted, state),
            *ruling.forbidden(ordered, wanted),
            *breaches(ordered, wanted, state, terms, purchases.copies),
        ),
        environment=terms.environment,
        currency=terms.prices.currency if terms.prices else None,
        expected=judged.expected,
        left_out=tuple(purchases.left_out[address] for address in sorted(purchases.left_out)),
    )


def _changes(
    wanted: Mapping[str, Wanted],
    blocked: Mapping[str, Hindrance],
    moves: Moves,
    state: State,
    terms: Terms,
    purchases: Purchases,
) -> dict[str, Change]:
    """What happens to each address, in the order in which they need each other; nothing of what the selection leaves out."""
    changes: dict[str, Change] = {}
    bought = 0
    for address, want in wanted.items():
        known = _known(address, state, moves)
        hindrance = blocked.get(address) or _hindrance(want, changes, state, terms.realm)
        if not (hindrance and hindrance.for_good):
            hindrance = beyond_limit(terms.selection, bought) or hindrance
        change = change_of(want, known, state, terms, purchases, hindrance)
        if change.kind is Kind.FAILED and address in purchases.left_out:
            continue
        bought += change.generations > 0
        change = with_finishing(change, want, state, terms.realm)
        changes[address] = _published(change, want, known.record, state, terms)
    return changes


def _known(address: str, state: State, moves: Moves) -> Known:
    moved_from = moves.old_of.get(address)
    return Known(state.assets.get(moved_from or address), moved_from, paired=address in moves.paired)


def _hindrance(want: Wanted, changes: Mapping[str, Change], state: State, realm: str) -> Hindrance | None:
    """The worst of what keeps away what an asset needs."""
    found = [hindrance_of(need, changes.get(need.address), state, realm) for need in want.needs]
    return max(filter(None, found), key=lambda hindrance: hindrance.for_good, default=None)


def _mention(
    open_takes: Iterable[Resume | Reconcile], changes: dict[str, Change], every: Mapping[str, Wanted]
) -> None:
    """Show a task that no change waits for, so that "No changes." is never said while one is collected."""
    waited_for = {change.fingerprint for change in changes.values() if change.kind is not Kind.KEEP}
    user_of = {every[address].fingerprint: address for address in sorted(every, reverse=True)}
    for action in open_takes:
        if action.fingerprint in waited_for:
            continue
        address = user_of.get(action.fingerprint, action.address)
        running = isinstance(action, Resume)
        kind = Kind.RESUME if running else Kind.UNRESOLVED
        what = "is still running" if running else "was sent and its answer was lost"
        message = f"a request that nothing waits for {what}; its take is kept"
        shown = changes.get(address)
        if shown is None:
            changes[address] = Change(address, kind, action.fingerprint, message=message)
        elif shown.kind is Kind.KEEP:
            changes[address] = replace(shown, kind=kind, message=message)


def _published(
    change: Change, want: Wanted, record: AssetRecord | None, state: State, terms: Terms
) -> Change:
    publish = publish_of(want.asset, want.fingerprint, record, terms.publish_to)
    if publish is None:
        return change
    return with_publication(change, publish, record, state.pool(want.fingerprint), terms.realm)
