"""What has been spent: counted from the state, which forgets no attempt that was or may have been paid."""

from dataclasses import dataclass
from datetime import date

from mpsjobs.model.money import Cost
from mpsjobs.model.state import State, Take
from mpsjobs.plan.cost import cost_of
from mpsjobs.plan.terms import Terms


@dataclass(frozen=True, slots=True)
class Spent:
    """Generations, and what they cost at the prices of now; None: there are no prices."""

    generations: int = 0
    cost: Cost | None = None


def spent(state: State, terms: Terms, since: date) -> Spent:
    """What this state says was submitted in its realm since the beginning of a day (UTC).

    Everything counts that was or may have been paid: takes that are used, rejected or deleted, those of assets that are gone, tasks that
    failed, requests whose answer was lost, also when nobody waits for them any more. What never left, was taken back or was refused made
    no task, and the state holds it no more. Copies and imports were not bought here.
    """
    begin, generations = since.isoformat(), 0
    cost = Cost(terms.prices.currency) if terms.prices else None
    for pool in state.pools.values():
        takes = sum(_bought(take) and take.intended_at >= begin for take in terms.takes(pool))
        if takes:
            songs = takes * terms.billed(pool.fields)
            generations += songs
            if cost and terms.prices:
                cost += cost_of(pool.fields, songs, terms.prices)
    return Spent(generations, cost)


def _bought(take: Take) -> bool:
    return take.origin_attempt is None and take.imported is None
