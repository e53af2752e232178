"""A wrong clock is said in words, by how much and in which direction."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from mpsjobs.cloud.clock import SystemClock
from mpsjobs.cloud.credentials import Credentials
from mpsjobs.cloud.mps import MpsClient
from mpsjobs.cloud.skew import explained
from mpsjobs.emulator import Emulator, EmulatorConfig
from mpsjobs.model.ports import DescribeFailed, NotCreated, Refused, Scope

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
EXPIRED = "AuthFailure.SignatureExpire"


def said(ahead_s: float, code: str = EXPIRED) -> str:
    """What is said to a machine whose clock is so many seconds ahead of the server's."""
    date = format_datetime(NOW - timedelta(seconds=ahead_s), usegmt=True)
    return explained(code, "Refused.", NOW, date)


@pytest.mark.parametrize(
    ("ahead_s", "words"),
    [
        (600, "10 minutes ahead of"),
        (-600, "10 minutes behind"),
        (-310, "5 minutes behind"),
        (5400, "2 hours ahead of"),
        (-8 * 3600, "8 hours behind"),
        (40 * 86400, "40 days ahead of"),
    ],
)
def test_a_wrong_clock_is_told_from_the_servers(ahead_s: float, words: str) -> None:
    assert said(ahead_s) == f"Refused. This machine's clock is {words} the server's. Set the clock (NTP)."


def test_a_signature_that_a_wrong_clock_spoilt_otherwise_is_explained_too() -> None:
    assert "8 hours behind" in said(-8 * 3600, "AuthFailure.SignatureFailure")


def test_no_clock_is_blamed_for_another_mistake() -> None:
    assert said(10, "AuthFailure.SignatureFailure") == "Refused."
    assert said(4000, "InvalidParameter") == "Refused."


def test_a_request_that_was_long_on_its_way_is_no_fault_of_the_clock() -> None:
    assert said(3) == "Refused. The clocks agree: the request was held up for minutes on its way."


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 22 Nov 2026"])
def test_without_a_date_the_clock_is_only_suspected(date: str | None) -> None:
    assert explained(EXPIRED, "", NOW, date) == (
        "This machine's clock and the server's differ by more than five minutes. Set the clock (NTP)."
    )


@pytest.mark.parametrize(("off_s", "words"), [(601, "10 minutes ahead of"), (-601, "10 minutes behind")])
def test_the_emulators_refusal_says_how_far_the_clock_is_off(tmp_path: Path, off_s: int, words: str) -> None:
    class Wrong(SystemClock):
        def utc(self) -> datetime:
            return super().utc() + timedelta(seconds=off_s)

    config = EmulatorConfig(data=tmp_path, audio="stub", credentials={"AKIDemulator": "emulator"})
    with (
        Emulator(config) as emulator,
        closing(MpsClient(emulator.url, lambda: Credentials("AKIDemulator", "emulator"), Wrong())) as client,
    ):
        stage = client.stage(b'{"Prompt":"x"}')
        assert not isinstance(stage, NotCreated)
        outcome, described = stage.send(), client.describe("t")
    assert isinstance(outcome, Refused)
    assert isinstance(described, DescribeFailed)
    for failed in (outcome, described):
        assert (failed.code, failed.scope) == (EXPIRED, Scope.ACCOUNT)
        assert f"This machine's clock is {words} the server's." in failed.message
        assert failed.request_id
