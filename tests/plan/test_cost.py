"""What a plan costs: exact to the last digit, and never quietly less than it may be."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from mpsjobs.model.money import Cost, ModelPrices, Price, Prices, money
from mpsjobs.model.state import State
from mpsjobs.plan.build import build
from mpsjobs.plan.cost import by_group
from mpsjobs.plan.document import plan_document
from tests.plan.states import TERMS, asset, state_of, take

PRICES = Prices(
    "USD",
    {
        "GL": ModelPrices(
            {"3.*": Price(Decimal("0.07")), "3.0-pro": Price(Decimal("0.1"))}, Price(Decimal("0.05"))
        ),
        "EL": ModelPrices(other=Price(Decimal("0.002"), seconds=Decimal(90))),
        "Mureka": ModelPrices({"song_8": Price(Decimal(1))}),
    },
)
PRICED = replace(TERMS, prices=PRICES)
amounts = st.decimals(min_value=0, max_value=10**6, places=6)


@pytest.mark.parametrize(
    ("model", "version", "song"),
    [
        ("GL", "3.0-pro", "0.1"),  # named outright, whatever globs stand before it
        ("GL", "3.0-clip", "0.07"),
        ("GL", "2.0", "0.05"),
        ("GL", None, "0.05"),
        ("EL", "compose_v2", "0.18"),
        ("Mureka", "song_8", "1"),
    ],
)
def test_the_price_that_fits_best_counts(model: str, version: str | None, song: str) -> None:
    assert PRICES.cost(3, model, version) == Cost("USD", Decimal(song) * 3)


@pytest.mark.parametrize(("model", "version"), [("Mureka", "song_9"), ("Mureka", None), ("Kling", None)])
def test_what_has_no_price_is_counted_and_never_free(model: str, version: str | None) -> None:
    assert PRICES.cost(3, model, version) == Cost("USD", unpriced=3)
    other = replace(PRICES, other=Price(Decimal(2)))
    assert other.cost(3, model, version) == Cost("USD", Decimal(6))


def test_a_plan_and_each_of_its_changes_have_a_cost() -> None:
    wanted = [
        asset("a.x", takes=2, version="3.0-pro"),
        asset("a.y", "another", additional_parameters={"n": 3}),
        asset("kept", "kept"),
    ]
    plan = build(wanted, state_of((wanted[2], [take()])), PRICED)
    assert {change.address: change.cost for change in plan.changes} == {
        "a.x": Cost("USD", Decimal("0.2")),
        "a.y": Cost("USD", Decimal("0.15")),
        "kept": None,
    }
    assert plan.cost == Cost("USD", Decimal("0.35"))
    document = plan_document(plan)
    assert document["summary"]["cost"] == {"currency": "USD", "amount": "0.35", "unpriced": 0}  # type: ignore[index,call-overload]


def test_without_prices_nothing_is_said_of_money() -> None:
    plan = build([asset("a")], State("l"), TERMS)
    assert (plan.cost, plan.changes[0].cost, by_group(plan.changes)) == (None, None, ())


def test_a_plan_that_pays_for_nothing_costs_nothing() -> None:
    assert build([], State("l"), PRICED).cost == Cost("USD")


@given(st.lists(st.tuples(st.sampled_from(["a.x", "a.b.x", "b.x", "x", "y"]), amounts, st.integers(0, 3))))
def test_the_shares_of_the_groups_are_the_whole(found: list[tuple[str, Decimal, int]]) -> None:
    (change,) = build([asset("a")], State("l"), PRICED).changes
    changes = [
        replace(change, address=address, generations=2, cost=Cost("USD", amount, unpriced))
        for address, amount, unpriced in found
    ]
    shares = by_group(changes)
    assert sum((share.cost for share in shares), Cost("USD")) == sum(
        (each.cost for each in changes if each.cost), Cost("USD")
    )
    assert sum(share.generations for share in shares) == 2 * len(changes)
    assert [share.cost.amount for share in shares] == sorted(
        (share.cost.amount for share in shares), reverse=True
    )
    assert {share.group for share in shares} <= {"a", "b", None}


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "0.00 USD"),
        ("0.4", "0.40 USD"),
        ("12", "12.00 USD"),
        ("1E+3", "1,000.00 USD"),
        ("0.0350", "0.035 USD"),
        ("1234567.891", "1,234,567.891 USD"),
    ],
)
def test_money_is_shown_with_every_digit_that_counts(amount: str, shown: str) -> None:
    assert money(Decimal(amount), "USD") == shown
