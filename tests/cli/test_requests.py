"""From YAML to the body of CreateAigcAudioTask: for every model of the catalogue, on both sites, and as projects override it."""

import json
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tencentcloud.mps.v20190612 import models

from mpsjobs.emulator.order import order_of
from mpsjobs.model.ports import ObjectRef
from mpsjobs.project import Project
from mpsjobs.spec.catalogue import load_catalogue
from tests.conftest import SETTINGS, Folder

PATH = ObjectRef("aurora-1250000000", "ap-guangzhou", "audio/takes/01/")
STORE = {"CosBucketName": PATH.bucket, "CosBucketRegion": PATH.region, "CosBucketPath": PATH.key}
HOSTS = {"intl": "mps.intl.tencentcloudapi.com", "cn": "mps.tencentcloudapi.com"}
TOP, EXTRA = {"OutputAudioFormat": "wav"}, {"ExtraParameters": {"OutputAudioFormat": "wav"}}
AUDIO = {"AudioInfos": [{"AudioUrl": "https://x/a.wav"}]}
VIDEO = {"VideoInfos": [{"VideoUrl": "https://x/v.mp4"}]}


class Row(NamedTuple):
    """An asset's keys beside model, prompt and format, and what becomes of them."""

    model: str
    site: str
    spec: str
    fields: dict[str, Any]
    additional: dict[str, Any] | None = None


SONG = "version: '2.6', lyrics: \"La la\\nlo\", reference_audio: {url: 'https://x/a.wav'}, additional_parameters: {bitrate: 256000}"
SUNG = {"lyrics": "La la\nlo", "bitrate": 256000}
EL = "version: compose_v2, instrumental: true, reference_video: [{url: 'https://x/v.mp4'}], additional_parameters: {PromptInfluence: 0.5, CompositionPlan: {sections: [1, two]}}"
EL_SAYS = {"ForceInstrumental": True, "PromptInfluence": 0.5, "CompositionPlan": {"sections": [1, "two"]}}
MUREKA = "version: song_9.5, lyrics: La, additional_parameters: {n: 2, gender: female}"
MUREKA_SAYS = {"lyrics": "La", "n": 2, "gender": "female"}

ROWS = [
    Row("GL", "intl", "version: 3.0-pro", {"ModelVersion": "3.0-pro", **TOP}),
    Row("GL", "cn", "version: 3.0-pro", {"ModelVersion": "3.0-pro", **EXTRA}),
    Row("MiniMaxMusic", "intl", SONG, {"ModelVersion": "2.6", **TOP, **AUDIO}, SUNG),
    Row("MiniMaxMusic", "cn", SONG, {"ModelVersion": "2.6", **EXTRA, **AUDIO}, SUNG),
    Row("MinimaxMusic", "intl", "instrumental: true", TOP, {"is_instrumental": True}),
    Row("MinimaxMusic", "cn", "instrumental: false", EXTRA, {"is_instrumental": False}),
    Row("EL", "intl", EL, {"ModelVersion": "compose_v2", **TOP, **VIDEO}, EL_SAYS),
    Row("EL", "cn", EL, {"ModelVersion": "compose_v2", **EXTRA, **VIDEO}, EL_SAYS),
    Row("Mureka", "intl", MUREKA, {"ModelVersion": "song_9.5", **TOP}, MUREKA_SAYS),
    Row("Mureka", "cn", MUREKA, {"ModelVersion": "song_9.5", **EXTRA}, MUREKA_SAYS),
    Row("Kling", "intl", "reference_video: {url: 'https://x/v.mp4'}", {**TOP, **VIDEO}),
    Row("Kling", "cn", "reference_video: {url: 'https://x/v.mp4'}", {**EXTRA, **VIDEO}),
    Row("Unheard", "intl", "lyrics: La", TOP, {"lyrics": "La"}),
    Row(
        "GL",
        "cn",
        "scene: music, operator: sound-team, extra_parameters: {resource_id: '438910555_1'}",
        {
            "SceneType": "music",
            "Operator": "sound-team",
            "ExtraParameters": {"ResourceId": "438910555_1", "OutputAudioFormat": "wav"},
        },
    ),
]


