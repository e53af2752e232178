"""Keys that end in the midst of an apply: others are used before, for the API, for the store, and for the state in the bucket."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from mpsjobs.emulator.errors import ApiError
from mpsjobs.emulator.keys import Keys, Temporary
from tests.cli.clouds import PERMANENT, cloud
from tests.cloud.lenders import Asked, Reply, lender
from tests.conftest import ledger_of
from tests.crash.machines import clone
from tests.s3 import S3Server
from tests.s3_proxy import Seen, Trouble, s3_proxy

SONGS = 12
LIFE_S = 7
ACCOUNT = PERMANENT["TENCENTCLOUD_SECRET_ID"]


@dataclass
class Office:
    """What lends keys to a machine, and tells which are good. The emulator knows them too: it keeps its secret in the same folder."""

    keys: Keys
    lent: list[Temporary] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def lend(self) -> Temporary:
        self.lent.append(self.keys.lend(ACCOUNT, int(now()) + LIFE_S))
        return self.lent[-1]

    def metadata(self, asked: Asked) -> Reply:
        """What the metadata service of a machine with a role answers."""
        if asked.path.endswith("/"):
            return 200, "mps-runner"
        lent = self.lend()
        keys = {"TmpSecretId": lent.secret_id, "TmpSecretKey": lent.secret_key, "Token": lent.token}
        return 200, {"Code": "Success", "ExpiredTime": lent.expires_at, **keys}

    def good(self, secret_id: str, token: str | None) -> bool:
        try:
            self.keys.find(secret_id, token, now())
        except ApiError:
            return False
        return True

    def judge(self, seen: Seen) -> Trouble | None:
        """As the bucket's server: 400 ExpiredToken for keys that have ended."""
        secret_id = seen.signer
        if self.good(secret_id, seen.headers.get("x-amz-security-token")):
            return None
        self.refused.append(secret_id)
        return 400


def now() -> float:
    return time.time()  # noqa: TID251  # the servers' own clock


@contextmanager
def written_anew(file: Path, office: Office) -> Iterator[None]:
    """A profile that somebody renews every second, with keys of which nobody says when they end."""
    over = threading.Event()

    def write() -> None:
        lent = office.lend()
        text = (
            f"[default]\nsecret_id = {lent.secret_id}\nsecret_key = {lent.secret_key}\ntoken = {lent.token}\n"
        )
        new = file.with_name("new")
        new.write_text(text)
        new.replace(file)

    def work() -> None:
        while not over.wait(1):
            write()

    file.parent.mkdir(parents=True)
    write()
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("source", ["machine", "profile"])
def test_keys_that_end_in_the_midst_of_an_apply_give_way_to_others_in_all_that_it_uses(
    tmp_path: Path, s3_server: S3Server, source: str
) -> None:
    """A machine says when its keys end, so that no request is refused; a profile does not, so that some are, and are sent again."""
    with ExitStack() as stack:
        running = stack.enter_context(cloud(tmp_path / "emulator", s3_server, PERMANENT, speed=8))
        proxy = stack.enter_context(s3_proxy(s3_server.url))
        office = Office(Keys(tmp_path / "emulator", {ACCOUNT: PERMANENT["TENCENTCLOUD_SECRET_KEY"]}, {}))
        machine = clone(tmp_path / "A", replace(running, s3=f"http://127.0.0.1:{proxy.port}"), SONGS)
        proxy.if_none_match, proxy.trouble_of = True, office.judge
        if source == "machine":
            account = {"MPSJOBS_METADATA": stack.enter_context(lender(office.metadata)).url}
        else:
            account = {"MPSJOBS_METADATA": "http://127.0.0.1:9"}
            profile = machine.root / "home" / ".tencentcloud" / "credentials"
            stack.enter_context(written_anew(profile, office))
        machine = replace(machine, account=account)
        applied = machine.apply()
        assert applied.returncode == 0, applied.stderr
        first = office.lent[0]
        assert now() > first.expires_at
        assert not office.good(first.secret_id, first.token)
        # Of a profile whichever server is asked first refuses the old keys: the API, or the bucket that this office knows of.
        assert source == "profile" or not office.refused
        of_state = {seen.signer for seen in proxy.seen if "mpsjobs.state" in seen.target}
        of_store = {seen.signer for seen in proxy.seen if "/takes/" in seen.target}
        assert len(of_state) > 1
        assert of_store - {first.secret_id}
        lent = {each.secret_id for each in office.lent}
        assert {task["SecretId"] for task in ledger_of(running.url)} <= lent
        machine.check(SONGS)
