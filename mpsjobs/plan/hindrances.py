"""Why something that is wanted is not bought now."""

from mpsjobs.model.asset import Asset
from mpsjobs.model.change import Change, Kind, Need
from mpsjobs.model.state import State, chosen_take
from mpsjobs.plan.judging import retakes
from mpsjobs.plan.purchases import Count
from mpsjobs.plan.selection import Selection
from mpsjobs.plan.terms import Hindrance, Terms
from mpsjobs.plan.wanted import Wanted

MISSING = Hindrance(
    "bought before and missing in the store; to buy them once more: --regenerate-missing",
    for_good=True,
    left_out=True,
    missing=True,
)


def suffices(asset: Asset, fingerprint: str, state: State, terms: Terms) -> bool:
    """Whether the asset could have this sound and nothing would have to be bought. What is lost is bought only if somebody says so."""
    count = Count.of(terms.takes(state.pool(fingerprint)), asset.pick)
    lost = 0 if terms.regenerate_missing else len(count.lost)
    return count.covered + lost >= asset.takes and not terms.selection.replaces(asset.address)


def has_failed(want: Wanted, state: State, terms: Terms) -> bool:
    """Whether takes are missing because the cloud refused them, attempts at them were in vain, or as many as may be bought are unfit."""
    pool = state.pool(want.fingerprint)
    count = Count.of(terms.takes(pool), want.asset.pick)
    if count.usable >= want.asset.takes:
        return False
    spare = retakes(want, wanted=want.asset.takes, covered=count.covered, unfit=len(count.unfit))
    worn_out = bool(count.unfit) and spare == 0
    return bool(count.failed or count.lost or worn_out) or terms.realm in pool.refused


def hindrance_of(need: Need, change: Change | None, state: State, realm: str) -> Hindrance | None:
    """What is in the way of an asset that another one needs; None when it is there, or will be if all goes well.

    `change` None: the selection leaves the needed asset out.
    """
    if chosen_take(state.pool(need.fingerprint), realm, need.pick) or (change and change.generations):
        return None
    if change is None:
        return Hindrance(f"needs {need.address}, which is left out", for_good=True, left_out=True)
    if change.kind is Kind.FAILED:
        return Hindrance(f"waits for {need.address}, which has failed", for_good=True)
    if change.kind is Kind.UNRESOLVED:
        return Hindrance(f"waits for {need.address}, whose outcome is unknown", for_good=False)
    return None


def stop_of(want: Wanted, hindrance: Hindrance | None, state: State, terms: Terms) -> Hindrance | None:
    """Why what is missing is not bought now, None if it is."""
    held = hindrance if hindrance and hindrance.for_good else None
    if held and not held.left_out:
        return held
    address = want.asset.address
    if not (terms.regenerate_missing or terms.selection.replaces(address)):
        pool = state.pool(want.fingerprint)
        if any(take.lost for take in terms.takes(pool)):
            return MISSING
    words = None if terms.selection.retries(address) else given_up(want, state, terms)
    return Hindrance(words, for_good=True) if words else held


def beyond_limit(selection: Selection, bought: int) -> Hindrance | None:
    """What keeps an asset from being bought when so many are bought already."""
    if selection.limit is None or bought < selection.limit:
        return None
    return Hindrance(f"beyond --limit {selection.limit}", for_good=True, left_out=True)


def worn_out(count: Count) -> Hindrance:
    """As many takes as may be bought have missed what is expected."""
    last = count.unfit[-1]
    tried = f"{len(count.unfit)} takes miss" if len(count.unfit) > 1 else f"take {last.take} misses"
    words = f"{tried} what is expected, and max_retakes allows no more; take {last.take}: {'; '.join(last.misses)}"
    return Hindrance(words, for_good=True)


def given_up(want: Wanted, state: State, terms: Terms) -> str | None:
    """Why no more takes are bought for this sound by themselves, None if they may be."""
    pool = state.pool(want.fingerprint)
    count = Count.of(terms.takes(pool))
    if refused := pool.refused.get(terms.realm):
        return f"{refused.code}: {refused.message}{_request(refused.request_id)}"
    if len(count.failed) >= terms.attempts:
        last = count.failed[-1]
        return f"failed {len(count.failed)} times, last: {last.message}{_request(last.request_id)}"
    return None


def _request(request_id: str | None) -> str:
    return f" (RequestId {request_id})" if request_id else ""
