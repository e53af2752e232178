"""The actions that carry out the changes of a plan."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from mpsjobs.model.change import Action, Change, Import, Kind, Publish, Reconcile, Record, Resume, Submit
from mpsjobs.model.lifecycle import Lifecycle
from mpsjobs.model.state import AssetRecord, State
from mpsjobs.plan.diff import as_recorded, as_wanted
from mpsjobs.plan.publishing import publish_of
from mpsjobs.plan.purchases import Purchases
from mpsjobs.plan.removal import Removals
from mpsjobs.plan.terms import Terms
from mpsjobs.plan.wanted import Wanted


def open_takes_of(state: State, terms: Terms, every: Mapping[str, Wanted]) -> Iterator[Resume | Reconcile]:
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


def imports_of(purchases: Purchases, state: State) -> tuple[Import, ...]:
    """Takes that are imported are numbered after those that are copied."""
    copies = purchases.copies
    return purchases.imports.actions(
        {name: copies.next_number(name, state.pool(name)) for name in purchases.imports.fingerprints}
    )


def steps_of(
    changes: Iterable[Change],
    wanted: Mapping[str, Wanted],
    state: State,
    terms: Terms,
    purchases: Purchases,
    removals: Removals,
) -> Iterator[Action]:
    """What is submitted and recorded, in the order of the changes."""
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


def publications_of(
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
