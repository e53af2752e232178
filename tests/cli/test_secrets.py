"""No secret is ever written: not to the screen, a log, the state, a plan file, or the bucket."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import boto3
import pytest

from mpsjobs.emulator import Emulator, EmulatorConfig
from tests.cloud.lenders import Asked, Lender, Reply, lender, refused
from tests.conftest import Folder, Ran, ledger_of
from tests.s3 import S3Server

BUCKET = "aurora-1250000000"
SECRET_ID = "AKIDplanted"
KEY, TOKEN = "planted/secret+key", "planted/session+token"
OIDC, BEARER = "cGxhbnRlZA.cGxhbnRlZC1pZGVudGl0eQ.c2lnbg", "planted-bearer"
SIGNED_URL = "https://example.com/hum.mp3?version=2&sign=planted-signature&token=planted-url-token"
USER_URL = "https://reader:planted-password@example.com/b.mp3?X-Amz-Signature=planted-v4-signature"
PLANTED = (KEY, TOKEN, OIDC, BEARER, "planted-signature", "planted-url-token", "planted-password")

SPEC = f"""\
assets:
  menu: {{prompt: Like this, reference_audio: [{{file: hum.wav}}, {{url: '{SIGNED_URL}'}}]}}
  boss: {{prompt: Darker, reference_audio: {{url: '{USER_URL}'}}}}
