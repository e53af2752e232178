"""`mpsjobs.yaml` as a person may write it."""

import re
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from mpsjobs.model.codes import Code
from mpsjobs.spec.catalogue_file import ModelSpec
from mpsjobs.spec.documents import AssetSpec, Declaration, DefaultsSpec
from mpsjobs.spec.fields import (
    Bucket,
    Duration,
    Endpoint,
    Name,
    Number,
    Prefix,
    ProjectPath,
    Region,
    RoleArn,
    Word,
    Words,
    matching,
    matching_seconds,
    mistake,
)
from mpsjobs.spec.notify_file import NotifyFile
from mpsjobs.spec.policy_file import PolicyFile
from mpsjobs.spec.prices import PricesFile
from mpsjobs.spec.section import Section

_SESSION = re.compile(r"[\w=,.@-]{2,128}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_]\w{0,127}", re.ASCII)


class ProviderFile(Section):
    TITLE: ClassVar[str] = "`provider`"
    kind: Literal["emulator", "tencent"] = Field("emulator", description="`emulator` needs no account.")
    endpoint: Endpoint | None = Field(
        None, description="Host of the API, or of a running emulator to attach to."
    )
    region: Region | None = Field(None, description="Region that requests name.")
    requests_per_second: Annotated[Number, Field(gt=0, le=20)] = Field(20, description="Per API action.")
    account: Name | None = Field(None, description="A label that keeps the takes of several accounts apart.")
    site: Literal["intl", "cn"] | None = Field(
        None, description="Which of the two clouds; follows from the endpoint if unset, else `intl`."
    )
    language: Literal["en-US", "zh-CN"] = Field("en-US", description="Language of the API's messages.")
    format_place: Literal["top_level", "extra_parameters"] | None = Field(
        None, description="Where requests name the output format; the catalogue knows it per site if unset."
    )
    speed: Annotated[Number, Field(gt=0, le=10_000)] | None = Field(
        None, description="Emulator: how many times quicker than the cloud a task is. 20 if unset."
    )
    audio: Literal["full", "short", "stub"] | None = Field(
        None, description="Emulator: `full`, `short` or `stub` music. `full` if unset."
    )


class StoreFile(Section):
    TITLE: ClassVar[str] = "`store`"
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


Lifetime: TypeAlias = Annotated[
    Duration, matching_seconds(900, 43200, "between 15 minutes and 12 hours", "Write it like `2h`.")
]
SessionName: TypeAlias = Annotated[
    str, matching(_SESSION.fullmatch, "a session name", "Use 2 to 128 letters, digits and `=,.@_-`.")
]


def _names_a_variable(value: Any) -> Any:
    """Somebody may have put the secret itself here: what is wrong with it is said without it."""
    if isinstance(value, str) and not _VARIABLE.fullmatch(value):
        raise mistake(
            '"{name}" must be the name of an environment variable',
            "It is not shown: it may be the secret itself.",
            "Write a name such as `MPSJOBS_STATE_KEY`, and put the value into that variable.",
            code=Code.BAD_VALUE,
        )
    return value


VariableName: TypeAlias = Annotated[str, BeforeValidator(_names_a_variable)]


class AssumeRoleFile(Section):
    TITLE: ClassVar[str] = "`assume_role`"
    role_arn: RoleArn = Field(
        description="The role to take on, such as `qcs::cam::uin/1000:roleName/mpsjobs`."
    )
    session_name: SessionName = Field("mpsjobs", description="Name in the audit log.")
    duration: Lifetime = Field(7200, description="How long one set of keys lives; they are renewed.")


class WebIdentityFile(Section):
    TITLE: ClassVar[str] = "`web_identity`"
    provider_id: Word = Field(description="Name of the identity provider in CAM.")
    role_arn: RoleArn = Field(description="The role to take on.")
    token_env: Word | None = Field(
        None, description="Variable that holds the token, such as GitLab's `id_tokens` set."
    )
    token_file: Word | None = Field(None, description="File that holds the token; read anew at each renewal.")
    audience: Word | None = Field(
        None, description="Audience of the token asked of GitHub Actions, where neither of the above is set."
    )
    session_name: SessionName = Field("mpsjobs", description="Name in the audit log.")
    duration: Lifetime = Field(7200, description="How long one set of keys lives; they are renewed.")


class CredentialsFile(Section):
    """Never the keys themselves: those stay in the environment or in the vendor's profile file."""

    TITLE: ClassVar[str] = "`credentials`"
    OTHERWISE: ClassVar[str] = "Keys do not belong in this file: set TENCENTCLOUD_SECRET_ID and _SECRET_KEY."
    profile: Word | None = Field(None, description="Section of the vendor's profile file to read.")
    assume_role: AssumeRoleFile | None = Field(
        None, description="A role to take on with the credentials found."
    )
    web_identity: WebIdentityFile | None = Field(
        None, description="A role to take on with a token of CI: no stored key at all."
    )
    endpoint: Endpoint | None = Field(None, description="Host of STS, where it is not the site's own.")


class NetworkFile(Section):
    """Proxies are taken from HTTPS_PROXY, HTTP_PROXY and NO_PROXY."""

    TITLE: ClassVar[str] = "`network`"
    connect_timeout: Annotated[
        Duration, matching_seconds(1, 300, "between 1 and 300 seconds", "Write it like `10s`.")
    ] = Field(10, description="How long connecting may take.")
    read_timeout: Annotated[
        Duration, matching_seconds(1, 600, "between 1 and 600 seconds", "Write it like `60s`.")
    ] = Field(60, description="How long an answer may take.")
    ca_file: Word | None = Field(
        None, description="PEM file of the authorities to trust; relative to this file, or absolute."
    )


