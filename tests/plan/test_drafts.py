"""Drafts: what is planned for a branch, and what an apply after the merge makes of it."""

from dataclasses import replace

from mpsjobs.model.asset import PublishWhen
from mpsjobs.model.change import Kind, Publish, Record, Reject, Retire, Submit
from mpsjobs.model.decisions import Decision
from mpsjobs.model.events import AssetRecorded
from mpsjobs.model.state import TakeStatus, adopted_drafts
from mpsjobs.model.statements import Statements
from mpsjobs.plan.build import build
from mpsjobs.plan.drafts import as_draft
from mpsjobs.state.fold import Fold
from tests.plan.states import REALM, TERMS, asset, kinds, name, state_of, take

BOSS, MENU, OLD = asset("boss", "drums"), asset("menu", "strings"), asset("old", "flute")


def test_a_draft_only_brings_takes() -> None:
    state = state_of((BOSS, [take(1), take(2)]), (MENU, [take(1)]), (OLD, [take(1)]))
    louder = asset("boss", "louder drums", takes=2)
    published = replace(asset("lobby", "strings"), publish="lobby.mp3", publish_when=PublishWhen.PICKED)
    decisions = {"boss": Decision(name(BOSS), rejected={1: None})}
    whole = build([louder, published], state, TERMS, statements=Statements(decisions=decisions))
    assert {type(action) for action in whole.actions} == {Reject, Submit, Record, Retire, Publish}
    draft = as_draft(whole)
    assert [type(action) for action in draft.actions] == [Submit, Submit]
    assert (kinds(draft), draft.generations) == ({"boss": Kind.GENERATE, "lobby": Kind.KEEP}, 2)
    assert draft.draft
    assert {each.path for each in whole.changes[0].reasons} == {"prompt", "takes"}
    assert draft.changes[0].reasons == whole.changes[0].reasons


def test_a_rejection_of_a_branch_counts_in_its_drafts() -> None:
    state = state_of((BOSS, [take(1)]))
    draft = as_draft(
        build(
            [BOSS],
            state,
            TERMS,
            statements=Statements(decisions={"boss": Decision(name(BOSS), rejected={1: None})}),
        )
    )
    assert [type(action) for action in draft.actions] == [Submit]


def test_after_the_merge_drafts_are_adopted_for_free_and_that_is_said() -> None:
    louder = asset("boss", "louder drums", takes=2)
    state = state_of((BOSS, [take(1)]))
    state.pools[name(louder)] = replace(
        state_of((louder, [])).pool(name(louder)), takes=(take(1, draft=True), take(2, draft=True))
    )
    made = build([louder], state, TERMS)
    assert (kinds(made), made.generations) == ({"boss": Kind.RESTORE}, 0)
    assert made.changes[0].message == "adopts drafts, free: takes 1 and 2"
    more = state_of((BOSS, [take(1), take(2, draft=True)]))
    made = build([replace(BOSS, takes=2)], more, TERMS)
    assert (kinds(made), made.changes[0].message) == ({"boss": Kind.UPDATE}, "adopts a draft, free: take 2")


def test_a_draft_that_is_still_made_is_waited_for_and_not_bought_again() -> None:
    louder = asset("boss", "louder drums")
    state = state_of((BOSS, [take(1)]))
    running = take(1, TakeStatus.SUBMITTED, draft=True)
    state.pools[name(louder)] = replace(state_of((louder, [])).pool(name(louder)), takes=(running,))
    for plan in (build([louder], state, TERMS), as_draft(build([louder], state, TERMS))):
        assert (kinds(plan), plan.generations) == ({"boss": Kind.RESUME}, 0)


def test_an_asset_adopts_as_many_drafts_as_it_lacks_takes_and_its_pick() -> None:
    pool = state_of(
        (BOSS, [take(1), *(take(n, draft=True) for n in (2, 3, 4)), take(5, TakeStatus.FAILED, draft=True)])
    ).pool(name(BOSS))
    assert [each.take for each in adopted_drafts(pool, REALM, 1, None)] == []
    assert [each.take for each in adopted_drafts(pool, REALM, 2, None)] == [2]
    assert [each.take for each in adopted_drafts(pool, REALM, 2, 4)] == [2, 4]
    assert [each.take for each in adopted_drafts(pool, "tencent/cn", 2, 4)] == []


def test_what_is_recorded_is_no_draft_any_more() -> None:
    state = state_of((BOSS, [take(1), take(2, draft=True), take(3, draft=True)]))
    fold = Fold(state)
    fold.apply(AssetRecorded("t", "boss", name(BOSS), REALM, takes=2, pick=None), state.serial + 1)
    assert [each.draft for each in fold.state.pool(name(BOSS)).takes] == [False, False, True]
