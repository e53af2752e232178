from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import (
    AssetForgotten,
    AssetRetired,
    AttemptAbandoned,
    Event,
    OutputsErased,
    OutputsRecorded,
    PublishedErased,
    RunFinished,
    RunStarted,
    Sending,
    SubmitRefused,
    SubmitUnknown,
    SubmitWithdrawn,
    TakeDeleted,
    TakeRejected,
    TaskFailed,
    TaskSubmitted,
)
from mpsjobs.model.state import AssetStatus, State, Take, TakeStatus, asset_status, chosen_take, unclaimed
from mpsjobs.state.attempt import _FROM
from mpsjobs.state.fold import Fold

from .histories import (
    AT,
    REALM,
    bought,
    copied,
    folded,
    histories,
    imported,
    intended,
    output,
    published,
    recorded,
)

SUBMITTED = TaskSubmitted(AT, "a1", "t1", "r1")


def only_take(state: State) -> Take:
    ((_, take),) = state.takes()
    return take


def test_an_intent_opens_a_pool_with_its_fields() -> None:
    state = folded(intended())
    take = only_take(state)
    assert state.pools["f1:x"].fields["model"] == "GL"
    assert (take.take, take.status, take.sending) == (1, TakeStatus.INTENDED, False)
    assert (take.host, take.boot_id, take.address) == ("box", "boot", "menu")
    assert take.cos_path == "audio/takes/a1/"


def test_sending_is_noted() -> None:
    assert only_take(folded(intended(), Sending(AT, "a1"))).sending


def test_a_withdrawn_take_frees_its_number() -> None:
    state = folded(intended(), SubmitWithdrawn(AT, "a1"))
    assert state.pools["f1:x"].takes == ()
    assert state.pools["f1:x"].next_number == 1
    assert folded(intended(), SubmitWithdrawn(AT, "a1"), intended("a2")).serial == 3


def test_a_submitted_task_keeps_its_ids_and_clears_the_refusal_of_its_realm() -> None:
    refused: list[Event] = [intended(), SubmitRefused(AT, "a1", "InvalidParameter", "no", "r0")]
    state = folded(*refused)
    assert state.pools["f1:x"].takes == ()
    assert state.pools["f1:x"].refused[REALM].message == "no"
    state = folded(*refused, intended("a2"), TaskSubmitted(AT, "a2", "t2", "r2"))
    assert state.pools["f1:x"].refused == {}
    take = only_take(state)
    assert (take.task_id, take.request_id, take.submitted_at, take.in_flight) == ("t2", "r2", AT, True)


def test_a_refusal_in_one_realm_stays_when_another_accepts() -> None:
    state = folded(
        intended(),
        SubmitRefused(AT, "a1", "InvalidParameter", "no", None),
        intended("a2", realm="tencent/intl"),
        TaskSubmitted(AT, "a2", "t2", None),
    )
    assert set(state.pools["f1:x"].refused) == {REALM}


def test_an_unknown_submission_whose_outputs_turn_up_is_adopted() -> None:
    outputs = (output(),)
    state = folded(
        intended(),
        Sending(AT, "a1"),
        SubmitUnknown(AT, "a1", "lost", None),
        OutputsRecorded(AT, "a1", outputs),
    )
    take = only_take(state)
    assert (take.status, take.adopted, take.task_id, take.outputs) == (TakeStatus.DONE, True, None, outputs)


def test_outputs_of_a_known_task_are_not_adopted() -> None:
    take = only_take(folded(intended(), SUBMITTED, OutputsRecorded(AT, "a1", (output(),))))
    assert (take.status, take.adopted, take.finished_at) == (TakeStatus.DONE, False, AT)


def test_a_failed_task_keeps_the_clouds_message() -> None:
    take = only_take(
        folded(intended(), SUBMITTED, TaskFailed(AT, "a1", "Invalid model name for music", None))
    )
    assert (take.status, take.message, take.request_id) == (
        TakeStatus.FAILED,
        "Invalid model name for music",
        "r1",
    )


def test_the_commit_of_the_last_run_is_kept() -> None:
    run = RunStarted(AT, "r", "apply", "0.1.0", "me@box", "c0ffee")
    assert folded(run, RunFinished(AT, "r", 0)).commit == "c0ffee"
    assert folded(run, replace(run, commit=None)).commit is None


def test_a_copy_is_a_take_at_once_and_the_preferred_one_is_used_until_another_is_picked() -> None:
    state = folded(
        *bought("a1", take=1), copied("a2", take=3), copied("a4", take=4, preferred=True), recorded()
    )
    pool = state.pool("f1:x")
    assert state.assets["menu"].status is AssetStatus.READY
    assert [(take.take, take.root) for take in pool.takes] == [(1, "a1"), (3, "dev-a2"), (4, "dev-a4")]
    used = [chosen_take(pool, REALM, pick) for pick in (None, 3, 9)]
    assert [take.take for take in used if take] == [4, 3, 4]


