"""What a person may write, as pydantic models: the one place that names fields, their types, limits and descriptions.

Validation is strict, and happens on values as `yaml` reads them: a text field takes the source text of a scalar, a number or a switch
asks what the scalar means. `null` stands for a field that nobody set, and takes back what was inherited.
"""

from dataclasses import fields
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from mpsjobs.model.asset import Sound
from mpsjobs.model.codes import Code
from mpsjobs.spec.fields import (
    Bucket,
    Duration,
    Loudness,
    LoudnessLevel,
    LoudnessRange,
    PeakLevel,
    Prefix,
    Region,
    Seconds,
    Switch,
    TruePeak,
    WebUrl,
    Whole,
    Word,
    Words,
    matching_seconds,
    mistake,
    one_or_many,
)
from mpsjobs.spec.suggest import did_you_mean, listed
from mpsjobs.spec.yaml import Map, Mark

TAGS = frozenset({"<text>", "<file>"})
"""Parts of an error's path that stand for a choice of types, not for a key."""


def _text_or_file(value: Any) -> str:
    return "<file>" if isinstance(value, dict) else "<text>"


class Written(BaseModel):
    """A mapping that a person writes.

    `LATER` names keys that are known but not built yet, with what they are for; `ELSEWHERE` keys that belong to something else.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
    LATER: ClassVar[dict[str, str]] = {}
    ELSEWHERE: ClassVar[dict[str, str]] = {}
    TITLE: ClassVar[str] = "this mapping"
    OTHERWISE: ClassVar[str] = "Remove the key, or use one of these."


class TextFile(Written):
    """Text that stands in a file of its own."""

    TITLE: ClassVar[str] = "a text from a file"
    file: Word = Field(
        description="Path of a UTF-8 text file, relative to the file that names it, inside the project."
    )


Text: TypeAlias = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[TextFile, Tag("<file>")], Discriminator(_text_or_file)
]


class ReferenceSpec(Written):
    """A recording or a video that the model works from. Exactly one of its keys is set."""

    TITLE: ClassVar[str] = "a reference"
    url: WebUrl | None = Field(
        None,
        description="A public http or https URL. Its signature, if any, takes no part in the fingerprint.",
    )

    file: Word | None = Field(
        None,
        description="A file of the project, relative to the file that names it. It is put into the store under its content hash, "
        "once, and handed to the model by a signed URL. The hash takes part in the fingerprint.",
    )

    asset: Word | None = Field(
        None,
        description="The whole address of another asset. That one is made first; the take that it uses then is handed to the model by a "
        "signed URL (the first audio file of it; in `reference_video` the first video). Its fingerprint takes part in the fingerprint.",
    )

    @model_validator(mode="after")
    def _names_one_thing(self) -> Self:
        named = [
            what
            for what, value in (("a URL", self.url), ("a file", self.file), ("an asset", self.asset))
            if value is not None
        ]
        if not named:
            raise mistake(
                "A reference names nothing",
                "It has neither a URL nor a file nor an asset.",
                "Write `url: https://…`, `file: path` or `asset: address`.",
                code=Code.BAD_REFERENCE,
            )
        if len(named) > 1:
            raise mistake(
                "A reference names several things",
                f"It has {listed(named)}.",
                "Make one reference of each.",
                code=Code.BAD_REFERENCE,
            )
        return self


def _sound_field(value: Any) -> Any:
    if isinstance(value, str) and value not in _SOUND:
        raise mistake(
            '"{name}" must name a field that is heard',
            f"It is `{value[:80]}`; what does not influence the sound never makes a paid change.",
            did_you_mean(value, _SOUND, f"Write some of {listed(_SOUND)}."),
            code=Code.NOT_HEARD,
        )
    return value


_SOUND = tuple(field.name for field in fields(Sound))
SoundFields: TypeAlias = Annotated[
    list[Annotated[str, BeforeValidator(_sound_field)]], BeforeValidator(one_or_many)
]
_PATIENCE = matching_seconds(
    1, 12 * 3600, "between 1 second and 12 hours", "Write it like `90s`, `15m` or `2h`."
)
_FADE = matching_seconds(0.01, 60, "between 10 milliseconds and a minute", "Write it like `2s`.")
References: TypeAlias = Annotated[list[ReferenceSpec], BeforeValidator(one_or_many)]


class StoreOverride(Written):
    """Where the outputs of an asset go; what is left out is the project's."""

    TITLE: ClassVar[str] = "a store"
    bucket: Bucket | None = Field(None, description="COS bucket with the account's number: `name-appid`.")
    region: Region | None = Field(None, description="COS region, such as `ap-guangzhou`.")
    prefix: Prefix | None = Field(None, description="Folder in the bucket.")


