"""The client and the emulator with TLS between them: what is trusted, and what is said where it is not."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from mpsjobs.cloud.clock import SystemClock
from mpsjobs.cloud.credentials import Credentials
from mpsjobs.cloud.mps import MpsClient
from mpsjobs.emulator import Emulator, EmulatorConfig
from mpsjobs.model.ports import Created, DescribeFailed, NotCreated, Scope
from tests.conftest import ledger_of
from tests.network import tls_front
from tests.tls import tls_for, trusting

BODY = b'{"ModelName":"GL","Prompt":"x"}'
PAST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    config = EmulatorConfig(data=tmp_path, audio="stub", speed=1000, credentials={"AKIDemulator": "emulator"})
    with Emulator(config) as emulator:
        yield emulator


def client_of(port: int, trusted: trustme.CA) -> MpsClient:
    credentials = Credentials("AKIDemulator", "emulator")
    return MpsClient(f"https://127.0.0.1:{port}", lambda: credentials, SystemClock(), tls=trusting(trusted))


def test_a_private_authority_is_trusted_when_it_is_named(emulator: Emulator, authority: trustme.CA) -> None:
    upstream = int(emulator.url.rpartition(":")[2])
    with (
        tls_front(tls_for(authority, "127.0.0.1"), upstream) as port,
        closing(client_of(port, authority)) as client,
    ):
        stage = client.stage(BODY)
        assert not isinstance(stage, NotCreated)
        assert ledger_of(emulator.url) == []
        outcome = stage.send()
    assert isinstance(outcome, Created)
    assert [task["TaskId"] for task in ledger_of(emulator.url)] == [outcome.task_id]


@pytest.mark.parametrize(
    ("host", "not_after", "known", "words"),
    [
        ("mps.example.com", None, True, "the server's certificate is for another host"),
        ("127.0.0.1", PAST, True, "the server's certificate has expired, or this machine's clock is wrong"),
        ("127.0.0.1", None, False, "the server's certificate is not trusted (unable to get local issuer"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said_and_nothing_is_created(
    emulator: Emulator,
    authority: trustme.CA,
    host: str,
    not_after: datetime | None,
    known: bool,  # noqa: FBT001
    words: str,
) -> None:
    upstream = int(emulator.url.rpartition(":")[2])
    with (
        tls_front(tls_for(authority, host, not_after=not_after), upstream) as port,
        closing(client_of(port, authority if known else trustme.CA())) as client,
    ):
        outcome, described = client.stage(BODY), client.describe("t")
    assert isinstance(outcome, NotCreated)
    assert isinstance(described, DescribeFailed)
    for failed in (outcome, described):
        assert failed.code == "TlsFailed"
        assert words in failed.message
    assert (outcome.backoff, described.retry, described.scope) == (None, None, Scope.ACCOUNT)
    assert ledger_of(emulator.url) == []