def body_of(root: Path, site: str, asset: str, *, provider: str = "", more: str = "") -> dict[str, Any]:
    """What would be sent for the one asset of a project."""
    (root / "specs").mkdir(exist_ok=True)
    (root / "mpsjobs.yaml").write_text(
        f"project: test\nprovider: {{kind: tencent, endpoint: {HOSTS[site]}{provider}}}\n"
        f"store: {{bucket: {PATH.bucket}, region: {PATH.region}}}\n{more}",
        encoding="utf-8",
    )
    (root / "specs" / "a.yaml").write_text(f"assets:\n  a: {{{asset}}}\n", encoding="utf-8")
    project = Project.open(root)
    (loaded,) = project.load().assets
    body: dict[str, Any] = json.loads(project.connections.body(loaded, PATH, {}))
    return body


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.model}-{row.site}")
def test_a_request_is_what_the_site_and_the_model_want(tmp_path: Path, row: Row) -> None:
    body = body_of(tmp_path, row.site, f"model: {row.model}, prompt: 小马, format: wav, {row.spec}")
    order_of(body)  # the emulator takes it
    if row.site == "cn":  # the installed SDK is the mainland one
        with warnings.catch_warnings():
            warnings.filterwarnings("error", module="tencentcloud")
            models.CreateAigcAudioTaskRequest()._deserialize(body)
    additional = body.pop("AdditionalParameters", None)
    assert additional is None or isinstance(additional, str)
    assert (json.loads(additional) if additional else None) == row.additional
    model = "MiniMaxMusic" if row.model == "MinimaxMusic" else row.model
    assert body == {"ModelName": model, "Prompt": "小马", "StoreCosParam": STORE, **row.fields}


def test_the_table_has_every_model_of_the_catalogue_on_both_sites() -> None:
    names = {
        spelling for model in load_catalogue().models.values() for spelling in (model.name, *model.aliases)
    }
    assert {(row.model, row.site) for row in ROWS} >= {(name, site) for name in names for site in HOSTS}


@pytest.mark.parametrize(
    ("site", "place", "expected"),
    [("intl", "extra_parameters", EXTRA), ("cn", "top_level", TOP), ("cn", "extra_parameters", EXTRA)],
)
def test_the_settings_say_where_the_format_goes(
    tmp_path: Path, site: str, place: str, expected: dict[str, Any]
) -> None:
    asset = "model: GL, prompt: x, format: wav"
    body = body_of(tmp_path, site, asset, provider=f", format_place: {place}")
    assert body == {"ModelName": "GL", "Prompt": "x", "StoreCosParam": STORE, **expected}


OWN = """\
models:
  MiniMaxMusic: {lyrics: lyric, instrumental: instrumental_only}
  Newcomer: {versions: ["1"], lyrics: words, references: [audio]}
"""


def test_a_project_names_lyrics_and_instrumental_as_the_cloud_turns_out_to(tmp_path: Path) -> None:
    song = body_of(tmp_path, "intl", "model: MinimaxMusic, prompt: x, lyrics: La", more=OWN)
    assert json.loads(song["AdditionalParameters"]) == {"lyric": "La"}
    bed = body_of(tmp_path, "intl", "model: MiniMaxMusic, prompt: x, instrumental: true", more=OWN)
    assert json.loads(bed["AdditionalParameters"]) == {"instrumental_only": True}
    new = body_of(tmp_path, "intl", "model: Newcomer, version: '1', prompt: x, lyrics: La", more=OWN)
    assert json.loads(new["AdditionalParameters"]) == {"words": "La"}


def test_another_name_on_the_wire_reaches_the_cloud_and_is_no_other_sound(project: Folder) -> None:
    spec = "assets:\n  song: {prompt: A ballad, lyrics: La la}\n"
    project.write(music=spec)
    assert project("apply", "--auto-approve").code == 0
    project.settings(SETTINGS + OWN)
    assert project("plan", "--detailed-exitcode").code == 0
    project.write(
        music=spec + "  bed: {prompt: Soft, instrumental: true}\n  new: {prompt: Loud, lyrics: Lo}\n"
    )
    assert project("apply", "--auto-approve").code == 0
    sent = {
        task["request"]["Prompt"]: json.loads(task["request"]["AdditionalParameters"])
        for task in project.ledger()
    }
    assert sent == {
        "A ballad": {"lyrics": "La la"},
        "Soft": {"instrumental_only": True},
        "Loud": {"lyric": "Lo"},
    }
