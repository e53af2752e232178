"""The settings of a project, as resolved from `mpsjobs.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from urllib.parse import urlsplit

from mpsjobs.model.asset import Json

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
    """`speed` and `audio` only concern the embedded emulator; `account` is a free label that keeps accounts apart."""

    kind: ProviderKind = ProviderKind.EMULATOR
    endpoint: str | None = None
    region: str | None = None
    requests_per_second: float = 20
    account: str | None = None
    speed: float = 20
    audio: Literal["full", "short", "stub"] = "full"

    @property
    def site(self) -> Site:
        """The mainland site only where its host is named; everything else speaks the international API."""
        host = (urlsplit(self.endpoint).hostname or self.endpoint) if self.endpoint else ""
        return Site.CN if host == "mps.tencentcloudapi.com" else Site.INTL

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
class StateSettings:
    backend: Literal["file", "cos"] = "file"
    path: str = "mpsjobs.state.json"


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """`max_generations_per_apply` None means no limit; `attempts` is how often a task that ended FAIL is tried per fingerprint.

    `unknown_wait_s`: for so many seconds after its submission the outputs of an attempt without an answer are looked for; None
    follows what tasks of that model have taken. `unknown` says what comes then.
    """

    max_generations_per_apply: int | None = None
    attempts: int = 3
    unknown_wait_s: float | None = None
    unknown: Literal["stop", "resubmit"] = "stop"


@dataclass(frozen=True, slots=True)
class Settings:
    """`defaults` and `models` are as written, checked by the spec layer; the rest is ready to use. `download` is relative to the project."""

    project: str
    provider: ProviderSettings
    store: StoreSettings
    specs: tuple[str, ...] = ("specs/**/*.yaml", "specs/**/*.yml")
    required_version: str | None = None
    state: StateSettings = field(default_factory=StateSettings)
    download: str | None = None
    policy: PolicySettings = field(default_factory=PolicySettings)
    defaults: Mapping[str, Json] = field(default_factory=dict)
    models: Mapping[str, Json] = field(default_factory=dict)
