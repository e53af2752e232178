"""What a reviewer should look at twice in a plan, whatever the single changes say."""

from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

from mpsjobs.model.change import Change, Kind, LeftOut, Risk
from mpsjobs.model.checkout import Standing
from mpsjobs.model.state import State, chosen_take
from mpsjobs.plan.promotion import Copies
from mpsjobs.plan.publishing import held_back, publish_of
from mpsjobs.plan.terms import Terms
from mpsjobs.plan.wanted import Wanted

_MANY = 10


_LARGE_PART = 4
"""From a quarter on, a slip in the defaults is more likely than a wish."""


EVERY_ADDRESS = "*"


def behind(commit: str | None, standing: Standing) -> Iterator[Risk]:
    """That this plan may take back what was applied from a newer commit. `commit` is the one that was applied last."""
    match standing:
        case Standing.AHEAD:
            return
        case Standing.BEHIND:
            words = f"behind: the commit that was applied last, {str(commit)[:12]}, is not part of this checkout; the plan may undo what it brought"
        case Standing.SHALLOW:
            words = (
                "behind? the history of this clone is cut off before the commit that was applied last; to compare: git fetch "
                "--unshallow (in CI, check out with the whole history)"
            )
        case Standing.UNKNOWN:
            words = f"behind? this repository does not have the commit that was applied last, {str(commit)[:12]}; to compare: git fetch --all"
        case _:
            assert_never(standing)
    yield Risk(EVERY_ADDRESS, words)


def large_regeneration(changes: Iterable[Change]) -> Iterator[Risk]:
    """A risk of the plan as a whole, where a large part of what is there would be made and paid again."""
    known = [change for change in changes if change.kind not in {Kind.GENERATE, Kind.RETIRE}]
    again = [change for change in known if change.kind is Kind.REGENERATE]
    if len(again) >= _MANY and len(again) * _LARGE_PART >= len(known):
        paid = sum(change.generations for change in again)
        yield Risk(
            EVERY_ADDRESS,
            f"{len(again):,} of {len(known):,} known assets are made again, {paid:,} generations; is that meant?",
        )


def missing_in_store(
    left_out: Mapping[str, LeftOut], wanted: Mapping[str, Wanted], state: State, realm: str
) -> Iterator[Risk]:
    """What was paid for and is gone, take by take."""
    for address in sorted(left_out):
        if left_out[address].missing:
            for take in state.pool(wanted[address].fingerprint).of_realm(realm):
                if take.lost:
                    yield Risk(address, f"take {take.take} is {take.message}")


def asset_risks(
    changes: Iterable[Change], wanted: Mapping[str, Wanted], state: State, terms: Terms, copies: Copies
) -> Iterator[Risk]:
    realm = terms.realm
    for change in changes:
        if change.kind in {Kind.UNRESOLVED, Kind.FAILED}:
            yield Risk(change.address, change.message or change.kind)
        want = wanted.get(change.address)
        if want is None:
            continue
        pool, record = state.pool(want.fingerprint), state.assets.get(change.moved_from or change.address)
        publish = publish_of(want.asset, want.fingerprint, record, terms.publish_to)
        if publish and (risk := held_back(publish, change, record, pool, realm)):
            yield risk
        if change.generations:
            continue
        yield from _other_inputs(want, state, realm)
        if want.asset.pick is None or copies.has(want.fingerprint, want.asset.pick):
            continue
        if not any(
            take.there and not take.rejected and take.take == want.asset.pick for take in pool.of_realm(realm)
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