class ExpectSpec(Written):
    """What is expected of a take. Ranges are inclusive, and open at an end that is left out."""

    TITLE: ClassVar[str] = "expectations"
    duration: Seconds | None = Field(None, description="How long it plays: `30s..90s`, `..2m`.")
    loudness: Loudness | None = Field(None, description="Integrated loudness (EBU R 128): `-18..-14 LUFS`.")
    loudness_range: LoudnessRange | None = Field(
        None, description="Loudness range (EBU Tech 3342): `..12 LU`."
    )
    true_peak: TruePeak | None = Field(
        None, description="The highest point between the samples: `..-1 dBTP`."
    )
    silence: Seconds | None = Field(
        None, description="The longest stretch below -60 dBFS, wherever it is: `..2s`."
    )
    not_silent: Switch | None = Field(None, description="True: there is something to hear.")
    clipping: Switch | None = Field(
        None, description="False: no channel stays at full scale for three samples or more."
    )
    format: Word | None = Field(None, description="What the file turns out to be, such as `mp3`.")
    sample_rate: Annotated[Whole, Field(ge=1)] | None = Field(None, description="In Hz, such as 44100.")
    channels: Annotated[Whole, Field(ge=1)] | None = Field(None, description="2 is stereo.")


class MasterSpec(Written):
    """What is made of a take before people and game builds get it: here, for free, and the same each time."""

    TITLE: ClassVar[str] = "finishing"
    loudness: LoudnessLevel | None = Field(
        None,
        description="The integrated loudness (EBU R 128) that the file is brought to, as far as its true peak allows: `-16 LUFS`.",
    )
    true_peak: PeakLevel | None = Field(
        None, description="No point between the samples is higher: `-1 dBTP`; 0, if unset."
    )
    trim_silence: Switch | None = Field(
        None, description="True: silence at the beginning and the end is cut off."
    )
    fade_out: Annotated[Duration, _FADE] | None = Field(
        None, description="So long the end is faded out: `2s`."
    )
    format: (
        Annotated[
            list[Literal["mp3", "ogg", "wav", "flac"]], BeforeValidator(one_or_many), Field(min_length=1)
        ]
        | None
    ) = Field(
        None, description="The files that are made, one or a list: `[mp3, ogg]`. As the take is, if unset."
    )


