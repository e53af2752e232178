"""What people decided about takes, as a plan obeys it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mpsjobs.model.asset import Asset, Reference, ReferenceKind
from mpsjobs.model.change import Kind, Plan, Publish, Reason, Record, Reject, Submit
from mpsjobs.model.codes import Code
from mpsjobs.model.decisions import Decision
from mpsjobs.model.state import State, Take, TakeStatus
from mpsjobs.model.statements import Statements
from mpsjobs.plan.build import build
from mpsjobs.plan.promotion import Source
from mpsjobs.plan.selection import Selection
from mpsjobs.plan.terms import Terms
from tests.plan.states import OUTPUT, REALM, TERMS, asset, kinds, name, state_of, take

SUMS = {number: f"{number:064x}"[::-1] for number in range(1, 10)}
BOSS = asset("boss", takes=2)


def heard(number: int, **more: object) -> Take:
    """A take with audio of its own."""
    made = take(number, outputs=(replace(OUTPUT, sha256=SUMS[number]),))
    return replace(made, **more)  # type: ignore[arg-type]


def decision(
    of: Asset = BOSS, pick: int | None = None, *, approved: bool = False, rejected: Sequence[int] = ()
) -> Decision:
    sums = {number: SUMS[number][:16] for number in rejected}
    return Decision(name(of), pick, SUMS[pick] if pick else None, approved, sums)


def plan(
    assets: Sequence[Asset], state: State, decisions: Mapping[str, Decision], terms: Terms = TERMS
) -> Plan:
    return build(assets, state, terms, statements=Statements(decisions=decisions))


def records(of: Plan) -> dict[str, int | None]:
    return {action.address: action.pick for action in of.actions if isinstance(action, Record)}


def told(of: Plan) -> list[Code | None]:
    return [each.code for each in of.diagnostics]


def test_a_pick_is_a_free_update_and_recorded() -> None:
    state = state_of((BOSS, [heard(1), heard(2)]))
    made = plan([BOSS], state, {"boss": decision(pick=2)})
    assert kinds(made) == {"boss": Kind.UPDATE}
    assert (made.generations, records(made), told(made)) == (0, {"boss": 2}, [])
    assert made.changes[0].reasons == (Reason("pick", None, 2),)
    state.assets["boss"] = replace(state.assets["boss"], pick=2)
    assert kinds(plan([BOSS], state, {"boss": decision(pick=2)})) == {"boss": Kind.KEEP}
    assert kinds(plan([BOSS], state, {})) == {"boss": Kind.UPDATE}


def test_a_pick_for_another_sound_does_not_hold_and_that_is_said() -> None:
    other = asset("boss", "another song", takes=2)
    state = state_of((BOSS, [heard(1), heard(2)]), (other, [heard(3), heard(4)]))
    made = plan([BOSS], state, {"boss": decision(other, pick=3)})
    assert records(made) == {"boss": None}
    assert told(made) == [Code.DECIDED_FOR_ANOTHER_SOUND]
    assert not any(each.is_error for each in made.diagnostics)


def test_a_pick_of_another_recording_does_not_hold_and_that_is_said() -> None:
    here = state_of((BOSS, [heard(1), take(2), take(3, TakeStatus.SUBMITTED), heard(4, realm="tencent/cn")]))
    for pick in (2, 3, 4, 9):
        made = plan([BOSS], here, {"boss": decision(pick=pick)})
        assert records(made) == {}
        assert told(made) == [Code.DECIDED_ELSEWHERE]
    by_number = replace(decision(pick=2), sha256=None)
    assert records(plan([BOSS], here, {"boss": by_number})) == {"boss": 2}


def test_a_take_that_was_picked_elsewhere_is_copied_with_its_pick() -> None:
    dev = state_of((BOSS, [heard(1), heard(2)]))
    terms = replace(TERMS, sources=(Source("dev", dev),))
    made = plan([BOSS], State("here"), {"boss": decision(pick=2)}, terms)
    assert records(made) == {"boss": 2}
    assert (made.generations, told(made)) == (0, [])
    strange = replace(decision(pick=2), sha256="f" * 64)
    assert told(plan([BOSS], State("here"), {"boss": strange}, terms)) == [Code.DECIDED_ELSEWHERE]


def test_a_rejected_take_is_replaced_by_one_more_and_never_regenerated() -> None:
    state = state_of((BOSS, [heard(1), heard(2)]))
    made = plan([BOSS], state, {"boss": decision(rejected=[1])})
    assert kinds(made) == {"boss": Kind.GENERATE}
    assert [each.take for each in made.actions if isinstance(each, Submit)] == [3]
    assert made.actions[0] == Reject(name(BOSS), 1, "attempt-1")
    assert made.changes[0].reasons == (Reason("rejected", None, [1]),)
    assert not state.pool(name(BOSS)).takes[0].rejected, "a plan changes no state"


def test_a_rejection_that_leaves_enough_takes_is_a_free_update() -> None:
    one = replace(BOSS, takes=1, publish="boss.mp3")
    state = state_of((one, [heard(1), heard(2)]))
    made = plan([one], state, {"boss": decision(rejected=[1])})
    assert (kinds(made), made.generations) == ({"boss": Kind.UPDATE}, 0)
    assert any(isinstance(each, Publish) for each in made.actions)


def test_a_rejection_is_about_a_recording_not_about_a_number() -> None:
    state = state_of((BOSS, [take(1), heard(2)]))
    assert kinds(plan([BOSS], state, {"boss": decision(rejected=[1])})) == {"boss": Kind.KEEP}
    by_number = replace(decision(), rejected={1: None})
    assert kinds(plan([BOSS], state, {"boss": by_number})) == {"boss": Kind.GENERATE}


def test_a_rejection_that_is_taken_back_brings_the_take_back_for_free() -> None:
    state = state_of((BOSS, [heard(1, rejected=True, declined=True), heard(2)]))
    held = plan([BOSS], state, {"boss": decision(rejected=[1])})
    assert (kinds(held), held.generations) == ({"boss": Kind.GENERATE}, 1)
    made = plan([BOSS], state, {})
    assert made.actions == (Reject(name(BOSS), 1, "attempt-1", rejected=False),)
    assert (kinds(made), made.generations) == ({"boss": Kind.UPDATE}, 0)


def test_what_was_rejected_stays_so_while_the_line_is_about_another_sound() -> None:
    other = asset("boss", "another song")
    known = [heard(1, rejected=True, declined=True), heard(2), heard(3)]
    state = state_of((BOSS, known))
    assert kinds(plan([BOSS], state, {"boss": decision(other, pick=3)})) == {"boss": Kind.KEEP}
    replaced = state_of((BOSS, [heard(1, rejected=True), heard(2), heard(3)]))
    assert kinds(plan([BOSS], replaced, {})) == {"boss": Kind.KEEP}, "only a person's no is taken back"


def test_more_takes_are_bought_as_such_and_fewer_cost_nothing() -> None:
    one, three = replace(BOSS, takes=1), replace(BOSS, takes=3)
    state = state_of((one, [heard(1)]))
    more = plan([three], state, {"boss": decision(pick=1)})
    assert (kinds(more), more.generations) == ({"boss": Kind.GENERATE}, 2)
    assert [each.take for each in more.actions if isinstance(each, Submit)] == [2, 3]
    state = state_of((three, [heard(1), heard(2), heard(3)]))
    fewer = plan([one], state, {"boss": decision(pick=3)})
    assert (kinds(fewer), fewer.generations, records(fewer)) == ({"boss": Kind.UPDATE}, 0, {"boss": 3})


def test_an_approved_sound_is_not_regenerated_without_a_yes() -> None:
    changed = asset("boss", "another song", takes=2)
    state = state_of((BOSS, [heard(1), heard(2)]))
    decisions = {"boss": decision(pick=2, approved=True)}

    def refused(selection: Selection, wanted: Asset = changed) -> bool:
        made = plan([wanted], state, decisions, replace(TERMS, selection=selection))
        return Code.MUST_NOT_REPLACE_APPROVED in [each.code for each in made.diagnostics if each.is_error]

    assert refused(Selection())
    assert refused(Selection(replace=("boss",)), BOSS)
    assert not refused(Selection(regenerate=("bo*",)))
    assert not refused(Selection(), replace(BOSS, takes=5))
    assert not refused(Selection(), BOSS)
    state.assets["boss"] = replace(state.assets["boss"], fingerprint=name(asset("boss", "a third one")))
    assert not refused(Selection()), "what is approved is not in use any more"


def test_an_approved_sound_that_gives_way_for_free_is_a_risk() -> None:
    changed = asset("boss", "another song")
    state = state_of((changed, [heard(3)]), (BOSS, [heard(1), heard(2)]))
    made = plan([changed], state, {"boss": decision(pick=2, approved=True)})
    assert kinds(made) == {"boss": Kind.RESTORE}
    assert "take 2 of another sound was approved" in [risk.summary for risk in made.risks]


def test_a_decision_goes_along_with_a_rename_and_its_line_is_named() -> None:
    state = state_of((replace(BOSS, pick=2), [heard(1), heard(2)]))
    renamed = replace(BOSS, address="level1.boss")
    made = plan([renamed], state, {"boss": decision(pick=2)})
    assert (kinds(made), records(made)) == ({"level1.boss": Kind.MOVE}, {"level1.boss": 2})
    assert "level1.boss" in made.diagnostics[0].hint


def test_what_is_made_from_an_asset_is_made_from_the_take_that_was_picked() -> None:
    medley = asset("medley", "all of it", reference_audio=(Reference(ReferenceKind.ASSET, "boss"),))
    state = state_of((BOSS, [heard(1), heard(2)]))
    made = plan([BOSS, medley], state, {"boss": decision(pick=2)})
    (submit,) = (each for each in made.actions if isinstance(each, Submit))
    assert [need.pick for need in submit.needs] == [2]


def test_many_decisions_of_one_kind_are_told_briefly() -> None:
    assets = [asset(f"a{number:02}", f"song {number}") for number in range(40)]
    decisions = {each.address: decision(pick=1) for each in assets}
    made = plan(assets, State("x"), decisions)
    assert len([code for code in told(made) if code is Code.DECIDED_FOR_ANOTHER_SOUND]) == 6
    assert made.realm == REALM
