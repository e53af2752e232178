import warnings
from types import MappingProxyType

import orjson
import pytest
from hypothesis import given, strategies as st
from tencentcloud.mps.v20190612 import models

from mpsjobs.cloud.request import Destination, WireNames, create_body
from mpsjobs.model.asset import Reference, ReferenceKind, Sound

TO = Destination("aurora-1250000000", "ap-guangzhou", "audio/takes/01/")
STORE = {
    "CosBucketName": "aurora-1250000000",
    "CosBucketRegion": "ap-guangzhou",
    "CosBucketPath": "audio/takes/01/",
}


def url(value: str) -> Reference:
    return Reference(ReferenceKind.URL, value)


FULL = Sound(
    model="MiniMaxMusic",
    version="2.6",
    scene="music",
    prompt="Für Elise, 小马",
    lyrics="La la\nlo",
    instrumental=False,
    reference_audio=(url("https://x/a.wav"), url("https://x/b.wav")),
    reference_video=(url("https://x/v.mp4"),),
    format="wav",
    extra_parameters=MappingProxyType({"resource_id": "438910555_1"}),
    additional_parameters=MappingProxyType({"sample_rate": 44100, "aigc_watermark": False}),
    variation="b",
)


def test_every_field_has_its_place() -> None:
    body = orjson.loads(create_body(FULL, TO, WireNames(), operator="sound-team"))
    additional = body.pop("AdditionalParameters")
    assert (
        additional
        == '{"aigc_watermark":false,"is_instrumental":false,"lyrics":"La la\\nlo","sample_rate":44100}'
    )
    assert body == {
        "ModelName": "MiniMaxMusic",
        "ModelVersion": "2.6",
        "SceneType": "music",
        "Prompt": "Für Elise, 小马",
        "VideoInfos": [{"VideoUrl": "https://x/v.mp4"}],
        "AudioInfos": [{"AudioUrl": "https://x/a.wav"}, {"AudioUrl": "https://x/b.wav"}],
        "OutputAudioFormat": "wav",
        "StoreCosParam": STORE,
        "ExtraParameters": {"ResourceId": "438910555_1"},
        "Operator": "sound-team",
    }


def test_the_catalogue_says_where_the_format_goes_and_what_words_are_called() -> None:
    names = WireNames(format_in_extra=True, lyrics="lyric", instrumental="ForceInstrumental")
    body = orjson.loads(create_body(FULL, TO, names))
    assert "OutputAudioFormat" not in body
    assert body["ExtraParameters"] == {"ResourceId": "438910555_1", "OutputAudioFormat": "wav"}
    additional = orjson.loads(body["AdditionalParameters"])
    assert (additional["lyric"], additional["ForceInstrumental"]) == ("La la\nlo", False)


def test_what_is_unset_is_not_sent() -> None:
    body = create_body(Sound("GL", prompt="a pad"), TO, WireNames())
    assert orjson.loads(body) == {"ModelName": "GL", "Prompt": "a pad", "StoreCosParam": STORE}


def test_it_is_the_same_every_time_and_ascii() -> None:
    body = create_body(FULL, TO, WireNames())
    assert body == create_body(FULL, TO, WireNames())
    assert body.isascii()


def test_a_reference_needs_its_url() -> None:
    sound = Sound("GL", reference_audio=(Reference(ReferenceKind.FILE, "refs/hum.wav", "00"),))
    with pytest.raises(ValueError, match="no URL"):
        create_body(sound, TO, WireNames())


@given(
    st.builds(
        Sound,
        model=st.text(),
        version=st.none() | st.text(),
        scene=st.none() | st.text(),
        prompt=st.none() | st.text(),
        lyrics=st.none() | st.text(),
        instrumental=st.none() | st.booleans(),
        reference_audio=st.lists(st.builds(url, st.text()), max_size=2).map(tuple),
        reference_video=st.lists(st.builds(url, st.text()), max_size=2).map(tuple),
        format=st.none() | st.sampled_from(["mp3", "wav"]),
        extra_parameters=st.just({}) | st.builds(lambda value: {"resource_id": value}, st.text()),
        additional_parameters=st.dictionaries(
            st.text(), st.none() | st.integers(-(2**60), 2**60) | st.text()
        ),
    ),
    st.booleans(),
)
def test_the_vendors_models_know_every_field(sound: Sound, in_extra: bool) -> None:  # noqa: FBT001
    body = orjson.loads(create_body(sound, TO, WireNames(format_in_extra=in_extra), operator="me"))
    # The installed SDK is the mainland one, which has the format in ExtraParameters only.
    if not hasattr(models.CreateAigcAudioTaskRequest, "OutputAudioFormat"):
        body.pop("OutputAudioFormat", None)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="tencentcloud")
        request = models.CreateAigcAudioTaskRequest()
        request._deserialize(body)
    assert request.Prompt == sound.prompt
    assert request.StoreCosParam.CosBucketPath == TO.path
