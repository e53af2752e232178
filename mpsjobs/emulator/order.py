"""The body of CreateAigcAudioTask, checked: what the API refuses at once, and what it accepts and fails later."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from mpsjobs.emulator.errors import ApiError, bad_value, missing, unknown, wrong_type

MAX_PROMPT = 2000
MAX_KEY_BYTES = 850  # the object storage's own limit for a key
DEFAULT_BUCKET = "emulator-1250000000"
DEFAULT_REGION = "ap-guangzhou"

# Models and versions of both sites' documentation, in lower case; an empty set takes any version.
_MODELS: Mapping[str, frozenset[str]] = {
    "gl": frozenset({"2.0", "3.0-clip", "3.0-pro"}),
    "minimaxmusic": frozenset({"2.0", "2.5", "2.6", "3.0"}),
    "el": frozenset({"compose_v2", "sound_t2s_v2"}),
    "mureka": frozenset(
        {"song_8", "song_9", "song_9.5", "instrumental_8", "instrumental_9", "instrumental_9.5"}
    ),
    "kling": frozenset(),
}

# The shape of the body: `str`, an object's fields, or a list of objects.
_Shape = type[str] | Mapping[str, Any] | list[Mapping[str, Any]]
_CREATE: Mapping[str, _Shape] = {
    "ModelName": str,
    "ModelVersion": str,
    "SceneType": str,
    "Prompt": str,
    "VideoInfos": [{"VideoUrl": str}],
    "AudioInfos": [{"AudioUrl": str}],
    "OutputAudioFormat": str,
    "StoreCosParam": {"CosBucketName": str, "CosBucketRegion": str, "CosBucketPath": str},
    "ExtraParameters": {"ResourceId": str, "OutputAudioFormat": str},
    "AdditionalParameters": str,
    "Operator": str,
}
_DESCRIBE: Mapping[str, _Shape] = {"TaskId": str}

_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,50}[a-z0-9])?-[0-9]{6,12}")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_CLOUD_REGION = re.compile(r"(?:af|ap|eu|me|na|sa)-[a-z]+(?:-[a-z0-9]+)*")
_URL = re.compile(
    r"https?://[^\s/]+\S*|file:///\S+"
)  # a file of this machine is as reachable as a public URL


@dataclass(frozen=True, slots=True)
class Order:
    """A request that the API accepts."""

    prompt: str
    lyrics: str
    instrumental: bool
    format: Literal["mp3", "wav"]
    bucket: str
    region: str
    path: str
    """The folder under the bucket, without outer slashes; may be empty."""
    count: int
    """How many outputs."""
    recordings: tuple[str, ...]
    """URLs of the audio that it is made from."""
    failure: str | None
    """Why the task will end as FAIL, known from the start."""

    def key(self, task_id: str, index: int) -> str:
        """The object key of one output."""
        name = f"{task_id}-{index}.{self.format}"
        return f"{self.path}/{name}" if self.path else name


def task_id_of(body: Mapping[str, Any]) -> str:
    """The TaskId that a DescribeAigcAudioTask asks for."""
    fields = _shaped(body, _DESCRIBE, "")
    if not fields.get("TaskId"):
        raise missing("TaskId")
    return str(fields["TaskId"])


def order_of(body: Mapping[str, Any]) -> Order:
    """Check the body of CreateAigcAudioTask. Raises ApiError."""
    fields = _shaped(body, _CREATE, "")
    prompt = fields.get("Prompt", "")
    if len(prompt) > MAX_PROMPT:
        raise bad_value("Prompt", f"it has {len(prompt)} characters, at most {MAX_PROMPT} are supported")
    references = _references(fields)
    if not prompt.strip() and not references:
        raise missing("Prompt")
    if fields.get("SceneType", "music") not in {"", "music"}:
        raise bad_value("SceneType", "it must be music")
    parameters = _additional(fields.get("AdditionalParameters", ""))
    model = fields.get("ModelName", "GL").lower()
    bucket, region, path = _store(fields.get("StoreCosParam"))
    lyrics = parameters.get("lyrics") or parameters.get("lyric") or ""
    return Order(
        prompt=prompt,
        lyrics=lyrics if isinstance(lyrics, str) else orjson.dumps(lyrics).decode(),
        instrumental=parameters.get("is_instrumental") is True,
        format=_format(fields),
        bucket=bucket,
        region=region,
        path=path,
        count=_count(parameters) if model == "mureka" else 1,
        recordings=tuple(info["AudioUrl"] for info in fields.get("AudioInfos", [])),
        failure=_failure(model, fields.get("ModelVersion", "")),
    )


def check_content(order: Order, blocklist: tuple[str, ...]) -> None:
    """Refuse a text that holds a blocked word, as the API's review does."""
    text = f"{order.prompt}\n{order.lyrics}".casefold()
    if any(word.casefold() in text for word in blocklist):
        raise ApiError("InvalidParameter.ViolationContent", "The input content violates the content policy.")


