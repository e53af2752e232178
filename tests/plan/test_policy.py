"""What a policy forbids: counted from the plan and the state, and never loosened by a second policy."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mpsjobs.model.asset import Asset, Sensitive
from mpsjobs.model.change import Plan
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position
from mpsjobs.model.money import ModelPrices, Price, Prices
from mpsjobs.model.policy import Budget, Clause, OutsidePolicy, Per, PolicySettings, strictest
from mpsjobs.model.state import Pool, State, Take, TakeStatus
from mpsjobs.plan.budget import Spent, spent
from mpsjobs.plan.build import build
from mpsjobs.plan.fingerprint import canonical_fields
from mpsjobs.plan.limits import Limits
from tests.plan.states import TERMS, asset, name, state_of, take

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday
PRICES = Prices("USD", {"GL": ModelPrices({"3.0-clip": Price(Decimal("0.5"))}, Price(Decimal("0.1")))})


def terms(**policy: Any) -> Any:
    return replace(TERMS, policy=PolicySettings(**policy), prices=PRICES, now=NOW)


def errors(plan: Plan) -> list[Diagnostic]:
    return [each for each in plan.diagnostics if each.is_error]


def breached(assets: Iterable[Asset], state: State | None = None, **policy: Any) -> list[Diagnostic]:
    return errors(build(list(assets), state or State("l"), terms(**policy)))


def codes(found: Iterable[Diagnostic]) -> list[Code | None]:
    return [each.code for each in found]


def known(number: int) -> tuple[list[Asset], State]:
    """So many assets, all of them made."""
    assets = [asset(f"a{i:03d}", f"prompt {i}") for i in range(number)]
    return assets, state_of(*((each, [take(attempt_id=each.address)]) for each in assets))


def attempts(*takes: Take) -> State:
    state = State("l")
    sound = asset("other", "another sound")
    state.pools[name(sound)] = Pool(canonical_fields(sound.sound), takes)
    return state


# --- one apply -----------------------------------------------------------------------------------------------------------------------


def test_all_that_is_breached_is_said_at_once_with_the_way_to_have_it() -> None:
    found = breached(
        [asset("a", "in the style of someone", takes=3, version="3.0-clip")],
        max_generations_per_apply=2,
        max_cost_per_apply=Decimal(1),
        budgets=(Budget(generations=1, cost=Decimal(1)),),
        allow_models=(Clause(("MiniMaxMusic",)),),
        deny_prompt=(Clause(("STYLE of",)),),
    )
    assert codes(found) == [
        Code.TOO_MANY_GENERATIONS,
        Code.COSTS_TOO_MUCH,
        Code.BUDGET_SPENT,
        Code.BUDGET_SPENT,
        Code.MODEL_NOT_ALLOWED,
        Code.PROMPT_DENIED,
    ]
    said = [f"{each.summary} {each.hint}" for each in found]
    for words, text in zip(
        ["--max-generations 3", "--max-cost 1.5", "policy.budget", "policy.budget", "policy.allow_models", "policy.deny_prompt"],
        said,
        strict=True,
    ):  # fmt: skip
        assert words in text
    assert [each.position for each in found[4:]] == [Position("specs/a.yaml")] * 2


@pytest.mark.parametrize(("most", "fits"), [("0.29", False), ("0.3", True), ("0.30", True)])
def test_a_cost_is_held_against_its_limit_to_the_last_digit(most: str, fits: bool) -> None:  # noqa: FBT001  # a column of the table
    assert (breached([asset("a", takes=3)], max_cost_per_apply=Decimal(most)) == []) is fits


def test_under_a_limit_in_money_nothing_may_be_without_a_price() -> None:
    unknown = replace(asset("b"), sound=replace(asset("b").sound, model="New", version="1"))
    found = breached([asset("a"), unknown], max_cost_per_apply=Decimal(100))
    assert codes(found) == [Code.NO_PRICE]
    assert "1 of this plan (New 1)" in found[0].detail
    without = replace(terms(budgets=(Budget(cost=Decimal(5)),)), prices=None)
    assert codes(errors(build([asset("a")], State("l"), without))) == [Code.NO_PRICE]


def test_what_costs_nothing_breaches_no_limit_on_buying() -> None:
    assets, state = known(1)
    policy = {
        "max_generations_per_apply": 0,
        "max_cost_per_apply": Decimal(0),
        "budgets": (Budget(generations=0, cost=Decimal(0)),),
        "allow_models": (Clause(()),),
        "deny_prompt": (Clause((".",)),),
    }
    renamed = [replace(assets[0], address="renamed")]
    assert breached(assets, state, **policy) == breached(renamed, state, **policy) == []


# --- how much of a project -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "gone", "percent", "fits"),
    [
        (3, 1, 20, True),  # a third, but only one
        (5, 5, 1, True),
        (7, 6, 20, False),
        (30, 6, 20, True),
        (30, 7, 20, False),
        (30, 1, 0, False),
        (30, 30, 100, True),
        (30, 30, None, True),
    ],
)
def test_a_part_of_a_project_may_go_and_a_few_always(
    total: int, gone: int, percent: int | None, fits: bool  # noqa: FBT001  # a column of the table
) -> None:  # fmt: skip
    assets, state = known(total)
    found = breached(assets[gone:], state, max_retire_percent=percent)
    assert codes(found) == ([] if fits else [Code.TOO_MANY_RETIRED])
    again = [replace(each, sound=replace(each.sound, prompt="new " + each.address)) for each in assets]
    found = breached([*again[:gone], *assets[gone:]], state, max_regenerate_percent=percent)
    assert codes(found) == ([] if fits else [Code.TOO_MANY_REGENERATED])


def test_the_flag_that_a_breach_names_is_enough() -> None:
    assets, state = known(30)
    assert codes(breached(assets[7:], state)) == [Code.TOO_MANY_RETIRED]
    (found,) = breached(assets[7:], state)
    assert "--max-retire 24," in found.hint
    assert breached(assets[7:], state, max_retire_percent=24) == []


# --- budgets -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paid", "one"),
    [
        (True, take(1)),
        (True, take(1, rejected=True)),
        (True, take(1, TakeStatus.DELETED)),
        (True, take(1, TakeStatus.SUBMITTED)),
        (True, take(1, TakeStatus.FAILED)),
        (True, take(1, TakeStatus.UNKNOWN)),
        (True, take(1, TakeStatus.ABANDONED)),
        (True, take(1, TakeStatus.INTENDED)),  # its request may have left
        (True, take(1, TakeStatus.INTENDED, sending=False, host="another")),
        (False, take(1, TakeStatus.INTENDED, sending=False)),  # it certainly did not
        (False, take(1, origin_attempt="elsewhere")),
        (False, take(1, imported="task 1")),
        (False, take(1, realm="tencent/intl")),
    ],
)
def test_a_budget_counts_what_was_or_may_have_been_paid(paid: bool, one: Take) -> None:  # noqa: FBT001  # a column of the table
    since = Per.MONTH.begin(NOW)
    now = replace(one, intended_at="2026-11-01T00:00:00.000Z")
    assert spent(attempts(now), terms(), since).generations == int(paid)
    before = replace(one, intended_at="2026-10-31T23:59:59.999Z")
    assert spent(attempts(before), terms(), since).generations == 0


def test_a_budget_counts_every_song_of_a_task_at_the_prices_of_now() -> None:
    state = attempts(
        take(1, intended_at="2026-11-03T00:00:00.000Z"), take(2, intended_at="2026-11-04T00:00:00.000Z")
    )
    counted = spent(state, replace(terms(), billed=lambda _: 3), Per.MONTH.begin(NOW))
    assert (counted.generations, counted.cost and counted.cost.amount) == (6, Decimal("0.6"))
    assert spent(State("l"), replace(terms(), prices=None), Per.DAY.begin(NOW)) == Spent(0, None)


def test_a_plan_fits_a_budget_until_its_last_song() -> None:
    state = attempts(*(take(i, intended_at="2026-11-03T00:00:00.000Z") for i in range(1, 8)))
    assert breached([asset("a", takes=3)], state, budgets=(Budget(generations=10),)) == []
    (found,) = breached([asset("a", takes=4)], state, budgets=(Budget(generations=10),))
    assert found.summary == "This plan pays for 4 generations; the budget of this month has 3 left."
    assert "7 of 10 were submitted since 2026-11-01" in found.detail
    assert "wait until 2026-12-01" in found.hint
    (found,) = breached([asset("a", takes=4)], state, budgets=(Budget(cost=Decimal(1)),))
    assert found.summary == "This plan costs 0.40 USD; the budget of this month has 0.30 USD left."


@pytest.mark.parametrize(
    ("per", "now", "begin", "end"),
    [
        (Per.DAY, "2026-11-25T23:30:00-05:00", "2026-11-26", "2026-11-27"),
        (Per.WEEK, "2026-11-25T12:00:00+00:00", "2026-11-23", "2026-11-30"),
        (Per.WEEK, "2026-11-23T00:00:00+00:00", "2026-11-23", "2026-11-30"),
        (Per.MONTH, "2026-12-31T23:59:59+00:00", "2026-12-01", "2027-01-01"),
        (Per.MONTH, "2028-02-29T00:00:00+00:00", "2028-02-01", "2028-03-01"),
    ],
)
def test_periods_are_those_of_the_calendar_in_utc(per: Per, now: str, begin: str, end: str) -> None:
    moment = datetime.fromisoformat(now)
    assert (per.begin(moment).isoformat(), per.end(moment).isoformat()) == (begin, end)


# --- models and texts ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "version", "fits"),
    [
        (("GL",), "3.0-pro", True),
        (("GL/3.0-pro",), "3.0-pro", True),
        (("GL/3.*",), "3.0-clip", True),
        (("Mini*", "GL/2.0"), "3.0-pro", False),
        (("GL/3.0-pro",), None, False),  # the cloud would choose
        ((), "3.0-pro", False),
    ],
)
def test_models_are_allowed_by_name_and_version(
    words: tuple[str, ...],
    version: str | None,
    fits: bool,  # noqa: FBT001  # a column of the table
) -> None:
    assert (breached([asset("a", version=version)], allow_models=(Clause(words),)) == []) is fits


def test_lyrics_are_judged_as_the_prompt_is() -> None:
    (found,) = breached([asset("a", "calm", lyrics="Oh DRAGON")], deny_prompt=(Clause(("gnome", "dragon")),))
    assert (found.summary, "`dragon`" in found.detail) == ("The policy denies the lyrics of a", True)


def test_a_denied_sensitive_prompt_is_not_told_nor_what_it_matches() -> None:
    secret = asset("a", Sensitive("a dragon in the basement", b"k" * 32))
    (found,) = breached([secret], deny_prompt=(Clause(("dragon",)),))
    assert "dragon" not in f"{found.summary} {found.detail} {found.hint}"


def test_a_pattern_cannot_hold_up_a_plan() -> None:
    texts = [asset("a", "a" * 2000)]
    assert breached(texts, deny_prompt=(Clause((r"(a+)+(a*)*(a|aa)+\z!",)),)) == []


def test_many_breaches_of_one_kind_are_told_in_part() -> None:
    found = breached([asset(f"a{i}", f"{i}") for i in range(50)], allow_models=(Clause(("New",)),))
    assert len(found) == 21
    assert found[-1].summary == "30 more assets are against the policy in the same way"


# --- two policies --------------------------------------------------------------------------------------------------------------------

_numbers, _percents = st.none() | st.integers(0, 12), st.none() | st.sampled_from([0, 10, 40, 100])
_amounts = st.none() | st.decimals(0, 2, places=1)
_budgets = st.builds(Budget, st.sampled_from(Per), _numbers, _amounts, st.none())
_models = st.lists(st.sampled_from(["GL", "GL/3.*", "GL/2.0", "New"]), max_size=2).map(
    lambda words: Clause(tuple(words))
)
_patterns = st.lists(st.sampled_from(["prompt", "new", "2$", "x"]), min_size=1, max_size=2).map(
    lambda words: Clause(tuple(words))
)


def _some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, max_size=1).map(tuple)


own_policies = st.builds(
    PolicySettings,
    max_generations_per_apply=_numbers,
    generate=st.sampled_from([True, True, False]),
    max_cost_per_apply=_amounts,
    budgets=_some(_budgets),
    max_regenerate_percent=_percents,
    max_retire_percent=_percents,
    allow_models=_some(_models),
    deny_prompt=_some(_patterns),
    attempts=st.integers(1, 4),
)
outside_policies = st.builds(
    OutsidePolicy,
    st.just("/etc/policy.yaml"),
    max_generations_per_apply=_numbers,
    generate=st.none() | st.booleans(),
    max_cost_per_apply=_amounts,
    budget=st.none() | _budgets,
    max_regenerate_percent=_percents,
    max_retire_percent=_percents,
    allow_models=st.none() | _models,
    deny_prompt=st.none() | _patterns,
    attempts=st.none() | st.integers(1, 4),
    unknown=st.sampled_from([None, "stop", "resubmit"]),
)
limits = st.builds(Limits, _numbers, _amounts, _percents, _percents)
NOTHING = PolicySettings(max_retire_percent=None)


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Asset], State]:
    """Some assets that are known, some of them changed or gone, and some new ones."""
    assets, state = known(9)
    kept, changed = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    new = [
        asset(f"n{i}", f"new {i}", version=draw(st.sampled_from([None, "3.0-clip", "2.0"])))
        for i in range(draw(st.integers(0, 4)))
    ]
    again = [
        replace(each, sound=replace(each.sound, prompt="x " + each.address)) for each in assets[:changed]
    ]
    return [*again, *assets[changed : changed + kept], *new], state


@given(situations(), own_policies, outside_policies, limits)
def test_a_policy_from_outside_never_allows_more_and_no_flag_goes_beyond_it(
    situation: tuple[list[Asset], State], own: PolicySettings, outside: OutsidePolicy, flags: Limits
) -> None:
    def allowed(policy: PolicySettings) -> bool:
        plan = build(*situation, replace(TERMS, policy=policy, prices=PRICES, now=NOW))
        return not errors(plan)

    if allowed(strictest(flags.over(own), outside)):
        assert allowed(flags.over(own))
        assert allowed(strictest(NOTHING, outside))


@given(own_policies, outside_policies)
def test_what_is_no_limit_of_a_plan_is_the_stricter_too(own: PolicySettings, outside: OutsidePolicy) -> None:
    both = strictest(own, outside)
    assert both.attempts == min(own.attempts, outside.attempts or own.attempts)
    assert (both.unknown == "stop") is ("stop" in {own.unknown, outside.unknown})
    assert strictest(own, None) is own


def test_a_limit_from_outside_is_named_with_its_file_and_no_flag() -> None:
    outside = OutsidePolicy(
        "/etc/policy.yaml",
        max_generations_per_apply=1,
        budget=Budget(generations=1, source="/etc/policy.yaml"),
    )
    policy = strictest(Limits(max_generations=50).over(PolicySettings()), outside)
    found = errors(build([asset("a", takes=2)], State("l"), replace(TERMS, policy=policy, now=NOW)))
    assert codes(found) == [Code.TOO_MANY_GENERATIONS, Code.BUDGET_SPENT]
    assert all("/etc/policy.yaml" in each.hint and "apply --max" not in each.hint for each in found)


def test_what_is_left_of_the_limits_is_never_less_than_nothing() -> None:
    policy = PolicySettings(max_generations_per_apply=5, max_cost_per_apply=Decimal(1))
    assert Limits(max_retire=3).left(policy, 7, PRICES.cost(7, "GL", None)) == Limits(
        0, Decimal("0.3"), None, 3
    )
    assert Limits().left(PolicySettings(), 7, None) == Limits()
