"""The settings of a project, as resolved from `mpsjobs.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from urllib.parse import urlsplit

from mpsjobs.model.asset import Json
from mpsjobs.model.money import Prices
from mpsjobs.model.notification import NotifySettings
from mpsjobs.model.policy import OutsidePolicy, PolicySettings

EMULATOR_BUCKET = "local-1250000000"
"""The bucket of the directory store where settings name none; shaped like a real one, so that nothing needs a special case."""


class ProviderKind(StrEnum):
    EMULATOR = "emulator"
    TENCENT = "tencent"


class StoreKind(StrEnum):
    COS = "cos"
    DIRECTORY = "directory"


class Site(StrEnum):
    """The two clouds of the provider; models and the place of the output format differ between them."""

    INTL = "intl"
    CN = "cn"


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """`speed`, `audio` and its folder `emulator_data` only concern the embedded emulator; `account` is a free label that keeps accounts apart.

    `format_place` None follows the catalogue; `named_site` None follows the endpoint.
    """

    kind: ProviderKind = ProviderKind.EMULATOR
    endpoint: str | None = None
    region: str | None = None
    requests_per_second: float = 20
    account: str | None = None
    language: Literal["en-US", "zh-CN"] = "en-US"
    format_place: Literal["top_level", "extra_parameters"] | None = None
    speed: float = 20
    audio: Literal["full", "short", "stub"] = "full"
    named_site: Site | None = None
    emulator_data: str = ".mpsjobs/emulator"

    @property
    def site(self) -> Site:
        """As named; else the mainland site only where its host is the endpoint, and the international one everywhere else."""
        host = (urlsplit(self.endpoint).hostname or self.endpoint) if self.endpoint else ""
        return self.named_site or (Site.CN if host == "mps.tencentcloudapi.com" else Site.INTL)

    @property
    def realm(self) -> str:
        """Where takes come from. A take never satisfies another realm."""
        realm = "emulator" if self.kind is ProviderKind.EMULATOR else f"tencent/{self.site}"
        return f"{realm}:{self.account}" if self.account else realm


@dataclass(frozen=True, slots=True)
class StoreSettings:
    kind: StoreKind
    bucket: str = EMULATOR_BUCKET
    region: str = "local"
    prefix: str = ""
    path: str = ".mpsjobs/store"
    endpoint: str | None = None
    addressing_style: Literal["virtual", "path"] = "virtual"


@dataclass(frozen=True, slots=True)
class AssumeRole:
    """A role (`qcs::cam::uin/…:roleName/…`) taken on with other credentials, for `duration_s` seconds at a time."""

    role_arn: str
    session_name: str = "mpsjobs"
    duration_s: float = 7200


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """A role taken on with a token of an identity provider that the account trusts: GitHub's, GitLab's, any OIDC.

    The token comes from a variable or a file. With neither, it is asked of GitHub Actions, for the audience given.
    """

    provider_id: str
    role_arn: str
    token_env: str | None = None
    token_file: str | None = None
    audience: str | None = None
    session_name: str = "mpsjobs"
    duration_s: float = 7200


@dataclass(frozen=True, slots=True)
class CredentialsSettings:
    """Where the keys come from. With nothing set: the environment, the vendor's profile file, the roles of the machine, in this order.

    `profile` names a section of the vendor's profile file. `endpoint` is the STS host, where it is not the site's own.
    """

    profile: str | None = None
    assume_role: AssumeRole | None = None
    web_identity: WebIdentity | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Holds for every connection. `ca_file` is a PEM file of authorities to trust instead of the machine's; a path of the project or absolute."""

    connect_timeout_s: float = 10
    read_timeout_s: float = 60
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class EncryptionSettings:
    """Where the keys of the state are: in a variable, or in a file (from the project's folder, or absolute, or `~/…`). One of the two is set.

    `write` plain: what is encrypted is read, and what is written is not encrypted any more. `reads_plain`: what is plain is read too, which
    only a migration does.
    """

    key_env: str | None = None
    key_file: str | None = None
    write: Literal["encrypted", "plain"] = "encrypted"
    reads_plain: bool = False


@dataclass(frozen=True, slots=True)
class StateSettings:
    """Where the state is: in a file, or in a bucket below `key`. `endpoint` and `addressing_style` as for the store.

    `encryption` is for what lies in the bucket; None: it is plain.
    """

    backend: Literal["file", "cos"] = "file"
    path: str = "mpsjobs.state.json"
    bucket: str = ""
    region: str = ""
    key: str = ""
    endpoint: str | None = None
    addressing_style: Literal["virtual", "path"] = "virtual"
    encryption: EncryptionSettings | None = None

    @property
    def place(self) -> str:
        """The same for two settings that mean the same state."""
        if self.backend == "file":
            return self.path
        return f"{self.endpoint or self.region}/{self.bucket}/{self.key}"


BASE_ENVIRONMENT = "default"
"""What the settings are called where a project has environments and none of them is meant."""


SPEC_PATTERNS = ("specs/**/*.yaml", "specs/**/*.yml")
"""Where specs are looked for unless the settings say otherwise."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`defaults`, `presets`, `variables` and `models` are as written, checked by the spec layer; the rest is ready to use.

    `download` is relative to the project. `prices` name models as written; None: there are none.
    `policy` is the project's own; `outside_policy` one that nobody can change in the project: the strictest wins. `environment` is the one that these are the settings of, None for those that all are laid over;
    `environments` has the names of all. Its own defaults and values of variables are as written too. `reuse_from` names environments
    whose takes are copied, None for the base.
    """

    project: str
    provider: ProviderSettings
    store: StoreSettings
    specs: tuple[str, ...] = SPEC_PATTERNS
    required_version: str | None = None
    state: StateSettings = field(default_factory=StateSettings)
    download: str | None = None
    policy: PolicySettings = field(default_factory=PolicySettings)
    outside_policy: OutsidePolicy | None = None
    prices: Prices | None = None
    credentials: CredentialsSettings = field(default_factory=CredentialsSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    notify: NotifySettings = field(default_factory=NotifySettings)
    defaults: Mapping[str, Json] = field(default_factory=dict)
    presets: Mapping[str, Json] = field(default_factory=dict)
    variables: Mapping[str, Json] = field(default_factory=dict)
    models: Mapping[str, Json] = field(default_factory=dict)
    environment: str | None = None
    environments: tuple[str, ...] = ()
    environment_defaults: Mapping[str, Json] = field(default_factory=dict)
    environment_values: Mapping[str, Json] = field(default_factory=dict)
    reuse_from: tuple[str | None, ...] = ()

    @property
    def environment_name(self) -> str | None:
        """The environment as people read it; None where the project has none."""
        return self.environment or (BASE_ENVIRONMENT if self.environments else None)

    @property
    def owner(self) -> str:
        """Whose receipts are whose: environments may share a store, never a history."""
        return f"{self.project}@{self.environment}" if self.environment else self.project