"""


@dataclass
class Watched:
    """A project, and everything that its commands said."""

    folder: Folder
    emulator: str
    bucket: str
    settings: str
    said: list[str] = field(default_factory=list)

    def __call__(self, *arguments: str, code: int | None = 0) -> Ran:
        ran = self.folder(*arguments)
        self.said += [ran.out, ran.err]
        assert code is None or ran.code == code, ran.err
        return ran

    def written(self) -> Iterator[tuple[str, bytes]]:
        """All bytes that anybody can find later, by where they are."""
        for number, text in enumerate(self.said):
            yield f"output {number}", text.encode()
        for file in self.folder.root.rglob("*"):
            if file.is_file() and "specs" not in file.parts:
                yield str(file), str(file).encode() + b"\n" + file.read_bytes()
        s3 = boto3.client(
            "s3",
            endpoint_url=self.bucket,
            region_name="ap-guangzhou",
            aws_access_key_id="i",
            aws_secret_access_key="k",
        )
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            for each in page.get("Contents", ()):
                answer = s3.get_object(Bucket=BUCKET, Key=each["Key"])
                yield each["Key"], f"{each['Key']} {answer['Metadata']}".encode() + answer["Body"].read()
        s3.close()

    def signatures(self) -> set[str]:
        """Those of the URLs that we made and handed over: only the other side knows them."""
        urls = [
            info["AudioUrl"]
            for task in ledger_of(self.emulator)
            for info in task["request"].get("AudioInfos", ())
        ]
        queries = [parse_qs(urlsplit(url).query) for url in urls if url.startswith(self.bucket)]
        return {query["X-Amz-Signature"][0] for query in queries}

    def require_silence(self, *secrets: str) -> None:
        wanted = {form.encode() for each in secrets for form in (each, quote(each, safe=""))}
        wanted |= {b"X-Amz-Signature=", b"q-signature=", b"planted"}
        found = [
            (where, secret)
            for where, data in self.written()
            for secret in wanted
            if secret in data.replace(SECRET_ID.encode(), b"")
        ]
        assert found == []


@pytest.fixture
def by_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SECRET_ID", SECRET_ID), ("SECRET_KEY", KEY), ("TOKEN", TOKEN)):
        monkeypatch.setenv(f"TENCENTCLOUD_{name}", value)


@pytest.fixture
def watched(by_keys: None, project: Folder, tmp_path: Path, s3_server: S3Server) -> Iterator[Watched]:
    """A project whose songs are bought over http, and whose store is a bucket."""
    s3_server.empty(BUCKET)
    project.write(music=SPEC)
    (project.root / "specs" / "hum.wav").write_bytes(b"a recording")
    config = EmulatorConfig(data=tmp_path / "emulator", speed=1000, audio="stub", requests_per_second=100)
    with Emulator(config) as emulator:
        settings = (
            f"project: test\nprovider: {{kind: tencent, endpoint: '{emulator.url}'}}\n"
            f"store: {{kind: cos, bucket: {BUCKET}, region: ap-guangzhou, endpoint: '{s3_server.url}', addressing_style: path}}\n"
            "download: audio/\ndefaults: {model: MiniMaxMusic, version: '2.6'}\n"
        )
        project.settings(settings)
        yield Watched(project, emulator.url, s3_server.url, settings)


def buy(run: Watched) -> None:
    """The ways to plan and to apply, as talkative as can be."""
    run("validate")
    run("plan", "--log-level", "debug")
    saved = str(run.folder.root / "saved.plan")
    run("plan", "--json", "--out", saved)
    run("apply", saved, "--log-level", "debug")


def look(run: Watched) -> None:
    """Each command that shows what there is."""
    run("plan", "--json")
    for command in (
        ("show", "menu"),
        ("output",),
        ("state", "list"),
        ("state", "show", "menu"),
        ("refresh",),
    ):
        run(*command, "--log-level", "debug")
        run(*command, "--json")
    run("state", "rebuild", "--log-level", "debug")
    assert run("state", "rebuild", "--json", "--log-level", "debug").json()["takes"] == 0


def test_keys_of_the_environment_and_secrets_in_urls_are_written_nowhere(watched: Watched) -> None:
    buy(watched)
    (watched.folder.root / "specs" / "music.yaml").write_text(SPEC.replace("Darker", "Brighter"))
    watched("plan", "--log-level", "debug")
    watched("apply", "--auto-approve", "--json", "--log-level", "debug", "--log-format", "json")
    look(watched)
    signatures = watched.signatures()
    assert signatures
    assert len(list(watched.written())) > 30
    assert any("source='environment variables'" in said for said in watched.said)
    watched.require_silence(*PLANTED, *signatures)


def lent(keys_of: str) -> Callable[[Asked], Reply]:
    """STS and GitHub's token service in one: the keys that the emulator knows, for GitHub's word."""
    ends = datetime.now(UTC) + timedelta(hours=2)  # noqa: TID251  # the store compares with the real time

    def reply(asked: Asked) -> Reply:
        if asked.path.startswith("/github"):
            return (200, {"value": OIDC}) if BEARER in asked.headers["authorization"] else (401, "no")
        if OIDC not in asked.body.decode():
            return refused("InvalidParameter.WebIdentityTokenError")
        pair = {"TmpSecretId": SECRET_ID, "TmpSecretKey": keys_of, "Token": TOKEN}
        answer = {"Credentials": pair, "ExpiredTime": int(ends.timestamp()), "RequestId": "r"}
        return 200, {"Response": answer}

    return reply


def by_web_identity(run: Watched, server: Lender, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_ID", "SECRET_KEY", "TOKEN"):
        monkeypatch.delenv(f"TENCENTCLOUD_{name}")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{server.url}/github?v=2")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", BEARER)
    role = "{provider_id: github, role_arn: 'qcs::cam::uin/1000:roleName/ci'}"
    run.folder.settings(f"{run.settings}credentials:\n  endpoint: '{server.url}'\n  web_identity: {role}\n")


def test_identity_tokens_and_lent_keys_are_written_nowhere(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lender(lent(KEY)) as server:
        by_web_identity(watched, server, monkeypatch)
        buy(watched)
        lendings = [asked for asked in server.asked if not asked.path.startswith("/github")]
        assert len(lendings) == 1, "a plan needs no keys, and the API and the store share theirs"
        look(watched)
    assert any("roleName/ci by GitHub's OIDC token" in said for said in watched.said)
    watched.require_silence(*PLANTED, *watched.signatures())


def test_what_fails_tells_no_secret(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    apply = ("apply", "--auto-approve", "--log-level", "debug")
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "planted-wrong-key")
    assert "SignatureFailure" in "".join(watched(*apply, code=None).err)
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "planted wrong key")
    assert "SecretKey" in watched(*apply, code=1).err
    monkeypatch.delenv("TENCENTCLOUD_SECRET_KEY")
    assert "TENCENTCLOUD_SECRET_KEY is not" in watched(*apply, code=1).err
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", KEY)
    watched.folder.settings(watched.settings.replace(watched.bucket, "http://127.0.0.1:9"))
    watched(*apply, code=None)

    def echoing(asked: Asked) -> Reply:
        if asked.path.startswith("/github"):
            return 200, {"value": OIDC}
        return refused("InvalidParameter.WebIdentityTokenError", f"Not good: {asked.body.decode()}")

    with lender(echoing) as server:
        by_web_identity(watched, server, monkeypatch)
        assert "InvalidParameter.WebIdentityTokenError" in watched(*apply, code=1).err
    watched(*apply, code=1)
    assert ledger_of(watched.emulator) == []
    watched.require_silence(*PLANTED, "planted-wrong-key", "planted wrong key")


@pytest.mark.slow  # the run gives up only after a while
def test_an_api_that_cannot_be_reached_tells_no_secret(watched: Watched) -> None:
    watched.folder.settings(watched.settings.replace(watched.emulator, "http://127.0.0.1:9"))
    watched("apply", "--auto-approve", "--log-level", "debug", code=None)
    assert any("refused" in said.lower() for said in watched.said)
    watched.require_silence(*PLANTED)


def test_a_secret_would_be_found(watched: Watched) -> None:
    """The search itself finds what it looks for, wherever it is."""
    (watched.folder.root / "leak").write_text(quote(TOKEN, safe=""))
    with pytest.raises(AssertionError):
        watched.require_silence(*PLANTED)
    (watched.folder.root / "leak").unlink()
    watched.said.append(f"key {KEY}")
    with pytest.raises(AssertionError):
        watched.require_silence(*PLANTED)
