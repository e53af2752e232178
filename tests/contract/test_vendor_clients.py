"""The vendor's own clients drive the emulator: what they sign is accepted, what they are told they understand."""

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common import common_client, common_client_async
from tencentcloud.common.credential import Credential, OIDCRoleArnCredential, STSAssumeRoleCredential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mps.v20190612 import models, mps_client, mps_client_async

from mpsjobs.emulator import Emulator, EmulatorConfig

pytestmark = [
    # The SDK formats dates with datetime.utcfromtimestamp, deprecated since Python 3.12.
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp:DeprecationWarning"),
]

ID, KEY = "AKIDemulator", "emulator"
CREATE, DESCRIBE = "CreateAigcAudioTask", "DescribeAigcAudioTask"
ROLE = "qcs::cam::uin/100000000001:roleName/mps-ci"
STORE = {"CosBucketName": "aurora-1250000000", "CosBucketRegion": "ap-guangzhou", "CosBucketPath": "audio"}

Call = Callable[[str, str, dict[str, Any], Credential], dict[str, Any]]
"""URL of the emulator, action, body, credentials → the fields of the answer. Raises TencentCloudSDKException."""


def profile(url: str) -> ClientProfile:
    return ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=url.removeprefix("http://")))


def request_of(action: str, body: dict[str, Any]) -> Any:
    request = getattr(models, f"{action}Request")()
    request.from_json_string(json.dumps(body))
    return request


def typed(url: str, action: str, body: dict[str, Any], credential: Credential) -> dict[str, Any]:
    client = mps_client.MpsClient(credential, "ap-guangzhou", profile(url))
    answer = getattr(client, action)(request_of(action, body))
    fields: dict[str, Any] = json.loads(answer.to_json_string())
    return fields


def typed_async(url: str, action: str, body: dict[str, Any], credential: Credential) -> dict[str, Any]:
    async def call() -> Any:
        async with mps_client_async.MpsClient(credential, "ap-guangzhou", profile(url)) as client:
            return await getattr(client, action)(request_of(action, body))

    fields: dict[str, Any] = json.loads(asyncio.run(call()).to_json_string())
    return fields


def common(url: str, action: str, body: dict[str, Any], credential: Credential) -> dict[str, Any]:
    client = common_client.CommonClient("mps", "2019-06-12", credential, "ap-guangzhou", profile(url))
    fields: dict[str, Any] = client.call_json(action, body)["Response"]
    return fields


def common_async(url: str, action: str, body: dict[str, Any], credential: Credential) -> dict[str, Any]:
    async def call() -> Any:
        async with common_client_async.CommonClient(
            "mps", "2019-06-12", credential, "ap-guangzhou", profile(url)
        ) as client:
            return await client.call_and_deserialize(action, body)

    fields: dict[str, Any] = asyncio.run(call())["Response"]
    return fields


