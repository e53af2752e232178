"""What a person wants: assets, and the part of them that makes the sound."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Self, TypeAlias

from mpsjobs.model.diagnostics import Position
from mpsjobs.model.expectations import NOTHING, Expectations
from mpsjobs.model.lifecycle import PLAIN, Lifecycle
from mpsjobs.model.mastering import NOTHING_MADE, Mastering

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Sensitive(str):
    """A text that is sent, and shown nowhere: where it would be printed, `(sensitive)` stands.

    `key` (32 bytes) is stretched from the secret values in it, so that its digest is as hard to guess as a good password hash.
    """

    __slots__ = ("key",)
    key: bytes

    def __new__(cls, text: str, key: bytes) -> Self:
        made = super().__new__(cls, text)
        made.key = key
        return made

    def digest(self, text: str) -> dict[str, Json]:
        """What stands for it in plans, states and receipts, by way of `text`: its canonical form."""
        return {SENSITIVE: blake2b(text.encode(), key=self.key, digest_size=16).hexdigest()}

    @property
    def clear(self) -> str:
        """The text itself, for those who send it."""
        return super().__str__()

    def __str__(self) -> str:
        return f"({SENSITIVE})"

    def __repr__(self) -> str:
        return str(self)

    def __format__(self, _spec: str) -> str:
        return str(self)


SENSITIVE = "sensitive"

FORMAT = "${format}"
"""In the key of a published asset: what the file turns out to be."""


def is_hidden(value: Json) -> bool:
    """Whether this is the digest of a sensitive text."""
    return isinstance(value, dict) and value.keys() == {SENSITIVE} and isinstance(value[SENSITIVE], str)


def masked(value: Json) -> Json:
    """The value with `(sensitive)` in place of digests, and of sensitive texts."""
    if is_hidden(value) or isinstance(value, Sensitive):
        return f"({SENSITIVE})"
    if isinstance(value, Mapping):
        return {key: masked(item) for key, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, list) else value


class ReferenceKind(StrEnum):
    URL = "url"
    FILE = "file"
    ASSET = "asset"


@dataclass(frozen=True, slots=True)
class Reference:
    """A recording or video that a model works from.

    `value` is a URL as written, a path relative to the project, or the address of another asset. `sha256` (hex) is set for files.
    """

    kind: ReferenceKind
    value: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Sound:
    """Everything that influences what is heard; what is not in here can change without paying again.

    Fields that nobody set are None or empty and take no part in the fingerprint. `model` has its canonical spelling.
    """

    model: str
    version: str | None = None
    scene: str | None = None
    prompt: str | None = None
    lyrics: str | None = None
    instrumental: bool | None = None
    reference_audio: tuple[Reference, ...] = ()
    reference_video: tuple[Reference, ...] = ()
    format: str | None = None
    extra_parameters: Mapping[str, Json] = field(default_factory=dict)
    additional_parameters: Mapping[str, Json] = field(default_factory=dict)
    variation: str | None = None

    @property
    def references(self) -> tuple[Reference, ...]:
        return (*self.reference_audio, *self.reference_video)


@dataclass(frozen=True, slots=True)
class StoreTarget:
    """Where the outputs of an asset go. `bucket` is `name-appid`; `prefix` has no slash at either end."""

    bucket: str
    region: str
    prefix: str = ""


class PublishWhen(StrEnum):
    """Which take is published: one that was PICKED, or the first good one as long as nothing is picked."""

    PICKED = "picked"
    FIRST_PASSING = "first_passing"


@dataclass(frozen=True, slots=True)
class Asset:
    """One desired piece of audio.

    `takes` is how many unrejected takes are wanted; `pick` the number of the take to use, None for the first good one. `store` is
    set only when the asset overrides the project's store. `depends_on` are addresses of assets that come first, for no other reason
    than that; `ignore_changes` names fields of the sound whose changes alone buy nothing. `source` is the row that it was made from,
    where a table or a list made it. `publish` is the key, below the prefix of the project's store, that its take is copied to; in it
    `${format}` stands for what the file turns out to be. `publish_when` None: the first good take until one was picked, then picks.
    """

    address: str
    sound: Sound
    origin: Position
    takes: int = 1
    pick: int | None = None
    operator: str | None = None
    tags: tuple[str, ...] = ()
    description: str | None = None
    store: StoreTarget | None = None
    source: Position | None = None
    depends_on: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    publish: str | None = None
    publish_when: PublishWhen | None = None
    lifecycle: Lifecycle = PLAIN
    expect: Expectations = NOTHING
    master: Mastering = NOTHING_MADE

    @property
    def recorded(self) -> dict[str, Json]:
        """What the state keeps of how the asset is treated, beside its takes: its lifecycle, and what is made of them."""
        return {**self.lifecycle.recorded, **({"master": self.master.recorded} if self.master else {})}

    @property
    def requires(self) -> tuple[str, ...]:
        """The addresses that must be there before this asset can be made, each once: those it works from, then those it only follows."""
        if not (self.depends_on or self.sound.reference_audio or self.sound.reference_video):
            return ()
        works_from = (each.value for each in self.sound.references if each.kind is ReferenceKind.ASSET)
        return tuple(dict.fromkeys((*works_from, *self.depends_on)))
