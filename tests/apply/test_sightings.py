"""Looking for recorded objects: how few questions that takes, and that a listing confirms and never denies."""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from mpsjobs.apply.drift import Drift, LookedFor, as_seen, look_for_drift
from mpsjobs.apply.sightings import PAGE, Lookout, Sight, ref_of
from mpsjobs.cloud.directory_store import DirectoryStore
from mpsjobs.model.asset import StoreTarget
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import ObjectInfo, ObjectRef
from mpsjobs.model.state import AssetStatus, Output, Published, State, TakeStatus, chosen_take
from tests.plan.states import REALM, asset, name, state_of, take

BUCKET, REGION = "aurora-1250000000", "ap-guangzhou"
TARGET = StoreTarget(BUCKET, REGION, "audio")


class Shelf(DirectoryStore):
    """A store in memory, of which every page of a listing and every question is counted. `late` keys do not show in listings."""

    def __init__(
        self,
        objects: Mapping[str, tuple[str, int]] = {},
        late: Collection[str] = (),
        denied: Collection[str] = (),
    ) -> None:
        super().__init__(Path("/nowhere"))
        self.objects = dict(objects)
        self.late, self.denied = late, denied
        self.pages = self.heads = 0

    def list(self, prefix: ObjectRef, *, start_after: str = "") -> Iterator[ObjectInfo]:
        keys = sorted(self.objects)
        shown = 0
        self.pages += 1
        for key in keys[bisect_right(keys, start_after) :]:
            if key < prefix.key or key in self.late:
                continue
            if not key.startswith(prefix.key):
                return
            if shown == PAGE:
                self.pages, shown = self.pages + 1, 0
            shown += 1
            etag, size = self.objects[key]
            yield ObjectInfo(ObjectRef(prefix.bucket, prefix.region, key), size, etag)

    def head(self, ref: ObjectRef) -> ObjectInfo | None:
        self.heads += 1
        if ref.key in self.denied:
            raise CloudError.of("Denied", code=Code.STORE_FAILED)
        if ref.key not in self.objects:
            return None
        etag, size = self.objects[ref.key]
        return ObjectInfo(ref, size, etag)

    def fetch(self, ref: ObjectRef, to: Path) -> ObjectInfo | None:
        to.write_bytes(b"sound")
        return self.head(ref)


def output(key: str, etag: str = "e", size: int = 5) -> Output:
    return Output(BUCKET, REGION, key, etag, size, "another content", "mp3")


def keys_of_takes(number: int, every: int = 1) -> list[str]:
    return [f"audio/takes/{at:09}/song.mp3" for at in range(0, number * every, every)]


def look(shelf: Shelf, tmp_path: Path, recorded: list[Output]) -> dict[str, Sight]:
    found = Lookout(shelf, [TARGET], tmp_path).look(recorded)
    return {ref.key: sighting.sight for ref, sighting in found.items()}


def test_ten_thousand_outputs_are_confirmed_by_ten_pages_and_no_question(tmp_path: Path) -> None:
    keys = keys_of_takes(10_000)
    shelf = Shelf(dict.fromkeys(keys, ("e", 5)))
    assert set(look(shelf, tmp_path, [output(key) for key in keys]).values()) == {Sight.THERE}
    assert shelf.pages <= 11
    assert shelf.heads == 0


def test_what_nobody_uses_is_passed_over(tmp_path: Path) -> None:
    used = keys_of_takes(3, every=40_000)
    shelf = Shelf(dict.fromkeys(keys_of_takes(100_000), ("e", 5)))
    assert set(look(shelf, tmp_path, [output(key) for key in used]).values()) == {Sight.THERE}
    assert shelf.pages <= 2 * len(used) + 1


def test_takes_and_published_copies_are_seen_in_one_go_below_the_place_of_the_project(tmp_path: Path) -> None:
    keys = ["audio/music/boss.mp3", *keys_of_takes(5)]
    others = [f"other/{number}" for number in range(5000)]
    shelf = Shelf(dict.fromkeys([*keys, *others], ("e", 5)))
    look(shelf, tmp_path, [output(key) for key in keys])
    assert (shelf.pages, shelf.heads) == (1, 0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 5000), unique=True, min_size=1, max_size=40),
    st.randoms(use_true_random=False),
)
def test_a_listing_confirms_and_never_denies(numbers: list[int], chance: Random) -> None:
    keys = [f"audio/takes/{number:09}/song.mp3" for number in numbers]
    late = {key for key in keys if chance.random() < 0.3}
    gone = {key for key in keys if chance.random() < 0.3}
    crowd = dict.fromkeys(keys_of_takes(2000, every=3), ("x", 1))
    shelf = Shelf({**crowd, **dict.fromkeys(keys, ("e", 5))}, late=late)
    for key in gone:
        shelf.objects.pop(key)
    seen = look(shelf, Path("/nowhere"), [output(key) for key in keys])
    assert seen == {key: Sight.MISSING if key in gone else Sight.THERE for key in keys}
    assert shelf.heads == len(late | gone), "only what the listing leaves open is asked for"


