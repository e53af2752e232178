"""The bucket of the state fails in the midst of an apply: nothing more is paid, nothing paid is lost, and it says how to go on."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mpsjobs.state import shared
from tests.cli.clouds import BUCKET, PERMANENT, REGION, cloud
from tests.conftest import SETTINGS, Folder
from tests.crash.machines import clone
from tests.s3 import S3Server
from tests.s3_proxy import S3Proxy, Seen, Trouble, s3_proxy

SONGS = 30
"""More than are intended at once."""

ALONE = Path("errored.mpsjobs.state.json")
Judge = Callable[[Seen], Trouble | None]


def from_part(number: int, trouble: Judge) -> Judge:
    """This trouble, from the moment on at which so many parts of the journal were written."""
    parts = 0

    def judge(seen: Seen) -> Trouble | None:
        nonlocal parts
        if parts >= number:
            return trouble(seen)
        parts += seen.method == "PUT" and ".journal/" in seen.target
        return None

    return judge


def writes(status: int) -> Judge:
    return lambda seen: status if seen.method == "PUT" else None


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[S3Proxy]:
    s3_server.empty(BUCKET)
    with s3_proxy(s3_server.url) as proxy:
        proxy.if_none_match = True
        yield proxy


@pytest.fixture
def project(project: Folder, proxy: S3Proxy, monkeypatch: pytest.MonkeyPatch) -> Folder:
    for name, value in PERMANENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(shared, "_PAUSES_S", (0.01, 0.01, 0.01))
    state = f"{{backend: cos, bucket: {BUCKET}, region: {REGION}, endpoint: 'http://127.0.0.1:{proxy.port}', addressing_style: path}}"
    project.settings(f"{SETTINGS}state: {state}\n")
    project.write(music="assets:\n" + "".join(f"  a{number}: song {number}\n" for number in range(SONGS)))
    return project


def test_a_bucket_that_takes_nothing_more_stops_the_apply_and_what_was_paid_is_put_back(
    project: Folder, proxy: S3Proxy
) -> None:
    proxy.trouble_of = from_part(1, writes(503))
    broken = project("apply", "--auto-approve")
    assert broken.code == 1
    assert "E0930" in broken.err
    assert f"mpsjobs state push {project.root / ALONE}" in broken.err
    paid = len(project.bill())
    assert 0 < paid < SONGS
    unrecorded = json.loads((project.root / ALONE).read_bytes())["unrecorded"]
    assert sum(line["type"] == "TaskSubmitted" for line in unrecorded) == paid
    proxy.trouble_of = lambda _: None
    assert project("state", "push", str(project.root / ALONE)).code == 0
    assert project("apply", "--auto-approve").code == 0
    assert sorted(task["request"]["Prompt"] for task in project.ledger()) == sorted(
        f"song {number}" for number in range(SONGS)
    )
    assert set(project.kinds().values()) == {"keep"}


def test_a_bucket_that_comes_back_soon_is_not_noticed(project: Folder, proxy: S3Proxy) -> None:
    project.write(music="assets: {a: song 0, b: song 1, c: song 2}\n")
    proxy.trouble_of = from_part(1, lambda seen: 503 if seen.method == "PUT" and next(twice, None) else None)
    twice = iter([True, True])
    ran = project("apply", "--auto-approve")
    assert (ran.code, next(twice, None)) == (0, None)
    assert not (project.root / ALONE).exists()
    assert len(project.bill()) == 3


@dataclass(frozen=True)
class Outage:
    """What everybody hears who asks, and the word for it that a person is told; `reads`: who only reads hears nothing of it."""

    trouble: Judge
    word: str
    reads: bool = False


OUTAGES = {
    "refused": Outage(writes(403), "AccessDenied", reads=True),
    "all refused": Outage(lambda _: 403, "AccessDenied"),
    "overloaded": Outage(lambda _: 503, "ServiceUnavailable"),
    "deleted": Outage(lambda _: 404, "NoSuchBucket"),
    "unplugged": Outage(lambda _: "reset", "the connection was closed"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OUTAGES))
def test_however_the_bucket_fails_it_ends_with_each_take_once(
    tmp_path: Path, s3_server: S3Server, name: str
) -> None:
    outage = OUTAGES[name]
    with cloud(tmp_path / "emulator", s3_server, PERMANENT) as running:
        with s3_proxy(s3_server.url) as proxy:
            machine = clone(tmp_path / "A", running, SONGS, state_at=f"http://127.0.0.1:{proxy.port}")
            proxy.if_none_match = True
            proxy.trouble_of = from_part(1, outage.trouble)
            broken = machine.apply()
            paid = machine.bought()
            asked = machine.run("plan")
        unplugged = machine.run("plan")
        assert broken.returncode == 1, broken.stderr
        assert ("E0930" if outage.reads else "E0902") in broken.stderr
        assert outage.word in broken.stderr
        assert paid.total() < SONGS
        assert (asked.returncode, outage.word in asked.stderr) == ((0, False) if outage.reads else (1, True))
        assert unplugged.returncode == 1, "what cannot be read is never taken for one that is empty"
        file = machine.root / ALONE
        assert f"mpsjobs state push {file}" in broken.stderr
        with s3_proxy(s3_server.url, port=proxy.port) as back:
            back.if_none_match = True
            pushed = machine.run("state", "push", str(file))
            assert pushed.returncode == 0, pushed.stderr
            assert machine.bought() == paid
            machine.finish()
            machine.check(SONGS)
