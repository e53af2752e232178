"""Assets that need others: their fingerprints, their order, what is in their way, and what they leave out of account."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mpsjobs.model.asset import Asset, Reference, ReferenceKind
from mpsjobs.model.change import Change, Kind, Need, Plan, Reconcile, Submit
from mpsjobs.model.state import AssetRecord, AssetStatus, Input, Pool, Refusal, State, Take, TakeStatus
from mpsjobs.plan.build import build
from mpsjobs.plan.fingerprint import canonical_fields
from mpsjobs.plan.selection import Selection
from mpsjobs.plan.wanted import Wanted, in_order, name_sounds
from tests.plan.states import REALM, TERMS, asset, kinds, take


def made_from(address: str, *others: str, prompt: str = "a cover", **more: Any) -> Asset:
    references = tuple(Reference(ReferenceKind.ASSET, other) for other in others)
    made = asset(address, prompt, reference_audio=references)
    return replace(made, **more)


def names(*assets: Asset) -> dict[str, Wanted]:
    return name_sounds(in_order(assets), State("l"), REALM, lambda _asset, _name: False)


def done(*assets: Asset, takes: dict[str, tuple[Take, ...]] | None = None) -> State:
    """Everything was made as wanted here."""
    state = State("l", serial=9)
    for address, want in names(*assets).items():
        state.pools[want.fingerprint] = Pool(
            want.fields, (takes or {}).get(address, (take(address=address),))
        )
        state.assets[address] = AssetRecord(
            want.fingerprint, REALM, AssetStatus.READY, want.asset.takes, want.asset.pick
        )
    return state


def change(plan: Plan, address: str) -> Change:
    return next(each for each in plan.changes if each.address == address)


def submits(plan: Plan) -> dict[str, Submit]:
    return {each.asset.address: each for each in plan.actions if isinstance(each, Submit)}


THEME = asset("theme", "a theme")
COVER = made_from("cover", "theme")


def test_another_asset_counts_by_its_fingerprint_and_not_by_its_name() -> None:
    before = names(THEME, COVER)["cover"].fingerprint
    renamed = names(replace(THEME, address="motif"), made_from("cover", "motif"))["cover"].fingerprint
    changed = names(asset("theme", "another"), COVER)["cover"].fingerprint
    assert renamed == before
    assert changed != before


def test_order_alone_takes_no_part_in_the_fingerprint() -> None:
    alone, following = asset("a"), replace(asset("a"), depends_on=("theme",))
    assert names(THEME, alone)["a"].fingerprint == names(THEME, following)["a"].fingerprint


def test_what_is_needed_is_submitted_first_and_its_user_knows_it() -> None:
    plan = build([made_from("a", "b"), made_from("b", "theme"), THEME], State("l"), TERMS)
    ordered = submits(plan)
    assert list(ordered) == ["theme", "b", "a"]
    assert ordered["b"].needs == (Need("theme", ordered["theme"].fingerprint, None),)
    assert [each.address for each in plan.changes] == ["a", "b", "theme"]


@st.composite
def projects(draw: st.DrawFn) -> list[Asset]:
    """Assets that need earlier ones, under names that say nothing about it."""
    size = draw(st.integers(1, 25))
    addresses = draw(st.permutations([f"a{number}" for number in range(size)]))
    assets = []
    for index, address in enumerate(addresses):
        earlier = st.sampled_from(addresses[:index]) if index else st.nothing()
        references = draw(st.lists(earlier, max_size=3)) if index else []
        follows = draw(st.lists(earlier, max_size=2)) if index else []
        assets.append(made_from(address, *references, prompt=f"song {index % 7}", depends_on=tuple(follows)))
    return draw(st.permutations(assets))


@given(projects())
def test_whatever_the_graph_each_comes_after_what_it_needs(assets: list[Asset]) -> None:
    place = {each.address: index for index, each in enumerate(in_order(assets))}
    assert place.keys() == {each.address for each in assets}
    assert all(place[need] < place[each.address] for each in assets for need in each.requires)
    assert build(assets, State("l"), TERMS) == build(list(reversed(assets)), State("l"), TERMS)


@given(projects())
def test_whatever_the_graph_what_is_done_needs_nothing_more(assets: list[Asset]) -> None:
    plan = build(assets, done(*assets), TERMS)
    assert not plan.has_changes
    assert plan.actions == ()


def test_a_changed_theme_regenerates_all_that_is_made_from_it_and_says_so() -> None:
    medley = made_from("medley", "cover")
    plan = build([asset("theme", "new"), COVER, medley], done(THEME, COVER, medley), TERMS)
    assert kinds(plan) == dict.fromkeys(("cover", "medley", "theme"), Kind.REGENERATE)
    assert change(plan, "cover").message == "depends on theme"
    assert change(plan, "medley").message == "depends on cover"
    assert [reason.path for reason in change(plan, "medley").reasons] == ["reference_audio"]


def test_a_changed_prompt_of_its_own_is_not_laid_on_what_it_needs() -> None:
    plan = build([THEME, made_from("cover", "theme", prompt="new")], done(THEME, COVER), TERMS)
    assert change(plan, "cover").message is None


@pytest.mark.parametrize("ignored", [("reference_audio",), ("prompt", "reference_audio")])
def test_an_ignored_change_keeps_the_sound_and_so_does_all_that_is_made_from_it(
    ignored: tuple[str, ...],
) -> None:
    cover, medley = replace(COVER, ignore_changes=ignored), made_from("medley", "cover")
    state = done(THEME, cover, medley)
    plan = build([asset("theme", "new"), cover, medley], state, TERMS)
    assert kinds(plan) == {"cover": Kind.KEEP, "medley": Kind.KEEP, "theme": Kind.REGENERATE}
    assert change(plan, "cover").fingerprint == state.assets["cover"].fingerprint
    assert change(plan, "cover").fields == state.pools[state.assets["cover"].fingerprint].fields


def test_only_what_is_ignored_is_ignored() -> None:
    cover = replace(COVER, ignore_changes=("prompt",))
    plan = build([asset("theme", "new"), cover], done(THEME, cover), TERMS)
    assert kinds(plan)["cover"] is Kind.REGENERATE


def test_what_is_bought_for_another_reason_is_made_as_the_spec_says_now() -> None:
    old, new = (replace(asset("a", prompt), ignore_changes=("prompt",)) for prompt in ("old", "new"))
    state = done(old)
    assert kinds(build([new], state, TERMS)) == {"a": Kind.KEEP}
    for wants_more, selection in ((replace(new, takes=2), Selection()), (new, Selection(replace=("a",)))):
        plan = build([wants_more], state, replace(TERMS, selection=selection))
        (bought, *_) = submits(plan).values()
        assert bought.fingerprint == names(new)["a"].fingerprint
        assert bought.fields["prompt"] == "new"


def test_an_ignored_change_of_what_never_came_to_be_counts() -> None:
    old, new = (replace(asset("a", prompt), ignore_changes=("prompt",)) for prompt in ("old", "new"))
    state = done(old, takes={"a": (take(1, TakeStatus.FAILED, message="no"),)})
    plan = build([new], state, TERMS)
    assert submits(plan)["a"].fields["prompt"] == "new"


def test_a_rename_stays_free_where_changes_are_ignored() -> None:
    old = replace(asset("a", "old"), ignore_changes=("prompt",))
    new = replace(asset("b", "new"), ignore_changes=("prompt",))
    plan = build([new], done(old), TERMS)
    assert (kinds(plan), plan.generations) == ({"b": Kind.MOVE}, 0)


def test_another_realm_ignores_nothing() -> None:
    old, new = (replace(asset("a", prompt), ignore_changes=("prompt",)) for prompt in ("old", "new"))
    plan = build([new], done(old), replace(TERMS, realm="tencent/intl"))
    assert submits(plan)["a"].fields["prompt"] == "new"


def test_what_needs_something_refused_is_not_bought() -> None:
    state = State("l")
    name = names(THEME)["theme"].fingerprint
    state.pools[name] = Pool(
        canonical_fields(THEME.sound), refused={REALM: Refusal("No", "bad", None, "now")}
    )
    medley = made_from("medley", "cover")
    plan = build([THEME, COVER, medley], state, TERMS)
    assert kinds(plan) == dict.fromkeys(("cover", "medley", "theme"), Kind.FAILED)
    assert change(plan, "cover").message == "waits for theme, which has failed"
    assert change(plan, "medley").message == "waits for cover, which has failed"
    assert (plan.generations, plan.actions, plan.has_changes) == (0, (), False)
    again = build([THEME, COVER, medley], state, replace(TERMS, selection=Selection(targets=("failed:",))))
    assert list(submits(again)) == ["theme", "cover", "medley"]


def test_what_needs_something_unknown_is_planned_and_told_to_wait() -> None:
    lost = take(1, TakeStatus.UNKNOWN, address="theme", task_id=None)
    state = done(THEME, takes={"theme": (lost,)})
    plan = build([THEME, COVER], state, TERMS)
    assert kinds(plan) == {"theme": Kind.UNRESOLVED, "cover": Kind.GENERATE}
    assert change(plan, "cover").message == "waits for theme, whose outcome is unknown"
    assert [type(action) for action in plan.actions[:2]] == [Reconcile, Submit]


def test_a_target_draws_in_what_it_needs_as_far_as_anything_is_to_be_done() -> None:
    other, medley = asset("other"), made_from("medley", "cover")
    assets = [THEME, COVER, medley, other]
    plan = build(assets, done(THEME), replace(TERMS, selection=Selection(targets=("medley",))))
    assert kinds(plan) == {"theme": Kind.KEEP, "cover": Kind.GENERATE, "medley": Kind.GENERATE}
    assert change(plan, "cover").message == "not selected, but medley needs it"
    assert change(plan, "theme").message is None
    assert change(plan, "medley").depends_on == ("cover",)


def test_another_take_of_a_need_is_a_risk_and_no_reason_to_pay() -> None:
    theme = replace(THEME, takes=2, pick=2)
    name = names(THEME)["theme"].fingerprint
    made = take(address="cover", inputs=(Input("theme", name, 1, "00"),))
    state = done(theme, COVER, takes={"theme": (take(1), take(2)), "cover": (made,)})
    plan = build([theme, COVER], state, TERMS)
    assert not plan.has_changes
    assert [(risk.address, risk.summary) for risk in plan.risks] == [
        ("cover", "made from another take: take 1 of theme; now take 2 is used")
    ]
    assert build([replace(theme, pick=1), COVER], state, TERMS).risks == ()
