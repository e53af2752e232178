"""What the page is told, made from values alone."""

from base64 import b64decode
from dataclasses import replace
from typing import Any

from mpsjobs.model.asset import Asset, Sound
from mpsjobs.model.change import Change, Kind, Plan, Reason
from mpsjobs.model.decisions import Decision
from mpsjobs.model.diagnostics import Position
from mpsjobs.model.expectations import Expectations, OnFail
from mpsjobs.model.mastering import Mastering
from mpsjobs.model.measures import Measured
from mpsjobs.model.state import AssetRecord, AssetStatus, Master, Output, Pool, State, Take, TakeStatus
from mpsjobs.review.document import BARS, Subject, audio_name, bars, outputs_of, review_document
from tests.cli.test_documents import check

OLD, NEW = "f1:old", "f1:new"


def shown(of: Subject, *, only_changed: bool = False) -> Any:
    """The document, which is as its schema says."""
    document = review_document(of, "served", only_changed=only_changed)
    check("review", document)
    return document


def output(sha256: str, form: str = "mp3") -> Output:
    return Output("local", "local", f"takes/{sha256}", "e", 5, sha256, form, 30.0)


def take(number: int, *outputs: Output, realm: str = "emulator", rejected: bool = False) -> Take:
    status = TakeStatus.DONE if outputs else TakeStatus.FAILED
    return Take(
        number, realm, f"attempt-{number}", "local", "local", "takes/", status, "h", "b", "2026", "boss",
        outputs=outputs, rejected=rejected, task_id=f"task-{number}",
    )  # fmt: skip


def subject(change: Change, *, pick: int | None = None) -> Subject:
    state = State(
        "lineage",
        assets={"boss": AssetRecord(OLD, "emulator", AssetStatus.READY, pick=2)},
        pools={
            OLD: Pool({"prompt": "Warm"}, (take(1, output("a" * 64)), take(2, output("b" * 64)))),
            NEW: Pool({"prompt": "Cold"}, (take(1, output("c" * 64), realm="tencent/intl"), take(2), take(3, output("d" * 64)))),
        },
    )  # fmt: skip
    boss = Asset("boss", Sound("GL"), Position("specs/a.yaml", 3, 1), pick=pick, tags=("battle",))
    return Subject("aurora", Plan("emulator", "lineage", 1, (change,), ()), {"boss": boss}, state)


REGENERATE = Change(
    "boss", Kind.REGENERATE, NEW, (Reason("prompt", "Warm main theme", "Cold main theme"),), 1, {"prompt": "Cold"}
)  # fmt: skip


def test_a_changed_asset_shows_the_sound_that_it_had_beside_the_one_that_is_wanted() -> None:
    (boss,) = shown(subject(REGENERATE))["assets"]
    assert (boss["file"], boss["line"], boss["tags"]) == ("specs/a.yaml", 3, ["battle"])
    assert [(each["take"], each["used"], each["picked"]) for each in boss["old"]["takes"]] == [(1, False, False), (2, True, True)]  # fmt: skip
    assert [(each["take"], each["status"], each["used"]) for each in boss["new"]["takes"]] == [(2, "failed", False), (3, "done", True)]  # fmt: skip
    assert boss["reasons"][0]["words"] == [["old", "Warm"], ["new", "Cold"], ["both", " main theme"]]


def test_an_asset_that_stays_is_shown_once_and_is_left_out_where_only_changes_are_wanted() -> None:
    kept = subject(Change("boss", Kind.KEEP, OLD))
    (boss,) = shown(kept)["assets"]
    assert boss["old"] is None
    assert len(boss["new"]["takes"]) == 2
    assert shown(kept, only_changed=True)["assets"] == []
    assert outputs_of(kept, only_changed=True) == {}


def test_an_asset_that_goes_can_still_be_heard() -> None:
    gone = subject(Change("boss", Kind.RETIRE, OLD))
    (boss,) = shown(replace(gone, assets={}))["assets"]
    assert (boss["file"], boss["new"]) == (None, None)
    assert len(boss["old"]["takes"]) == 2


