"""The plan: changes for the reader, and the actions that carry them out."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from mpsjobs.model.asset import Asset
from mpsjobs.model.change import (
    Action,
    Change,
    Import,
    Kind,
    Plan,
    Publish,
    Reconcile,
    Record,
    Resume,
    Risk,
    Submit,
)
from mpsjobs.model.diagnostics import Diagnostic
from mpsjobs.model.lifecycle import Lifecycle
from mpsjobs.model.state import AssetRecord, State, chosen_take
from mpsjobs.model.statements import NOTHING_SAID, Statements
from mpsjobs.plan.cost import priced
from mpsjobs.plan.decisions import Ruling
from mpsjobs.plan.diff import (
    Hindrance,
    Known,
    Purchases,
    Terms,
    as_recorded,
    as_wanted,
    beyond_limit,
    change_of,
    has_failed,
    hindrance_of,
    suffices,
)
from mpsjobs.plan.finishing import finishes, with_finishing
from mpsjobs.plan.imports import Imports
from mpsjobs.plan.judging import judge, mention_judged, missed
from mpsjobs.plan.moves import Moves, said_moves, seen_moves
from mpsjobs.plan.notes import shared_sounds, with_row
from mpsjobs.plan.policy import breaches
from mpsjobs.plan.promotion import Copies, bought_twice
from mpsjobs.plan.publishing import due, held_back, publish_of, with_publication
from mpsjobs.plan.removal import Removals, forbidden, remove
from mpsjobs.plan.risks import behind, large_regeneration, missing_in_store
from mpsjobs.plan.selection import Candidate
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
    targeted = _targeted(every, state, terms)
    purchases = Purchases(Copies(terms.sources, terms.realm), Imports(statements.imports, state))
    blocked = _blocked(every, state, terms)
    selected = _with_needs(every, targeted, blocked, terms)
    made = _changes(selected, blocked, moves, state, terms, purchases)
    changes = {address: ruling.shown(change) for address, change in made.items()}
    wanted = {address: every[address] for address in changes}
    _mention_drawn_in(changes, selected, targeted)
    gone = state.assets.keys() - every.keys() - moves.gone
    removals = remove(
        {each for each in gone if terms.selection.includes(Candidate(each))}, state, every, terms.realm
    )
    changes.update(removals.changes)
    open_takes = tuple(_open_takes(state, terms, every))
    _mention(open_takes, changes, every)
    mention_judged(changes, judged)
    ordered = tuple(priced(with_row(changes[address], wanted), terms.prices) for address in sorted(changes))
    steps = [changes[address] for address in (*wanted, *sorted(changes.keys() - wanted.keys()))]
    arriving = {change.fingerprint for change in steps if change.generations}
    imports = _imports(purchases, state)
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
            *_steps(steps, wanted, state, terms, purchases, removals),
            *finishes(steps, wanted, arriving),
            *_publications(steps, wanted, arriving, state, terms),
        ),
        risks=(
            *behind(state.commit, terms.standing),
            *removals.risks,
            *missing_in_store(purchases.left_out, every, state, terms.realm),
            *large_regeneration(ordered),
            *ruling.risks(ordered),
            *_risks(ordered, wanted, state, terms, purchases.copies),
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


def _known(address: str, state: State, moves: Moves) -> Known:
    moved_from = moves.old_of.get(address)
    return Known(state.assets.get(moved_from or address), moved_from, paired=address in moves.paired)


def _targeted(every: Mapping[str, Wanted], state: State, terms: Terms) -> frozenset[str]:
    """The addresses that are selected. What could not be made because something it needs has failed counts as failed too."""
    if terms.selection.everything:
        return frozenset(every)
    failed = _failures(every, state, terms) if terms.selection.asks_for_failures else frozenset()
    return frozenset(
        address
        for address, want in every.items()
        if terms.selection.includes(Candidate.of(want.asset, failed=address in failed))
    )


def _failures(every: Mapping[str, Wanted], state: State, terms: Terms) -> frozenset[str]:
    failed: set[str] = set()
    for address, want in every.items():
        if has_failed(want, state, terms) or (
            not failed.isdisjoint(want.asset.requires)
            and not suffices(want.asset, want.fingerprint, state, terms)
        ):
            failed.add(address)
    return frozenset(failed)


def _blocked(every: Mapping[str, Wanted], state: State, terms: Terms) -> dict[str, Hindrance]:
    """What cannot be bought for want of something that is excluded and not there."""
    blocked: dict[str, Hindrance] = {}
    if not terms.selection.exclude:
        return blocked
    for address, want in every.items():
        for need in want.needs:
            there = chosen_take(state.pool(need.fingerprint), terms.realm, need.pick)
            if there or suffices(want.asset, want.fingerprint, state, terms):
                continue
            if terms.selection.excludes(Candidate.of(every[need.address].asset)):
                words = f"needs {need.address}, which is excluded and not there yet"
                blocked.setdefault(address, Hindrance(words, for_good=True, left_out=True))
            elif need.address in blocked:
                blocked.setdefault(address, blocked[need.address])
    return blocked


def _with_needs(
    every: Mapping[str, Wanted], targeted: Collection[str], blocked: Collection[str], terms: Terms
) -> dict[str, Wanted]:
    """What is selected and what it needs, in the given order. What is excluded is drawn in by nobody, and nothing is for what is blocked."""
    chosen = set(targeted)
    for want in reversed(list(every.values())):
        if want.asset.address in chosen and want.asset.address not in blocked:
            chosen.update(
                each
                for each in want.asset.requires
                if each in chosen or not terms.selection.excludes(Candidate.of(every[each].asset))
            )
    return {address: want for address, want in every.items() if address in chosen}


def _hindrance(want: Wanted, changes: Mapping[str, Change], state: State, realm: str) -> Hindrance | None:
    """The worst of what keeps away what an asset needs."""
    found = [hindrance_of(need, changes.get(need.address), state, realm) for need in want.needs]
    return max(filter(None, found), key=lambda hindrance: hindrance.for_good, default=None)


def _mention_drawn_in(
    changes: dict[str, Change], wanted: Mapping[str, Wanted], targeted: Collection[str]
) -> None:
    """Say of what nobody selected why it is in the plan all the same."""
    user_of = {each: user for user in sorted(wanted, reverse=True) for each in wanted[user].asset.requires}
    for address in changes.keys() - targeted:
        change = changes[address]
        if change.kind is not Kind.KEEP:
            words = f"not selected, but {user_of[address]} needs it"
            changes[address] = replace(change, message="; ".join(filter(None, (words, change.message))))


def _open_takes(state: State, terms: Terms, every: Mapping[str, Wanted]) -> Iterator[Resume | Reconcile]:
    """Everything in this realm that is, or may be, paid for and not collected yet, wanted or not."""
    timeouts = {want.fingerprint: want.asset.lifecycle.timeout_s for want in every.values()}
    for fingerprint, pool in state.pools.items():
        for take in terms.takes(pool):
            if take.in_flight:
                record = state.assets.get(take.address)
                recorded = Lifecycle.of(record.lifecycle).timeout_s if record else None
                timeout_s = timeouts.get(fingerprint, recorded)
                yield Resume(take.address, fingerprint, take.attempt_id, timeout_s)
            elif take.unresolved:
                yield Reconcile(take.address, fingerprint, take.attempt_id)


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


def _imports(purchases: Purchases, state: State) -> tuple[Import, ...]:
    """Takes that are imported are numbered after those that are copied."""
    copies = purchases.copies
    return purchases.imports.actions(
        {name: copies.next_number(name, state.pool(name)) for name in purchases.imports.fingerprints}
    )


def _steps(
    changes: Iterable[Change],
    wanted: Mapping[str, Wanted],
    state: State,
    terms: Terms,
    purchases: Purchases,
    removals: Removals,
) -> Iterator[Action]:
    copies, bought = purchases.copies, Counter[str]()
    for change in changes:
        want = wanted.get(change.address)
        if want is None:
            if change.address in removals.actions:
                yield removals.actions[change.address]
            continue
        songs = terms.songs(want.asset.sound)
        for _ in range(change.generations // songs):
            number = copies.next_number(want.fingerprint, state.pool(want.fingerprint))
            number += purchases.imports.planned(want.fingerprint) + bought[want.fingerprint]
            bought[want.fingerprint] += 1
            yield Submit(
                want.asset,
                want.fingerprint,
                want.fields,
                number,
                songs,
                _replaced(want, state, terms),
                want.needs,
            )
        yield from _records(change, want, state, terms.realm)


def _records(change: Change, want: Wanted, state: State, realm: str) -> Iterator[Record]:
    """A record that moves to another sound moves as it is first, so that nothing is lost if the new one never comes."""
    moved_from, moved = change.moved_from, state.assets.get(change.moved_from or "")
    if moved and (moved.fingerprint, moved.realm) != (want.fingerprint, realm):
        yield Record(
            change.address,
            moved.fingerprint,
            moved.takes,
            moved.pick,
            moved_from,
            moved.lifecycle,
            moved.realm,
        )
        moved_from = None
    if change.kind is not Kind.FAILED and _must_record(state.assets.get(change.address), want, realm):
        asset = want.asset
        yield Record(change.address, want.fingerprint, asset.takes, asset.pick, moved_from, asset.recorded)


def _published(
    change: Change, want: Wanted, record: AssetRecord | None, state: State, terms: Terms
) -> Change:
    publish = publish_of(want.asset, want.fingerprint, record, terms.publish_to)
    if publish is None:
        return change
    publication = due(publish, record, state.pool(want.fingerprint), terms.realm)
    return with_publication(change, publication, publish, record)


def _publications(
    changes: Iterable[Change],
    wanted: Mapping[str, Wanted],
    arriving: Collection[str | None],
    state: State,
    terms: Terms,
) -> Iterator[Publish]:
    """What is published now, or may be when the takes arrive that this apply brings."""
    for change in changes:
        want = wanted.get(change.address)
        changes_something = change.kind not in {Kind.KEEP, Kind.FAILED} or change.fingerprint in arriving
        if want and changes_something:
            record = state.assets.get(change.moved_from or change.address)
            publish = publish_of(want.asset, want.fingerprint, record, terms.publish_to)
            if publish:
                yield publish


def _replaced(want: Wanted, state: State, terms: Terms) -> tuple[str, ...]:
    """The attempts whose takes a new one takes the place of: those that are there if that was asked for, and those that are lost."""
    replacing = terms.selection.replaces(want.asset.address)
    return tuple(
        take.attempt_id
        for take in terms.takes(state.pool(want.fingerprint))
        if take.lost or (replacing and take.usable)
    )


def _must_record(record: AssetRecord | None, want: Wanted, realm: str) -> bool:
    return (
        record is None
        or (record.fingerprint, record.realm) != (want.fingerprint, realm)
        or as_recorded(record) != as_wanted(want)
    )


def _risks(
    changes: Iterable[Change], wanted: Mapping[str, Wanted], state: State, terms: Terms, copies: Copies
) -> Iterator[Risk]:
    realm = terms.realm
    for change in changes:
        if change.kind in {Kind.UNRESOLVED, Kind.FAILED}:
            yield Risk(change.address, change.message or change.kind)
        want = wanted.get(change.address)
        if want is None or change.generations:
            continue
        yield from _other_inputs(want, state, realm)
        record = state.assets.get(change.moved_from or change.address)
        publish = publish_of(want.asset, want.fingerprint, record, terms.publish_to)
        if publish and (risk := held_back(publish, record, state.pool(want.fingerprint), realm)):
            yield risk
        if want.asset.pick is None or copies.has(want.fingerprint, want.asset.pick):
            continue
        if not any(
            take.there and not take.rejected and take.take == want.asset.pick
            for take in state.pool(want.fingerprint).of_realm(realm)
        ):
            yield Risk(
                change.address, f"there is no take {want.asset.pick} to pick; the first good take is used"
            )


def _other_inputs(want: Wanted, state: State, realm: str) -> Iterator[Risk]:
    """Inputs of the take in use that are not the takes that the assets in question use now."""
    take = chosen_take(state.pool(want.fingerprint), realm, want.asset.pick)
    if take is None or not take.inputs:
        return
    for need in want.needs:
        now = chosen_take(state.pool(need.fingerprint), realm, need.pick)
        used = {each.take for each in take.inputs if each.fingerprint == need.fingerprint}
        if now and used and now.take not in used:
            numbers = ", ".join(map(str, sorted(used)))
            yield Risk(
                want.asset.address,
                f"made from another take: take {numbers} of {need.address}; now take {now.take} is used",
            )
