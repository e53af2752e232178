"""`mpsjobs.yaml` as a person may write it."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from mpsjobs.spec.catalogue_file import ModelSpec
from mpsjobs.spec.documents import AssetSpec, Written
from mpsjobs.spec.fields import (
    Bucket,
    Duration,
    Endpoint,
    Name,
    Number,
    Prefix,
    ProjectPath,
    Region,
    Whole,
    Word,
    Words,
    mistake,
)


class Section(Written):
    """A part of the settings, in which `null` is the same as nothing, but where it has a meaning of its own."""

    MEANT: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if data is None:
            return {}
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None or key in cls.MEANT}
        return data


class ProviderFile(Section):
    TITLE: ClassVar[str] = "`provider`"
    LATER: ClassVar[dict[str, str]] = {
        "credentials": "credentials in settings",
        "profile": "credentials in settings",
    }
    kind: Literal["emulator", "tencent"] = Field("emulator", description="`emulator` needs no account.")
    endpoint: Endpoint | None = Field(
        None, description="Host of the API, or of a running emulator to attach to."
    )
    region: Region | None = Field(None, description="Region that requests name.")
    requests_per_second: Annotated[Number, Field(gt=0, le=20)] = Field(20, description="Per API action.")
    account: Name | None = Field(None, description="A label that keeps the takes of several accounts apart.")
    speed: Annotated[Number, Field(gt=0, le=10_000)] | None = Field(
        None, description="Emulator: how many times quicker than the cloud a task is. 20 if unset."
    )
    audio: Literal["full", "short", "stub"] | None = Field(
        None, description="Emulator: `full`, `short` or `stub` music. `full` if unset."
    )


class StoreFile(Section):
    TITLE: ClassVar[str] = "`store`"
    LATER: ClassVar[dict[str, str]] = {"credentials": "credentials in settings"}
    kind: Literal["cos", "directory"] | None = Field(
        None, description="`cos` (for tencent) or `directory` (for the emulator)."
    )
    bucket: Bucket | None = Field(None, description="`name-appid`.")
    region: Region | None = Field(None, description="Region of the bucket.")
    prefix: Prefix = Field("", description="Folder in the bucket.")
    path: ProjectPath | None = Field(
        None, description="Folder of the directory store, inside the project. `.mpsjobs/store` if unset."
    )
    endpoint: Endpoint | None = Field(None, description="Any S3-compatible server.")
    addressing_style: Literal["virtual", "path"] = Field(
        "virtual", description="How the server wants buckets named."
    )


class StateFile(Section):
    TITLE: ClassVar[str] = "`state`"
    backend: Literal["file", "cos"] = Field("file", description="Where the state is kept.")
    path: ProjectPath = Field("mpsjobs.state.json", description="Path of the state file.")


class PolicyFile(Section):
    TITLE: ClassVar[str] = "`policy`"
    MEANT: ClassVar[frozenset[str]] = frozenset({"max_generations_per_apply"})
    LATER: ClassVar[dict[str, str]] = {
        "budget": "budgets",
        "generate": "promotion between environments",
        "max_cost": "prices",
        "max_cost_per_apply": "prices",
    }
    max_generations_per_apply: Annotated[Whole, Field(ge=0)] | None = Field(
        None,
        description="An apply that would pay for more is refused. 20 for tencent if unset; null: no limit.",
    )
    attempts: Annotated[Whole, Field(ge=1, le=20)] = Field(3, description="How often a failed task is tried.")
    unknown_wait: Duration | None = Field(
        None,
        description="For how long the outputs of a request without an answer are looked for, such as `15m`. "
        "Unset: three times what slow tasks of the model take, 15 minutes at least, 30 without history.",
    )
    unknown: Literal["stop", "resubmit"] = Field(
        "stop", description="What happens when they have not shown by then. `resubmit` may pay twice."
    )


def _specifier(value: Any) -> Any:
    from packaging.specifiers import (  # only for projects that ask for a version
        InvalidSpecifier,
        SpecifierSet,
    )

    try:
        SpecifierSet(str(value))
    except InvalidSpecifier:
        raise mistake(
            '"{name}" cannot be read', f"It is {str(value)!r}.", "Write it like `>=0.1,<1`."
        ) from None
    return value


class SettingsFile(Section):
    """The settings of a project."""

    TITLE: ClassVar[str] = "mpsjobs.yaml"
    LATER: ClassVar[dict[str, str]] = {
        "audio": "audio expectations",
        "budgets": "budgets",
        "checks": "audio expectations",
        "credentials": "credentials in settings",
        "environments": "environments",
        "expect": "audio expectations",
        "hooks": "hooks",
        "notify": "notifications",
        "presets": "presets",
        "prices": "prices",
        "publish": "publishing",
        "reuse_from": "promotion between environments",
        "review": "review settings",
        "variables": "variables",
        "vars": "variables",
    }
    project: Name | None = Field(None, description="Name of the project. Required.")
    required_version: Annotated[Word, AfterValidator(_specifier)] | None = Field(
        None, description="Versions of mpsjobs that may be used, such as `>=0.1,<1`."
    )
    specs: Words | None = Field(
        None,
        min_length=1,
        description="Globs of the spec files, relative to this file. `specs/**/*.yaml` and `.yml` if unset.",
    )
    provider: ProviderFile = Field(default_factory=ProviderFile, description="The cloud, or the emulator.")
    store: StoreFile = Field(default_factory=StoreFile, description="Where audio goes.")
    state: StateFile = Field(
        default_factory=StateFile, description="Where it is recorded what has been done."
    )
    download: ProjectPath | None = Field(
        None,
        description="Folder where the current take of each asset is put as `<address>.<ext>`. Nowhere if unset.",
    )
    policy: PolicyFile = Field(default_factory=PolicyFile, description="What an apply may do.")
    defaults: AssetSpec | None = Field(None, description="What all assets have in common.")
    models: dict[str, ModelSpec] | None = Field(
        None, description="Models to add to the catalogue, or to correct there."
    )