def test_each_take_says_what_it_misses_of_what_is_expected_now() -> None:
    wants = subject(REGENERATE)
    boss = replace(
        wants.assets["boss"], expect=Expectations(format="wav", clipping=False, on_fail=OnFail.RETAKE)
    )
    (found,) = shown(replace(wants, assets={"boss": boss}))["assets"]
    assert found["expects"] == ["no clipping", "format wav"]
    assert found["new"]["takes"][1]["misses"] == ["format is mp3, wanted wav"]
    assert (found["new"]["takes"][1]["unfit"], found["new"]["takes"][1]["used"]) == (True, False)


def test_finished_files_stand_beside_the_take_that_they_were_made_of() -> None:
    loud = Mastering(loudness=-16)
    kept = subject(Change("boss", Kind.KEEP, OLD))
    first, second = kept.state.pools[OLD].takes
    made = replace(
        second, masters=(Master(loud.name, (output("f" * 64),)), Master("m1-other", (output("0" * 64),)))
    )
    kept.state.pools[OLD] = replace(kept.state.pools[OLD], takes=(first, made))
    wants = replace(kept, assets={"boss": replace(kept.assets["boss"], master=loud)})
    (boss,) = shown(wants)["assets"]
    assert boss["master"] == {"loudness": -16}
    assert [[each["sha256"][0] for each in take["finished"]] for take in boss["new"]["takes"]] == [[], ["f"]]
    assert set(outputs_of(wants)) == {f"{letter * 64}.mp3" for letter in "abf"}


def test_a_draft_says_what_it_was_bought_for() -> None:
    wants = subject(REGENERATE)
    draft = replace(take(3, output("d" * 64)), draft=True, draft_commit="c0ffee")
    wants.state.pools[NEW] = Pool({"prompt": "Cold"}, (draft,))
    (boss,) = shown(wants)["assets"]
    assert [(each["draft"], each["draft_commit"]) for each in boss["new"]["takes"]] == [(True, "c0ffee")]
    assert boss["old"]["takes"][0]["draft"] is False


def test_decisions_that_no_apply_has_seen_yet_are_shown() -> None:
    wants = subject(REGENERATE)
    picked = Decision(NEW, 3, "d" * 12, approved=True)
    (boss,) = shown(replace(wants, decisions={"boss": picked}))["assets"]
    assert (boss["approved"], boss["new"]["pick"], boss["new"]["takes"][1]["picked"]) == (True, 3, True)
    assert boss["outdated"] is None
    for other in (replace(picked, sha256="e" * 12), replace(picked, fingerprint=OLD)):
        (boss,) = shown(replace(wants, decisions={"boss": other}))["assets"]
        assert boss["new"]["pick"] is None
    assert boss["outdated"] == {"take": 3, "approved": True}, "it was about another sound"
    (boss,) = shown(replace(wants, decisions={"boss": Decision(NEW, rejected={3: None})}))["assets"]
    assert (boss["new"]["takes"][1]["rejected"], boss["new"]["takes"][1]["used"]) == (True, False)


def test_files_are_named_by_their_content_and_by_nothing_that_anybody_wrote() -> None:
    assert set(outputs_of(subject(REGENERATE))) == {f"{letter * 64}.mp3" for letter in "abd"}
    assert audio_name(output("a" * 64, "../../x")) == f"{'a' * 64}.bin"
    assert audio_name(output("a" * 64, "WAV")) == f"{'a' * 64}.wav"


def test_a_waveform_has_at_most_so_many_bars_and_each_the_highest_of_its_stretch() -> None:
    peaks = bytes([0x80, 3]) + bytes([0xFF, 1]) * 998 + bytes([0, 90])  # -128, 3 ... -1, 1 ... 0, 90
    found = bars(peaks)
    assert (len(found), found[0], found[1], found[-1]) == (BARS, 127, 1, 90)
    assert bars(bytes([0xF0, 5])) == bytes([16])
    assert bars(b"") == b""
    document = shown(replace(subject(REGENERATE), known=lambda _: Measured("mp3", peaks=peaks)))
    assert len(b64decode(document["assets"][0]["old"]["takes"][0]["outputs"][0]["bars"])) == BARS
