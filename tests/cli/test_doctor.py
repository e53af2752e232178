"""`mpsjobs doctor`, against the emulator as a process of its own and a real S3 server: it names the cause, and pays for nothing."""

import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mpsjobs import Project
from mpsjobs.cloud.clock import SystemClock
from mpsjobs.doctor import CHECKS, Finding, Status
from mpsjobs.state.file_store import FileStateStore
from tests.cloud.raw_server import RawServer, answering, answering_then_closing
from tests.conftest import Folder, Ran, ledger_of
from tests.emulator_process import emulator_process
from tests.s3 import S3Server
from tests.s3_proxy import S3Proxy, resolving, s3_proxy

ID, KEY = "AKIDoftheproject", "the-right-secret-key"
BUCKET = "aurora-1250000000"
TRANSCRIPTS = Path(__file__).parents[1] / "testdata" / "doctor"
"""What the command prints; docs/first-run-on-tencent-cloud.md shows the same."""


@dataclass
class Cloud:
    """A project of the cloud's kind. The emulator stands for the API, and a server that behaves like COS for the store."""

    folder: Folder
    api: str
    store: S3Proxy
    s3: S3Server

    def write(self, *, api: str | None = None, bucket: str = BUCKET, more: str = "") -> None:
        self.folder.settings(
            "project: aurora\n"
            f"provider: {{kind: tencent, endpoint: '{api or self.api}'}}\n"
            f"store: {{bucket: {bucket}, region: ap-guangzhou, prefix: audio, endpoint: '{self.store.url}'}}\n"
            + more
        )

    def doctor(self) -> Ran:
        return self.folder("doctor", "--json")

    def keys(self) -> list[str]:
        """What lies in the bucket."""
        listed = self.store.ask(
            "GET",
            f"/{BUCKET}?list-type=2",
            headers={
                "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/r/s3/aws4_request, SignedHeaders=host, Signature=0"
            },
        )
        return re.findall("<Key>(.*?)</Key>", listed.body.decode())


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    keys = {"TENCENTCLOUD_SECRET_ID": ID, "TENCENTCLOUD_SECRET_KEY": KEY}
    with emulator_process(tmp_path_factory.mktemp("emulator"), keys=keys) as (_, url):
        yield url


@pytest.fixture
def cloud(api: str, s3_server: S3Server, project: Folder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Everything is as it should be."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", ID)
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", KEY)
    s3_server.empty(BUCKET)
    with s3_proxy(s3_server.url) as store, resolving():
        store.addressing, store.forbid_overwrite = "virtual", True
        made = Cloud(project, api, store, s3_server)
        made.write()
        yield made


def found(ran: Ran) -> dict[str, dict[str, Any]]:
    findings = ran.json()["findings"]
    assert [each["name"] for each in findings] == list(CHECKS)
    return {each["name"]: each for each in findings}


def statuses(ran: Ran) -> dict[str, str]:
    return {name: each["status"] for name, each in found(ran).items()}


def failed(ran: Ran) -> set[str]:
    assert ran.code == 1
    assert ran.json()["ok"] is False
    return {name for name, status in statuses(ran).items() if status == "failed"}


def transcript(text: str) -> str:
    """Without what differs from run to run."""
    for pattern, word in (
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"s3\.test:\d+", "s3.test:PORT"),
        (r"in \d+ ms", "in N ms"),
        (r"[\d,.]+ GiB", "N GiB"),
        (r"doctor/\w{26}", "doctor/ID"),
        (r"RequestId [\w-]+", "RequestId ID"),
    ):
        text = re.sub(pattern, word, text)
    return text


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


# --- all is well -----------------------------------------------------------------------------------------------------------------


def test_all_is_well(cloud: Cloud) -> None:
    ran = cloud.folder("doctor")
    assert (ran.code, ran.err) == (0, "")
    assert transcript(ran.out) == (TRANSCRIPTS / "well.txt").read_text()