class AssetSpec(Written):
    """What an asset, a preset and defaults can say."""

    TITLE: ClassVar[str] = "an asset"
    ELSEWHERE: ClassVar[dict[str, str]] = {
        "address": "an asset with `matrix` or `for_each`",
        "for_each": "an asset",
        "matrix": "an asset",
        "preset": "an asset or defaults",
    }
    model: Word | None = Field(
        None,
        description="Model name (ModelName). Setting it drops an inherited version, extra and additional parameters.",
    )
    version: Word | None = Field(
        None, description="Model version (ModelVersion); the source text counts: 2.10 is `2.10`."
    )
    scene: Word | None = Field(None, description="Kind of audio (SceneType), such as `music`.")
    prompt: Text | None = Field(
        None, description="What it should sound like (Prompt), text or `{file: path}`."
    )
    lyrics: Text | None = Field(None, description="The words that are sung, text or `{file: path}`.")
    instrumental: Switch | None = Field(None, description="True: without a voice.")
    reference_audio: References | None = Field(
        None, description="Recordings that the model works from (AudioInfos)."
    )
    reference_video: References | None = Field(
        None, description="Videos that the model works from (VideoInfos)."
    )
    format: Word | None = Field(None, description="`mp3` or `wav` (OutputAudioFormat).")
    store: StoreOverride | None = Field(None, description="Another place for the outputs (StoreCosParam).")
    extra_parameters: dict[str, Any] | None = Field(
        None, description="ExtraParameters, in snake_case: `resource_id`. Merged key by key with defaults."
    )
    additional_parameters: dict[str, Any] | None = Field(
        None, description="Parameters of the model (AdditionalParameters), merged key by key with defaults."
    )
    operator: Word | None = Field(None, description="Who asks (Operator). Takes no part in the fingerprint.")
    tags: Words | None = Field(None, description="Free words to select assets by.")
    description: str | None = Field(None, description="A note for people.")
    takes: Annotated[Whole, Field(ge=1, le=100)] | None = Field(
        None, description="How many takes are wanted."
    )
    pick: Annotated[Whole, Field(ge=1)] | None = Field(
        None, description="Number of the take to use; the first good one if unset."
    )
    publish: Word | None = Field(
        None,
        description="Key below the prefix of the project's store that the take in use is copied to, such as "
        "`music/${asset.path}.${format}`. Takes no part in the fingerprint.",
    )
    publish_when: Literal["picked", "first_passing"] | None = Field(
        None,
        description="Which take is published: only one that is picked, or the first good one while none is. Unset: the first good one until "
        "something was picked, from then on picks.",
    )
    expect: ExpectSpec | None = Field(
        None,
        description="What is expected of each take, merged key by key with defaults. Takes no part in the fingerprint.",
    )
    on_fail: Literal["warn", "fail", "retake"] | None = Field(
        None,
        description="What becomes of a take that misses an expectation. `warn`, if unset: it is said. `fail`: the exit code is 3. `retake`: the take "
        "is kept and not used, and another one is bought.",
    )
    max_retakes: Annotated[Whole, Field(ge=0, le=20)] | None = Field(
        None,
        description="With `on_fail: retake`: how many takes of a sound may be bought in place of those that miss something, in all; 1 if unset.",
    )
    master: MasterSpec | None = Field(
        None,
        description="What is made of each take before it is published and downloaded, merged key by key with defaults. Takes no part in the "
        "fingerprint.",
    )
    variation: Word | None = Field(None, description="A free word that makes this a sound of its own.")
    depends_on: Words | None = Field(
        None,
        description="Whole addresses of assets that must be there first. Order only: takes no part in the fingerprint.",
    )
    ignore_changes: SoundFields | None = Field(
        None,
        description="Fields, such as `prompt` or `reference_audio`, whose changes alone buy nothing: the asset keeps the sound that it has. "
        "What has to be bought for another reason is made as the spec says then.",
    )

    prevent_regenerate: Switch | None = Field(
        None,
        description="True: a plan that would buy a new sound in place of this one is an error, also with `--replace`. More takes of the "
        "same sound may be bought.",
    )
    prevent_retire: Switch | None = Field(
        None,
        description="True: a plan that would retire the asset because its block is gone is an error. Recorded by the apply.",
    )
    on_remove: Literal["retire", "delete", "forget"] | None = Field(
        None,
        description="What becomes of the asset when its block is gone. `retire`: its takes are kept. `delete`: its outputs are deleted from the "
        "store, for good. `forget`: its address is remembered no more, its takes stay with their sound. Recorded by the apply.",
    )
    timeout: Annotated[Duration, _PATIENCE] | None = Field(
        None,
        description="How long an apply waits for a task, and a URL to a reference lives: `90s`, `2h`. One hour if unset; a URL never lives "
        "less than that. What takes longer is collected by a later apply.",
    )


class DefaultsSpec(AssetSpec):
    """What assets have in common."""

    TITLE: ClassVar[str] = "defaults"
    preset: Words | None = Field(
        None,
        description="Names of presets, laid over the defaults in this order; the asset goes before them.",
    )


