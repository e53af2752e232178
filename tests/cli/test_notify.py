"""Somebody elsewhere is told when an apply has ended: over real HTTP, on loopback."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from mpsjobs.cloud.webhook import Webhook
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.notification import unfit_webhook
from tests.conftest import SETTINGS, Folder

SECRET = "T0PS3CRET"


@dataclass
class Chat:
    """What a chat's webhook got, and what it answers."""

    url: str = ""
    status: int = 200
    bodies: list[Any] = field(default_factory=list)
    silent: threading.Event | None = None


@pytest.fixture
def chat() -> Iterator[Chat]:
    chat = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            chat.bodies.append(json.loads(body))
            assert self.headers["Content-Type"] == "application/json"
            if chat.silent:
                chat.silent.wait(30)
            self.send_response(chat.status)
            self.send_header("Location", f"{chat.url}/elsewhere")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        chat.url = f"http://127.0.0.1:{server.server_port}/hooks/{SECRET}"
        yield chat
        server.shutdown()
        thread.join()


def settings(project: Folder, notify: str) -> None:
    project.settings(f"{SETTINGS}notify: {notify}\n")


def test_a_chat_is_told_what_came_of_an_apply_and_the_address_is_shown_nowhere(
    project: Folder, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPSJOBS_WEBHOOK", chat.url)
    settings(project, "{webhook_env: MPSJOBS_WEBHOOK}")
    project.write(music="assets: {menu: x, bad: mpsblockedword}\n")
    ran = project("apply", "--auto-approve", "--log-level", "debug")
    assert ran.code == 3
    (told,) = chat.bodies
    assert told.keys() == {"text"}
    assert told["text"].startswith(
        "mpsjobs apply of test (emulator): Apply incomplete. 1 take generated, 1 failed.\n"
        "bad: InvalidParameter.ViolationContent: "
    )
    assert SECRET not in ran.out + ran.err
    for file in project.root.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file


def test_a_template_is_a_text_or_the_whole_body_and_values_are_only_put_into_texts(
    project: Folder, chat: Chat
) -> None:
    body = {
        "msg_type": "text",
        "content": {"text": '$${x} ${project}: ${finished} of ${submitted}, exit ${exit_code}\n"${summary}"'},
        "at": [1, True, None, "${realm}"],
    }
    settings(project, json.dumps({"webhook": chat.url, "template": body}))
    project.write(music="assets: {menu: x}\n")
    assert project("apply", "--auto-approve").code == 0
    settings(
        project, json.dumps({"webhook": chat.url, "template": "${command}: ${problems}", "on": "always"})
    )
    project.write(music="assets: {menu: {promt: x}}\n")
    assert project("apply", "--auto-approve").code == 1
    assert chat.bodies == [
        {
            "msg_type": "text",
            "content": {"text": '${x} test: 1 of 1, exit 0\n"Apply complete! 1 take generated."'},
            "at": [1, True, None, "emulator"],
        },
        {"text": 'apply: Unknown key "promt"'},
    ]


@pytest.mark.parametrize(("on", "times"), [("always", 3), ("changes", 2), ("failure", 1)])
def test_it_is_told_when_somebody_wants_to_know(project: Folder, chat: Chat, on: str, times: int) -> None:
    settings(project, f"{{webhook: '{chat.url}', on: {on}}}")
    project.write(music="assets: {menu: x}\n")
    assert project("plan").code == 0
    assert not chat.bodies
    for code in (0, 0):
        assert project("apply", "--auto-approve").code == code
    project.write(music="assets: {menu: x, bad: mpsblockedword}\n")
    assert project("apply", "--auto-approve").code == 3
    assert len(chat.bodies) == times


@pytest.mark.parametrize("status", [500, 302])
def test_a_webhook_that_fails_is_a_warning_and_changes_no_exit_code(
    project: Folder, chat: Chat, status: int
) -> None:
    chat.status = status
    settings(project, f"{{webhook: '{chat.url}'}}")
    project.write(music="assets: {menu: x}\n")
    ran = project("apply", "--auto-approve")
    assert ran.code == 0
    assert "warning[E1042]: Nobody was told of the end of this apply" in ran.err
    assert f"The webhook: HTTP status {status}." in ran.err
    assert SECRET not in ran.out + ran.err
    assert len(chat.bodies) == 1, "once, and no redirect is followed"


def test_a_webhook_that_says_nothing_is_not_waited_for(chat: Chat) -> None:
    chat.silent = threading.Event()
    with pytest.raises(CloudError, match="Nobody was told") as failed:
        Webhook(within_s=0.2)(chat.url, b"{}")
    chat.silent.set()
    assert SECRET not in str(failed.value)
    assert failed.value.__cause__ is None


def test_a_variable_that_is_not_set_is_said(project: Folder) -> None:
    settings(project, "{webhook_env: MPSJOBS_WEBHOOK}")
    project.write(music="assets: {menu: x}\n")
    ran = project("apply", "--auto-approve")
    assert ran.code == 0
    assert "The variable MPSJOBS_WEBHOOK is not set." in ran.err


@pytest.mark.parametrize(
    ("notify", "said"),
    [
        (f"{{webhook: 'http://chat.example/{SECRET}'}}", "is plain http, which anybody on the way can read"),
        (f"{{webhook: '${{env.{SECRET}}}'}}", "is no http or https URL"),
        (f"\n  webhook:\n    ftp://{SECRET}.example\n", "is no http or https URL"),
        ("{webhook: 'https://chat.example', webhook_env: X}", "The webhook has two sources"),
        ("{webhook_env: X, template: '${sumary}'}", 'Did you mean "summary"?'),
        ("{webhook_env: X, template: {a: ['${summary']}}", '"template" cannot be filled in'),
    ],
)
def test_settings_that_cannot_be_meant_are_mistakes_that_show_no_address(
    project: Folder, notify: str, said: str
) -> None:
    settings(project, notify)
    ran = project("validate")
    assert ran.code == 1
    assert said in ran.err
    assert SECRET not in ran.out + ran.err


def test_plain_http_is_for_this_machine_alone() -> None:
    for url in ("https://chat.example/x", "http://127.0.0.1:9/x", "http://localhost/x", "http://[::1]/x"):
        assert unfit_webhook(url) is None
    for url in (
        "http://10.0.0.1/",
        "http://127.0.0.1.example/",
        "file:///etc/passwd",
        "https://",
        "https://a b/",
        "x",
    ):
        assert unfit_webhook(url)