def test_assets_follow_the_takes_of_their_fingerprint() -> None:
    begin = [*bought(), recorded(takes=2), recorded("other", "f1:x"), recorded("third", "f1:y")]
    state = folded(*begin)
    assert [state.assets[name].status for name in ("menu", "other", "third")] == [
        "partial",
        "ready",
        "failed",
    ]
    state = folded(*begin, intended("a2", take=2))
    assert state.assets["menu"].status is AssetStatus.UNRESOLVED
    assert (state.assets["menu"].serial, state.assets["third"].serial) == (8, 7)
    state = folded(*begin, *bought("a2", take=2))
    assert state.assets["menu"].status is AssetStatus.READY


def test_a_failed_asset_says_why() -> None:
    state = folded(intended(), SUBMITTED, recorded(), TaskFailed(AT, "a1", "too dark", None))
    assert (state.assets["menu"].status, state.assets["menu"].failure) == (AssetStatus.FAILED, "too dark")
    state = folded(
        recorded(), intended(), SubmitRefused(AT, "a1", "InvalidParameter", "forbidden word", None)
    )
    assert state.assets["menu"].failure == "forbidden word"


def test_a_move_takes_the_record_along_and_a_return_ends_retirement() -> None:
    state = folded(*bought(), recorded("old"), recorded("new", moved_from="old"))
    assert set(state.assets) == {"new"}
    state = folded(*bought(), recorded("old"), AssetRetired(AT, "old"), recorded("old"))
    assert set(state.assets) == {"old"}
    assert state.retired == {}


def test_two_assets_can_swap_their_names() -> None:
    state = folded(
        recorded("one", "f1:x"),
        recorded("two", "f1:y"),
        recorded("two", "f1:x", moved_from="one"),
        recorded("one", "f1:y", moved_from="two"),
    )
    assert {name: record.fingerprint for name, record in state.assets.items()} == {
        "one": "f1:y",
        "two": "f1:x",
    }


def test_a_retired_asset_keeps_its_takes() -> None:
    state = folded(*bought(), recorded(), AssetRetired(AT, "menu"))
    assert state.assets == {}
    assert (state.retired["menu"].fingerprint, state.retired["menu"].retired_at) == ("f1:x", AT)
    assert len(state.pools["f1:x"].takes) == 1


def keys_of(state: State, address: str = "menu") -> list[str]:
    return [each.key for each in state.assets[address].published or ()]


def nobodys(state: State) -> list[str]:
    return [each.key for each in unclaimed(state)]


def test_an_asset_knows_what_is_published_of_it_and_what_it_left_behind() -> None:
    state = folded(recorded(), published("menu", "music/a.mp3", "music/a-2.mp3"))
    assert keys_of(state) == ["music/a.mp3", "music/a-2.mp3"]
    assert state.assets["menu"].serial == state.serial
    assert unclaimed(state) == ()
    state = folded(recorded(), published("menu", "a.mp3", "b.mp3"), published("menu", "b.mp3", "c.mp3"))
    assert keys_of(state) == ["b.mp3", "c.mp3"]
    (left,) = unclaimed(state)
    assert (left.address, left.key, left.since) == ("menu", "a.mp3", AT)


def test_an_asset_that_is_published_no_more_leaves_its_keys_behind() -> None:
    state = folded(recorded(), published("menu", "a.mp3"), published("menu"))
    assert state.assets["menu"].published is None
    assert nobodys(state) == ["a.mp3"]


def test_what_is_published_goes_along_with_a_move_and_stays_behind_when_an_asset_is_retired() -> None:
    moved = recorded("intro", moved_from="menu")
    state = folded(recorded(), published("menu", "a.mp3"), moved)
    assert keys_of(state, "intro") == ["a.mp3"]
    assert unclaimed(state) == ()
    assert nobodys(folded(recorded(), published("menu", "a.mp3"), moved, published("intro", "b.mp3"))) == [
        "a.mp3"
    ]
    assert nobodys(folded(recorded(), published("menu", "a.mp3"), AssetRetired(AT, "menu"))) == ["a.mp3"]


def test_a_key_that_another_asset_took_over_is_not_nobodys() -> None:
    both = (recorded("menu"), recorded("boss"), published("menu", "a.mp3"))
    assert nobodys(folded(*both, published("menu", "b.mp3"), published("boss", "a.mp3"))) == []
    assert nobodys(folded(*both, published("boss", "a.mp3"), published("menu", "b.mp3"))) == []


