"""Judging takes by what is expected of them now: an expectation that changes makes takes fit or unfit, and pays for nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mpsjobs.model.change import Change, Judge, Kind, Risk
from mpsjobs.model.expectations import NOTHING, Expectations, OnFail, verdict
from mpsjobs.model.state import State, chosen_take
from mpsjobs.plan.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Judged:
    """`expected` is what the users of each sound expect of its takes, `state` how things are when the takes are judged by it."""

    expected: Mapping[str, tuple[Expectations, ...]]
    state: State
    actions: tuple[Judge, ...]

    def of(self, changes: Mapping[str, Change]) -> tuple[Judge, ...]:
        """The actions that belong to these changes."""
        sounds = {change.fingerprint for change in changes.values()}
        return tuple(action for action in self.actions if action.fingerprint in sounds)


def judge(wanted: Mapping[str, Wanted], state: State, realm: str) -> Judged:
    """Judge the takes of all sounds that are wanted. Never changes `state`."""
    expected: dict[str, tuple[Expectations, ...]] = {}
    address_of: dict[str, str] = {}
    for address, want in wanted.items():
        if want.asset.expect is not NOTHING:
            expected[want.fingerprint] = (*expected.get(want.fingerprint, ()), want.asset.expect)
        address_of.setdefault(want.fingerprint, address)
    actions = tuple(_actions(address_of, expected, state, realm))
    if not actions:
        return Judged(expected, state, ())
    by_attempt = {action.attempt_id: action for action in actions}
    pools = dict(state.pools)
    for name in {action.fingerprint for action in actions}:
        takes = tuple(
            replace(take, misses=action.misses, unfit=action.unfit)
            if (action := by_attempt.get(take.attempt_id))
            else take
            for take in pools[name].takes
        )
        pools[name] = replace(pools[name], takes=takes)
    return Judged(expected, replace(state, pools=pools), actions)


def _actions(
    address_of: Mapping[str, str],
    expected: Mapping[str, tuple[Expectations, ...]],
    state: State,
    realm: str,
) -> Iterator[Judge]:
    for name, address in address_of.items():
        for take in state.pool(name).of_realm(realm):
            if not take.there or not (name in expected or take.misses):
                continue
            found = verdict(expected.get(name, ()), take.outputs)
            if (found.misses, found.unfit) != (take.misses, take.unfit):
                yield Judge(address, name, take.attempt_id, take.take, found.misses, found.unfit)


def mention_judged(changes: dict[str, Change], judged: Judged) -> None:
    """Show verdicts that change where nothing else does, so that "No changes." is never said of them."""
    words: dict[str, list[str]] = {}
    for action in judged.of(changes):
        now = "misses what is expected now" if action.misses else "is as expected now"
        words.setdefault(action.fingerprint, []).append(f"take {action.take} {now}")
    for address, change in changes.items():
        if change.fingerprint in words and change.kind in {Kind.KEEP, Kind.UPDATE}:
            message = "; ".join(filter(None, (change.message, *words[change.fingerprint])))
            changes[address] = replace(change, kind=Kind.UPDATE, message=message)


def missed(
    changes: Mapping[str, Change], wanted: Mapping[str, Wanted], state: State, realm: str
) -> Iterator[Risk]:
    """What the takes in use miss."""
    for address in changes:
        want = wanted.get(address)
        if want is None or want.asset.expect is NOTHING:
            continue
        take = chosen_take(state.pool(want.fingerprint), realm, want.asset.pick)
        if take and take.misses:
            yield Risk(address, f"take {take.take}: {'; '.join(take.misses)}")


def retakes(want: Wanted, *, wanted: int, covered: int, unfit: int) -> int | None:
    """How many takes may still be bought of this sound; None where nothing is taken again. `covered` are there or may still come."""
    expect = want.asset.expect
    if expect.on_fail is not OnFail.RETAKE:
        return None
    return max(0, wanted + expect.max_retakes - covered - unfit)
