"""The catalogue as it is written: `catalogue.yaml` of this package, and `models:` of a project."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BeforeValidator, Field

from mpsjobs.model.diagnostics import SpecError
from mpsjobs.model.settings import Site
from mpsjobs.spec.catalogue import Catalogue, FormatPlace, ModelEntry, Parameter, ParameterType
from mpsjobs.spec.documents import Written
from mpsjobs.spec.fields import Whole, Word, Words
from mpsjobs.spec.mistakes import check
from mpsjobs.spec.yaml import parse

T = TypeVar("T")
_FILE = Path(__file__).with_name("catalogue.yaml")


def _short(key: str) -> BeforeValidator:
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


class VersionSpec(Written):
    """A version; a text is short for its name."""

    TITLE: ClassVar[str] = "a version"
    name: Word
    sites: list[Literal["intl", "cn"]] | None = Field(None, description="Where it is; both if unset.")


class ParameterSpec(Written):
    """An additional parameter; a text is short for its type."""

    TITLE: ClassVar[str] = "a parameter"
    type: Literal["string", "integer", "number", "boolean", "object", "list", "any"] = Field(
        description="What its value must be."
    )
    versions: Words | None = Field(None, description="Globs of the versions that take it; all if unset.")


class ModelSpec(Written):
    """A model as the catalogue and the settings name it."""

    TITLE: ClassVar[str] = "a model"
    LATER: ClassVar[dict[str, str]] = {"price": "prices", "prices": "prices"}
    aliases: Words | None = Field(None, description="Other spellings.")
    versions: list[Annotated[VersionSpec, _short("name")]] | None = Field(None, description="Known versions.")
    sites: list[Literal["intl", "cn"]] | None = Field(None, description="Where it is; both if unset.")
    lyrics: Word | None = Field(None, description="The additional parameter that carries lyrics.")
    instrumental: Word | None = Field(
        None, description="The additional parameter that carries `instrumental`."
    )
    generations: Word | None = Field(
        None, description="The additional parameter that multiplies the songs paid for."
    )
    references: list[Literal["audio", "video"]] | None = Field(None, description="What it can work from.")
    parameters: dict[str, Annotated[ParameterSpec, _short("type")]] | None = Field(
        None, description="Additional parameters."
    )


class CatalogueFile(Written):
    """The catalogue as a file."""

    prompt_limit: Whole = 2000
    formats: Words = Field(default_factory=list)
    scenes: Words = Field(default_factory=list)
    format_place: dict[str, str] = Field(default_factory=dict)
    extra_parameters: dict[str, Annotated[ParameterSpec, _short("type")]] = Field(default_factory=dict)
    models: dict[str, ModelSpec] = Field(default_factory=dict)


def read_catalogue(extra: Mapping[str, Any] | None) -> Catalogue:
    """See `mpsjobs.spec.catalogue.load_catalogue`."""
    catalogue = _shipped()
    if not extra:
        return catalogue
    file = _checked({"models": extra}, "mpsjobs.yaml")
    models = dict(catalogue.models)
    for name, spec in file.models.items():
        entry = _laid_over(catalogue.find(name) or ModelEntry(name), spec)
        models[entry.name] = entry
    return replace(catalogue, models=models)


@cache
def _shipped() -> Catalogue:
    file = _checked(parse(_FILE.read_text(encoding="utf-8"), _FILE.name).root, _FILE.name)
    return Catalogue(
        models={name: _laid_over(ModelEntry(name), spec) for name, spec in file.models.items()},
        prompt_limit=file.prompt_limit,
        formats=tuple(file.formats),
        scenes=tuple(file.scenes),
        format_place={Site(site): FormatPlace(place) for site, place in file.format_place.items()},
        extra_parameters={name: _parameter(spec) for name, spec in file.extra_parameters.items()},
    )


def _checked(root: Any, name: str) -> CatalogueFile:
    checked = check(CatalogueFile, root, name)
    if checked.value is None or checked.diagnostics:
        raise SpecError(*checked.diagnostics)
    return checked.value


def _laid_over(entry: ModelEntry, spec: ModelSpec) -> ModelEntry:
    sites = tuple(Site(site) for site in spec.sites or ())
    versions = {
        version.name: tuple(map(Site, version.sites or sites or entry.sites))
        for version in spec.versions or ()
    }
    parameters = {name: _parameter(parameter) for name, parameter in (spec.parameters or {}).items()}
    lyrics = spec.lyrics or entry.lyrics
    instrumental = spec.instrumental or entry.instrumental
    implied = {lyrics: ParameterType.STRING, instrumental: ParameterType.BOOLEAN}
    known = {**entry.parameters, **parameters}
    return ModelEntry(
        name=entry.name,
        aliases=_joined(entry.aliases, spec.aliases),
        versions={**entry.versions, **versions},
        sites=sites or entry.sites,
        lyrics=lyrics,
        instrumental=instrumental,
        generations=spec.generations or entry.generations,
        references=entry.references | frozenset(spec.references or ()),
        parameters={**{name: Parameter(kind) for name, kind in implied.items() if name}, **known},
    )


def _parameter(spec: ParameterSpec) -> Parameter:
    return Parameter(ParameterType(spec.type), tuple(spec.versions or ()))


def _joined(first: Iterable[T], more: Iterable[T] | None) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*first, *(more or ()))))
