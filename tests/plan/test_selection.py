"""Which assets a plan is about: patterns, exclusions, limits."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from mpsjobs.model.asset import Asset, Reference, ReferenceKind
from mpsjobs.model.change import Kind, Plan, Submit
from mpsjobs.model.diagnostics import Position
from mpsjobs.model.lifecycle import Lifecycle
from mpsjobs.model.state import Pool, Refusal, State, Take, TakeStatus
from mpsjobs.plan.build import build
from mpsjobs.plan.fingerprint import canonical_fields
from mpsjobs.plan.saved import decode, encode
from mpsjobs.plan.selection import Candidate, Selection, mistaken
from tests.plan.states import OUTPUT, REALM, TERMS, asset, kinds, name, state_of, take

EMPTY = State("lineage")


def tagged(address: str, *tags: str, file: str = "specs/a.yaml", prompt: str | None = None) -> Asset:
    return replace(asset(address, prompt or address), tags=tags, origin=Position(file, 3))


MENU = tagged("menu", "ui", "calm", file="specs/ui.yaml")
BOSS = tagged("level1.boss", "battle", file="specs/battle/bosses.yaml")
CHASE = tagged("level1.chase", "battle", file="specs/battle.yaml")
ROW = replace(tagged("cue", file="specs/cues.yaml"), source=Position("specs/cues.csv", 17))
ASSETS = [MENU, BOSS, CHASE, ROW]


def plan_of(selection: Selection, assets: list[Asset] = ASSETS, state: State = EMPTY) -> Plan:
    return build(assets, state, replace(TERMS, selection=selection))


def chosen(*targets: str, exclude: tuple[str, ...] = ()) -> set[str]:
    return set(kinds(plan_of(Selection(targets, exclude=exclude))))


@pytest.mark.parametrize(
    ("pattern", "addresses"),
    [
        ("menu", {"menu"}),
        ("level1.*", {"level1.boss", "level1.chase"}),
        ("tag:battle", {"level1.boss", "level1.chase"}),
        ("tag:c*", {"menu"}),
        ("file:specs/battle.yaml", {"level1.chase"}),
        ("file:./specs/ui.yaml", {"menu"}),
        ("file:specs/battle*", {"level1.boss", "level1.chase"}),
        ("file:specs/cues.csv", {"cue"}),
        ("failed:", set()),
    ],
)
def test_a_pattern_selects_with_target_and_leaves_the_rest_with_exclude(
    pattern: str, addresses: set[str]
) -> None:
    every = {each.address for each in ASSETS}
    assert chosen(pattern) == addresses
    assert chosen(exclude=(pattern,)) == every - addresses


def test_exclude_goes_before_target() -> None:
    assert chosen("tag:battle", exclude=("*.boss",)) == {"level1.chase"}


def test_changed_since_selects_what_a_revision_says_is_other() -> None:
    changed = {"main": frozenset({"menu", "gone"})}
    state = state_of((asset("gone", "g"), [take()]), (asset("old", "o"), [take()]))
    plan = plan_of(Selection(("changed-since:main",), changed=changed), state=state)
    assert kinds(plan) == {"menu": Kind.GENERATE, "gone": Kind.RETIRE}
    assert Selection(("changed-since:main",), exclude=("changed-since:v1",)).revisions == {"main", "v1"}


def test_what_is_excluded_is_not_retired_either() -> None:
    state = state_of((asset("gone", "g"), [take()]))
    assert "gone" not in kinds(plan_of(Selection(exclude=("go*",)), state=state))


def test_what_has_failed_can_be_left_alone() -> None:
    state = EMPTY.__class__(
        "lineage", pools={name(MENU): Pool({}, (), {REALM: Refusal("X", "no", None, "t")})}
    )
    assert "menu" in kinds(plan_of(Selection(), state=state))
    assert "menu" not in kinds(plan_of(Selection(exclude=("failed:",)), state=state))


# --- what stands for nothing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selection", "summary", "hint"),
    [
        (Selection(("mneu",)), "--target mneu stands for nothing", 'Did you mean "menu"?'),
        (
            Selection(exclude=("tag:batle",)),
            "--exclude tag:batle stands for nothing",
            'Did you mean "battle"?',
        ),
        (
            Selection(("file:specs/batle.yaml",)),
            "--target file:specs/batle.yaml stands for nothing",
            'Did you mean "specs/battle.yaml"?',
        ),
        (Selection(("tag:x*",)), "--target tag:x* stands for nothing", "There are: battle, calm, ui."),
        (
            Selection(replace=("x.*",)),
            "--replace x.* stands for nothing",
            "mpsjobs plan shows the addresses.",
        ),
        (Selection(("tags:ui",)), "--target tags:ui cannot be read", "These can be read: "),
        (Selection(replace=("failed:",)), "--replace failed: cannot be read", "--replace takes addresses"),
    ],
)
def test_a_slip_of_the_pen_is_an_error_with_a_suggestion(
    selection: Selection, summary: str, hint: str
) -> None:
    (diagnostic,) = mistaken(selection, ASSETS, EMPTY)
    assert diagnostic.is_error
    assert diagnostic.summary == summary
    assert diagnostic.hint.startswith(hint)


def test_what_only_the_state_knows_and_what_finds_nothing_today_is_no_slip() -> None:
    state = state_of((asset("gone", "g"), [take()]))
    selection = Selection(("gone", "failed:", "changed-since:main"), exclude=("failed:",))
    assert not list(mistaken(selection, ASSETS, state))


# --- exclusion and needs -------------------------------------------------------------------------------------------------------------


def made_from(address: str, *needs: str, prompt: str = "a cover") -> Asset:
    base = asset(address, prompt)
    audio = tuple(Reference(ReferenceKind.ASSET, each) for each in needs)
    return replace(base, sound=replace(base.sound, reference_audio=audio))


THEME, DRUMS = asset("theme", "a theme"), asset("drums", "some drums")
COVER = made_from("cover", "drums", "theme")
MEDLEY = made_from("medley", "cover", prompt="a medley")
FAMILY = [THEME, DRUMS, COVER, MEDLEY]


def test_what_needs_an_excluded_asset_that_is_not_there_is_left_out_and_says_why() -> None:
    plan = plan_of(Selection(exclude=("theme",)), FAMILY)
    assert kinds(plan) == {"drums": Kind.GENERATE}
    assert {each.address: each.why for each in plan.left_out} == {
        "cover": "needs theme, which is excluded and not there yet",
        "medley": "needs theme, which is excluded and not there yet",
    }
    assert {each.generations for each in plan.left_out} == {1}


def test_nothing_is_bought_for_what_is_left_out() -> None:
    plan = plan_of(Selection(("medley",), exclude=("theme",)), FAMILY)
    assert not plan.actions
    assert [each.address for each in plan.left_out] == ["medley"]


def test_an_excluded_asset_that_is_there_keeps_nobody_back() -> None:
    state = state_of((THEME, [take()]))
    plan = plan_of(Selection(exclude=("theme",)), FAMILY, state)
    assert kinds(plan) == dict.fromkeys(("drums", "cover", "medley"), Kind.GENERATE)
    assert not plan.left_out


# --- limits --------------------------------------------------------------------------------------------------------------------------


def test_a_limit_buys_the_first_assets_of_the_plan_and_shows_the_rest_as_left_out() -> None:
    assets = [replace(asset(each, each), takes=2) for each in "dcba"]
    state = state_of((assets[3], [take(1), take(2)]))
    plan = plan_of(Selection(limit=2), assets, state)
    assert kinds(plan) == {"a": Kind.KEEP, "b": Kind.GENERATE, "c": Kind.GENERATE}
    assert [(each.address, each.generations, each.why) for each in plan.left_out] == [
        ("d", 2, "beyond --limit 2")
    ]
    assert plan.generations == 4


def test_a_limit_counts_assets_that_are_bought_and_nothing_else() -> None:
    shared = [asset("a", "same"), asset("b", "same"), asset("c", "other"), asset("d", "same")]
    plan = plan_of(Selection(limit=1), shared)
    assert set(kinds(plan)) == {"a", "b", "d"}, "who shares the takes comes along"
    assert plan.generations == 1
    assert [each.address for each in plan.left_out] == ["c"]


def test_what_is_beyond_a_limit_keeps_back_what_needs_it() -> None:
    plan = plan_of(Selection(limit=2), FAMILY)
    assert set(kinds(plan)) == {"drums", "theme"}
    assert {each.address for each in plan.left_out} == {"cover", "medley"}


def test_what_has_failed_stays_failed_beyond_a_limit() -> None:
    refused, state = asset("z", "no"), State("lineage")
    state.pools[name(refused)] = Pool(
        canonical_fields(refused.sound), (), {REALM: Refusal("X", "no", None, "t")}
    )
    plan = plan_of(Selection(limit=1), [asset("a", "a"), refused], state)
    assert kinds(plan)["z"] is Kind.FAILED
    assert not plan.left_out


def test_a_saved_plan_carries_what_the_selection_came_to() -> None:
    selection = Selection(exclude=("tag:battle",), limit=1)
    plan = plan_of(selection)
    saved = decode(encode(plan, EMPTY, selection), "plan")
    assert saved.selection(EMPTY).targets == tuple(kinds(plan)) == ("cue",)


# --- laws ----------------------------------------------------------------------------------------------------------------------------

patterns = st.sampled_from(
    ["menu", "level1.*", "*", "tag:battle", "tag:*", "file:specs/*.yaml", "failed:", "x"]
)
lists = st.lists(patterns, max_size=3).map(tuple)


@given(chosen=lists, each=st.sampled_from(ASSETS), failed=st.booleans())
def test_target_and_exclude_of_the_same_patterns_part_the_assets(
    *, chosen: tuple[str, ...], each: Asset, failed: bool
) -> None:
    candidate = Candidate.of(each, failed=failed)
    if chosen:
        assert Selection(chosen).includes(candidate) is not Selection(exclude=chosen).includes(candidate)


@given(lists, lists, st.integers(1, 4))
def test_a_selection_never_does_more_than_the_whole_plan(
    targets: tuple[str, ...], exclude: tuple[str, ...], limit: int
) -> None:
    whole = plan_of(Selection(), [*ASSETS, *FAMILY])
    part = plan_of(Selection(targets, exclude=exclude, limit=limit), [*ASSETS, *FAMILY])
    assert set(kinds(part).items()) <= set(kinds(whole).items())
    assert {each.address for each in part.left_out}.isdisjoint(kinds(part))
    buyers = {action.asset.address for action in part.actions if isinstance(action, Submit)}
    assert len(buyers) <= limit
    for action in part.actions:
        if isinstance(action, Submit):
            assert all(need.address in buyers for need in action.needs), (
                "nothing is sent without what it needs"
            )


# --- what is missing in the store ----------------------------------------------------------------------------------------------------


def lost(number: int = 1) -> Take:
    return take(number, TakeStatus.LOST, outputs=(OUTPUT,), message="missing in the store: here/a.mp3")


def test_what_is_lost_is_proposed_with_its_price_and_bought_only_when_that_is_said() -> None:
    state = state_of((THEME, [lost()]))
    plan = plan_of(Selection(retry=True), [THEME, DRUMS, COVER], state)
    assert kinds(plan) == {"drums": Kind.GENERATE}
    assert [(each.address, each.generations, each.missing) for each in plan.left_out] == [
        ("cover", 1, False),
        ("theme", 1, True),
    ]
    assert plan.missing == 1
    assert [risk.summary for risk in plan.risks] == ["take 1 is missing in the store: here/a.mp3"]
    allowed = build([THEME, DRUMS, COVER], state, replace(TERMS, regenerate_missing=True))
    assert kinds(allowed)["theme"] is Kind.REGENERATE
    assert [each.replaces for each in allowed.actions if isinstance(each, Submit)][1] == ("attempt-1",)


def test_a_take_that_took_the_place_of_a_lost_one_ends_the_matter() -> None:
    replaced = replace(lost(), rejected=True)
    plan = plan_of(Selection(), [replace(THEME, takes=2)], state_of((THEME, [replaced, take(2)])))
    assert kinds(plan) == {"theme": Kind.GENERATE}


def test_an_earlier_sound_that_is_kept_is_not_bought_as_another_for_want_of_its_take() -> None:
    ignoring = replace(asset("a", "new words"), ignore_changes=("prompt",))
    state = state_of((replace(asset("a", "old words")), [lost()]))
    plan = plan_of(Selection(), [ignoring], state)
    assert not plan.generations
    assert [each.address for each in plan.left_out] == ["a"]


def test_an_asset_that_must_not_change_is_not_replaced_by_another_take_either() -> None:
    guarded = replace(THEME, lifecycle=Lifecycle(prevent_regenerate=True))
    plan = build([guarded], state_of((THEME, [lost()])), replace(TERMS, regenerate_missing=True))
    assert any(each.is_error for each in plan.diagnostics)