def test_an_asset_whose_key_another_one_took_over_is_published_there_no_more() -> None:
    state = folded(
        recorded("menu"),
        published("menu", "a.mp3", "b.mp3"),
        recorded("intro", moved_from="menu"),
        recorded("boss"),
        published("boss", "a.mp3"),
    )
    assert keys_of(state, "intro") == ["b.mp3"]
    assert keys_of(state, "boss") == ["a.mp3"]
    assert unclaimed(state) == ()


def test_what_was_left_under_a_key_and_is_erased_is_noted_no_more() -> None:
    moved = (recorded(), published("menu", "a.mp3"), published("menu", "b.mp3"))
    state = folded(*moved, PublishedErased(AT, "menu", "b-1250000000/a.mp3"))
    assert state.superseded == {}
    assert keys_of(state, "menu") == ["b.mp3"]


def test_a_take_that_is_picked_after_it_was_published_counts_as_picked_from_then_on() -> None:
    picked = replace(recorded(), pick=1)
    state = folded(recorded(), published("menu", "a.mp3"), picked, recorded())
    assert [each.picked for each in state.assets["menu"].published or ()] == [True]
    state = folded(recorded(), published("menu", "a.mp3"), replace(picked, pick=2))
    assert [each.picked for each in state.assets["menu"].published or ()] == [False]


def test_assets_that_swap_their_names_lose_sight_of_no_published_object() -> None:
    state = folded(
        recorded("a", "f1:1"),
        recorded("b", "f1:2"),
        published("a", "a.mp3"),
        published("b", "b.mp3"),
        recorded("b", "f1:1", moved_from="a"),
        recorded("a", "f1:2", moved_from="b"),
    )
    known = set(state.superseded) | {
        each.place for record in state.assets.values() for each in record.published or ()
    }
    assert known == {"b-1250000000/a.mp3", "b-1250000000/b.mp3"}


def test_a_deleted_take_is_used_no_more_and_is_remembered() -> None:
    state = folded(*bought(), *bought("a2", take=2), recorded(), TakeDeleted(AT, "a1"))
    first, second = state.pool("f1:x").takes
    assert (first.status, first.usable, first.there, first.erased) == (
        TakeStatus.DELETED,
        False,
        False,
        False,
    )
    assert first.outputs
    assert chosen_take(state.pool("f1:x"), REALM, 1) == second
    assert state.pool("f1:x").next_number == 3
    state = folded(*bought(), recorded(), TakeDeleted(AT, "a1"), OutputsErased(AT, "a1"))
    assert only_take(state).erased
    assert state.assets["menu"].status is AssetStatus.FAILED


def test_a_rejected_take_is_used_no_more_until_that_is_taken_back() -> None:
    events = [*bought(), *bought("a2", take=2), recorded(takes=2), TakeRejected(AT, "a1")]
    state = folded(*events)
    first, second = state.pool("f1:x").takes
    assert (first.usable, first.there, first.declined) == (False, True, True)
    assert chosen_take(state.pool("f1:x"), REALM, 1) == second
    assert state.assets["menu"].status is AssetStatus.PARTIAL
    back = folded(*events, TakeRejected(AT, "a1", rejected=False))
    assert back.pool("f1:x") == folded(*events[:-1]).pool("f1:x")
    assert back.assets["menu"].status is AssetStatus.READY


def test_a_forgotten_asset_keeps_its_takes_wherever_it_was_remembered() -> None:
    state = folded(*bought(), recorded(), AssetForgotten(AT, "menu"))
    assert (state.assets, state.retired) == ({}, {})
    assert only_take(state).usable
    state = folded(*bought(), recorded(), AssetRetired(AT, "menu"), AssetForgotten(AT, "menu"))
    assert (state.assets, state.retired) == ({}, {})


def test_a_task_that_is_given_up_can_still_bring_its_outputs() -> None:
    state = folded(intended(), SUBMITTED, AttemptAbandoned(AT, "a1"))
    assert (only_take(state).status, only_take(state).task_id) == (TakeStatus.ABANDONED, "t1")
    state = folded(intended(), SUBMITTED, AttemptAbandoned(AT, "a1"), OutputsRecorded(AT, "a1", (output(),)))
    assert (only_take(state).usable, only_take(state).late) == (True, True)