@pytest.mark.parametrize(
    ("there", "sight"),
    [
        (("e", 5), Sight.THERE),
        (("other", 6), Sight.CHANGED),
        (("other", 5), Sight.CHANGED),
        (None, Sight.MISSING),
    ],
)
def test_an_object_is_there_or_changed_or_missing(
    tmp_path: Path, there: tuple[str, int] | None, sight: Sight
) -> None:
    shelf = Shelf({"audio/a": there} if there else {})
    assert look(shelf, tmp_path, [output("audio/a")]) == {"audio/a": sight}


def test_another_etag_on_the_same_bytes_is_no_change(tmp_path: Path) -> None:
    recorded = Output(BUCKET, REGION, "audio/a", "e", 5, sha256(b"sound").hexdigest(), "mp3")
    shelf = Shelf({"audio/a": ("copied", 5)})
    assert look(shelf, tmp_path, [recorded]) == {"audio/a": Sight.SAME}


def test_what_the_store_does_not_say_is_not_taken_to_be_missing(tmp_path: Path) -> None:
    shelf = Shelf(denied={"audio/a"})
    assert look(shelf, tmp_path, [output("audio/a")]) == {"audio/a": Sight.UNSEEN}


# --- what follows from it ------------------------------------------------------------------------------------------------------------


def drift_of(state: State, shelf: Shelf, tmp_path: Path) -> Drift:
    return look_for_drift(state, REALM, Lookout(shelf, [TARGET], tmp_path), lambda _: True)


def test_only_takes_in_use_are_looked_for_and_only_news_are_told(tmp_path: Path) -> None:
    used, unused = output("audio/takes/1/a.mp3"), output("audio/takes/2/a.mp3")
    state = state_of((asset("a"), [take(1, outputs=(used,)), take(2, outputs=(unused,))]))
    assert [each.take.take for each in drift_of(state, Shelf(), tmp_path).takes] == [1]
    shelf = Shelf({"audio/takes/1/a.mp3": ("e", 5)})
    drift = drift_of(state, shelf, tmp_path)
    assert (drift.checked, list(drift.events("t")), drift.risks(recorded=False)) == (1, [], ())


def test_a_lost_take_is_used_no_more_and_comes_back_with_its_outputs(tmp_path: Path) -> None:
    song = output("audio/takes/1/a.mp3")
    state = state_of((asset("a"), [take(1, outputs=(song,))]))
    lost = as_seen(state, drift_of(state, Shelf(), tmp_path).events("t"))
    pool = lost.pool(name(asset("a")))
    assert pool.takes[0].status is TakeStatus.LOST
    assert pool.takes[0].outputs == (song,), "what it was is not forgotten"
    assert chosen_take(pool, REALM, None) is None
    assert lost.assets["a"].status is AssetStatus.FAILED
    assert (lost.serial, lost.assets["a"].serial) == (state.serial, state.assets["a"].serial)
    assert state.pool(name(asset("a"))).takes[0].usable, "the state itself is not touched"
    assert list(drift_of(lost, Shelf(), tmp_path).events("t")) == [], "it is told once"

    back = as_seen(lost, drift_of(lost, Shelf({song.key: ("e", 5)}), tmp_path).events("t"))
    assert chosen_take(back.pool(name(asset("a"))), REALM, None)
    assert back.assets["a"].status is AssetStatus.READY


def test_a_changed_take_and_a_changed_copy_are_told_and_left_alone(tmp_path: Path) -> None:
    song = output("audio/takes/1/a.mp3")
    copy = Published(BUCKET, REGION, "audio/a.mp3", "e", 5, "00", name(asset("a")), 1, "attempt-1")
    state = state_of((asset("a"), [take(1, outputs=(song,))]))
    state.assets["a"] = replace(state.assets["a"], published=(copy,))
    drift = drift_of(state, Shelf({song.key: ("x", 9), copy.key: ("x", 9)}), tmp_path)
    assert list(drift.events("t")) == []
    words = [risk.summary for risk in drift.risks(recorded=True)]
    assert len(words) == 2
    assert "9 bytes instead of 5" in words[0]
    assert "published copy" in words[1]


def test_a_published_copy_that_is_gone_is_published_no_more(tmp_path: Path) -> None:
    song = output("audio/takes/1/a.mp3")
    copy = Published(BUCKET, REGION, "audio/a.mp3", "e", 5, "00", name(asset("a")), 1, "attempt-1")
    state = state_of((asset("a"), [take(1, outputs=(song,))]))
    state.assets["a"] = replace(state.assets["a"], published=(copy,))
    drift = drift_of(state, Shelf({song.key: ("e", 5)}), tmp_path)
    assert as_seen(state, drift.events("t")).assets["a"].published is None


def test_many_losses_are_told_in_a_few_lines(tmp_path: Path) -> None:
    outputs = [output(key) for key in keys_of_takes(100)]
    found = Lookout(Shelf(), [TARGET], tmp_path).look(outputs)
    takes = tuple(LookedFor(f"a{number}", take(1, outputs=(each,))) for number, each in enumerate(outputs))
    drift = Drift(takes, {}, found)
    assert len(drift.risks(recorded=False)) == 21
    assert drift.missing == len(drift.lost) == 100
    assert {ref_of(each) for each in outputs} == found.keys()
