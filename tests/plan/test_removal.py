"""What becomes of an asset whose block is gone, by what was recorded of its lifecycle."""

from dataclasses import replace
from typing import Any

import pytest

from mpsjobs.model.asset import Asset
from mpsjobs.model.change import Delete, Forget, Kind, Plan, Record, Resume, Retire
from mpsjobs.model.diagnostics import Position
from mpsjobs.model.lifecycle import PLAIN, Lifecycle, OnRemove
from mpsjobs.model.state import RetiredRecord, State, TakeStatus
from mpsjobs.plan.build import build
from mpsjobs.plan.selection import Selection

from .states import REALM, TERMS, asset, kinds, name, state_of, take

GONE = asset("gone")
GUARD = Position("specs/a.yaml", 2, 30)


def recorded(state: State, address: str = "gone", **lifecycle: Any) -> State:
    state.assets[address] = replace(state.assets[address], lifecycle=Lifecycle(**lifecycle).recorded)
    return state


def guarded(each: Asset, **lifecycle: Any) -> Asset:
    return replace(each, lifecycle=Lifecycle(**lifecycle))


def errors(plan: Plan) -> list[str]:
    return [each.summary for each in plan.diagnostics if each.is_error]


def test_what_is_recorded_is_read_back_and_a_default_is_not_recorded() -> None:
    assert PLAIN.recorded == {}
    for each in (PLAIN, Lifecycle(True, True, OnRemove.DELETE, 90.0), Lifecycle(timeout_s=7200.0)):
        assert Lifecycle.of(each.recorded) == each
    assert Lifecycle.of({"on_remove": "burn", "timeout": "long", "more": 1}) == PLAIN


@pytest.mark.parametrize(
    ("on_remove", "action"),
    [
        (OnRemove.RETIRE, Retire("gone")),
        (OnRemove.FORGET, Forget("gone")),
        (OnRemove.DELETE, Delete("gone", name(GONE), ("attempt-1",))),
    ],
)
def test_the_recorded_lifecycle_is_obeyed(on_remove: OnRemove, action: object) -> None:
    plan = build([], recorded(state_of((GONE, [take()])), on_remove=on_remove), TERMS)
    (change,) = plan.changes
    assert (change.kind, change.on_remove, plan.actions) == (Kind.RETIRE, on_remove, (action,))
    assert change.deletes == plan.deletes == (on_remove is OnRemove.DELETE)
    assert [risk.address for risk in plan.risks] == ["gone"] * change.deletes


def holder(state: State, how: str) -> list[Asset]:
    """Somebody else who holds on to the sound of the asset that goes."""
    if how == "retired":
        state.retired["other"] = RetiredRecord(name(GONE), REALM, None, "2026-01-01T00:00:00.000Z")
    elif how == "changing":
        state.assets["other"] = replace(state.assets["gone"], lifecycle={})
        return [asset("other", "another song")]
    elif how == "forgotten with it":
        state.assets["other"] = replace(state.assets["gone"], lifecycle={"on_remove": "forget"})
    return [asset("other")] if how == "wanted" else []


@pytest.mark.parametrize("how", ["wanted", "changing", "retired", "forgotten with it"])
def test_a_sound_that_somebody_else_holds_on_to_is_not_deleted(how: str) -> None:
    state = recorded(state_of((GONE, [take()])), on_remove=OnRemove.DELETE)
    plan = build(holder(state, how), state, TERMS)
    change = next(each for each in plan.changes if each.address == "gone") if how != "wanted" else None
    assert plan.deletes == 0
    assert not [each for each in plan.actions if isinstance(each, Delete) and each.attempts]
    if change:
        assert "for other has the same sound" in (change.message or "")
    else:
        assert kinds(plan) == {"other": Kind.MOVE}


def test_two_that_go_with_one_sound_are_deleted_and_counted_once() -> None:
    state = recorded(state_of((GONE, [take(1), take(2)])), on_remove=OnRemove.DELETE)
    state.assets["too"] = state.assets["gone"]
    plan = build([], state, TERMS)
    assert plan.deletes == 2
    assert {each.address for each in plan.actions if isinstance(each, Delete)} == {"gone", "too"}


