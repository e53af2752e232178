"""A saved plan is carried out as it was reviewed, or refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mpsjobs.model.asset import Asset
from mpsjobs.model.diagnostics import SpecError
from mpsjobs.model.state import State
from mpsjobs.plan.build import build
from mpsjobs.plan.saved import SavedPlan, decode, encode, stale
from mpsjobs.plan.selection import EVERYTHING
from tests.plan.states import REALM, TERMS, asset, state_of, take


def saved_from(assets: list[Asset], state: State) -> SavedPlan:
    return decode(encode(build(assets, state, TERMS), state, EVERYTHING), "plan")


def reasons(saved: SavedPlan, assets: list[Asset], state: State) -> list[str]:
    now = build(assets, state, replace(TERMS, selection=saved.selection(state)))
    return [diagnostic.detail for diagnostic in stale(saved, now, state)]


def test_a_plan_fits_the_state_that_it_was_made_from() -> None:
    state = state_of((asset("a", "old"), [take()]), (asset("gone"), [take()]))
    wanted = [asset("a", "new"), asset("b", "x")]
    saved = saved_from(wanted, state)
    assert set(saved.bindings) == {"a", "b", "gone"}
    assert reasons(saved, wanted, state) == []


def test_a_change_elsewhere_does_not_make_it_stale() -> None:
    state = state_of((asset("a", "old"), [take()]), (asset("c", "c1"), [take()]))
    saved = saved_from([asset("a", "new"), asset("c", "c1")], state)
    state.assets["c"] = replace(state.assets["c"], serial=99)
    assert reasons(saved, [asset("a", "new"), asset("c", "c2"), asset("d", "d")], state) == []


def test_a_change_of_its_spec_or_its_state_does() -> None:
    state = state_of((asset("a", "old"), [take()]))
    saved = saved_from([asset("a", "new")], state)
    assert reasons(saved, [asset("a", "newer")], state) == ["Since the plan was made, its spec has changed."]
    assert reasons(saved, [], state) == ["Since the plan was made, its spec has changed."]
    state.assets["a"] = replace(state.assets["a"], serial=99)
    assert reasons(saved, [asset("a", "new")], state) == ["Since the plan was made, its state has changed."]


def test_another_state_or_realm_does() -> None:
    state = state_of((asset("a", "old"), [take()]))
    saved = saved_from([asset("a", "new")], state)
    state.lineage = "another"
    assert len(reasons(saved, [asset("a", "new")], state)) == 1


def test_what_is_done_already_is_no_reason() -> None:
    saved = saved_from([asset("a")], State("lineage"))
    done = state_of((asset("a"), [take()]))
    assert reasons(saved, [asset("a")], done) == []


def test_an_empty_plan_selects_nothing() -> None:
    state = state_of((asset("a"), [take()]))
    saved = saved_from([asset("a")], state)
    assert (
        build(
            [asset("a", "new"), asset("b")], state, replace(TERMS, selection=saved.selection(state))
        ).changes
        == ()
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"[]",
        lambda data: data[:-20],
        lambda data: data.replace(b'"generations": 1', b'"generations": 0', 1),
        lambda data: data.replace(REALM.encode(), b"tencent/intl", 1),
        lambda data: data.replace(b'"version": 1', b'"version": 2', 1),
    ],
    ids=["empty", "other JSON", "cut", "edited", "edited realm", "newer"],
)
def test_a_file_that_is_not_whole_is_refused(damage: Callable[[bytes], bytes]) -> None:
    state = State("lineage")
    data = encode(build([asset("a")], state, TERMS), state, EVERYTHING)
    with pytest.raises(SpecError):
        decode(damage(data), "plan")