class EncryptionFile(Section):
    """Never the key itself: that stays in the environment, or in a file outside of the project."""

    TITLE: ClassVar[str] = "`encryption`"
    ELSEWHERE: ClassVar[dict[str, str]] = {
        "key": "no file that others read: whoever has the key can read the state. Name the variable that holds it with `key_env`, or a "
        "file with `key_file`, and make a new key if this one was in a commit"
    }
    key_env: VariableName | None = Field(None, description="The environment variable that holds the key.")
    key_file: Word | None = Field(
        None,
        description="The file that holds the key, outside of what git keeps: `~/.config/mpsjobs/state.key`.",
    )
    write: Literal["encrypted", "plain"] = Field(
        "encrypted",
        description="`plain` is the way back: what is encrypted is read, and nothing is encrypted any more.",
    )


class StateFile(Section):
    TITLE: ClassVar[str] = "`state`"
    backend: Literal["file", "cos"] = Field("file", description="Where the state is kept.")
    path: ProjectPath = Field("mpsjobs.state.json", description="Path of the state file.")
    bucket: Bucket | None = Field(None, description="For `cos`: `name-appid`.")
    region: Region | None = Field(None, description="For `cos`: region of the bucket.")
    key: Prefix | None = Field(
        None,
        description="For `cos`: what the names of all its objects begin with. `<project>/mpsjobs.state` if unset.",
    )
    endpoint: Endpoint | None = Field(None, description="For `cos`: any S3-compatible server.")
    addressing_style: Literal["virtual", "path"] = Field(
        "virtual", description="For `cos`: how the server wants buckets named."
    )
    encryption: EncryptionFile | None = Field(
        None,
        description="For `cos`: what lies in the bucket is encrypted before it is sent there: `{key_env: MPSJOBS_STATE_KEY}`, or `key_file`. See docs/teams.md.",
    )


class EnvironmentFile(Section):
    """What is other in one environment than in the rest of the settings."""

    TITLE: ClassVar[str] = "an environment"
    ELSEWHERE: ClassVar[dict[str, str]] = dict.fromkeys(
        ("project", "required_version", "specs", "presets", "models", "environments"),
        "the settings that all environments share, in mpsjobs.yaml",
    )
    provider: ProviderFile | None = Field(None, description="Laid over `provider`, key by key.")
    store: StoreFile | None = Field(None, description="Laid over `store`, key by key.")
    state: StateFile | None = Field(
        None,
        description="Laid over `state`. Without a path or key of its own the environment's name is put into it: "
        "`mpsjobs.prod.state.json`.",
    )
    download: ProjectPath | None = Field(
        None, description="In place of `download`. Unset: a folder below that, with the environment's name."
    )
    policy: PolicyFile | None = Field(None, description="Laid over `policy`, key by key.")
    prices: PricesFile | None = Field(None, description="Laid over `prices`, key by key.")
    credentials: CredentialsFile | None = Field(None, description="Laid over `credentials`, key by key.")
    network: NetworkFile | None = Field(None, description="Laid over `network`, key by key.")
    notify: NotifyFile | None = Field(None, description="Laid over `notify`, key by key.")
    variables: dict[str, Any] | None = Field(None, description="Values of variables, by their names.")
    defaults: DefaultsSpec | None = Field(
        None, description="Laid over the project's `defaults`, and below those of the files."
    )
    reuse_from: Words | None = Field(None, description="In place of `reuse_from`.")


def _specifier(value: Any) -> Any:
    from packaging.specifiers import (  # only for projects that ask for a version
        InvalidSpecifier,
        SpecifierSet,
    )

    try:
        SpecifierSet(str(value))
    except InvalidSpecifier:
        raise mistake(
            '"{name}" cannot be read',
            f"It is {str(value)!r}.",
            "Write it like `>=0.1,<1`.",
            code=Code.BAD_VALUE,
        ) from None
    return value


class SettingsFile(Section):
    """The settings of a project."""

    TITLE: ClassVar[str] = "mpsjobs.yaml"
    LATER: ClassVar[dict[str, str]] = {
        "hooks": "hooks",
        "publish": "publishing",
        "review": "review settings",
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
    prices: PricesFile = Field(default_factory=PricesFile, description="What a song costs, by model.")
    credentials: CredentialsFile = Field(
        default_factory=CredentialsFile, description="Where the keys of the account come from."
    )
    network: NetworkFile = Field(default_factory=NetworkFile, description="Time-outs and trust.")
    notify: NotifyFile = Field(
        default_factory=NotifyFile, description="Who is told when an apply or a wait has ended."
    )
    variables: dict[str, Declaration] | None = Field(
        None,
        description="What the project leaves open: `${var.name}`. A value is short for `{default: value}`.",
    )
    presets: dict[str, AssetSpec] | None = Field(
        None, description="Fields that assets share by name: `preset: name`."
    )
    defaults: DefaultsSpec | None = Field(None, description="What all assets have in common.")
    models: dict[str, ModelSpec] | None = Field(
        None, description="Models to add to the catalogue, or to correct there."
    )
    reuse_from: Words | None = Field(
        None,
        description="Environments whose takes are copied instead of bought again, if they are of the same realm; the first that "
        "has one is used.",
    )
    environments: dict[str, EnvironmentFile] | None = Field(
        None,
        description="What differs from one place of work to another, by name: `--env NAME`. A file `mpsjobs.NAME.yaml` does as well.",
    )
