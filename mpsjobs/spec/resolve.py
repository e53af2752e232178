"""A draft, which is fields from several layers, becomes an asset of the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mpsjobs.model.asset import Asset, Json, PublishWhen, Reference, ReferenceKind, Sound, StoreTarget
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Position, SpecError
from mpsjobs.model.lifecycle import PLAIN, Lifecycle, OnRemove
from mpsjobs.model.settings import ProviderKind, Settings
from mpsjobs.spec.addresses import normal_address
from mpsjobs.spec.catalogue import Catalogue, ModelEntry, Parameter, ParameterType
from mpsjobs.spec.checks import Checks
from mpsjobs.spec.documents import ReferenceSpec, TextFile
from mpsjobs.spec.expecting import expectations_of
from mpsjobs.spec.fields import bare_prefix
from mpsjobs.spec.finishing import mastering_of
from mpsjobs.spec.layers import Fields, Said
from mpsjobs.spec.publishing import bad_key
from mpsjobs.spec.scalars import UnusableNumberError, to_json
from mpsjobs.spec.texts import MediaFiles, TextFiles, normal
from mpsjobs.spec.yaml import Plain


@dataclass(frozen=True, slots=True)
class Draft:
    """An asset before it is resolved. `incomplete`: some of its fields were wrong and are left out, so none is missed.

    `source` is the row that it was made from.
    """

    address: str
    origin: Position
    fields: Fields
    incomplete: bool
    source: Position | None = None


class Resolver:
    """Makes assets. What is wrong or doubtful about them gathers in `checks`."""

    def __init__(
        self, root: Path, settings: Settings, catalogue: Catalogue, texts: TextFiles, *, strict: bool
    ) -> None:
        provider = settings.provider
        site = provider.site if provider.kind is ProviderKind.TENCENT else None
        self.checks = Checks(catalogue, site, strict=strict)
        self._limit = catalogue.prompt_limit
        self._store = settings.store
        self._texts = texts
        self._media = MediaFiles(root)

    def asset(self, draft: Draft) -> Asset:
        """The asset; worthless where the checks found an error."""
        self.checks.row = draft.source
        fields = draft.fields
        value = {name: said.value for name, said in fields.items() if isinstance(said, Said)}
        return Asset(
            address=draft.address,
            sound=self._sound(draft),
            origin=draft.origin,
            takes=value.get("takes", 1),
            pick=value.get("pick"),
            operator=value.get("operator"),
            tags=tuple(dict.fromkeys(value.get("tags", ()))),
            description=value.get("description"),
            store=self._target(fields),
            depends_on=tuple(
                dict.fromkeys(normal_address(None, each) for each in value.get("depends_on", ()))
            ),
            ignore_changes=tuple(dict.fromkeys(value.get("ignore_changes", ()))),
            source=draft.source,
            publish=self._published(fields),
            publish_when=PublishWhen(value["publish_when"]) if "publish_when" in value else None,
            lifecycle=_lifecycle(fields),
            expect=expectations_of(fields),
            master=mastering_of(fields),
        )

    def _published(self, fields: Fields) -> str | None:
        said: Said | None = fields.get("publish")
        if said is None:
            return None
        key = normal(said.value)
        if problem := bad_key(key, self._store.prefix, said.at()):
            self.checks.add([problem])
            return None
        return key

    def _sound(self, draft: Draft) -> Sound:
        fields, checks = draft.fields, self.checks
        version = fields["version"].value if "version" in fields else None
        entry = self._model(draft)
        prompt = self._prompt(draft)
        if "version" in fields:
            checks.version(fields["version"], entry)
        if "scene" in fields:
            checks.one_of(fields["scene"], checks.catalogue.scenes, "scene")
        if "format" in fields:
            checks.format(fields["format"])
        if "lyrics" in fields or "instrumental" in fields:
            checks.voice(fields, entry, version)
        return Sound(
            model=entry.name,
            version=version,
            scene=fields["scene"].value if "scene" in fields else None,
            prompt=prompt,
            lyrics=self._text(fields, "lyrics"),
            instrumental=fields["instrumental"].value if "instrumental" in fields else None,
            reference_audio=self._references(fields, "audio", entry),
            reference_video=self._references(fields, "video", entry),
            format=fields["format"].value if "format" in fields else None,
            extra_parameters=self._extra(fields),
            additional_parameters=self._additional(fields, entry, version),
            variation=normal(fields["variation"].value) if "variation" in fields else None,
        )

    def _model(self, draft: Draft) -> ModelEntry:
        if "model" in draft.fields:
            return self.checks.model(draft.fields["model"])
        if not draft.incomplete:
            self.checks.error(
                draft.origin,
                f'"{draft.address}" has no model',
                "Neither the asset nor any defaults name one.",
                "Add `model:` to the asset, or to `defaults:` of this file or of mpsjobs.yaml.",
                code=Code.NO_MODEL,
            )
        return self.checks.catalogue.entry("")

    def _prompt(self, draft: Draft) -> str | None:
        prompt = self._text(draft.fields, "prompt")
        if prompt is None:
            referenced = "reference_audio" in draft.fields or "reference_video" in draft.fields
            if not (draft.incomplete or referenced or "prompt" in draft.fields):
                self.checks.error(
                    draft.origin,
                    f'"{draft.address}" has no prompt',
                    "A prompt says what it should sound like; only what works from a reference can do without.",
                    "Add `prompt:`.",
                    code=Code.NO_PROMPT,
                )
        elif len(prompt) > self._limit:
            self.checks.error(
                draft.fields["prompt"].at(),
                "The prompt is too long",
                f"It has {len(prompt):,} characters; the API takes {self._limit:,}.",
                f"Shorten it by at least {len(prompt) - self._limit:,}.",
                code=Code.PROMPT_TOO_LONG,
            )
        return prompt

    def _text(self, fields: Fields, name: str) -> str | None:
        """Prompt or lyrics in normal form; None also where a file cannot be read."""
        said: Said | None = fields.get(name)
        if said is None:
            return None
        text = said.value
        if isinstance(text, TextFile):
            try:
                text = self._texts.read(text.file, said.layer.at(name, "file"), said.layer.file)
            except SpecError as error:
                self.checks.add(error.diagnostics)
                return None
        text = normal(text)
        if not text.strip():
            self.checks.error(
                said.at(),
                f'"{name}" is empty',
                "There is no text in it.",
                "Write some, or remove the key.",
                code=Code.EMPTY_VALUE,
            )
        return text

    def _references(self, fields: Fields, kind: str, entry: ModelEntry) -> tuple[Reference, ...]:
        said: Said | None = fields.get(f"reference_{kind}")
        if not said or not said.value:
            return ()
        self.checks.references(said, kind, entry)
        found = (self._reference(said, index, item) for index, item in enumerate(said.value))
        return tuple(reference for reference in found if reference)

    def _reference(self, said: Said, index: int, item: ReferenceSpec) -> Reference | None:
        """None where a file cannot be read."""
        if item.asset is not None:
            return Reference(ReferenceKind.ASSET, normal_address(None, item.asset))
        if item.file is None:
            return Reference(ReferenceKind.URL, item.url or "")
        try:
            return self._media.reference(item.file, said.layer.at(*said.path, index, "file"), said.layer.file)
        except SpecError as error:
            self.checks.add(error.diagnostics)
            return None

    def _extra(self, fields: Fields) -> dict[str, Json]:
        values: dict[str, Json] = {}
        for name, said in fields.get("extra_parameters", {}).items():
            values[name] = self._json(said, self.checks.catalogue.extra_parameters.get(name))
            self.checks.extra_parameter(said, values[name])
        return values

    def _additional(self, fields: Fields, entry: ModelEntry, version: str | None) -> dict[str, Json]:
        values: dict[str, Json] = {}
        for name, said in fields.get("additional_parameters", {}).items():
            values[name] = self._json(said, entry.parameters.get(name))
            self.checks.parameter(said, values[name], entry, version)
        return values

    def _json(self, said: Said, parameter: Parameter | None) -> Json:
        """A free value; where the catalogue knows it to be a text, its source text."""
        if type(said.value) is Plain and parameter and parameter.type is ParameterType.STRING:
            return str(said.value)
        try:
            return to_json(said.value)
        except UnusableNumberError as error:
            self.checks.error(
                said.at(),
                f'"{said.path[-1]}" holds an unusable number',
                str(error),
                "Put it in quotes if it is meant as text.",
                code=Code.UNUSABLE_NUMBER,
            )
            return None

    def _target(self, fields: Fields) -> StoreTarget | None:
        store: Mapping[str, Said] | None = fields.get("store")
        if not store:
            return None
        value = {name: said.value for name, said in store.items()}
        return StoreTarget(
            bucket=value.get("bucket", self._store.bucket),
            region=value.get("region", self._store.region),
            prefix=bare_prefix(value.get("prefix", self._store.prefix)),
        )


def _lifecycle(fields: Fields) -> Lifecycle:
    said = {name: fields[name] for name in _LIFECYCLE if name in fields}
    if not said:
        return PLAIN
    value = {name: each.value for name, each in said.items()}
    guarded = value.get("prevent_regenerate", False)
    return Lifecycle(
        prevent_regenerate=guarded,
        prevent_retire=value.get("prevent_retire", False),
        on_remove=OnRemove(value.get("on_remove", OnRemove.RETIRE)),
        timeout_s=value.get("timeout"),
        guarded_at=said["prevent_regenerate"].at() if guarded else None,
    )


_LIFECYCLE = ("prevent_regenerate", "prevent_retire", "on_remove", "timeout")
