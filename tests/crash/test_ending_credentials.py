"""Keys that end in the midst of an apply: others are used before, for the API, for the store, and for the state in the bucket."""

import re
import time
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
LIFE_S = 5
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
        secret_id = signer(seen)
        if self.good(secret_id, seen.headers.get("x-amz-security-token")):
            return None
        self.refused.append(secret_id)
        return 400


def now() -> float:
    return time.time()  # noqa: TID251  # the servers' own clock


def signer(seen: Seen) -> str:
    found = re.search(r"Credential=([^/]+)/", seen.headers.get("authorization", ""))
    return found[1] if found else ""


@pytest.mark.slow
def test_keys_that_end_in_the_midst_of_an_apply_are_renewed_for_all_that_it_uses(
    tmp_path: Path, s3_server: S3Server
) -> None:
    with (
        cloud(tmp_path / "emulator", s3_server, PERMANENT, speed=8) as running,
        s3_proxy(s3_server.url) as proxy,
    ):
        office = Office(Keys(tmp_path / "emulator", {ACCOUNT: PERMANENT["TENCENTCLOUD_SECRET_KEY"]}, {}))
        with lender(office.metadata) as metadata:
            account = {"MPSJOBS_METADATA": metadata.url}
            machine = clone(tmp_path / "A", replace(running, s3=f"http://127.0.0.1:{proxy.port}"), SONGS)
            machine = replace(machine, account=account)
            proxy.if_none_match, proxy.trouble_of = True, office.judge
            applied = machine.apply()
            assert applied.returncode == 0, applied.stderr
            first, *later = office.lent
            assert now() > first.expires_at
            assert not office.good(first.secret_id, first.token)
            assert later
            assert office.refused == []
            state, store = (
                {signer(seen) for seen in proxy.seen if part in seen.target}
                for part in ("mpsjobs.state", "/takes/")
            )
            assert len(state) > 1
            assert store - {first.secret_id}
            assert {task["SecretId"] for task in ledger_of(running.url)} <= {
                each.secret_id for each in office.lent
            }
            machine.check(SONGS)