class AssetEntry(DefaultsSpec):
    """One asset, or with `matrix` or `for_each` many of them."""

    TITLE: ClassVar[str] = "an asset"
    matrix: dict[str, Any] | None = Field(
        None,
        description="One asset for each combination: lists of texts by the names of the dimensions, with `include` and `exclude`. "
        "Values are `${each.dimension}`.",
    )
    for_each: Any = Field(
        None,
        description="One asset for each item of a list or a mapping, or row of a table: `{file: cues.csv, key: id}`. "
        "Values are `${each.key}`, `${each.value}`, `${each.column}`.",
    )
    address: str | None = Field(
        None,
        description="What comes after the asset's name in the addresses of a matrix or a for_each, such as "
        "`${each.mood}.${each.biome}`. Unset: the values in the order of the dimensions' names; the key.",
    )


def declaration(value: Any) -> Any:
    """A value is short for a default; nothing at all declares a variable without one."""
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"default": value}


class VariableSpec(Written):
    """A variable."""

    TITLE: ClassVar[str] = "a variable"
    type: Literal["string", "number", "bool", "list"] | None = Field(
        None, description="`string`, `number`, `bool` or `list`. Unset: the value is taken as it is written."
    )
    default: Any = Field(None, description="Its value where nothing sets it.")
    description: str | None = Field(None, description="A note for people.")
    allowed: Words | None = Field(None, min_length=1, description="The only values that it may have.")
    sensitive: Switch = Field(
        False,
        description="True: the value is sent, and never shown or recorded in clear.",
    )


Declaration: TypeAlias = Annotated[VariableSpec, BeforeValidator(declaration)]


def asset_node(value: Any, mark: Mark) -> Any:
    """A text is the prompt; nothing at all is an asset that takes everything from its defaults."""
    if value is None or isinstance(value, str):
        node = Map(mark)
        if value is not None:
            node["prompt"] = value
            node.places["prompt"] = (mark, mark)
        return node
    return value


class MovedSpec(Written):
    """A rename. Both addresses are whole, with their groups."""

    TITLE: ClassVar[str] = "a move"
    old: Word = Field(
        alias="from", description="The address that it had; `*` stands for any text, as in `level1.*`."
    )
    new: Word = Field(
        alias="to", description="The address that it has in the specs now, with as many `*` as `from`."
    )


class ImportSpec(Written):
    """A take that was made elsewhere. Exactly one of `task_id` and `object` is set."""

    TITLE: ClassVar[str] = "an import"
    to: Word = Field(description="The whole address of the asset that it becomes a take of.")
    task_id: Word | None = Field(
        None, description="The TaskId of a task of this account: it is asked for, and collected."
    )
    object: Word | None = Field(
        None,
        description="An object that is copied: `key`, `bucket/key`, `bucket/key@region`, or its URL in the store.",
    )

    @model_validator(mode="after")
    def _names_one_thing(self) -> Self:
        if (self.task_id is None) is (self.object is None):
            what = "It has neither" if self.task_id is None else "It has both"
            raise mistake(
                "An import names one thing: a task or an object",
                f"{what} `task_id` {'nor' if self.task_id is None else 'and'} `object`.",
                "Write `task_id: …` or `object: …`.",
                code=Code.BAD_IMPORT,
            )
        return self


class SpecFile(Written):
    """A spec file."""

    TITLE: ClassVar[str] = "a spec file"
    OTHERWISE: ClassVar[str] = "If it is an asset, indent it under `assets:`; else remove the key."
    ELSEWHERE: ClassVar[dict[str, str]] = {"for_each": "an asset", "matrix": "an asset"}
    group: str | None = Field(None, description="Prefix of all addresses in this file.")
    variables: dict[str, Declaration] | None = Field(
        None,
        description="Values that this file names for itself: `${var.name}`. A value is short for `{default: value}`; nothing sets "
        "them from outside.",
    )
    presets: dict[str, AssetSpec] | None = Field(
        None, description="Fields that assets of this file share by name: `preset: name`."
    )
    defaults: DefaultsSpec | None = Field(None, description="What the assets of this file have in common.")
    assets: dict[str, AssetEntry] | None = Field(
        None, description="The assets by name. A text is short for a prompt."
    )
    moved: list[MovedSpec] | None = Field(
        None,
        description="Addresses that have changed, where the sound has changed too or several assets could be meant. May stay for ever.",
    )
    imports: list[ImportSpec] | None = Field(
        None,
        alias="import",
        description="Tasks and objects that become takes, once. May stay for ever.",
    )
