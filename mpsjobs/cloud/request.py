"""The bodies of requests: a sound as CreateAigcAudioTask takes it. Byte for byte what the vendor's SDK for Python makes of the same input."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from mpsjobs.model.asset import Json, Reference, ReferenceKind, Sound


@dataclass(frozen=True, slots=True)
class WireNames:
    """What differs between sites and models: where the format goes, and what lyrics and instrumental are called."""

    format_in_extra: bool = False
    lyrics: str = "lyrics"
    instrumental: str = "is_instrumental"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the task writes its outputs: `StoreCosParam`. `path` belongs to this attempt alone."""

    bucket: str
    region: str
    path: str


def create_body(sound: Sound, to: Destination, names: WireNames, *, operator: str | None = None) -> bytes:
    """The JSON of the request: only what is set, always in the same order, and ASCII alone.

    References must be URLs by now. Keys of `extra_parameters` may be written `resource_id` or `ResourceId`; those of
    `additional_parameters` go out as they are.

    Raises:
        ValueError: a reference is not a URL.
    """
    extra = {_pascal(key): value for key, value in sound.extra_parameters.items()}
    additional: dict[str, Json] = dict(sound.additional_parameters)
    if sound.lyrics is not None:
        additional[names.lyrics] = sound.lyrics
    if sound.instrumental is not None:
        additional[names.instrumental] = sound.instrumental
    if sound.format is not None and names.format_in_extra:
        extra["OutputAudioFormat"] = sound.format
    fields: dict[str, Any] = {
        "ModelName": sound.model,
        "ModelVersion": sound.version,
        "SceneType": sound.scene,
        "Prompt": sound.prompt,
        "VideoInfos": [{"VideoUrl": url} for url in _urls(sound.reference_video)] or None,
        "AudioInfos": [{"AudioUrl": url} for url in _urls(sound.reference_audio)] or None,
        "OutputAudioFormat": None if names.format_in_extra else sound.format,
        "StoreCosParam": {"CosBucketName": to.bucket, "CosBucketRegion": to.region, "CosBucketPath": to.path},
        "ExtraParameters": extra or None,
        "AdditionalParameters": _text(additional) if additional else None,
        "Operator": operator,
    }
    return _body({name: value for name, value in fields.items() if value is not None})


def describe_body(task_id: str) -> bytes:
    """The JSON of DescribeAigcAudioTask."""
    return _body({"TaskId": task_id})


def _body(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, default=_plain).encode()


def _text(value: Mapping[str, Json]) -> str:
    """JSON inside of JSON: short, with sorted keys."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _pascal(key: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in key.split("_"))


def _urls(references: Iterable[Reference]) -> Iterable[str]:
    for reference in references:
        if reference.kind is not ReferenceKind.URL:
            raise ValueError(f"the reference {reference.value} has no URL yet")
        yield reference.value
