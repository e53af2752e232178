"""Every kind of change, and the money in it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mpsjobs.model.asset import Asset
from mpsjobs.model.change import Kind, Reason, Record, Resume, Retire, Submit
from mpsjobs.model.policy import PolicySettings
from mpsjobs.model.state import Pool, Refusal, RetiredRecord, State, TakeStatus
from mpsjobs.plan.build import build
from mpsjobs.plan.document import plan_document
from mpsjobs.plan.fingerprint import canonical_fields
from mpsjobs.plan.parts import only_waiting
from mpsjobs.plan.selection import Selection
from tests.plan.states import REALM, TERMS, asset, kinds, name, state_of, take


def test_a_new_asset_is_generated() -> None:
    plan = build([asset("a")], State("l"), TERMS)
    assert kinds(plan) == {"a": Kind.GENERATE}
    assert plan.generations == 1
    submit, record = plan.actions
    assert isinstance(submit, Submit)
    assert isinstance(record, Record)
    assert (submit.take, submit.generations) == (1, 1)


def test_what_is_there_is_kept_and_needs_no_action() -> None:
    plan = build([asset("a")], state_of((asset("a"), [take()])), TERMS)
    assert kinds(plan) == {"a": Kind.KEEP}
    assert plan.actions == ()
    assert not plan.has_changes


def test_a_changed_prompt_is_regenerated_with_the_field_that_differs() -> None:
    plan = build([asset("a", "new")], state_of((asset("a", "old"), [take()])), TERMS)
    (change,) = plan.changes
    assert change.kind is Kind.REGENERATE
    assert change.reasons == (Reason("prompt", "old", "new"),)
    assert change.generations == 1


def test_a_reason_names_the_nested_field() -> None:
    before, after = (
        asset("a", additional_parameters={"n": 1, "k": 1}),
        asset("a", additional_parameters={"n": 1, "k": 2}),
    )
    (change,) = build([after], state_of((before, [take()])), TERMS).changes
    assert change.reasons == (Reason("additional_parameters.k", 1, 2),)


def test_going_back_to_an_earlier_prompt_brings_its_take_back_for_free() -> None:
    state = state_of((asset("a", "new"), [take()]))
    old = asset("a", "old")
    state.pools[name(old)] = Pool(canonical_fields(old.sound), (take(),))
    plan = build([old], state, TERMS)
    assert kinds(plan) == {"a": Kind.RESTORE}
    assert plan.generations == 0
    assert [type(action) for action in plan.actions] == [Record]


def test_a_rename_is_a_free_move() -> None:
    plan = build([asset("b")], state_of((asset("a"), [take()])), TERMS)
    (change,) = plan.changes
    assert (change.kind, change.moved_from, plan.generations) == (Kind.MOVE, "a", 0)
    assert plan.actions == (Record("b", name(asset("b")), 1, None, moved_from="a"),)


def test_renames_of_equals_pair_up_once_each() -> None:
    state = state_of((asset("a1"), [take()]), (asset("a2"), [take()]))
    plan = build([asset("b1"), asset("b2"), asset("b3")], state, TERMS)
    assert {c.address: c.moved_from for c in plan.changes} == {"b1": "a1", "b2": "a2", "b3": None}
    assert kinds(plan)["b3"] is Kind.RESTORE


def test_what_nobody_wants_is_retired() -> None:
    plan = build([], state_of((asset("a"), [take()])), TERMS)
    assert kinds(plan) == {"a": Kind.RETIRE}
    assert plan.actions == (Retire("a"),)


def test_a_retired_asset_comes_back_for_free() -> None:
    state = state_of((asset("a"), [take()]))
    record = state.assets.pop("a")
    state.retired["a"] = RetiredRecord(record.fingerprint, REALM, None, "2026-01-01T00:00:00.000Z")
    assert kinds(build([asset("a")], state, TERMS)) == {"a": Kind.RESTORE}


def test_another_pick_is_a_free_update() -> None:
    state = state_of((asset("a", takes=2), [take(1), take(2)]))
    plan = build([asset("a", takes=2, pick=2)], state, TERMS)
    (change,) = plan.changes
    assert (change.kind, change.reasons, plan.generations) == (Kind.UPDATE, (Reason("pick", None, 2),), 0)


def test_a_pick_that_does_not_exist_is_a_risk() -> None:
    plan = build([asset("a", pick=5)], state_of((asset("a", pick=5), [take()])), TERMS)
    assert [risk.address for risk in plan.risks] == ["a"]


def test_more_takes_buy_only_what_is_missing_and_replace_nothing() -> None:
    plan = build([asset("a", takes=3)], state_of((asset("a"), [take(1)])), TERMS)
    assert kinds(plan) == {"a": Kind.GENERATE}
    assert [action.take for action in plan.actions if isinstance(action, Submit)] == [2, 3]


def test_fewer_takes_pay_nothing() -> None:
    plan = build([asset("a")], state_of((asset("a", takes=3), [take(1), take(2), take(3)])), TERMS)
    assert (kinds(plan), plan.generations) == ({"a": Kind.UPDATE}, 0)


def test_a_rejected_take_does_not_count() -> None:
    plan = build([asset("a")], state_of((asset("a"), [take(1, rejected=True)])), TERMS)
    assert plan.generations == 1
    assert [action.take for action in plan.actions if isinstance(action, Submit)] == [2]


def test_two_new_assets_of_one_sound_pay_once() -> None:
    plan = build([asset("a"), asset("b")], State("l"), TERMS)
    assert [change.generations for change in plan.changes] == [1, 0]
    assert plan.changes[1].message == "shares its takes with a"
    assert sum(isinstance(action, Submit) for action in plan.actions) == 1


def test_shared_takes_are_bought_up_to_the_larger_wish() -> None:
    plan = build([asset("a"), asset("b", takes=3)], State("l"), TERMS)
    assert [change.generations for change in plan.changes] == [1, 2]


def test_a_running_task_is_resumed_not_bought_again() -> None:
    plan = build([asset("a")], state_of((asset("a"), [take(1, TakeStatus.SUBMITTED)])), TERMS)
    assert kinds(plan) == {"a": Kind.RESUME}
    assert plan.actions == (Resume("a", name(asset("a")), "attempt-1"),)
    assert plan.has_changes


def test_a_running_task_of_an_earlier_prompt_is_still_collected_and_shown() -> None:
    state = state_of((asset("a"), [take(1)]))
    other = asset("a", "other")
    state.pools[name(other)] = Pool(
        canonical_fields(other.sound), (take(1, TakeStatus.SUBMITTED, attempt_id="x"),)
    )
    plan = build([asset("a")], state, TERMS)
    assert kinds(plan) == {"a": Kind.RESUME}
    assert plan.actions == (Resume("a", name(other), "x"),)


def test_what_may_have_been_paid_is_never_bought_again() -> None:
    plan = build([asset("a")], state_of((asset("a"), [take(1, TakeStatus.UNKNOWN)])), TERMS)
    assert kinds(plan) == {"a": Kind.UNRESOLVED}
    assert plan.generations == 0
    assert [risk.address for risk in plan.risks] == ["a"]


@pytest.mark.parametrize(
    ("left", "kind"),
    [
        ({"sending": False}, Kind.GENERATE),
        ({"sending": True}, Kind.UNRESOLVED),
        ({"sending": False, "boot_id": "another"}, Kind.UNRESOLVED),
        ({"sending": False, "host": "another"}, Kind.UNRESOLVED),
    ],
    ids=["never sent", "sent", "another boot", "another host"],
)
def test_an_intent_without_an_answer(left: dict[str, Any], kind: Kind) -> None:
    state = state_of((asset("a"), [take(1, TakeStatus.INTENDED, **left)]))
    assert kinds(build([asset("a")], state, TERMS)) == {"a": kind}


def test_what_the_cloud_refused_for_good_is_not_paid_for_again() -> None:
    state = state_of((asset("a"), []))
    state.pools[name(asset("a"))] = Pool(
        {}, (), {REALM: Refusal("InvalidParameter.ViolationContent", "no", "r-1", "t")}
    )
    plan = build([asset("a")], state, TERMS)
    (change,) = plan.changes
    assert (change.kind, plan.generations, plan.has_changes) == (Kind.FAILED, 0, False)
    assert change.message == "InvalidParameter.ViolationContent: no (RequestId r-1)"


def test_a_failed_task_is_tried_again_until_the_attempts_are_used_up() -> None:
    failed = [take(n, TakeStatus.FAILED, message="bad") for n in (1, 2, 3)]
    assert kinds(build([asset("a")], state_of((asset("a"), failed[:2])), TERMS)) == {"a": Kind.GENERATE}
    assert kinds(build([asset("a")], state_of((asset("a"), failed)), TERMS)) == {"a": Kind.FAILED}


def test_a_take_never_satisfies_another_realm() -> None:
    cloud = replace(TERMS, realm="tencent/intl")
    plan = build(
        [asset("a"), asset("b", "new")],
        state_of((asset("a"), [take()]), (asset("b", "old"), [take()])),
        cloud,
    )
    assert kinds(plan) == {"a": Kind.GENERATE, "b": Kind.GENERATE}
    assert not any(isinstance(action, Resume) for action in plan.actions)


def test_a_task_of_another_realm_is_never_asked_for() -> None:
    state = state_of((asset("a"), [take(1, TakeStatus.SUBMITTED)]))
    plan = build([asset("a")], state, replace(TERMS, realm="tencent/intl"))
    assert not any(isinstance(action, Resume) for action in plan.actions)


def test_a_take_of_several_songs_counts_as_several_generations() -> None:
    plan = build([asset("a", takes=2, additional_parameters={"n": 3})], State("l"), TERMS)
    assert plan.generations == 6
    assert sum(isinstance(action, Submit) for action in plan.actions) == 2


def test_more_than_the_policy_allows_is_an_error_in_the_plan() -> None:
    plan = build([asset("a", takes=3)], State("l"), replace(TERMS, policy=PolicySettings(2)))
    assert [diagnostic.is_error for diagnostic in plan.diagnostics] == [True]
    assert "--max-generations 3" in plan.diagnostics[0].hint


def test_the_document_counts_each_kind() -> None:
    document = plan_document(build([asset("a"), asset("b", "x")], state_of((asset("a"), [take()])), TERMS))
    summary = document["summary"]
    assert isinstance(summary, dict)
    assert (summary["keep"], summary["generate"], summary["generations"], summary["cost"]) == (1, 1, 1, None)
    assert document["format_version"] == 1


@given(st.permutations([asset("a"), asset("b"), asset("c", "x", takes=2), asset("d", "x")]))
def test_the_order_of_the_specs_does_not_matter(assets: list[Asset]) -> None:
    state = state_of((asset("b"), [take()]), (asset("e"), [take()]))
    assert build(assets, state, TERMS) == build(sorted(assets, key=lambda a: a.address), state, TERMS)


def selecting(*targets: str, replacing: tuple[str, ...] = ()) -> Selection:
    return Selection(targets, replacing)


def test_targets_leave_everything_else_alone() -> None:
    state = state_of((asset("gone", "g"), [take()]), (asset("b", "old"), [take()]))
    wanted = [asset("level.a", "x"), asset("b", "new")]
    plan = build(wanted, state, replace(TERMS, selection=selecting("level.*")))
    assert kinds(plan) == {"level.a": Kind.GENERATE}
    assert plan.generations == 1


def test_the_target_failed_tries_again_what_was_given_up() -> None:
    refused = asset("a", "no")
    state = state_of((refused, []), (asset("b"), [take()]))
    state.pools[name(refused)] = Pool({}, (), {REALM: Refusal("X", "no", None, "t")})
    assert kinds(build([refused, asset("b")], state, TERMS))["a"] is Kind.FAILED
    plan = build([refused, asset("b")], state, replace(TERMS, selection=selecting("failed:")))
    assert kinds(plan) == {"a": Kind.GENERATE}


def test_a_replacement_buys_as_many_takes_and_then_rejects_the_old_ones() -> None:
    state = state_of((asset("a", takes=2), [take(1), take(2)]))
    plan = build([asset("a", takes=2)], state, replace(TERMS, selection=selecting(replacing=("a",))))
    assert kinds(plan) == {"a": Kind.REGENERATE}
    assert [action.take for action in plan.actions if isinstance(action, Submit)] == [3, 4]
    assert {action.replaces for action in plan.actions if isinstance(action, Submit)} == {
        ("attempt-1", "attempt-2")
    }


def test_a_replacement_counts_what_is_already_on_its_way() -> None:
    state = state_of((asset("a"), [take(1), take(2, TakeStatus.SUBMITTED)]))
    plan = build([asset("a")], state, replace(TERMS, selection=selecting(replacing=("a",))))
    assert plan.generations == 0


def test_waiting_submits_nothing_and_records_only_what_it_waits_for() -> None:
    state = state_of((asset("a"), [take(1, TakeStatus.SUBMITTED)]), (asset("gone", "g"), [take()]))
    plan = only_waiting(build([asset("a"), asset("new", "n")], state, TERMS))
    assert kinds(plan) == {"a": Kind.RESUME}
    assert plan.actions == (Resume("a", name(asset("a")), "attempt-1"),)
    assert plan.generations == 0


def test_an_extra_take_that_still_runs_is_shown_though_nothing_waits_for_it() -> None:
    state = state_of((asset("a"), [take(1), take(2, TakeStatus.SUBMITTED)]))
    plan = build([asset("a")], state, TERMS)
    assert kinds(plan) == {"a": Kind.RESUME}
    assert plan.has_changes
