"""The vendor's own SDK drives the emulator: what it signs is accepted, what it is told it understands."""

import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from mpsjobs.emulator import Emulator, EmulatorConfig

pytestmark = [
    # The SDK formats dates with datetime.utcfromtimestamp, deprecated since Python 3.12.
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp:DeprecationWarning"),
]

ID, KEY = "AKIDemulator", "emulator"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data: Path = tmp_path_factory.mktemp("emulator")
    config = EmulatorConfig(
        data=data, audio="stub", speed=500, requests_per_second=1000, credentials={ID: KEY}
    )
    with Emulator(config) as emulator:
        yield emulator.url


def call(
    url: str,
    action: str,
    body: dict[str, Any],
    *,
    secret_id: str = ID,
    key: str = KEY,
    version: str = "2019-06-12",
) -> dict[str, Any]:
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=url.removeprefix("http://")))
    client = CommonClient("mps", version, Credential(secret_id, key), "ap-guangzhou", profile)
    response: dict[str, Any] = client.call_json(action, body)["Response"]
    return response


def test_create_describe_and_fetch_with_typed_models(url: str) -> None:
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=url.removeprefix("http://")))
    client = MpsClient(Credential(ID, KEY), "", profile)
    request = models.CreateAigcAudioTaskRequest()
    request.ModelName, request.ModelVersion, request.SceneType = "MiniMaxMusic", "2.6", "music"
    request.Prompt = "Warm orchestral main theme, 92 bpm; trommeln für 龙"
    request.ExtraParameters = models.AigcAudioExtraParam()
    request.ExtraParameters.OutputAudioFormat = "wav"
    request.StoreCosParam = models.AigcStoreCosParam()
    request.StoreCosParam.CosBucketName = "aurora-1250000000"
    request.StoreCosParam.CosBucketRegion = "ap-guangzhou"
    request.StoreCosParam.CosBucketPath = "audio/takes"
    task_id = client.CreateAigcAudioTask(request).TaskId

    describe = models.DescribeAigcAudioTaskRequest()
    describe.TaskId = task_id
    deadline = time.monotonic() + 30
    seen = set()
    while True:
        answer = client.DescribeAigcAudioTask(describe)
        seen.add(answer.Status)
        if answer.Status == "DONE" or time.monotonic() > deadline:
            break
        threading.Event().wait(0.01)
    assert seen <= {"WAIT", "RUN", "DONE"}
    assert answer.Status == "DONE"
    assert answer.RequestId
    (audio,) = answer.AudioInfos
    assert audio.Duration == 1
    with urllib.request.urlopen(audio.Url, timeout=10) as response:
        assert response.headers["Content-Type"] == "audio/wav"
        assert response.read(4) == b"RIFF"


CREATE, DESCRIBE = "CreateAigcAudioTask", "DescribeAigcAudioTask"


@pytest.mark.parametrize(
    ("code", "action", "body", "options"),
    [
        ("AuthFailure.SecretIdNotFound", CREATE, {"Prompt": "x"}, {"secret_id": "AKIDnobody"}),
        ("AuthFailure.SignatureFailure", CREATE, {"Prompt": "x"}, {"key": "wrong"}),
        ("NoSuchVersion", CREATE, {"Prompt": "x"}, {"version": "2018-01-01"}),
        ("InvalidAction", "CreateAigcPoemTask", {"Prompt": "x"}, {}),
        ("MissingParameter", CREATE, {}, {}),
        ("UnknownParameter", CREATE, {"Prompt": "x", "Mood": "good"}, {}),
        ("InvalidParameter", CREATE, {"Prompt": 1}, {}),
        ("InvalidParameterValue", CREATE, {"Prompt": "x" * 2001}, {}),
        ("InvalidParameterValue", CREATE, {"Prompt": "x", "OutputAudioFormat": "ogg"}, {}),
        ("InvalidParameter.ViolationContent", CREATE, {"Prompt": "mpsblockedword"}, {}),
        ("InvalidParameterValue.TaskId", DESCRIBE, {"TaskId": "24000145AigcAudio-0"}, {}),
    ],
)
def test_errors_arrive_with_their_code(
    url: str, code: str, action: str, body: dict[str, Any], options: dict[str, str]
) -> None:
    with pytest.raises(TencentCloudSDKException) as caught:
        call(url, action, body, **options)
    assert caught.value.code == code
    assert caught.value.requestId


def test_the_limit_arrives_as_its_code(tmp_path: Path) -> None:
    with Emulator(
        EmulatorConfig(data=tmp_path, audio="stub", requests_per_second=1, credentials={ID: KEY})
    ) as emulator:
        codes = []
        for _ in range(3):
            try:
                call(emulator.url, CREATE, {"Prompt": "x"})
            except TencentCloudSDKException as error:
                codes.append(error.code)
    assert "RequestLimitExceeded" in codes