def test_the_document_says_the_same(cloud: Cloud) -> None:
    ran = cloud.doctor()
    assert (ran.code, ran.err) == (0, "")
    document = ran.json()
    assert (document["format_version"], document["ok"]) == (1, True)
    assert set(document) == {"format_version", "ok", "counts", "findings"}
    assert document["counts"] == {"ok": 18, "warning": 0, "failed": 0, "skipped": 3}
    for finding in document["findings"]:
        assert set(finding) == {"name", "status", "summary", "detail", "remedy"}
        assert finding["summary"]
        assert finding["remedy"] or finding["status"] in {"ok", "skipped"}


def test_nothing_is_paid_for_and_nothing_stays(cloud: Cloud) -> None:
    before = sorted(path.name for path in cloud.folder.root.iterdir())
    assert cloud.doctor().code == 0
    assert ledger_of(cloud.api) == []
    assert cloud.keys() == []
    assert sorted(path.name for path in cloud.folder.root.iterdir()) == before


def test_the_emulator_needs_no_cloud(project: Folder) -> None:
    project.write(music="assets:\n  menu: Warm theme\n")
    ran = project("doctor", "--json")
    assert ran.code == 0
    skipped = {name for name, status in statuses(ran).items() if status == "skipped"}
    assert skipped >= {"credentials", "proxy", "clock", "role", "url"}
    assert statuses(ran)["put"] == statuses(ran)["api"] == "ok"
    assert project.bill() == []
    assert project("apply", "--auto-approve").code == 0
    assert "1 asset" in found(project("doctor", "--json"))["state"]["summary"]


def test_python_programs_get_the_findings_one_by_one(project: Folder) -> None:
    findings = Project.open(project.root).doctor()
    first = next(findings)
    assert isinstance(first, Finding)
    assert (first.name, first.status) == ("settings", Status.OK)
    assert [first.name, *(each.name for each in findings)] == list(CHECKS)


def test_who_stops_listening_leaves_no_object_behind(cloud: Cloud) -> None:
    findings = Project.open(cloud.folder.root).doctor()
    while next(findings).name != "put":
        pass
    assert len(cloud.keys()) == 1
    findings.close()  # type: ignore[attr-defined]  # a generator
    assert cloud.keys() == []


# --- causes ----------------------------------------------------------------------------------------------------------------------


def test_a_wrong_secret(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "another-secret-key")
    ran = cloud.doctor()
    assert failed(ran) == {"api"}
    finding = found(ran)["api"]
    assert "the SecretKey does not belong to the SecretId" in finding["summary"]
    assert "AuthFailure.SignatureFailure" in finding["detail"]
    assert "RequestId" in finding["detail"]
    assert "Copy the pair again" in finding["remedy"]


