"""Renames in the plan: said ones, seen ones, and those that cannot be."""

from mpsjobs.model.change import Kind, Plan, Record
from mpsjobs.model.diagnostics import Position
from mpsjobs.model.state import State
from mpsjobs.model.statements import Moved, Statements
from mpsjobs.plan.build import build

from .states import REALM, TERMS, asset, kinds, name, state_of, take

AT = Position("specs/a.yaml", 3, 12)


def moved(*pairs: tuple[str, str]) -> Statements:
    return Statements(tuple(Moved(old, new, AT, AT) for old, new in pairs))


def plan_of(state: State, statements: Statements, *wanted: str, prompt: str = "new") -> Plan:
    return build([asset(address, prompt) for address in wanted], state, TERMS, statements=statements)


def test_a_said_move_carries_the_record_as_it_is_before_the_new_sound_is_recorded() -> None:
    old = asset("old", "before", takes=1, pick=1)
    plan = plan_of(state_of((old, [take()])), moved(("old", "new")), "new")
    (change,) = plan.changes
    assert (change.kind, change.moved_from, change.generations) == (Kind.REGENERATE, "old", 1)
    first, second = [action for action in plan.actions if isinstance(action, Record)]
    assert (first.fingerprint, first.moved_from, first.pick, first.realm) == (name(old), "old", 1, REALM)
    assert (second.fingerprint, second.moved_from, second.pick) == (change.fingerprint, None, None)


def test_moves_follow_each_other_and_a_whole_address_goes_before_a_pattern() -> None:
    state = state_of((asset("a.x", "1"), [take()]), (asset("a.y", "2"), [take()]))
    said = moved(("a.*", "b.*"), ("b.x", "c.x"), ("a.y", "c.y"))
    plan = plan_of(state, said, "c.x", "c.y", "b.y")
    assert {change.address: change.moved_from for change in plan.changes} == {
        "c.x": "a.x",
        "c.y": "a.y",
        "b.y": None,
    }


def test_what_is_wanted_under_its_name_is_not_moved_by_a_pattern() -> None:
    old = asset("a.x", "same")
    plan = build([old], state_of((old, [take()])), TERMS, statements=moved(("a.*", "b.*")))
    assert kinds(plan) == {"a.x": Kind.KEEP}


def test_a_pattern_that_feeds_itself_comes_to_an_end() -> None:
    state = state_of((asset("a.x", "1"), [take()]))
    plan = plan_of(state, moved(("a.*", "a.b.*")), "other")
    assert kinds(plan) == {"a.x": Kind.RETIRE, "other": Kind.GENERATE}
    plan = plan_of(state, moved(("a.*", "a.b.*")), "a.b.x")
    assert plan.changes[0].moved_from == "a.x"


def test_a_block_that_has_done_its_work_changes_nothing() -> None:
    new = asset("new", "same")
    plan = build([new], state_of((new, [take()])), TERMS, statements=moved(("old", "new")))
    assert kinds(plan) == {"new": Kind.KEEP}
    assert plan.diagnostics == ()


def test_what_cannot_be_moved_because_the_name_is_taken_is_retired_with_a_warning() -> None:
    new = asset("new", "same")
    state = state_of((new, [take()]), (asset("old", "other"), [take()]))
    plan = build([new], state, TERMS, statements=moved(("old", "new")))
    assert kinds(plan) == {"new": Kind.KEEP, "old": Kind.RETIRE}
    (warning,) = plan.diagnostics
    assert (warning.is_error, warning.position) == (False, AT)
    assert "old is not moved: new is in the state already" in warning.summary


def test_two_assets_cannot_be_moved_to_one_address() -> None:
    state = state_of((asset("a.x", "1"), [take()]), (asset("b.x", "2"), [take()]))
    plan = plan_of(state, moved(("a.*", "c.*"), ("b.*", "c.*")), "c.x")
    (error,) = [each for each in plan.diagnostics if each.is_error]
    assert error.summary == "Two assets would be moved to c.x"


def test_a_record_of_another_realm_moves_too_and_stays_what_it_is() -> None:
    state = state_of((asset("old", "same"), [take(realm="tencent/intl")]), realm="tencent/intl")
    plan = plan_of(state, moved(("old", "new")), "new", prompt="same")
    (change,) = plan.changes
    assert (change.kind, change.moved_from) == (Kind.GENERATE, "old")
    first = next(action for action in plan.actions if isinstance(action, Record))
    assert (first.realm, first.moved_from) == ("tencent/intl", "old")


def test_equals_are_paired_by_their_last_names_then_in_order_and_it_is_said() -> None:
    state = state_of(*((asset(address), [take()]) for address in ("a.boss", "a.gate", "a.win")))
    plan = build([asset(address) for address in ("b.gate", "b.new", "b.boss")], state, TERMS)
    assert {change.address: change.moved_from for change in plan.changes} == {
        "b.boss": "a.boss",
        "b.gate": "a.gate",
        "b.new": "a.win",
    }
    assert all("any pairing is free" in (change.message or "") for change in plan.changes)
    alone = build([asset("b")], state_of((asset("a"), [take()])), TERMS)
    assert alone.changes[0].message is None
