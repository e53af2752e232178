"""Options that stand in place of limits of the policy for this once."""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from typing import Any

import click

from mpsjobs.plan.limits import Limits
from mpsjobs.spec.fields import AMOUNT


def limited(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--max-generations`, `--max-cost`, `--max-regenerate`, `--max-retire`; the command gets `Limits`."""

    @click.option(
        "--max-generations",
        type=click.IntRange(min=1),
        metavar="N",
        help="Allow so many paid generations this once.",
    )
    @click.option(
        "--max-cost",
        callback=_amount,
        metavar="AMOUNT",
        help="Allow such a cost this once, in the currency of the prices.",
    )
    @click.option(
        "--max-regenerate",
        type=click.IntRange(0, 100),
        metavar="PERCENT",
        help="Allow so much of the recorded assets to be regenerated this once.",
    )
    @click.option(
        "--max-retire",
        type=click.IntRange(0, 100),
        metavar="PERCENT",
        help="Allow so much of them to be retired this once.",
    )
    @wraps(function)
    def command(
        *arguments: Any,
        max_generations: int | None,
        max_cost: Decimal | None,
        max_regenerate: int | None,
        max_retire: int | None,
        **rest: Any,
    ) -> Any:
        limits = Limits(max_generations, max_cost, max_regenerate, max_retire)
        return function(*arguments, limits=limits, **rest)

    return command


def _amount(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Decimal | None:
    if value is None:
        return None
    if not re.fullmatch(AMOUNT, value, re.ASCII):
        raise click.BadParameter("write an amount of money like 12.50, without a currency")
    return Decimal(value)