def test_an_unknown_secret_id(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDofnobody")
    ran = cloud.doctor()
    assert failed(ran) == {"api"}
    assert found(ran)["api"]["summary"] == "The API does not know the SecretId."


@pytest.mark.parametrize(
    ("off", "words"), [(timedelta(minutes=10), "ahead of"), (timedelta(minutes=-10), "behind")]
)
def test_a_clock_that_is_off_by_ten_minutes(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, off: timedelta, words: str
) -> None:
    right = SystemClock.utc
    monkeypatch.setattr(SystemClock, "utc", lambda clock: right(clock) + off)
    ran = cloud.doctor()
    assert failed(ran) == {"clock", "api"}
    assert found(ran)["clock"]["summary"] == f"This machine's clock is 10 minutes {words} the API's."
    assert "this machine's clock is wrong" in found(ran)["api"]["summary"]
    assert "timedatectl" in found(ran)["clock"]["remedy"]


def test_a_clock_that_is_off_by_two_minutes_is_a_warning(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = SystemClock.utc
    monkeypatch.setattr(SystemClock, "utc", lambda clock: right(clock) + timedelta(minutes=2))
    ran = cloud.doctor()
    assert ran.code == 0
    assert (statuses(ran)["clock"], statuses(ran)["api"]) == ("warning", "ok")


def test_a_missing_bucket(cloud: Cloud) -> None:
    cloud.write(bucket="nobodys-1250000000")
    ran = cloud.doctor()
    assert failed(ran) == {"bucket"}
    finding = found(ran)["bucket"]
    assert "nobodys-1250000000" in finding["summary"]
    assert "NoSuchBucket" in finding["detail"]
    assert "Create the bucket" in finding["remedy"]
    assert found(ran)["put"]["summary"] == "needs bucket"


def test_a_denied_put(cloud: Cloud) -> None:
    cloud.store.denied = {"PUT"}
    ran = cloud.doctor()
    assert failed(ran) == {"put"}
    finding = found(ran)["put"]
    assert "AccessDenied" in finding["detail"]
    assert "cos:PutObject" in finding["remedy"]
    assert statuses(ran)["list"] == statuses(ran)["bucket"] == "ok"


def test_a_denied_get_and_list(cloud: Cloud) -> None:
    cloud.store.denied = {"GET", "GET list-type"}
    ran = cloud.doctor()
    assert {"get", "list"} <= failed(ran)
    assert "cos:GetObject" in found(ran)["get"]["remedy"]
    assert "cos:GetBucket" in found(ran)["list"]["remedy"]
    assert cloud.keys() == []


def test_a_denied_delete_is_a_warning(cloud: Cloud) -> None:
    cloud.store.denied = {"DELETE"}
    ran = cloud.doctor()
    assert ran.code == 0
    assert statuses(ran)["delete"] == "warning"
    assert "cos:DeleteObject" in found(ran)["delete"]["remedy"]


def test_a_server_that_takes_buckets_in_the_path_only(cloud: Cloud) -> None:
    cloud.store.addressing = "path"
    ran = cloud.doctor()
    assert failed(ran) == {"bucket"}
    assert "wants the bucket in the path" in found(ran)["bucket"]["summary"]
    assert found(ran)["bucket"]["remedy"] == "Write `addressing_style: path` under `store:`."


def test_a_server_that_takes_buckets_in_the_host_only(cloud: Cloud) -> None:
    text = (cloud.folder.root / "mpsjobs.yaml").read_text()
    cloud.folder.settings(text.replace("prefix: audio", "prefix: audio, addressing_style: path"))
    ran = cloud.doctor()
    assert failed(ran) == {"bucket"}
    assert found(ran)["bucket"]["remedy"] == "Write `addressing_style: virtual` under `store:`."


def test_no_network(cloud: Cloud) -> None:
    cloud.write(api=f"http://127.0.0.1:{closed_port()}")
    ran = cloud.doctor()
    assert failed(ran) == {"network"}
    assert "connection refused" in found(ran)["network"]["detail"]
    assert found(ran)["api"]["summary"] == found(ran)["clock"]["summary"] == "needs network"
    assert statuses(ran)["put"] == "ok"


def test_no_name_server(cloud: Cloud) -> None:
    cloud.write(api="mps.invalid")
    ran = cloud.doctor()
    assert failed(ran) == {"network"}
    assert "DNS" in found(ran)["network"]["remedy"]


def test_a_proxy_that_is_not_there(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    port = closed_port()
    monkeypatch.setenv("HTTP_PROXY", f"http://user:pass-of-the-proxy@127.0.0.1:{port}")
    ran = cloud.doctor()
    assert failed(ran) == {"proxy"}
    finding = found(ran)["proxy"]
    assert f"127.0.0.1:{port} of HTTP_PROXY cannot be reached" in finding["summary"]
    assert f"Without it, {cloud.api.removeprefix('http://')} can be reached." in finding["detail"]
    assert "NO_PROXY" in finding["remedy"]
    assert found(ran)["bucket"]["summary"] == found(ran)["api"]["summary"] == "needs proxy"
    assert "pass-of-the-proxy" not in ran.out + ran.err


def test_a_proxy_that_passes_nothing_on(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
    with RawServer([answering_then_closing(refusal)]) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        ran = cloud.doctor()
    assert {"network", "bucket"} <= failed(ran)
    assert "Without it, " in found(ran)["network"]["detail"]
    assert "http_proxy" in found(ran)["network"]["remedy"]


def test_a_proxy_that_is_no_proxy(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://user:pass-of-the-proxy@127.0.0.1:1080")
    ran = cloud.doctor()
    assert failed(ran) == {"proxy"}
    assert "HTTP_PROXY" in found(ran)["proxy"]["detail"]
    assert "pass-of-the-proxy" not in ran.out + ran.err


def test_a_proxy_of_no_use_to_an_embedded_emulator(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (cloud.folder.root / "mpsjobs.yaml").read_text()
    cloud.folder.settings(
        re.sub("provider: .*", "provider: {kind: emulator, audio: stub}", text).replace(
            "{bucket", "{kind: cos, bucket"
        )
    )
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1080")
    ran = cloud.doctor()
    assert failed(ran) == {"proxy"}
    assert (statuses(ran)["network"], statuses(ran)["api"], statuses(ran)["bucket"]) == (
        "ok",
        "ok",
        "skipped",
    )


def test_hosts_of_no_proxy_are_reached_directly(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,s3.test")
    assert cloud.doctor().code == 0


def test_a_login_page_instead_of_the_api(cloud: Cloud) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>"
    with RawServer([answering(page)]) as portal:
        cloud.write(api=portal.url)
        ran = cloud.doctor()
    assert failed(ran) == {"network"}
    assert "login page" in found(ran)["network"]["remedy"]


def test_no_credentials(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TENCENTCLOUD_SECRET_KEY")
    ran = cloud.doctor()
    assert failed(ran) == {"credentials"}
    assert (statuses(ran)["network"], statuses(ran)["clock"], statuses(ran)["state"]) == ("ok", "ok", "ok")
    for name in ("api", "bucket", "put", "versioning"):
        assert found(ran)[name]["summary"] == "needs credentials"


def test_no_credentials_anywhere(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TENCENTCLOUD_SECRET_ID")
    monkeypatch.delenv("TENCENTCLOUD_SECRET_KEY")
    ran = cloud.doctor()
    assert failed(ran) == {"credentials"}
    assert "environment variables" in found(ran)["credentials"]["detail"]


def test_a_profile_is_told_as_the_source(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TENCENTCLOUD_SECRET_ID")
    monkeypatch.delenv("TENCENTCLOUD_SECRET_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".tencentcloud").mkdir()
    (tmp_path / ".tencentcloud" / "credentials").write_text(
        f"[default]\nsecret_id = {ID}\nsecret_key = {KEY}\n"
    )
    ran = cloud.doctor()
    assert ran.code == 0
    assert "profile default" in found(ran)["credentials"]["summary"]


def test_mistakes_in_the_settings(project: Folder) -> None:
    project.settings("project: test\nprovider: {kind: tencent}\nstoer: {}\n")
    ran = project("doctor", "--json")
    assert failed(ran) == {"settings"}
    assert "mpsjobs.yaml:3:1" in found(ran)["settings"]["detail"]
    assert {each["summary"] for name, each in found(ran).items() if name != "settings"} == {"needs settings"}


def test_without_a_project_it_says_how_to_make_one(mpsjobs: Callable[..., Ran], tmp_path: Path) -> None:
    ran = mpsjobs("-C", str(tmp_path), "doctor", "--json")
    assert failed(ran) == {"settings"}
    assert "mpsjobs init" in found(ran)["settings"]["remedy"]


# --- the store -------------------------------------------------------------------------------------------------------------------


def test_a_late_list_is_no_failure(cloud: Cloud) -> None:
    cloud.store.late = 9
    ran = cloud.doctor()
    assert ran.code == 0
    assert found(ran)["list"]["summary"] == "LIST is late here, as COS says it may be."


def test_which_conditional_write_the_store_honours(cloud: Cloud) -> None:
    assert "x-cos-forbid-overwrite" in found(cloud.doctor())["conditional_write"]["summary"]
    cloud.store.forbid_overwrite, cloud.store.if_none_match = False, True
    assert "If-None-Match" in found(cloud.doctor())["conditional_write"]["summary"]
    cloud.store.if_none_match = False
    ran = cloud.doctor()
    assert ran.code == 0
    assert statuses(ran)["conditional_write"] == "warning"


def test_a_store_that_does_not_tell_of_versions(cloud: Cloud) -> None:
    cloud.store.denied = {"GET versioning"}
    ran = cloud.doctor()
    assert ran.code == 0
    assert "cos:GetBucketVersioning" in found(ran)["versioning"]["remedy"]


# --- the state -------------------------------------------------------------------------------------------------------------------


def git(folder: Folder, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", str(folder.root), "-c", "user.name=t", "-c", "user.email=t@t", *arguments],
        check=True,
        capture_output=True,
    )


def test_a_state_that_git_may_rewind(project: Folder) -> None:
    assert found(project("doctor", "--json"))["git"]["status"] == "skipped"
    git(project, "init")
    ran = project("doctor", "--json")
    assert (ran.code, statuses(ran)["git"]) == (0, "warning")
    assert "mpsjobs.state.json* to .gitignore" in found(ran)["git"]["remedy"]
    (project.root / ".gitignore").write_text("mpsjobs.state.json*\n")
    assert statuses(project("doctor", "--json"))["git"] == "ok"
    (project.root / "mpsjobs.state.json").write_text("{}")
    git(project, "add", "--force", "mpsjobs.state.json")
    assert found(project("doctor", "--json"))["git"]["summary"] == "The state is committed to git."


def test_a_state_that_another_run_holds(project: Folder) -> None:
    store = FileStateStore(project.root / "mpsjobs.state.json", clock=SystemClock(), version="1")
    session = store.open("apply", lock_timeout_s=0)
    try:
        ran = project("doctor", "--json")
    finally:
        session.close()
    assert (ran.code, statuses(ran)["state_lock"]) == (0, "warning")
    assert "Operation: apply" in found(ran)["state_lock"]["detail"]
    assert statuses(project("doctor", "--json"))["state_lock"] == "ok"


def test_a_state_that_cannot_be_trusted(project: Folder) -> None:
    (project.root / "mpsjobs.state.json").write_text("not json")
    ran = project("doctor", "--json")
    assert failed(ran) == {"state"}


def test_a_state_whose_folder_cannot_be_written(project: Folder) -> None:
    (project.root / "state").symlink_to("/proc")
    project.settings(
        (project.root / "mpsjobs.yaml").read_text() + "state: {path: state/mpsjobs.state.json}\n"
    )
    ran = project("doctor", "--json")
    assert "state_folder" in failed(ran)
    assert found(ran)["state_lock"]["summary"] == "needs state_folder"
    assert "state.path" in found(ran)["state_folder"]["remedy"]


def test_a_state_in_a_folder_that_an_apply_will_make(project: Folder) -> None:
    project.settings((project.root / "mpsjobs.yaml").read_text() + "state: {path: kept/here/state.json}\n")
    assert project("doctor", "--json").code == 0
    assert not (project.root / "kept").exists()


# --- secrets ---------------------------------------------------------------------------------------------------------------------


def test_a_failing_run_tells_it_all(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "another-secret-key")
    cloud.store.denied = {"PUT"}
    ran = cloud.folder("doctor")
    assert (ran.code, ran.err) == (1, "")
    assert transcript(ran.out) == (TRANSCRIPTS / "ill.txt").read_text()


@pytest.mark.parametrize("form", ["--no-color", "--json"])
def test_no_secret_is_told(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "planted-secret-key")
    monkeypatch.setenv("TENCENTCLOUD_TOKEN", "planted-token")
    cloud.store.denied = {"PUT"}
    ran = cloud.folder("doctor", "--log-level", "debug", form)
    assert ran.code == 1
    assert "Temporary keys, from: environment variables" in ran.out
    for secret in (ID, "planted-secret-key", "planted-token"):
        assert secret not in ran.out + ran.err


def test_the_guide_shows_what_is_printed() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "first-run-on-tencent-cloud.md").read_text()
    for name in ("well.txt", "ill.txt"):
        assert (TRANSCRIPTS / name).read_text() in guide
