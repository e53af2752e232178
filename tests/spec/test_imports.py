"""How an object of the store may be named."""

import pytest

from mpsjobs.model.ports import ObjectRef
from mpsjobs.model.settings import StoreKind, StoreSettings
from mpsjobs.spec.imports import object_ref

STORE = StoreSettings(StoreKind.COS, "aurora-1250000000", "ap-guangzhou", endpoint="http://127.0.0.1:9000")
OWN = "http://aurora-1250000000.127.0.0.1:9000"


@pytest.mark.parametrize(
    ("written", "bucket", "region", "key"),
    [
        ("old/a.mp3", "aurora-1250000000", "ap-guangzhou", "old/a.mp3"),
        ("a 2@x.mp3", "aurora-1250000000", "ap-guangzhou", "a 2@x.mp3"),
        ("other-1250000000/a.mp3", "other-1250000000", "ap-guangzhou", "a.mp3"),
        ("other-1250000000/a.mp3@ap-singapore", "other-1250000000", "ap-singapore", "a.mp3"),
        (
            "https://other-1250000000.cos.ap-singapore.myqcloud.com/old/n%C3%A9.mp3?q-sign=x#y",
            "other-1250000000",
            "ap-singapore",
            "old/né.mp3",
        ),
        (
            "https://cos.ap-singapore.myqcloud.com/other-1250000000/a.mp3",
            "other-1250000000",
            "ap-singapore",
            "a.mp3",
        ),
        ("http://127.0.0.1:9000/other-1250000000/a.mp3", "other-1250000000", "ap-guangzhou", "a.mp3"),
        (f"{OWN}/old/a.mp3?X-Amz-Signature=x", "aurora-1250000000", "ap-guangzhou", "old/a.mp3"),
    ],
)
def test_an_object_is_named_by_its_key_its_bucket_or_its_url(
    written: str, bucket: str, region: str, key: str
) -> None:
    assert object_ref(written, STORE) == ObjectRef(bucket, region, key)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            "/",
            "a//b",
            "../a",
            "a/./b",
            "https://example.com/a.mp3",
            "file:///a.mp3",
            "http://[::1/a.mp3",
        ),
        *(
            "https://127.0.0.1/a.mp3",
            OWN,
            "https://other-1250000000.cos.ap-singapore.myqcloud.com.example.com/a",
        ),
    ],
)
def test_what_names_no_object_of_the_store_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"no key|no URL"):
        object_ref(written, STORE)
