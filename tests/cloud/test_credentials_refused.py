"""Keys that a server refuses although nobody knew that they end: the place that they came from is asked once more."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import pytest

from mpsjobs.cloud.clock import SystemClock
from mpsjobs.cloud.cos_store import CosStore
from mpsjobs.cloud.credentials import Credentials, Source
from mpsjobs.cloud.credentials_profile import from_profile
from mpsjobs.cloud.credentials_provider import RenewedCredentials
from mpsjobs.cloud.mps import MpsClient
from mpsjobs.emulator import Emulator, EmulatorConfig
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import (
    Backoff,
    Created,
    DescribeFailed,
    NotCreated,
    ObjectRef,
    Refused,
    Task,
)
from tests.cloud.lenders import MovedClock
from tests.conftest import ledger_of
from tests.s3 import S3Server
from tests.s3_proxy import S3Proxy, s3_proxy

KEY = ObjectRef("aurora-1250000000", "ap-guangzhou", "game/mpsjobs.state.head")


@dataclass
class Shelf:
    """A place where somebody puts other keys now and then, and says nothing of when they end."""

    clock: MovedClock = field(default_factory=MovedClock)
    there: str = "AKIDfirst"
    looks: int = 0
    gone: bool = False

    def look(self) -> Credentials:
        self.looks += 1
        if self.gone:
            raise CloudError.of("The profile file cannot be read")
        return Credentials(self.there, "a-secret-key", "a-token")

    def provider(self) -> RenewedCredentials:
        return RenewedCredentials(lambda: Source("the shelf", self.look), self.clock)


def test_others_are_used_where_there_are_others() -> None:
    shelf = Shelf()
    provider = shelf.provider()
    first = provider()
    shelf.there = "AKIDsecond"
    assert provider() == first
    assert provider.refused("AKIDfirst")
    assert provider().secret_id == "AKIDsecond"
    assert provider.refused("AKIDfirst"), "who was refused with the old ones just tries again"
    assert shelf.looks == 2


@pytest.mark.parametrize("gone", [False, True])
def test_where_there_are_none_it_is_not_asked_for_them_again_at_once(*, gone: bool) -> None:
    shelf = Shelf()
    provider = shelf.provider()
    provider()
    shelf.gone = gone
    assert [provider.refused("AKIDfirst") for _ in range(3)] == [False] * 3
    assert shelf.looks == 2
    shelf.clock.seconds += 5
    shelf.gone, shelf.there = False, "AKIDsecond"
    assert provider.refused("AKIDfirst")
    assert provider().secret_id == "AKIDsecond"


def test_a_profile_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / ".tencentcloud" / "credentials"
    file.parent.mkdir()
    file.write_text("[default]\nsecret_id = AKIDfirst\nsecret_key = k\ntoken = t1\n")
    source = from_profile(tmp_path)
    assert isinstance(source, Source)
    provider = RenewedCredentials(lambda: source, MovedClock())
    assert provider().token == "t1"  # no secret
    file.write_text("[default]\nsecret_id = AKIDsecond\nsecret_key = k\ntoken = t2\n")
    assert provider.refused("AKIDfirst")
    assert provider().token == "t2"  # no secret
    file.write_text("[other]\nsecret_id = AKIDthird\n")
    assert not provider.refused("AKIDsecond")


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[S3Proxy]:
    s3_server.empty(KEY.bucket)
    with s3_proxy(s3_server.url) as proxy:
        proxy.trouble_of = lambda seen: 400 if seen.signer == "AKIDfirst" else None
        yield proxy


@pytest.mark.parametrize("attempts", [1, 4])
def test_a_store_sends_the_refused_request_once_more_with_other_keys(
    proxy: S3Proxy, tmp_path: Path, attempts: int
) -> None:
    def store(shelf: Shelf) -> CosStore:
        keys = shelf.provider()
        keys()
        shelf.there = "AKIDsecond"
        endpoint = f"http://127.0.0.1:{proxy.port}"
        return CosStore(
            keys,
            SystemClock(),
            endpoint=endpoint,
            addressing_style="path",
            renew=keys.refused,
            attempts=attempts,
        )

    file = tmp_path / "x"
    file.write_bytes(b"sound")
    store(Shelf()).put(KEY, file, content_type="audio/wav", metadata={})
    assert store(Shelf()).read(KEY) == b"sound"
    assert store(Shelf()).head(KEY)
    assert len(list(store(Shelf()).list(KEY))) == 1
    store(Shelf()).delete(KEY)
    signers = [
        key for key, _ in groupby(seen.signer for seen in proxy.seen)
    ]  # boto3 asks more than once what a HEAD means
    assert signers == ["AKIDfirst", "AKIDsecond"] * 5


def test_where_there_are_no_other_keys_the_store_says_that_these_have_ended(proxy: S3Proxy) -> None:
    keys = Shelf().provider()
    endpoint = f"http://127.0.0.1:{proxy.port}"
    store = CosStore(keys, SystemClock(), endpoint=endpoint, addressing_style="path", renew=keys.refused)
    with pytest.raises(CloudError, match="Cannot read") as caught:
        store.read(KEY)
    assert caught.value.code == "ExpiredToken"
    assert len(proxy.seen) == 1


def test_the_api_is_asked_again_and_a_task_is_bought_once(tmp_path: Path) -> None:
    config = EmulatorConfig(
        data=tmp_path,
        audio="stub",
        speed=1000,
        credentials={"AKIDsecond": "a-secret-key"},
        tokens={"AKIDsecond": "a-token"},
    )
    with Emulator(config) as emulator:

        def client(shelf: Shelf, then: str) -> MpsClient:
            keys = shelf.provider()
            keys()
            shelf.there = then
            return MpsClient(emulator.url, keys, SystemClock(), renew=keys.refused)

        body = b'{"ModelName":"MiniMaxMusic","ModelVersion":"2.6","Prompt":"x"}'

        def create(mps: MpsClient) -> object:
            staged = mps.stage(body)
            assert not isinstance(staged, NotCreated)
            return staged.send()

        with closing(client(Shelf(), "AKIDsecond")) as mps:
            refused, created = create(mps), create(mps)
            assert isinstance(refused, NotCreated)
            assert refused.backoff is Backoff.SHORT
            assert isinstance(created, Created)
        with closing(client(Shelf(), "AKIDsecond")) as mps:
            failed, task = mps.describe(created.task_id), mps.describe(created.task_id)
            assert isinstance(failed, DescribeFailed)
            assert failed.retry is Backoff.SHORT
            assert isinstance(task, Task)
        with closing(client(Shelf(), "AKIDfirst")) as mps:
            assert isinstance(create(mps), Refused)
        assert len(ledger_of(emulator.url)) == 1
