"""Credentials that end are renewed before they do: by one thread, without a pause for the others, and not in vain."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from mpsjobs.cloud.credentials import Credentials, Source
from mpsjobs.cloud.credentials_provider import RenewedCredentials
from mpsjobs.cloud.mps import MpsClient
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import Task
from mpsjobs.model.settings import AssumeRole
from tests.cloud.lenders import ROLE, START, Asked, MovedClock, Reply, keys, lender, sts_at

LIFE_S = 7200
BASE = Credentials("i", "k")


@dataclass
class Office:
    """A source that counts, and that can be told to fail or to take its time."""

    clock: MovedClock
    life_s: float = LIFE_S
    fetched: int = 0
    failing: bool = False
    gate: threading.Event | None = None
    entered: threading.Event = field(default_factory=threading.Event)

    def fetch(self) -> Credentials:
        self.fetched += 1
        number = self.fetched
        self.entered.set()
        if self.gate is not None:
            assert self.gate.wait(10)
        if self.failing:
            raise CloudError.of("STS gives no keys", detail="UnauthorizedOperation")
        ends = self.clock.utc() + timedelta(seconds=self.life_s)
        return Credentials(f"id-{number}", "k", "t", ends)

    def provider(self) -> RenewedCredentials:
        return RenewedCredentials(lambda: Source("the office", self.fetch), self.clock)


@pytest.fixture
def office() -> Office:
    return Office(MovedClock())


def told(caplog: pytest.LogCaptureFixture, level: str) -> list[dict[str, object]]:
    """What was logged at this level."""
    return [
        record.msg for record in caplog.records if record.levelname == level and isinstance(record.msg, dict)
    ]


def test_the_source_is_told_in_words_and_in_the_log(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "mpsjobs")
    provider = office.provider()
    assert provider.source == "the office"
    provider()
    assert office.fetched == 1
    (found,) = told(caplog, "INFO")
    assert (found["event"], found["source"]) == ("credentials", "the office")


def test_keys_without_an_end_are_asked_for_once(office: Office) -> None:
    asked: list[int] = []

    def fetch() -> Credentials:
        asked.append(1)
        return BASE

    provider = RenewedCredentials(lambda: Source("s", fetch), office.clock)
    provider()
    office.clock.seconds += 10**8
    assert provider() == BASE
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("life_s", "renewed_after_s"),
    [(43_200, 43_200 - 4320), (7200, 7200 - 720), (1200, 900), (400, 160)],
)
def test_keys_are_renewed_when_little_of_their_life_is_left(
    office: Office, life_s: float, renewed_after_s: float
) -> None:
    office.life_s = life_s
    provider = office.provider()
    provider()
    office.clock.seconds += renewed_after_s - 1
    assert provider().secret_id == "id-1"
    office.clock.seconds += 1
    assert provider().secret_id == "id-2"


def test_keys_of_two_hours_always_outlive_a_url_of_one_hour(office: Office) -> None:
    provider = RenewedCredentials(
        lambda: Source("s", office.fetch), office.clock, ahead=timedelta(minutes=65)
    )
    for _ in range(12 * 60):
        ends = provider().expires_at
        assert ends is not None
        assert ends - office.clock.utc() >= timedelta(hours=1)
        office.clock.seconds += 60
    assert office.fetched == 14


def test_of_many_threads_one_asks_for_the_first_keys_and_all_get_them(office: Office) -> None:
    office.gate = threading.Event()
    provider = office.provider()
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(provider) for _ in range(64)]
        assert office.entered.wait(10)
        office.gate.set()
        assert {each.result(10).secret_id for each in asked} == {"id-1"}
    assert office.fetched == 1


def test_of_many_threads_one_renews_and_the_others_do_not_wait_for_it(office: Office) -> None:
    provider = office.provider()
    provider()
    office.clock.seconds += LIFE_S - 60
    office.entered.clear()
    office.gate = threading.Event()
    with ThreadPoolExecutor(16) as pool:
        first = pool.submit(provider)
        assert office.entered.wait(10)
        # The renewal is under way and hangs; everybody else goes on with what is good.
        others = [pool.submit(provider) for _ in range(64)]
        assert {each.result(10).secret_id for each in others} == {"id-1"}
        assert not first.done()
        office.gate.set()
        assert first.result(10).secret_id == "id-2"
    assert provider().secret_id == "id-2"
    assert office.fetched == 2


def test_a_failed_renewal_is_logged_and_the_old_keys_are_used_on(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    provider = office.provider()
    provider()
    office.failing = True
    office.clock.seconds += LIFE_S - 600
    for _ in range(20):
        assert provider().secret_id == "id-1"
    assert office.fetched == 2
    (warning,) = told(caplog, "WARNING")
    assert "UnauthorizedOperation" in str(warning["error"])
    office.clock.seconds += 30
    assert provider().secret_id == "id-1"
    assert office.fetched == 3
    office.failing = False
    office.clock.seconds += 30
    assert provider().secret_id == "id-4"


def test_keys_that_ended_are_not_used_and_the_reason_is_told_to_all_who_waited(office: Office) -> None:
    provider = office.provider()
    provider()
    office.clock.seconds += LIFE_S
    office.failing = True
    office.gate = threading.Event()
    office.entered.clear()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(provider) for _ in range(8)]
        assert office.entered.wait(10)
        office.gate.set()
        for each in asked:
            with pytest.raises(CloudError, match="STS gives no keys"):
                each.result(10)
    assert office.fetched == 2
    office.failing = False
    office.clock.seconds += 5
    assert provider().secret_id == "id-3"


def test_keys_that_have_already_ended_when_they_come_blame_the_clock(office: Office) -> None:
    office.life_s = -600
    with pytest.raises(CloudError, match="already ended") as caught:
        office.provider()()
    assert "clock" in caught.value.diagnostics[0].hint


def test_where_nothing_is_found_it_is_looked_for_again_later(office: Office) -> None:
    looked: list[int] = []

    def find() -> Source:
        looked.append(1)
        if len(looked) == 1:
            raise CloudError.of("There are no credentials")
        return Source("s", lambda: BASE)

    provider = RenewedCredentials(find, office.clock)
    with pytest.raises(CloudError):
        assert provider.source
    office.clock.seconds += 5
    assert provider.source == "s"


def test_a_long_apply_never_uses_keys_that_have_ended(office: Office) -> None:
    """Twelve hours of questions against an API that refuses every token past its end, with keys lent for half an hour."""
    clock = office.clock
    ends: dict[str, float] = {}

    def lend(asked: Asked) -> Reply:
        assert asked.json()["DurationSeconds"] == 1800
        number = len(ends) + 1
        ends[f"token-{number}"] = clock.seconds + 1800
        return keys(number, START + timedelta(seconds=clock.seconds + 1800))

    def api(asked: Asked) -> Reply:
        good = clock.seconds < ends[asked.headers["x-tc-token"]]
        error = {} if good else {"Error": {"Code": "AuthFailure.TokenFailure", "Message": "ended"}}
        return 200, {"Response": {"Status": "RUN", "RequestId": "r", **error}}

    role = AssumeRole(ROLE, duration_s=1800)
    with lender(lend) as lent, lender(api) as cloud:
        sts = sts_at(lent.url, clock)
        fetch: Callable[[], Credentials] = lambda: sts.assume_role(role, BASE)  # noqa: E731
        provider = RenewedCredentials(lambda: Source("role", fetch), clock)
        with closing(MpsClient(cloud.url, provider, clock)) as client:
            for _ in range(12 * 60):
                assert isinstance(client.describe("t-1"), Task)
                clock.seconds += 60
    assert len(lent.asked) == 29  # every 25 minutes
