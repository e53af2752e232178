"""A project whose state is in a bucket, as people meet it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from mpsjobs.model.ports import ObjectRef
from mpsjobs.state.identity import host_name
from mpsjobs.state.shared_session import SharedSession
from mpsjobs.upkeep import migrate
from tests.cli.clouds import BUCKET, PERMANENT, REGION, a_project, cloud
from tests.cli.test_documents import check
from tests.conftest import SETTINGS, Folder
from tests.s3 import S3Server, s3_store

FILE = "mpsjobs.state.json"


@pytest.fixture
def in_bucket(project: Folder, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Folder:
    for name, value in PERMANENT.items():
        monkeypatch.setenv(name, value)
    s3_server.empty(BUCKET)
    settings(project, s3_server.url, "cos")
    project.write(music="assets: {menu: x}\n")
    return project


def settings(project: Folder, url: str, backend: str) -> None:
    state = f"{{backend: {backend}, path: {FILE}, bucket: {BUCKET}, region: {REGION}, endpoint: '{url}', addressing_style: path}}"
    project.settings(f"{SETTINGS}state: {state}\n")


def test_the_state_moves_from_a_file_into_a_bucket_and_back(in_bucket: Folder, s3_server: S3Server) -> None:
    project = in_bucket
    nothing = project("init", "--migrate-state")
    assert (nothing.code, "E0935" in nothing.err) == (1, True)
    settings(project, s3_server.url, "file")
    assert project("apply", "--auto-approve").code == 0
    before = json.loads(project("state", "pull").out)
    settings(project, s3_server.url, "cos")
    assert set(project.kinds().values()) == {"generate"}
    assert "E0943" in project("plan").err
    assert refused(project, "apply", "--auto-approve") == "E0943"
    moved = project("init", "--migrate-state", "--json")
    assert (moved.code, moved.json()["serial"]) == (0, before["serial"])
    check("init-migrate-state", moved.json())
    assert not (project.root / FILE).exists()
    assert Path(moved.json()["kept"]).exists()
    assert json.loads(project("state", "pull").out) == before
    assert set(project.kinds().values()) == {"keep"}
    assert "apply" in project("history").out
    assert "already" in project("init", "--migrate-state").out
    project.write(music="assets: {menu: x, boss: y}\n")
    assert project("apply", "--auto-approve").code == 0
    settings(project, s3_server.url, "file")
    assert project("init", "--migrate-state").code == 0
    assert set(project.kinds().values()) == {"keep"}
    settings(project, s3_server.url, "cos")
    stopped = project("plan")
    assert (stopped.code, "E0934" in stopped.err) == (1, True)
    assert project("init", "--migrate-state").code == 0
    assert set(project.kinds().values()) == {"keep"}
    assert len(project.bill()) == 2


def test_a_move_that_was_cut_off_is_finished_by_the_next_one(
    in_bucket: Folder, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = in_bucket
    settings(project, s3_server.url, "file")
    assert project("apply", "--auto-approve").code == 0
    before = json.loads(project("state", "pull").out)
    settings(project, s3_server.url, "cos")
    monkeypatch.setattr(migrate, "_AT_ONCE", 2)
    with monkeypatch.context() as patch:
        append, calls = SharedSession.append, iter(range(3))

        def cut_off(*arguments: Any, **keywords: Any) -> None:
            if next(calls) == 2:
                raise KeyboardInterrupt
            append(*arguments, **keywords)

        patch.setattr(SharedSession, "append", cut_off)
        assert project("init", "--migrate-state").code == 130
    assert json.loads(project("state", "pull").out)["serial"] == 4
    assert (project.root / FILE).exists()
    assert project("init", "--migrate-state").code == 0
    assert json.loads(project("state", "pull").out) == before
    assert not (project.root / FILE).exists()


@pytest.mark.slow
def test_a_project_with_another_name_does_not_buy_everything_again(
    tmp_path: Path, s3_server: S3Server
) -> None:
    """Its state in the bucket is named after it, and so are its receipts."""
    with cloud(tmp_path / "emulator", s3_server, PERMANENT) as running:
        place = f"bucket: {BUCKET}, region: {REGION}, endpoint: '{s3_server.url}', addressing_style: path"
        project = a_project(tmp_path, PERMANENT)
        project.settings(running.settings(more=f"state: {{backend: cos, {place}}}\n"))
        project.specs("assets: {menu: x, boss: y}\n")
        project.apply()
        renamed = running.settings(more=f"state: {{backend: cos, {place}}}\n").replace(
            "project: test", "project: new"
        )
        project.settings(renamed)
        stopped = project("apply", "--auto-approve")
        assert (stopped.code, "E0912" in stopped.err, '"test"' in stopped.err) == (1, True, True)
        project.settings(renamed.replace("backend: cos", "backend: cos, key: test/mpsjobs.state"))
        assert "No changes" in project.apply().out
        project.settings(renamed.replace("prefix: audio", "prefix: other"))
        project.specs("assets: {menu: x}\n")
        project.apply()
        assert len(running.bill()) == 3


def test_a_state_is_gone_back_to(in_bucket: Folder) -> None:
    project = in_bucket
    assert project("apply", "--auto-approve").code == 0
    serial = json.loads(project("state", "pull").out)["serial"]
    assert project("state", "rm", "menu").code == 0
    assert project("state", "rollback", str(serial)).code == 0
    assert "menu" in project("state", "list").out
    refused = project("state", "rollback", "1")
    assert (refused.code, "1 paid take" in refused.err) == (1, True)
    assert "E0933" in project("state", "rollback", "999").err


def test_doctor_looks_at_the_bucket_of_the_state(in_bucket: Folder) -> None:
    project = in_bucket
    assert project("apply", "--auto-approve").code == 0
    found = {each["name"]: each for each in project("doctor", "--json").json()["findings"]}
    assert {found[name]["status"] for name in ("state_folder", "state_lock", "state")} == {"ok"}
    assert "If-None-Match" in found["state_lock"]["summary"]
    assert found["git"]["status"] == "skipped"


def test_who_holds_the_lock_is_said_and_it_can_be_taken_away(in_bucket: Folder) -> None:
    project = in_bucket
    from mpsjobs.project import Project

    session = Project.open(project.root).store.open("apply", lock_timeout_s=0)
    held = project("apply", "--auto-approve")
    assert (held.code, host_name() in held.err, "E0901" in held.err) == (1, True, True)
    assert "Another run holds" in project("doctor").out
    assert project("force-unlock").code == 1  # it lives
    session.close()
    assert "Nobody held" in project("force-unlock").out
    assert project("apply", "--auto-approve").code == 0


@pytest.mark.slow
def test_a_bucket_that_does_not_answer_is_named(in_bucket: Folder) -> None:
    settings(in_bucket, "http://127.0.0.1:9", "cos")
    asked = in_bucket("plan")
    assert (asked.code, "E0930" in asked.err, BUCKET in asked.err) == (1, True, True)


# --- encrypted ----------------------------------------------------------------------------------------------------------------------

KEYS = [base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2)]


def encrypted(project: Folder, url: str, encryption: str | None, backend: str = "cos") -> None:
    more = f", encryption: {{{encryption}}}" if encryption else ""
    settings(project, url, backend + more)


def test_an_encrypted_state_needs_its_key(
    in_bucket: Folder, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = in_bucket
    encrypted(project, s3_server.url, "key_env: MPSJOBS_STATE_KEY")
    assert refused(project, "apply", "--auto-approve") == "E0937"
    monkeypatch.setenv("MPSJOBS_STATE_KEY", KEYS[0])
    project.write(music="assets: {menu: Nobody may read this}\n")
    ran = project("apply", "--auto-approve", "--log-level", "debug")
    assert ran.code == 0
    assert set(project.kinds().values()) == {"keep"}
    bucket = s3_store(s3_server.url)
    found = [each.ref for each in bucket.list(ObjectRef(BUCKET, REGION, ""))]
    assert len(found) >= 4
    for word in ("Nobody", *project.bill(), "menu"):
        assert not [ref.key for ref in found if word in ref.key or word.encode() in (bucket.read(ref) or b"")]
    files = [file.read_bytes() for file in project.root.rglob("*") if file.is_file()]
    for secret in (KEYS[0], KEYS[0].rstrip("="), base64.b64decode(KEYS[0]).hex()):
        assert secret not in ran.out + ran.err
        assert not [content for content in files if secret.encode() in content]
    monkeypatch.setenv("MPSJOBS_STATE_KEY", KEYS[1])
    assert refused(project, "plan") == "E0939"
    encrypted(project, s3_server.url, None)
    assert refused(project, "plan") == "E0936"
    assert len(project.bill()) == 1


@pytest.mark.slow
def test_a_state_is_encrypted_and_everything_works_with_it(
    in_bucket: Folder, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From plain to encrypted, with another key, into a file, back, and plain again: nothing is bought twice."""
    project, variable = in_bucket, "key_env: MPSJOBS_STATE_KEY"
    assert project("apply", "--auto-approve").code == 0
    encrypted(project, s3_server.url, variable)
    assert refused(project, "plan") == "E0940"
    assert refused(project, "init", "--migrate-state") == "E0937"
    monkeypatch.setenv("MPSJOBS_STATE_KEY", KEYS[0])
    moved = project("init", "--migrate-state", "--json")
    check("init-migrate-state", moved.json())
    assert (moved.json()["encrypted"], moved.json()["rewritten"]) == (True, True)
    assert "already" in project("init", "--migrate-state").out
    project.write(music="assets: {menu: x, boss: y}\n")
    assert project("apply", "--auto-approve").code == 0
    pulled = project("state", "pull")
    assert "not encrypted" in pulled.err
    file = project.root / "pulled.json"
    file.write_text(pulled.out)
    assert project("state", "rollback", "1", "--force").code == 0
    assert set(project.kinds().values()) == {"generate"}
    assert project("state", "rebuild").code == 0
    assert "generate" not in project.kinds().values()
    assert project("state", "push", str(file), "--force").code == 0
    assert set(project.kinds().values()) == {"keep"}

    monkeypatch.setenv("MPSJOBS_STATE_KEY", KEYS[1])
    assert refused(project, "plan") == "E0939"
    monkeypatch.setenv("MPSJOBS_STATE_KEY", ",".join(reversed(KEYS)))
    assert "encrypted with the first of the keys" in project("init", "--migrate-state").out
    monkeypatch.setenv("MPSJOBS_STATE_KEY", KEYS[1])
    assert set(project.kinds().values()) == {"keep"}
    encrypted(project, s3_server.url, None)
    assert refused(project, "plan") == "E0936"

    encrypted(project, s3_server.url, variable, "file")
    assert project("init", "--migrate-state").code == 0
    assert b'"prompt": "y"' in (project.root / FILE).read_bytes()
    encrypted(project, s3_server.url, variable)
    assert "encrypted)" in project("init", "--migrate-state").out
    encrypted(project, s3_server.url, f"{variable}, write: plain")
    assert "not encrypted any more" in project("init", "--migrate-state").out
    encrypted(project, s3_server.url, None)
    assert set(project.kinds().values()) == {"keep"}
    assert len(project.bill()) == 2


def refused(project: Folder, *arguments: str) -> str:
    """The code of what was said."""
    ran = project(*arguments)
    assert ran.code == 1, ran.out
    assert "Traceback" not in ran.err
    return ran.err[ran.err.index("error[") + 6 :][:5]
