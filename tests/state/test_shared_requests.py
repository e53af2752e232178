"""What a state in a bucket costs in requests: nothing that grows with the number of assets."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from mpsjobs.model.events import (
    AssetRecorded,
    Event,
    OutputsRecorded,
    RunFinished,
    RunStarted,
    Sending,
    TaskSubmitted,
)
from tests.s3 import S3Server, s3_store
from tests.s3_proxy import S3Proxy, resolving, s3_proxy
from tests.state.histories import AT, FakeClock, intended, output, recorded
from tests.state_places import BUCKET, Place

ASSETS = 10_000


@dataclass(frozen=True)
class Counted:
    place: Place
    proxy: S3Proxy

    def requests(self) -> Counter[str]:
        """Those since this was asked last."""
        counted = Counter(self.proxy.operations())
        self.proxy.seen.clear()
        return counted


@pytest.fixture
def counted(tmp_path: Path, s3_server: S3Server) -> Iterator[Counted]:
    s3_server.empty(BUCKET)
    with s3_proxy(s3_server.url) as proxy, resolving():
        proxy.addressing, proxy.forbid_overwrite = "path", True
        place = Place(tmp_path, s3_store(proxy.url, attempts=1), FakeClock())
        with closing(place.opened()) as session:
            session.append([recorded(f"a{number}", f"f1:{number}") for number in range(ASSETS)])
        counted = Counted(place, proxy)
        counted.requests()
        yield counted


def test_a_plan_of_ten_thousand_assets_asks_twice_and_then_once(counted: Counted) -> None:
    assert len(counted.place.store("B").read().assets) == ASSETS
    assert counted.requests() == {"GET": 2}
    assert len(counted.place.store("B").read().assets) == ASSETS
    assert counted.requests() == {"GET": 1}


def test_an_apply_of_ten_changes_to_ten_thousand_assets_costs_few_requests(counted: Counted) -> None:
    with closing(counted.place.opened("B")) as session:
        events: list[Event] = [RunStarted(AT, "r", "apply", "0.1.0", "me@box", None)]
        session.append(events)
        attempts = [f"b{number}" for number in range(10)]
        session.append([intended(each, f"f1:new-{each}") for each in attempts])
        for each in attempts:
            session.confirm()
            session.append([Sending(AT, each)], sync=False)
            session.append([TaskSubmitted(AT, each, f"task-{each}", None)])
        for each in attempts:
            session.append([OutputsRecorded(AT, each, (output(each),))])
            session.append([AssetRecorded(AT, each, f"f1:new-{each}", "emulator", 1, None)])
        session.append([RunFinished(AT, "r", 0)])
    asked = counted.requests()
    assert asked.pop("HEAD", 0) == 0
    assert (
        asked["PUT"] <= 9
    )  # the lock, the head and its hint twice, three parts of the journal at the most, the snapshot
    assert (
        asked["GET"] <= 8
    )  # the head, the lock three times, the newest head, the one after it, the snapshot
    assert asked["DELETE"] == 2
    assert sum(asked.values()) <= 19


def test_the_lock_is_looked_at_once_in_a_few_seconds(counted: Counted) -> None:
    place = counted.place
    with closing(place.opened()) as session:
        counted.requests()
        for _ in range(200):  # ten seconds at twenty a second
            session.confirm()
            place.clock.sleep(0.05)
        assert counted.requests()["GET"] <= 10 / (place.terms.trust_s / 2) + 1
