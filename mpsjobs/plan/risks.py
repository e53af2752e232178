"""What a reviewer should look at twice in a plan, whatever the single changes say."""

from collections.abc import Iterable, Iterator

from mpsjobs.model.change import Change, Kind, Risk

_MANY = 10
_LARGE_PART = 4
"""From a quarter on, a slip in the defaults is more likely than a wish."""

EVERY_ADDRESS = "*"


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
