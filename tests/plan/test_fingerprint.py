"""A fingerprint is for ever: whatever changes one would make users pay again for what they have."""

import json
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mpsjobs.model.asset import Reference, ReferenceKind, Sound
from mpsjobs.plan.fingerprint import canonical_fields, fingerprint, without_signature

GOLDEN = json.loads((Path(__file__).parents[1] / "testdata" / "fingerprints.json").read_text())


def sound_of(fields: dict[str, Any]) -> Sound:
    references = {
        name: tuple(
            Reference(ReferenceKind(r["kind"]), r["value"], r.get("sha256")) for r in fields.get(name, ())
        )
        for name in ("reference_audio", "reference_video")
    }
    return Sound(**{**fields, **references})


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_fingerprints_of_earlier_releases_still_hold(case: dict[str, Any]) -> None:
    fields = canonical_fields(sound_of(case["sound"]), case.get("others", {}))
    assert fingerprint(fields) == case["fingerprint"]


def test_unset_fields_take_no_part() -> None:
    assert canonical_fields(Sound("GL", prompt="x")) == {"model": "GL", "prompt": "x"}


def test_false_is_not_unset() -> None:
    assert canonical_fields(Sound("GL", instrumental=False))["instrumental"] is False


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Sound("GL", prompt="a\r\nb\n"), Sound("GL", prompt="a\nb")),
        (Sound("GL", prompt="caf\u0065\u0301"), Sound("GL", prompt="caf\u00e9")),
        (
            Sound("M", additional_parameters={"a": 1, "b": 2}),
            Sound("M", additional_parameters={"b": 2, "a": 1.0}),
        ),
        (Sound("M", additional_parameters={"a": 1, "b": None}), Sound("M", additional_parameters={"a": 1})),
    ],
    ids=["line ends", "normal form", "order and whole floats", "null"],
)
def test_style_does_not_change_it(one: Sound, other: Sound) -> None:
    assert fingerprint(canonical_fields(one)) == fingerprint(canonical_fields(other))


@pytest.mark.parametrize(
    "change",
    [
        {"model": "EL"},
        {"version": "2.0"},
        {"scene": "music"},
        {"prompt": "other"},
        {"lyrics": "la"},
        {"instrumental": True},
        {"format": "wav"},
        {"variation": "b"},
        {"extra_parameters": {"resource_id": "1"}},
        {"additional_parameters": {"n": 2}},
        {"reference_audio": (Reference(ReferenceKind.URL, "https://a/b"),)},
        {"reference_video": (Reference(ReferenceKind.URL, "https://a/b"),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_is_heard_changes_it(change: dict[str, Any]) -> None:
    sound = Sound("GL", prompt="x")
    assert fingerprint(canonical_fields(replace(sound, **change))) != fingerprint(canonical_fields(sound))


@pytest.mark.parametrize(
    "url",
    [
        "https://b-1.cos.ap-x.myqcloud.com/a.wav?q-sign-algorithm=sha1&q-ak=AKID&q-signature=00&x-cos-security-token=t",
        "https://b-1.cos.ap-x.myqcloud.com/a.wav?X-Amz-Signature=1&X-Amz-Credential=2",
        "https://user:secret@b-1.cos.ap-x.myqcloud.com/a.wav#frag",
        "https://b-1.cos.ap-x.myqcloud.com/a.wav",
    ],
)
def test_a_url_stands_without_its_signature(url: str) -> None:
    assert without_signature(url) == "https://b-1.cos.ap-x.myqcloud.com/a.wav"


def test_what_a_url_selects_stays() -> None:
    assert without_signature("https://a/b?versionId=3&sign=x") == "https://a/b?versionId=3"


def test_a_file_counts_by_its_content_not_its_name() -> None:
    def with_file(name: str, sha: str) -> Sound:
        return Sound("M", reference_audio=(Reference(ReferenceKind.FILE, name, sha),))

    assert canonical_fields(with_file("a.wav", "00")) == canonical_fields(with_file("b.wav", "00"))
    assert canonical_fields(with_file("a.wav", "00")) != canonical_fields(with_file("a.wav", "01"))


@given(st.text())
def test_any_text_is_stable_under_its_own_canon(text: str) -> None:
    once = canonical_fields(Sound("GL", prompt=text))
    again = canonical_fields(Sound("GL", prompt=str(once.get("prompt", ""))))
    assert again == once or not unicodedata.normalize("NFC", text).strip("\r\n")
