"""What a plan costs: change by change, and group by group."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mpsjobs.model.asset import Json
from mpsjobs.model.change import Change
from mpsjobs.model.money import Cost, Prices


@dataclass(frozen=True, slots=True)
class Share:
    """What one group of assets costs. `group` is the first part of their addresses; None for those whose address has only one."""

    group: str | None
    generations: int
    cost: Cost


def cost_of(fields: Mapping[str, Json], generations: int, prices: Prices) -> Cost:
    """What so many songs of a sound with these canonical fields cost."""
    version = fields.get("version")
    return prices.cost(generations, str(fields.get("model")), None if version is None else str(version))


def priced(change: Change, prices: Prices | None) -> Change:
    """The change with its cost, if it has one and there are prices."""
    if prices is None or not change.generations:
        return change
    return replace(change, cost=cost_of(change.fields, change.generations, prices))


def by_group(changes: Iterable[Change]) -> tuple[Share, ...]:
    """Who costs how much, the dearest first; without prices there are no shares."""
    found: dict[str | None, Share] = {}
    for change in changes:
        if change.cost is None:
            continue
        first, point, _ = change.address.partition(".")
        group = first if point else None
        before = found.get(group)
        found[group] = (
            Share(group, before.generations + change.generations, before.cost + change.cost)
            if before
            else Share(group, change.generations, change.cost)
        )
    return tuple(
        sorted(found.values(), key=lambda each: (-each.cost.amount, -each.generations, each.group or ""))
    )