def check_region(order: Order) -> None:
    """Refuse a region that the cloud cannot have; a folder has none, so there any name will do."""
    if not _CLOUD_REGION.fullmatch(order.region):
        raise bad_value("StoreCosParam.CosBucketRegion", f"there is no region {order.region}")


def _shaped(value: Any, shape: Mapping[str, _Shape], where: str) -> dict[str, Any]:
    """The object with only its set fields. Raises for unknown fields and wrong JSON types."""
    if not isinstance(value, Mapping):
        raise wrong_type(where.rstrip(".") or "Body")
    found: dict[str, Any] = {}
    for name, item in value.items():
        path = f"{where}{name}"
        if name not in shape:
            raise unknown(path)
        if item is None:
            continue
        expected = shape[name]
        if isinstance(expected, list):
            if not isinstance(item, list):
                raise wrong_type(path)
            found[name] = [_shaped(each, expected[0], f"{path}.{i}.") for i, each in enumerate(item)]
        elif isinstance(expected, Mapping):
            found[name] = _shaped(item, expected, f"{path}.")
        elif isinstance(item, str):
            found[name] = item
        else:
            raise wrong_type(path)
    return found


def _references(fields: Mapping[str, Any]) -> list[str]:
    urls = []
    for group, name in (("AudioInfos", "AudioUrl"), ("VideoInfos", "VideoUrl")):
        for index, info in enumerate(fields.get(group, [])):
            path = f"{group}.{index}.{name}"
            if not info.get(name):
                raise missing(path)
            if not _URL.fullmatch(info[name]):
                raise bad_value(path, "it must be an http or https URL, or a file: URL")
            urls.append(info[name])
    return urls


def _additional(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise bad_value("AdditionalParameters", f"it must be a JSON object in a string ({error})") from error
    if not isinstance(value, dict):
        raise bad_value("AdditionalParameters", "it must be a JSON object in a string")
    return value


def _count(parameters: Mapping[str, Any]) -> int:
    count = parameters.get("n", 1)
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 8:
        raise bad_value("AdditionalParameters", "n must be a whole number from 1 to 8")
    return count


def _format(fields: Mapping[str, Any]) -> Literal["mp3", "wav"]:
    """From the top level (international site), else from ExtraParameters (mainland); mp3 when neither says."""
    inner = fields.get("ExtraParameters", {}).get("OutputAudioFormat")
    for path, value in (
        ("OutputAudioFormat", fields.get("OutputAudioFormat")),
        ("ExtraParameters.OutputAudioFormat", inner),
    ):
        if value == "wav":
            return "wav"
        if value == "mp3":
            return "mp3"
        if value:
            raise bad_value(path, "it must be mp3 or wav")
    return "mp3"


def _store(store: Mapping[str, str] | None) -> tuple[str, str, str]:
    if store is None:
        return DEFAULT_BUCKET, DEFAULT_REGION, ""
    bucket = store.get("CosBucketName")
    if not bucket:
        raise missing("StoreCosParam.CosBucketName")
    if not _BUCKET.fullmatch(bucket):
        raise bad_value("StoreCosParam.CosBucketName", "it must be <name>-<appid>")
    region = store.get("CosBucketRegion") or DEFAULT_REGION
    if not _REGION.fullmatch(region):
        raise bad_value("StoreCosParam.CosBucketRegion", "it is not a region")
    path = "/".join(part for part in store.get("CosBucketPath", "").split("/") if part)
    bad = any(part in {".", ".."} for part in path.split("/")) or "\\" in path
    if (
        bad
        or any(ord(char) < 32 or ord(char) == 127 for char in path)
        or len(path.encode()) > MAX_KEY_BYTES - 80
    ):
        raise bad_value("StoreCosParam.CosBucketPath", "it must be a plain path of at most 770 bytes")
    return bucket, region, path


def _failure(model: str, version: str) -> str | None:
    """Bad models are accepted by the API and fail later."""
    if model not in _MODELS:
        return "Invalid model name for music"
    versions = _MODELS[model]
    if version and versions and version.lower() not in versions:
        return "Invalid model version for music"
    return None
