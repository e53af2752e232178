"""Which assets a plan is about: what is selected, and what that needs."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from mpsjobs.model.change import Change, Kind
from mpsjobs.model.state import State, chosen_take
from mpsjobs.plan.hindrances import has_failed, suffices
from mpsjobs.plan.selection import Candidate
from mpsjobs.plan.terms import Hindrance, Terms
from mpsjobs.plan.wanted import Wanted


def targeted_by(every: Mapping[str, Wanted], state: State, terms: Terms) -> frozenset[str]:
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


def blocked_by(every: Mapping[str, Wanted], state: State, terms: Terms) -> dict[str, Hindrance]:
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


def with_needs(
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


def mention_drawn_in(
    changes: dict[str, Change], wanted: Mapping[str, Wanted], targeted: Collection[str]
) -> None:
    """Say of what nobody selected why it is in the plan all the same."""
    user_of = {each: user for user in sorted(wanted, reverse=True) for each in wanted[user].asset.requires}
    for address in changes.keys() - targeted:
        change = changes[address]
        if change.kind is not Kind.KEEP:
            words = f"not selected, but {user_of[address]} needs it"
            changes[address] = replace(change, message="; ".join(filter(None, (words, change.message))))