def test_only_what_is_there_is_deleted_and_what_runs_is_kept() -> None:
    takes = [take(1), take(2, TakeStatus.SUBMITTED), take(3, TakeStatus.DELETED), take(4, TakeStatus.FAILED)]
    plan = build([], recorded(state_of((GONE, takes)), on_remove=OnRemove.DELETE), TERMS)
    (delete,) = [each for each in plan.actions if isinstance(each, Delete)]
    assert (delete.attempts, plan.deletes) == (("attempt-1", "attempt-3"), 1)
    assert [each.attempt_id for each in plan.actions if isinstance(each, Resume)] == ["attempt-2"]
    assert "what is still running is collected and kept" in (plan.changes[0].message or "")


def test_takes_of_another_realm_are_never_deleted() -> None:
    state = state_of((GONE, [take(realm="tencent/intl")]), realm="tencent/intl")
    plan = build([], recorded(state, on_remove=OnRemove.DELETE), TERMS)
    assert plan.deletes == 0


def test_what_must_not_be_retired_is_one_error_with_all_names() -> None:
    other = asset("other", "b")
    state = recorded(state_of((GONE, [take()]), (other, [take()])), prevent_retire=True)
    plan = build([], recorded(state, "other", prevent_retire=True), TERMS)
    (error,) = plan.diagnostics
    assert error.summary == "2 assets must not be retired (prevent_retire)"
    assert "gone, other" in error.detail
    assert "prevent_retire: false" in error.hint
    narrow = replace(TERMS, selection=Selection(targets=("else",)))
    assert errors(build([asset("else", "c")], state, narrow)) == []


def test_a_regeneration_that_is_forbidden_is_an_error_where_that_is_written() -> None:
    old = asset("a", "before")
    new = guarded(asset("a", "after"), prevent_regenerate=True, guarded_at=GUARD)
    state = state_of((old, [take()]))
    (error,) = [each for each in build([new], state, TERMS).diagnostics if each.is_error]
    assert (error.position, error.detail) == (
        GUARD,
        "What is heard has changed: prompt.",
    )
    assert errors(build([guarded(old, prevent_regenerate=True)], state, TERMS)) == []


@pytest.mark.parametrize("wanted", [{"takes": 2}, {"pick": 1}])
def test_more_takes_and_another_pick_are_no_regeneration(wanted: dict[str, Any]) -> None:
    state = state_of((asset("a"), [take()]))
    plan = build([guarded(asset("a", **wanted), prevent_regenerate=True)], state, TERMS)
    assert errors(plan) == []


def test_a_take_of_before_may_come_back() -> None:
    before, now = asset("a", "before"), asset("a", "now")
    state = state_of((before, [take()]), (now, [take()]))
    plan = build([guarded(before, prevent_regenerate=True)], state, TERMS)
    assert (kinds(plan), errors(plan)) == ({"a": Kind.RESTORE}, [])


def test_a_new_lifecycle_alone_is_an_update_and_then_nothing_more() -> None:
    state = state_of((asset("a"), [take()]))
    new = guarded(asset("a"), on_remove=OnRemove.FORGET, timeout_s=90.0)
    plan = build([new], state, TERMS)
    (change,) = plan.changes
    assert (change.kind, change.generations) == (Kind.UPDATE, 0)
    assert [(each.path, each.before, each.after) for each in change.reasons] == [
        ("lifecycle.on_remove", None, "forget"),
        ("lifecycle.timeout", None, 90.0),
    ]
    (record,) = plan.actions
    assert isinstance(record, Record)
    state.assets["a"] = replace(state.assets["a"], lifecycle=record.lifecycle)
    assert not build([new], state, TERMS).has_changes


def test_what_is_resumed_is_awaited_as_the_specs_say_now_else_as_was_recorded() -> None:
    running = [take(1, TakeStatus.SUBMITTED, address="gone")]
    state = recorded(state_of((GONE, running)), timeout_s=90.0)
    (resume,) = [each for each in build([], state, TERMS).actions if isinstance(each, Resume)]
    assert resume.timeout_s == 90.0
    wanted = guarded(GONE, timeout_s=7200.0)
    (resume,) = [each for each in build([wanted], state, TERMS).actions if isinstance(each, Resume)]
    assert resume.timeout_s == 7200.0
