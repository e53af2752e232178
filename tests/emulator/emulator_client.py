"""What the emulator's tests share: a clock to turn by hand and a client with a signer of its own."""

import hashlib
import hmac
import http.client
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

ID, KEY = "AKIDemulator", "emulator"
DEADLINE_S = 30.0


class HandClock:
    """A clock that tests turn by hand."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self._now = now
        self._waiting: set[threading.Condition] = set()

    def now(self) -> float:
        return self._now

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        self._waiting.add(condition)
        condition.wait(0.1)  # not for ever: an advance may have come just before

    def advance(self, seconds: float) -> None:
        self._now += seconds
        for condition in list(self._waiting):
            with condition:
                condition.notify_all()


class Client:
    """A second, independent signer: it follows the vendor's description step by step."""

    def __init__(self, url: str, now: Callable[[], float]) -> None:
        parts = urlsplit(url)
        self.url = url
        self.host, self.port = parts.hostname or "", parts.port or 0
        self.now = now

    def sign(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        secret_id: str = ID,
        key: str = KEY,
        service: str = "mps",
        date: str = "",
        signed: str = "content-type;host",
    ) -> str:
        low = {name.lower(): value for name, value in headers.items()}
        stamp = low["x-tc-timestamp"]
        date = date or datetime.fromtimestamp(int(stamp), UTC).strftime("%Y-%m-%d")
        lines = "".join(f"{name}:{low[name].strip().lower()}\n" for name in signed.split(";"))
        request = f"POST\n/\n\n{lines}\n{signed}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{date}/{service}/tc3_request"
        text = f"TC3-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        secret = ("TC3" + key).encode()
        for part in (date, service, "tc3_request", text):
            secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
        return f"TC3-HMAC-SHA256 Credential={secret_id}/{scope}, SignedHeaders={signed}, Signature={secret.hex()}"

    def headers(
        self, action: str, body: bytes, extra: Mapping[str, str | None] | None = None, **signing: str
    ) -> dict[str, str]:
        given: dict[str, str | None] = {
            "Host": f"{self.host}:{self.port}",
            "Content-Type": "application/json",
            "X-TC-Action": action,
            "X-TC-Version": "2019-06-12",
            "X-TC-Timestamp": str(int(self.now())),
            **(extra or {}),
        }
        headers = {name: value for name, value in given.items() if value is not None}
        if "Authorization" not in given and "X-TC-Timestamp" in headers:
            headers["Authorization"] = self.sign(body, headers, **signing)
        return headers

    def fetch(
        self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            connection.request(method, target, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def call(
        self, action: str, body: Any, extra: Mapping[str, str | None] | None = None, **signing: str
    ) -> dict[str, Any]:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        status, _, answer = self.fetch("POST", "/", content, self.headers(action, content, extra, **signing))
        assert status == 200
        response: dict[str, Any] = orjson.loads(answer)["Response"]
        assert response["RequestId"]
        return response

    def create(self, **fields: Any) -> str:
        response = self.call("CreateAigcAudioTask", {"ModelName": "GL", "Prompt": "a tune", **fields})
        assert "Error" not in response, response
        return str(response["TaskId"])

    def describe(self, task_id: str) -> dict[str, Any]:
        return self.call("DescribeAigcAudioTask", {"TaskId": task_id})

    def code(
        self, action: str, body: Any, extra: Mapping[str, str | None] | None = None, **signing: str
    ) -> str:
        return str(self.call(action, body, extra, **signing).get("Error", {}).get("Code", "none"))

    def ledger(self) -> list[dict[str, Any]]:
        tasks: list[dict[str, Any]] = orjson.loads(self.fetch("GET", "/_emulator/ledger")[2])["tasks"]
        return tasks

    def exchange(self, action: str, body: Any) -> bytes:
        """The bytes that come back to a signed request until the server closes the connection."""
        content = orjson.dumps(body)
        headers = {
            **self.headers(action, content),
            "Content-Length": str(len(content)),
            "Connection": "close",
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with socket.create_connection((self.host, self.port), timeout=DEADLINE_S) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\n" + head.encode() + b"\r\n" + content)
            with connection.makefile("rb") as answer:
                return answer.read()

    def control(self, change: Any, status: int = 200) -> dict[str, Any]:
        """Change the emulator's faults."""
        got, _, answer = self.fetch("POST", "/_emulator/faults", orjson.dumps(change))
        assert got == status, answer
        shown: dict[str, Any] = orjson.loads(answer)
        return shown

    def next(self, fault: str | list[str], **fields: Any) -> None:
        """Script a fault for the next request."""
        self.control({"next": [{"fault": fault, **fields}]})

    def get(
        self, url: str, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(url)
        return self.fetch(method, f"{parts.path}?{parts.query}", None, headers)

    def finished(self, task_id: str) -> dict[str, Any]:
        """The task in the ledger once it has ended: asked there, it does not use up the limit of Describe."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            task = next(task for task in self.ledger() if task["TaskId"] == task_id)
            if task["status"] in {"DONE", "FAIL"}:
                return task
            threading.Event().wait(0.01)
        raise AssertionError(f"{task_id} did not end")
