"""Which take lies under an asset's stable key, and what the plan says of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mpsjobs.model.asset import Asset, PublishWhen, StoreTarget
from mpsjobs.model.change import Action, Change, Kind, Plan, Publish, Reason, Record, Retire, Submit
from mpsjobs.model.expectations import Expectations, OnFail
from mpsjobs.model.published_keys import numbered, published_keys
from mpsjobs.model.state import Output, Published, State, Take, TakeStatus
from mpsjobs.plan.build import build
from mpsjobs.plan.document import plan_document
from mpsjobs.plan.parts import only_waiting
from mpsjobs.plan.publishing import due
from mpsjobs.plan.saved import decode, encode, stale
from mpsjobs.plan.selection import EVERYTHING
from tests.plan.states import OUTPUT, REALM, TERMS, asset, kinds, name, state_of, take

STORE = StoreTarget("local-1", "local", "audio")
HERE = replace(TERMS, publish_to=STORE)


def wanted(address: str = "a", prompt: str = "a song", key: str | None = "music/a.mp3", **more: Any) -> Asset:
    when = more.pop("when", None)
    return replace(asset(address, prompt, **more), publish=key, publish_when=when)


def lies(key: str, of: Asset, source: Take, *, picked: bool = False) -> Published:
    return Published("local-1", "local", key, "e", 10, "00", name(of), source.take, source.attempt_id, picked)


def published_state(of: Asset, takes: Sequence[Take], *objects: Published) -> State:
    state = state_of((of, takes))
    state.assets[of.address] = replace(state.assets[of.address], published=objects or None)
    return state


def only(plan: Plan) -> Change:
    (change,) = plan.changes
    return change


def publishes(plan: Plan) -> list[Action]:
    return [action for action in plan.actions if isinstance(action, Publish)]


def test_what_was_never_published_is_a_free_update() -> None:
    plan = build([wanted()], state_of((asset("a"), [take()])), HERE)
    assert kinds(plan) == {"a": Kind.UPDATE}
    assert only(plan).reasons == (Reason("publish", None, "audio/music/a.mp3 (take 1)"),)
    assert plan.actions == (Publish("a", name(asset("a")), STORE, "audio/music/a.mp3", None, None),)
    assert plan.generations == 0
    assert plan_document(plan)["changes"][0]["publishes"] == "audio/music/a.mp3"  # type: ignore[index, call-overload]


def test_what_lies_where_it_should_is_kept() -> None:
    state = published_state(wanted(), [take()], lies("audio/music/a.mp3", wanted(), take()))
    plan = build([wanted()], state, HERE)
    assert kinds(plan) == {"a": Kind.KEEP}
    assert plan.actions == ()
    assert plan.risks == ()


def test_a_key_is_no_part_of_the_fingerprint() -> None:
    assert name(wanted()) == name(asset("a"))


def test_another_pick_and_another_key_are_free_updates_with_before_and_after() -> None:
    takes = [take(1), take(2)]
    state = published_state(wanted(takes=2), takes, lies("audio/music/a.mp3", wanted(), takes[0]))
    (pick, publish) = only(build([wanted(takes=2, pick=2)], state, HERE)).reasons
    assert pick.path == "pick"
    assert publish == Reason("publish", "audio/music/a.mp3 (take 1)", "audio/music/a.mp3 (take 2)")
    change = only(build([wanted(takes=2, key="b.mp3")], state, HERE))
    assert change.kind is Kind.UPDATE
    assert change.reasons == (Reason("publish", "audio/music/a.mp3 (take 1)", "audio/b.mp3 (take 1)"),)


def test_a_rename_moves_what_is_published_with_it() -> None:
    before, after = wanted("a", key="music/a.mp3"), wanted("b", key="music/b.mp3")
    plan = build([after], published_state(before, [take()], lies("audio/music/a.mp3", before, take())), HERE)
    change = only(plan)
    assert (change.kind, change.moved_from, plan.generations) == (Kind.MOVE, "a", 0)
    assert change.reasons == (Reason("publish", "audio/music/a.mp3 (take 1)", "audio/music/b.mp3 (take 1)"),)
    assert [type(action) for action in plan.actions] == [Record, Publish]


def test_a_rename_under_a_fixed_key_publishes_nothing() -> None:
    state = published_state(wanted("a"), [take()], lies("audio/music/a.mp3", wanted("a"), take()))
    change = only(build([wanted("b")], state, HERE))
    assert (change.kind, change.reasons) == (Kind.MOVE, ())


def test_a_new_sound_is_published_by_the_change_that_buys_it() -> None:
    plan = build([wanted()], State("l"), HERE)
    assert only(plan).kind is Kind.GENERATE
    assert (only(plan).reasons, only(plan).publishes) == ((), "audio/music/a.mp3")
    assert [type(action) for action in plan.actions] == [Submit, Record, Publish]
    state = published_state(wanted(), [take()], lies("audio/music/a.mp3", wanted(), take()))
    plan = build([wanted(prompt="new")], state, HERE)
    assert only(plan).kind is Kind.REGENERATE
    assert [reason.path for reason in only(plan).reasons] == ["prompt"]
    assert [type(action) for action in plan.actions] == [Submit, Record, Publish]


def test_an_earlier_prompt_brings_its_take_back_to_the_key() -> None:
    old, new = wanted(prompt="old"), wanted(prompt="new")
    state = published_state(new, [take()], lies("audio/music/a.mp3", new, take()))
    state.pools[name(old)] = state_of((old, [take(attempt_id="old-1")])).pools[name(old)]
    plan = build([old], state, HERE)
    change = only(plan)
    assert (change.kind, change.publishes) == (Kind.RESTORE, "audio/music/a.mp3")
    assert [reason.path for reason in change.reasons] == ["prompt"], "the key and the number are the same"
    assert [type(action) for action in plan.actions] == [Record, Publish]


def test_what_is_wanted_no_more_leaves_its_key_for_free() -> None:
    state = published_state(wanted(), [take()], lies("audio/music/a.mp3", wanted(), take()))
    plan = build([wanted(key=None)], state, HERE)
    assert only(plan).kind is Kind.UPDATE
    assert only(plan).reasons == (Reason("publish", "audio/music/a.mp3 (take 1)", None),)
    assert [action.key for action in publishes(plan) if isinstance(action, Publish)] == [None]
    assert build([], state, HERE).actions == (Retire("a"),)


def test_another_store_or_prefix_is_another_key() -> None:
    state = published_state(wanted(), [take()], lies("audio/music/a.mp3", wanted(), take()))
    for store in (replace(STORE, prefix="other"), replace(STORE, bucket="other-1")):
        assert kinds(build([wanted()], state, replace(HERE, publish_to=store))) == {"a": Kind.UPDATE}


@pytest.mark.parametrize(
    ("when", "pick", "was_picked", "published"),
    [
        (None, None, False, 1),
        (None, 2, False, 2),
        (None, 3, False, None),
        (None, None, True, None),
        (None, 2, True, 2),
        (PublishWhen.PICKED, None, False, None),
        (PublishWhen.PICKED, 2, False, 2),
        (PublishWhen.PICKED, 3, False, None),
        (PublishWhen.FIRST_PASSING, None, True, 1),
        (PublishWhen.FIRST_PASSING, 3, False, 1),
        (PublishWhen.FIRST_PASSING, 2, False, 2),
    ],
)
def test_the_first_good_take_is_published_until_one_was_picked_and_then_picks(
    when: PublishWhen | None, pick: int | None, *, was_picked: bool, published: int | None
) -> None:
    takes, want = [take(1), take(2)], wanted(when=when, pick=pick)
    before = lies("audio/music/a.mp3", want, take(9), picked=was_picked)
    state = published_state(want, takes, before)
    publish = Publish("a", name(want), STORE, "audio/music/a.mp3", when, pick)
    publication = due(publish, state.assets["a"], state.pool(name(want)), REALM)
    assert (publication and publication.take and publication.take.take) == published
    assert publication is None or publication.picked is (pick == published)


def test_a_take_that_waits_to_be_picked_is_a_risk_that_says_what_stays() -> None:
    want = wanted(when=PublishWhen.PICKED)
    plan = build([want], state_of((want, [take()])), HERE)
    assert kinds(plan) == {"a": Kind.KEEP}
    (risk,) = plan.risks
    assert risk.summary == "take 1 is published when it is picked: mpsjobs pick a 1"
    state = published_state(want, [take()], lies("audio/music/a.mp3", want, take(9), picked=True))
    (risk,) = build([want], state, HERE).risks
    assert "take 9 of before stays under its key" in risk.summary


@pytest.mark.parametrize(("on_fail", "stays"), [(OnFail.WARN, False), (OnFail.FAIL, True)])
def test_a_take_that_fails_what_is_expected_is_published_only_if_it_is_picked(
    on_fail: OnFail, *, stays: bool
) -> None:
    want = replace(wanted(), expect=Expectations(format="wav", on_fail=on_fail))
    missing = take(misses=("format is mp3, wanted wav",))
    before = lies("audio/music/a.mp3", wanted(prompt="before"), take(9))
    plan = build([want], published_state(want, [missing], before), HERE)
    assert kinds(plan) == {"a": Kind.KEEP if stays else Kind.UPDATE}
    waits = "take 1 misses what is expected, so it is published when it is picked: mpsjobs pick a 1; take 9 of before stays under its key"
    assert (waits in [risk.summary for risk in plan.risks]) is stays
    picked = replace(want, pick=1)
    assert kinds(build([picked], published_state(picked, [missing], before), HERE)) == {"a": Kind.UPDATE}


def test_a_plan_says_that_a_new_take_is_published_only_where_it_will_be() -> None:
    before, want = wanted(prompt="before"), wanted()
    for picked in (False, True):
        lying = lies("audio/music/a.mp3", before, take(), picked=picked)
        plan = build([want], published_state(before, [take()], lying), HERE)
        assert only(plan).kind is Kind.REGENERATE
        assert only(plan).publishes == (None if picked else "audio/music/a.mp3")
        assert ("mpsjobs pick a NUMBER; take 1 of before stays" in str(plan.risks)) is picked


def test_a_rejected_take_makes_room_for_the_next_one() -> None:
    takes = [take(1, rejected=True), take(2)]
    state = published_state(wanted(), takes, lies("audio/music/a.mp3", wanted(), takes[0]))
    (reason,) = only(build([wanted()], state, HERE)).reasons
    assert reason.after == "audio/music/a.mp3 (take 2)"


def test_whoever_shares_a_sound_that_is_bought_anew_is_published_anew() -> None:
    shared = [wanted("a", key="a.mp3"), wanted("b", key="b.mp3")]
    state = state_of((shared[0], [take()]), (shared[1], [take()]))
    for each in shared:
        record = state.assets[each.address]
        objects = (lies(f"audio/{each.publish}", each, take()),)
        state.assets[each.address] = replace(record, published=objects)
    assert build(shared, state, HERE).actions == ()
    plan = build(shared, state, replace(HERE, selection=replace(EVERYTHING, replace=("a",))))
    assert kinds(plan) == {"a": Kind.REGENERATE, "b": Kind.KEEP}
    assert {action.address for action in publishes(plan) if isinstance(action, Publish)} == {"a", "b"}


def test_what_only_waits_publishes_what_arrives() -> None:
    running, ready = wanted("a", "one", "a.mp3"), wanted("b", "two", "b.mp3")
    state = state_of((running, [take(status=TakeStatus.SUBMITTED)]), (ready, [take()]))
    plan = only_waiting(build([running, ready], state, HERE))
    assert [action.address for action in publishes(plan) if isinstance(action, Publish)] == ["a"]


def test_a_saved_plan_is_stale_when_the_key_is_another_one() -> None:
    state = state_of((asset("a"), [take()]))
    saved = decode(encode(build([wanted()], state, HERE), state, EVERYTHING), "plan")
    assert not list(stale(saved, build([wanted()], state, HERE), state))
    (why,) = stale(saved, build([wanted(key="b.mp3")], state, HERE), state)
    assert "its published key has changed" in why.detail


def output(key: str, file_format: str) -> Output:
    return replace(OUTPUT, key=key, format=file_format)


def test_the_first_audio_file_has_the_key_and_the_others_are_numbered() -> None:
    outputs = (output("v", "mp4"), output("x", "mp3"), output("y", "wav"), output("z", ""))
    assert [(each.key, key) for each, key in published_keys("music/a.${format}", outputs)] == [
        ("x", "music/a.mp3"),
        ("v", "music/a.mp4"),
        ("y", "music/a.wav"),
        ("z", "music/a.bin"),
    ]
    songs = (output("x", "mp3"), output("y", "wav"), output("z", "mp3"))
    assert [key for _, key in published_keys("music/a.${format}", songs)] == [
        "music/a.mp3",
        "music/a.wav",
        "music/a-2.mp3",
    ]


@pytest.mark.parametrize(
    ("key", "second"),
    [
        ("a.mp3", "a-2.mp3"),
        ("v1.2/theme", "v1.2/theme-2"),
        ("v1.2/theme.tar.gz", "v1.2/theme.tar-2.gz"),
        ("music/.hidden", "music/.hidden-2"),
    ],
)
def test_the_number_stands_before_the_extension(key: str, second: str) -> None:
    assert numbered(key, 1) == key
    assert numbered(key, 2) == second
