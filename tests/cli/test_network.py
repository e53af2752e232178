"""Whole applies over what lies between here and the cloud: TLS, proxies, a wrong clock; and what they may spend."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from mpsjobs.emulator import Emulator, EmulatorConfig
from tests.conftest import Folder, ledger_of
from tests.network import dead_port, proxy, tls_front
from tests.tls import tls_for

TWO = "assets:\n  menu: Warm theme\n  boss: Dark drums\n"


@pytest.fixture
def emulator(project: Folder, tmp_path: Path) -> Iterator[Emulator]:
    """An emulator that stands for the cloud, and writes where the project looks."""
    store = project.root / ".mpsjobs" / "store"
    config = EmulatorConfig(
        data=tmp_path / "cloud", store=store, speed=1000, audio="stub", credentials={"AKIDtest": "a-secret"}
    )
    with Emulator(config) as emulator:
        yield emulator


@pytest.fixture
def cloud(project: Folder, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """The project, with the real cloud's client and settings."""
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDtest")
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "a-secret")
    project.write(music=TWO)
    use(project, emulator.url)
    return project


def use(project: Folder, endpoint: str, more: str = "", site: str = "intl") -> None:
    project.settings(
        f"project: test\nprovider: {{kind: tencent, endpoint: '{endpoint}', site: {site}}}\nstore: {{kind: directory}}\n"
        f"defaults: {{model: MiniMaxMusic, version: '2.6', format: mp3}}\n{more}"
    )


def test_apply_works_over_tls_with_a_private_authority(cloud: Folder, emulator: Emulator) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(cloud.root / "ca.pem"))
    with tls_front(tls_for(authority, "127.0.0.1"), urlsplit(emulator.url).port or 0) as port:
        use(cloud, f"https://127.0.0.1:{port}", "network: {ca_file: ca.pem}\n")
        ran = cloud("apply", "--auto-approve")
    assert (ran.code, len(ledger_of(emulator.url))) == (0, 2), ran.err
    assert set(cloud.kinds().values()) == {"keep"}


def test_apply_works_through_a_proxy_and_shows_its_password_to_nobody_else(
    cloud: Folder, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy("Basic dTpodXNoaHVzaA==") as between:
        monkeypatch.setenv("HTTP_PROXY", between.url.replace("//", "//u:hushhush@"))
        ran = cloud("apply", "--auto-approve", "--log-level", "debug")
    assert (ran.code, len(ledger_of(emulator.url))) == (0, 2), ran.err
    assert f"POST {emulator.url}/ HTTP/1.1" in between.asked
    written = [file.read_bytes() for file in cloud.root.rglob("*") if file.is_file()]
    assert not any(b"hushhush" in each for each in (ran.out.encode(), ran.err.encode(), *written))


def test_a_certificate_that_nobody_vouches_for_stops_at_once(cloud: Folder, emulator: Emulator) -> None:
    authority = trustme.CA()
    with tls_front(tls_for(authority, "127.0.0.1"), urlsplit(emulator.url).port or 0) as port:
        use(cloud, f"https://127.0.0.1:{port}")
        ran = cloud("apply", "--auto-approve")
        assert ran.code == 1
        assert "no task can be submitted: TlsFailed" in ran.err
        assert "`network.ca_file` names authorities to trust" in ran.err
        assert "it is tried again" not in ran.err
        authority.cert_pem.write_to_path(str(cloud.root / "ca.pem"))
        use(cloud, f"https://127.0.0.1:{port}", "network: {ca_file: ca.pem}\n")
        assert cloud("apply", "--auto-approve").code == 0
    assert len(ledger_of(emulator.url)) == 2


def test_a_proxy_that_wants_a_password_stops_at_once(
    cloud: Folder, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy("Basic dTpodXNoaHVzaA==") as between:
        monkeypatch.setenv("HTTP_PROXY", between.url)
        ran = cloud("apply", "--auto-approve")
    assert ran.code == 1
    assert "it wants a user and a password" in ran.err
    assert len(between.asked) <= 2  # those that were made ready at the same time
    assert ledger_of(emulator.url) == []


def test_why_nothing_can_be_sent_is_said_once_while_it_is_tried_again(
    cloud: Folder, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(cloud.root / "ca.pem"))
    upstream = urlsplit(emulator.url).port or 0
    with tls_front(tls_for(authority, "127.0.0.1"), upstream) as port, proxy(status=502, times=2) as between:
        monkeypatch.setenv("HTTPS_PROXY", between.url)
        use(cloud, f"https://127.0.0.1:{port}", "network: {ca_file: ca.pem}\n")
        ran = cloud("apply", "--auto-approve")
    assert (ran.code, len(ledger_of(emulator.url))) == (0, 2), ran.err
    assert ran.err.count("no task can be submitted for now, it is tried again") == 1
    assert "answered 502" in ran.err


def test_an_embedded_emulator_needs_no_proxy(project: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{dead_port()}")
    project.write(music=TWO)
    assert project("apply", "--auto-approve").code == 0
    assert len(project.ledger()) == 2


def test_a_proxy_that_cannot_be_used_is_said_before_anything_is_sent(
    cloud: Folder, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://u:hushhush@127.0.0.1:1080")
    ran = cloud("apply", "--auto-approve")
    assert ran.code in {1, 3}
    assert "HTTP_PROXY" in ran.err
    assert "hushhush" not in ran.err
    assert ledger_of(emulator.url) == []


def test_a_refusal_shows_the_request_id(cloud: Folder, emulator: Emulator) -> None:
    cloud.write(music="assets:\n  bad: mpsblockedword\n")
    ran = cloud("apply", "--auto-approve")
    assert ran.code == 3
    lines = [line for line in ran.err.splitlines() if "ViolationContent" in line]
    assert len(lines) == 2
    assert all("RequestId" in line for line in lines)


def test_the_real_cloud_is_paid_for_twenty_generations_at_most(cloud: Folder, emulator: Emulator) -> None:
    """Retakes count, and so does each song of a task that makes several."""
    cloud.write(
        music="assets:\n"
        "  many: {prompt: x, takes: 12}\n"
        "  songs: {model: Mureka, version: song_9, prompt: y, takes: 3, additional_parameters: {n: 3}}\n"
    )
    use(cloud, emulator.url, site="cn")
    planned = cloud("plan", "--out", str(cloud.root / "saved.plan"))
    assert planned.code == 1
    for arguments in (
        ("--auto-approve",),
        (str(cloud.root / "saved.plan"),),
        ("--auto-approve", "--max-generations", "20"),
        (str(cloud.root / "saved.plan"), "--max-generations", "20"),
    ):
        ran = cloud("apply", *arguments)
        assert ran.code == 1, arguments
        assert "--max-generations 21" in ran.err
    assert ledger_of(emulator.url) == []
    assert cloud("apply", str(cloud.root / "saved.plan"), "--max-generations", "21").code == 0
    assert len(ledger_of(emulator.url)) == 15


def test_replaced_takes_count_against_the_limit_too(cloud: Folder, emulator: Emulator) -> None:
    use(cloud, emulator.url, "policy: {max_generations_per_apply: 2}\n")
    assert cloud("apply", "--auto-approve").code == 0
    cloud.write(music=TWO + "  third: Bells\n")
    ran = cloud("apply", "--auto-approve", "--replace", "*")
    assert ran.code == 1
    assert "--max-generations 3" in ran.err
    assert len(ledger_of(emulator.url)) == 2
