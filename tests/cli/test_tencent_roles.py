"""The whole way with keys that are lent: a role assumed with the account's pair, and one assumed with a CI's identity token."""

import base64
import json
import time
from pathlib import Path

import pytest

from tests.cli.clouds import PERMANENT, a_project, cloud
from tests.conftest import ledger_of
from tests.recording import recording
from tests.s3 import S3Server

ROLE = "qcs::cam::uin/100000000001:roleName/mps-ci"


def identity_token() -> str:
    """What GitHub or GitLab hands to a job, as far as anybody can tell without their keys."""
    claims = {"sub": "repo:octo/music:ref:refs/heads/main", "exp": time.time() + 300}  # noqa: TID251
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("source", "action"),
    [
        (f"assume_role: {{role_arn: '{ROLE}'}}", "AssumeRole"),
        (
            f"web_identity: {{provider_id: github, role_arn: '{ROLE}', token_file: token.jwt}}",
            "AssumeRoleWithWebIdentity",
        ),
    ],
)
def test_an_apply_with_lent_keys_makes_everything_ready(
    tmp_path: Path,
    s3_server: S3Server,
    source: str,
    action: str,
) -> None:
    account = PERMANENT if action == "AssumeRole" else {}
    project = a_project(tmp_path, account)
    token = identity_token()
    (project.root / "token.jwt").write_text(token, encoding="utf-8")
    with cloud(tmp_path / "cloud", s3_server, PERMANENT) as emulator, recording(emulator.url) as watched:
        more = f"credentials:\n  endpoint: '{watched.url}'\n  {source}\n"
        project.settings(emulator.settings(watched.url, more))
        project.apply()
        assert {record["status"] for record in project.state()["assets"].values()} == {"ready"}
        assert project("plan", "--detailed-exitcode").code == 0
        signers = {task["SecretId"] for task in ledger_of(emulator.url)}
        assert len(emulator.bill()) == 6

    ((asked, lent),) = [
        (asked, body) for asked, _, body in watched.requests if asked.startswith("AssumeRole")
    ]
    assert asked == action
    assert lent["RoleArn"] == ROLE
    assert lent.get("WebIdentityToken", token) == token
    assert len(signers) == 1
    assert signers.isdisjoint(PERMANENT.values())
    tokens = {
        headers["x-tc-token"]
        for asked, headers, _ in watched.requests
        if asked.startswith(("Create", "Describe"))
    }
    assert len(tokens) == 1
    for file in project.root.rglob("*"):
        if file.is_file() and file.name != "token.jwt":
            assert not any(secret.encode() in file.read_bytes() for secret in (token, *tokens)), file


def test_a_role_that_cannot_be_assumed_stops_the_apply_before_anything_is_bought(
    tmp_path: Path,
    s3_server: S3Server,
) -> None:
    project = a_project(tmp_path, PERMANENT | {"TENCENTCLOUD_SECRET_KEY": "anotherKey"})
    with cloud(tmp_path / "cloud", s3_server, PERMANENT) as emulator:
        more = f"credentials:\n  endpoint: '{emulator.url}'\n  assume_role: {{role_arn: '{ROLE}'}}\n"
        project.settings(emulator.settings(more=more))
        ran = project("apply", "--auto-approve")
        assert ran.code == 1
        assert "AuthFailure.SignatureFailure" in ran.err
        assert emulator.bill() == []