@dataclass(frozen=True)
class Tccli:
    """The command line client, with a home of its own."""

    home: Path

    def __call__(self, url: str, action: str, body: dict[str, Any], credential: Credential) -> dict[str, Any]:
        keys = {
            "SECRET_ID": credential.secret_id,
            "SECRET_KEY": credential.secret_key,
            "TOKEN": credential.token,
        }
        options = [
            f"--{name}={value if isinstance(value, str) else json.dumps(value)}"
            for name, value in body.items()
        ]
        fields: dict[str, Any] = json.loads(
            self.run("mps", action, "--endpoint", url, "--region", "ap-guangzhou", *options, keys=keys)
        )
        return fields

    def run(self, *arguments: str, keys: dict[str, str | None] | None = None) -> str:
        program = Path(sys.executable).with_name("tccli")
        ran = subprocess.run(
            [program, *arguments],
            env={
                "HOME": str(self.home),
                "PATH": os.environ["PATH"],
                **{f"TENCENTCLOUD_{name}": value for name, value in (keys or {}).items() if value},
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if refused := re.search(r"code:(\S+) message:(.*) requestId:(\S+)", ran.stderr):
            raise TencentCloudSDKException(*refused.groups())
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout


@pytest.fixture(params=["typed", "typed async", "common", "common async", "tccli"])
def call(request: pytest.FixtureRequest, tmp_path: Path) -> Call:
    """Each of the vendor's clients."""
    calls: dict[str, Call] = {
        "typed": typed,
        "typed async": typed_async,
        "common": common,
        "common async": common_async,
        "tccli": Tccli(tmp_path),
    }
    return calls[request.param]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data: Path = tmp_path_factory.mktemp("emulator")
    config = EmulatorConfig(
        data=data, audio="stub", speed=500, requests_per_second=1000, credentials={ID: KEY}
    )
    with Emulator(config) as emulator:
        yield emulator.url


def until_done(call: Call, url: str, task_id: str, credential: Credential) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        answer = call(url, DESCRIBE, {"TaskId": task_id}, credential)
        assert answer["Status"] in {"WAIT", "RUN", "DONE"}
        if answer["Status"] == "DONE":
            return answer
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_create_describe_until_done_and_fetch(call: Call, url: str) -> None:
    body = {
        "ModelName": "MiniMaxMusic",
        "ModelVersion": "2.6",
        "SceneType": "music",
        "Prompt": "Warm orchestral main theme, 92 bpm; trommeln für 龙",
        "AdditionalParameters": '{"lyrics":"La la\\nlo"}',
        "ExtraParameters": {"OutputAudioFormat": "wav"},
        "AudioInfos": [{"AudioUrl": "https://example.com/hum.wav"}],
        "StoreCosParam": STORE,
    }
    keys = Credential(ID, KEY)
    created = call(url, CREATE, body, keys)
    answer = until_done(call, url, created["TaskId"], keys)
    assert created["RequestId"] != answer["RequestId"]
    (audio,) = answer["AudioInfos"]
    assert audio["Duration"] == 1
    with urllib.request.urlopen(audio["Url"], timeout=10) as response:
        assert response.headers["Content-Type"] == "audio/wav"
        assert response.read(4) == b"RIFF"
    with urllib.request.urlopen(f"{url}/_emulator/ledger", timeout=10) as ledger:
        tasks = {task["TaskId"]: task["request"] for task in json.load(ledger)["tasks"]}
    assert tasks[created["TaskId"]] == body


@pytest.mark.parametrize(
    ("code", "action", "body", "keys"),
    [
        ("AuthFailure.SecretIdNotFound", CREATE, {"Prompt": "x"}, ("AKIDnobody", KEY)),
        ("AuthFailure.SignatureFailure", CREATE, {"Prompt": "x"}, (ID, "wrong")),
        ("AuthFailure.TokenFailure", CREATE, {"Prompt": "x"}, (ID, KEY, "of-somebody-else")),
        ("MissingParameter", CREATE, {"ModelName": "GL"}, (ID, KEY)),
        ("InvalidParameterValue", CREATE, {"Prompt": "x" * 2001}, (ID, KEY)),
        (
            "InvalidParameterValue",
            CREATE,
            {"Prompt": "x", "StoreCosParam": STORE | {"CosBucketName": "no-appid"}},
            (ID, KEY),
        ),
        ("InvalidParameter.ViolationContent", CREATE, {"Prompt": "mpsblockedword"}, (ID, KEY)),
        ("InvalidParameterValue.TaskId", DESCRIBE, {"TaskId": "24000145AigcAudio-0"}, (ID, KEY)),
    ],
)
def test_errors_arrive_with_their_code(
    call: Call, url: str, code: str, action: str, body: dict[str, Any], keys: tuple[str, ...]
) -> None:
    with pytest.raises(TencentCloudSDKException) as caught:
        call(url, action, body, Credential(*keys))
    assert caught.value.code == code
    assert caught.value.requestId


def test_throttling_arrives_as_its_code(call: Call, tmp_path: Path) -> None:
    config = EmulatorConfig(data=tmp_path, audio="stub", credentials={ID: KEY}, faults={"throttle": 1})
    with Emulator(config) as emulator, pytest.raises(TencentCloudSDKException) as caught:
        call(emulator.url, CREATE, {"Prompt": "x"}, Credential(ID, KEY))
    assert caught.value.code == "RequestLimitExceeded"


@pytest.mark.parametrize(
    ("code", "version", "action", "body"),
    [
        ("NoSuchVersion", "2018-01-01", CREATE, {"Prompt": "x"}),
        ("InvalidAction", "2019-06-12", "CreateAigcPoemTask", {"Prompt": "x"}),
        ("InvalidAction", "2019-06-12", "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "ci"}),
        ("UnknownParameter", "2019-06-12", CREATE, {"Prompt": "x", "Mood": "good"}),
        ("InvalidParameter", "2019-06-12", CREATE, {"Prompt": 1}),
        ("InvalidParameterValue", "2019-06-12", CREATE, {"Prompt": "x", "OutputAudioFormat": "ogg"}),
    ],
)
def test_what_only_the_generic_client_can_get_wrong(
    url: str, code: str, version: str, action: str, body: dict[str, Any]
) -> None:
    client = common_client.CommonClient("mps", version, Credential(ID, KEY), "ap-guangzhou", profile(url))
    with pytest.raises(TencentCloudSDKException) as caught:
        client.call_json(action, body)
    assert caught.value.code == code


def test_the_limit_arrives_as_its_code(tmp_path: Path) -> None:
    with Emulator(
        EmulatorConfig(data=tmp_path, audio="stub", requests_per_second=1, credentials={ID: KEY})
    ) as emulator:
        codes = []
        for _ in range(3):
            try:
                common(emulator.url, CREATE, {"Prompt": "x"}, Credential(ID, KEY))
            except TencentCloudSDKException as error:
                codes.append(error.code)
    assert "RequestLimitExceeded" in codes


def test_a_token_of_the_environment_is_wanted_from_every_client(call: Call, tmp_path: Path) -> None:
    config = EmulatorConfig(data=tmp_path, audio="stub", credentials={ID: KEY}, tokens={ID: "the-token"})
    with Emulator(config) as emulator:
        assert call(emulator.url, CREATE, {"Prompt": "x"}, Credential(ID, KEY, "the-token"))["TaskId"]
        for wrong in (None, "another"):
            with pytest.raises(TencentCloudSDKException) as caught:
                call(emulator.url, CREATE, {"Prompt": "x"}, Credential(ID, KEY, wrong))
            assert caught.value.code == "AuthFailure.TokenFailure"


def test_a_role_assumed_by_the_sdk_can_create(call: Call, url: str) -> None:
    role = STSAssumeRoleCredential(ID, KEY, ROLE, "ci", 900, endpoint=url)
    temporary = Credential(*role.get_credential_info())
    assert temporary.secret_id != ID
    assert call(url, CREATE, {"Prompt": "x"}, temporary)["TaskId"]


def jwt(**claims: Any) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.c2lnbmF0dXJl"


def test_a_role_assumed_with_a_token_of_an_identity_provider_can_create(url: str) -> None:
    token = jwt(sub="repo:octo/music:ref:refs/heads/main", exp=int(time.time()) + 300)  # noqa: TID251
    role = OIDCRoleArnCredential("ap-guangzhou", "github", token, ROLE, "ci", 900, endpoint=url)
    temporary = Credential(*role.get_credential_info())
    assert common(url, CREATE, {"Prompt": "x"}, temporary)["TaskId"]


def test_a_role_assumed_by_the_command_line_client_can_create(url: str, tmp_path: Path) -> None:
    tccli = Tccli(tmp_path)
    tccli.run("configure", "set", "sts.endpoint", url)
    answer = tccli.run(
        "mps",
        CREATE,
        *("--endpoint", url, "--region", "ap-guangzhou", "--Prompt", "x"),
        *("--role-arn", ROLE, "--role-session-name", "ci"),
        keys={"SECRET_ID": ID, "SECRET_KEY": KEY},
    )
    assert json.loads(answer)["TaskId"]
    with urllib.request.urlopen(f"{url}/_emulator/ledger", timeout=10) as ledger:
        signers = {task["TaskId"]: task["SecretId"] for task in json.load(ledger)["tasks"]}
    assert signers[json.loads(answer)["TaskId"]] != ID


def test_the_command_line_client_waits_for_a_task(url: str, tmp_path: Path) -> None:
    tccli = Tccli(tmp_path)
    keys: dict[str, str | None] = {"SECRET_ID": ID, "SECRET_KEY": KEY}
    created = tccli(url, CREATE, {"Prompt": "x"}, Credential(ID, KEY))
    said = tccli.run(
        "mps",
        DESCRIBE,
        *("--endpoint", url, "--region", "ap-guangzhou", "--TaskId", created["TaskId"]),
        *("--waiter", "{'expr': 'Status', 'to': 'DONE', 'timeout': 60, 'interval': 1}"),
        keys=keys,
    )
    assert '"Status": "DONE"' in said
