"""What follows from expectations: what is used, what is taken again, and that it stays within bounds."""

from dataclasses import replace
from typing import Any

import pytest

from mpsjobs.model.asset import Asset
from mpsjobs.model.change import Judge, Kind, Submit
from mpsjobs.model.expectations import Expectations, OnFail, Range
from mpsjobs.model.measures import Measures
from mpsjobs.model.state import Take, TakeStatus, chosen_take
from mpsjobs.plan.build import build
from tests.plan.states import OUTPUT, REALM, TERMS, asset, kinds, name, state_of, take

LONG = Expectations(duration=Range(60, None))


def expecting(on_fail: OnFail = OnFail.RETAKE, *, retakes: int = 2, takes: int = 1, **more: Any) -> Asset:
    expect = replace(LONG, on_fail=on_fail, max_retakes=retakes)
    return replace(asset("a", takes=takes, **more), expect=expect)


def measured(number: int, seconds: float, **more: Any) -> Take:
    figures = Measures(seconds, 44_100, 2, 1, -16.0, 5.0, -2.0, 0, 0, 0, 0, 0)
    return take(number, outputs=(replace(OUTPUT, measures=figures),), **more)


def judged(number: int, seconds: float = 30) -> Take:
    """One that is too short, as apply has noted already."""
    said = (f"duration is {seconds:g} s, wanted 60s..",)
    return measured(number, seconds, misses=said, unfit=True)


def submits(plan: Any) -> list[int]:
    return [action.take for action in plan.actions if isinstance(action, Submit)]


def test_a_plan_counts_what_it_may_have_to_take_again() -> None:
    plan = build([expecting(takes=2)], state_of(), TERMS)
    assert (plan.generations, plan.retakes) == (2, 2)
    assert build([expecting(OnFail.FAIL)], state_of(), TERMS).retakes == 0


def test_songs_are_counted_not_takes() -> None:
    plan = build([expecting(additional_parameters={"n": 2})], state_of(), TERMS)
    assert (plan.generations, plan.retakes) == (2, 4)


def test_the_policy_holds_for_retakes_too() -> None:
    within, beyond = (
        replace(TERMS, policy=replace(TERMS.policy, max_generations_per_apply=most)) for most in (3, 2)
    )
    assert not any(each.is_error for each in build([expecting()], state_of(), within).diagnostics)
    (error,) = [each for each in build([expecting()], state_of(), beyond).diagnostics if each.is_error]
    assert "3 generations, 2 of them only in place of takes" in error.summary


@pytest.mark.parametrize(("unfit", "buys", "reserve"), [(1, 1, 1), (2, 1, 0), (3, 0, 0), (7, 0, 0)])
def test_no_more_is_taken_again_than_max_retakes(unfit: int, buys: int, reserve: int) -> None:
    state = state_of((expecting(), [judged(number) for number in range(1, unfit + 1)]))
    plan = build([expecting()], state, TERMS)
    assert (plan.generations, plan.retakes) == (buys, reserve)
    assert submits(plan) == [unfit + 1] * buys
    assert plan.changes[0].kind is (Kind.GENERATE if buys else Kind.FAILED)


def test_a_task_that_is_still_running_may_have_to_be_taken_again() -> None:
    state = state_of((expecting(), [take(1, TakeStatus.SUBMITTED)]))
    plan = build([expecting()], state, TERMS)
    assert (plan.generations, plan.retakes) == (0, 2)


def test_those_who_share_a_sound_share_its_retakes() -> None:
    plan = build([expecting(), replace(expecting(), address="b")], state_of(), TERMS)
    assert (plan.generations, plan.retakes) == (1, 2)


def test_a_new_expectation_judges_takes_that_are_there() -> None:
    state = state_of((asset("a"), [measured(1, 30)]))
    assert kinds(build([asset("a")], state, TERMS)) == {"a": Kind.KEEP}
    warned = build([expecting(OnFail.WARN)], state, TERMS)
    (judge,) = warned.actions
    assert judge == Judge(
        "a", name(asset("a")), "attempt-1", 1, ("duration is 30 s, wanted 60s..",), unfit=False
    )
    assert (kinds(warned), warned.generations) == ({"a": Kind.UPDATE}, 0)
    assert [risk.summary for risk in warned.risks] == ["take 1: duration is 30 s, wanted 60s.."]
    again = build([expecting()], state, TERMS)
    assert kinds(again) == {"a": Kind.GENERATE}
    assert submits(again) == [2]
    assert state.pool(name(asset("a"))).takes[0].misses == (), "the state is read, never changed"


def test_an_expectation_that_is_taken_back_makes_a_take_fit_again_for_free() -> None:
    state = state_of((asset("a"), [judged(1)]))
    plan = build([asset("a")], state, TERMS)
    assert (kinds(plan), plan.generations) == ({"a": Kind.UPDATE}, 0)
    (judge,) = plan.actions
    assert isinstance(judge, Judge)
    assert (judge.misses, judge.unfit) == ((), False)


def test_the_first_take_that_is_as_expected_is_used_and_a_pick_beats_it() -> None:
    first = measured(1, 30, misses=("too short",))
    pool = state_of((asset("a"), [first, measured(2, 70), judged(3)])).pool(name(asset("a")))
    used = [chosen_take(pool, REALM, pick) for pick in (None, 1, 3)]
    assert [each and each.take for each in used] == [2, 1, 3]


def test_a_picked_take_needs_no_other() -> None:
    want = expecting(pick=1)
    plan = build([want], state_of((want, [judged(1)])), TERMS)
    assert plan.generations == 0


def test_what_nobody_has_measured_is_not_judged() -> None:
    plan = build([expecting()], state_of((expecting(), [take()])), TERMS)
    assert kinds(plan) == {"a": Kind.KEEP}
