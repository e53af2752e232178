"""Receipts in the thousands, on a server that lists a thousand at a time."""

import json
from dataclasses import replace

import pytest

from mpsjobs.apply.receipts import Receipt, rebuild, unknown_takes
from mpsjobs.model.asset import StoreTarget
from mpsjobs.model.state import State, TakeStatus
from mpsjobs.state.fold import Fold
from tests.s3 import S3Server, s3_store

TARGET = StoreTarget("aurora-1250000000", "ap-guangzhou", "audio")
ONE = Receipt(
    project="test",
    address="menu",
    fingerprint="f1:0",
    fields={"model": "GL", "prompt": "x"},
    take=1,
    attempt_id="",
    realm="emulator",
    bucket=TARGET.bucket,
    region=TARGET.region,
    cos_path="",
    intended_at="2026-11-22T20:00:00.000Z",
    status=TakeStatus.SUBMITTED,
    task_id="24-a",
    submitted_at="2026-11-22T20:00:01.000Z",
)


@pytest.mark.slow
def test_all_of_many_receipts_are_taken_in_and_newer_ones_are_noticed(s3_server: S3Server) -> None:
    s3_server.empty(TARGET.bucket)

    def receipt(key: str) -> bytes:
        attempt = key.rpartition("/")[2].removesuffix(".json")
        mine = replace(ONE, attempt_id=attempt, fingerprint=f"f1:{attempt}", address=f"a.n{attempt}")
        return mine.encode()

    def fill(numbers: range) -> None:
        s3_server.fill(
            TARGET.bucket, (f"audio/receipts/test/{number:05}.json" for number in numbers), receipt
        )

    fill(range(1010))
    store, state = s3_store(s3_server.url), State("lineage")
    rebuilt = rebuild(store, "test", {TARGET}, state, host="h", boot_id="b")
    assert (rebuilt.takes, rebuilt.unreadable) == (1010, ())
    folded = Fold(state)
    for seq, event in enumerate(rebuilt.events, 1):
        folded.apply(event, seq)
    assert len(state.assets) == 1010
    assert unknown_takes(store, "test", {TARGET}, state, "emulator").takes == ()
    fill(range(1010, 1013))
    newer = unknown_takes(store, "test", {TARGET}, state, "emulator").takes
    assert [json.loads(receipt(ref.key))["attempt_id"] for ref in newer] == ["01010", "01011", "01012"]