@pytest.mark.parametrize(
    "events",
    [
        [Sending(AT, "a1")],
        [SUBMITTED],
        [intended(), intended()],
        [intended(), intended("a2")],
        [intended(), SUBMITTED, SubmitWithdrawn(AT, "a1")],
        [intended(), SUBMITTED, TaskSubmitted(AT, "a1", "t2", None)],
        [*bought(), TaskFailed(AT, "a1", "late", None)],
        [intended(), SubmitWithdrawn(AT, "a1"), SUBMITTED],
        [AssetRetired(AT, "menu")],
        [published("menu", "a.mp3")],
        [AssetForgotten(AT, "menu")],
        [
            *bought(),
            recorded(),
            published("menu", "a.mp3"),
            PublishedErased(AT, "menu", "b-1250000000/a.mp3"),
        ],
        [intended(), SUBMITTED, TakeDeleted(AT, "a1")],
        [intended(), SUBMITTED, TakeRejected(AT, "a1")],
        [*bought(), OutputsErased(AT, "a1")],
        [*bought(), TakeDeleted(AT, "a1"), TakeDeleted(AT, "a1")],
        [*bought(), TakeDeleted(AT, "a1"), OutputsRecorded(AT, "a1", (output(),))],
        [*bought(), AttemptAbandoned(AT, "a1")],
    ],
)
def test_what_does_not_follow_is_refused_and_changes_nothing(events: list[Event]) -> None:
    fold = Fold(State(lineage="L"))
    for seq, event in enumerate(events[:-1], 1):
        fold.apply(event, seq)
    before = folded(*events[:-1])
    with pytest.raises(StateError, match="contradicts itself"):
        fold.apply(events[-1], len(events))
    assert fold.state == before


def test_an_imported_object_is_there_and_an_imported_task_is_one_like_any_other() -> None:
    take = only_take(folded(imported()))
    assert (take.status, take.usable, take.imported) == (
        TakeStatus.DONE,
        True,
        "object b-1250000000/old/song.wav",
    )
    running = folded(imported(task_id="t1"))
    assert (only_take(running).in_flight, only_take(running).task_id) == (True, "t1")
    done = folded(imported(task_id="t1"), OutputsRecorded(AT, "a1", (output(),)))
    assert (only_take(done).usable, only_take(done).adopted) == (True, False)
    assert (
        only_take(folded(imported(task_id="t1"), TaskFailed(AT, "a1", "no", None))).status
        is TakeStatus.FAILED
    )


def test_a_deleted_take_is_remembered_and_never_used_again() -> None:
    state = folded(*bought(), recorded(), TakeDeleted(AT, "a1"))
    take = only_take(state)
    assert (take.status, take.usable, len(take.outputs)) == (TakeStatus.DELETED, False, 1)
    assert state.assets["menu"].status is AssetStatus.FAILED
    with pytest.raises(StateError, match="contradicts itself"):
        folded(*bought(), TakeDeleted(AT, "a1"), OutputsRecorded(AT, "a1", (output(),)))


def test_a_forgotten_address_leaves_its_takes_and_nothing_else() -> None:
    state = folded(*bought(), recorded(), AssetForgotten(AT, "menu"))
    assert (state.assets, state.retired, only_take(state).usable) == ({}, {}, True)


def test_a_lifecycle_is_what_was_last_said_of_it_and_moves_along() -> None:
    said = replace(recorded(), lifecycle={"prevent_retire": True})
    moved = recorded("boss", moved_from="menu")
    assert folded(*bought(), said, moved).assets["boss"].lifecycle == {"prevent_retire": True}
    assert folded(*bought(), said, replace(moved, lifecycle={})).assets["boss"].lifecycle == {}


def test_events_come_in_order() -> None:
    with pytest.raises(StateError):
        Fold(State(lineage="L", serial=4)).apply(RunFinished(AT, "r", 0), 6)


def test_every_event_of_an_attempt_says_what_it_may_follow() -> None:
    assert all("attempt_id" in event.__slots__ for event in _FROM)
    assert {
        e
        for e in get_args(Event)
        if "attempt_id" in e.__slots__ and e.__name__ not in {"SubmitIntended", "TakeCopied", "TakeImported"}
    } == set(_FROM)


@given(histories())
def test_records_are_always_what_their_takes_say(events: list[Event]) -> None:
    state = folded(*events)
    for record in state.assets.values():
        assert record.status is asset_status(
            state.pool(record.fingerprint), record.realm, record.takes, record.pick
        )
    for pool in state.pools.values():
        assert [take.take for take in pool.takes] == sorted({take.take for take in pool.takes})


@given(histories(), histories(5))
def test_a_fold_can_be_continued_from_any_state(events: list[Event], more: list[Event]) -> None:
    """The indexes are made again from the state, and nothing depends on when."""
    for cut in range(len(events) + 1):
        fold = Fold(folded(*events[:cut]))
        for seq, event in enumerate(events[cut:], cut + 1):
            fold.apply(event, seq)
        assert fold.state == folded(*events)
