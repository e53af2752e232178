"""The catalogue: models, versions, limits and parameters that the API is known to accept, and how they are named there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from mpsjobs.model.settings import Site


class ParameterType(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OBJECT = "object"
    LIST = "list"
    ANY = "any"


class FormatPlace(StrEnum):
    """Where a request names the output format: `OutputAudioFormat`, or `ExtraParameters.OutputAudioFormat`."""

    TOP_LEVEL = "top_level"
    EXTRA_PARAMETERS = "extra_parameters"


@dataclass(frozen=True, slots=True)
class Parameter:
    """`versions` are globs of the model's versions that take it; empty means all."""

    type: ParameterType
    versions: tuple[str, ...] = ()

    def taken_by(self, version: str | None) -> bool:
        return not (self.versions and version) or any(
            fnmatchcase(str(version), glob) for glob in self.versions
        )


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model. `versions` maps each to its sites; `lyrics`, `instrumental` and `generations` name additional parameters.

    `generations` is the parameter that multiplies how many songs a task makes and bills. `known` is False for a model that the
    catalogue does not have: everything is thought possible.
    """

    name: str
    aliases: tuple[str, ...] = ()
    versions: Mapping[str, tuple[Site, ...]] = field(default_factory=dict)
    sites: tuple[Site, ...] = tuple(Site)
    lyrics: str | None = None
    instrumental: str | None = None
    generations: str | None = None
    references: frozenset[str] = frozenset()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    known: bool = True

    def songs(self, additional: Mapping[str, object]) -> int:
        """How many songs one task makes, and bills, with these additional parameters."""
        count = additional.get(self.generations) if self.generations else None
        return max(1, count) if isinstance(count, int) else 1


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`models` by canonical name. `extra_parameters` are the keys of ExtraParameters, in snake_case."""

    models: Mapping[str, ModelEntry]
    prompt_limit: int
    formats: tuple[str, ...]
    scenes: tuple[str, ...]
    format_place: Mapping[Site, FormatPlace]
    extra_parameters: Mapping[str, Parameter]

    def find(self, name: str) -> ModelEntry | None:
        """The entry of a name in one of its known spellings."""
        return self.models.get(name) or next((m for m in self.models.values() if name in m.aliases), None)

    def entry(self, name: str) -> ModelEntry:
        """The entry of a name; for an unknown one, an entry by which requests can be built all the same."""
        return self.find(name) or ModelEntry(
            name,
            lyrics="lyrics",
            instrumental="is_instrumental",
            references=frozenset({"audio", "video"}),
            known=False,
        )


def load_catalogue(extra: Mapping[str, Any] | None = None) -> Catalogue:
    """The catalogue of this release, with a project's `models:` (`Settings.models`) laid over it.

    Of a model that is known already, lists and mappings grow, single values are replaced.

    Raises:
        SpecError: `extra` is not of the form of the catalogue. (`load_settings` has checked it.)
    """
    from mpsjobs.spec.catalogue_file import read_catalogue  # the types alone need neither YAML nor pydantic

    return read_catalogue(extra)
