"""Spec files → the desired assets."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mpsjobs.model.asset import Asset
from mpsjobs.model.diagnostics import (
    Diagnostic,
    Position,
    Related,
    Severity,
    SpecError,
    in_reading_order,
)
from mpsjobs.model.garbage import uncollected
from mpsjobs.model.settings import Settings
from mpsjobs.spec.addresses import bad_name, clashes, normal_address, too_long
from mpsjobs.spec.blocks import Block, split
from mpsjobs.spec.catalogue import Catalogue
from mpsjobs.spec.documents import AssetEntry, AssetSpec, DefaultsSpec, SpecFile, asset_node
from mpsjobs.spec.expansion import KEYS, Expansion, Instance
from mpsjobs.spec.layers import Fields, Said, overlay
from mpsjobs.spec.mistakes import check
from mpsjobs.spec.project_files import SETTINGS_NAME, find_spec_files
from mpsjobs.spec.resolve import Draft, Resolver
from mpsjobs.spec.scope import MAX_WORK, Scope, TooMuchError
from mpsjobs.spec.source import read_text
from mpsjobs.spec.suggest import did_you_mean, listed
from mpsjobs.spec.templates import read_templates
from mpsjobs.spec.texts import TextFiles
from mpsjobs.spec.variables import NOTHING_GIVEN, Given, Variables, declare, resolve
from mpsjobs.spec.yaml import Map, Mark, parse, position


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the specs want: assets sorted by address, and what is doubtful about them (no errors).

    `fields` are those of each asset by its address, each with the place where it was said.
    """

    assets: tuple[Asset, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    fields: Mapping[str, Fields] = field(default_factory=dict)


def load_assets(
    root: Path,
    settings: Settings,
    catalogue: Catalogue,
    *,
    strict: bool = False,
    given: Given = NOTHING_GIVEN,
) -> Loaded:
    """Read all spec files of the project in the folder `root`.

    With `strict`, what the catalogue does not know is an error. `given` are values of variables from outside.

    Raises:
        SpecError: with all diagnostics of all files, warnings included. What is wrong in one place does not keep the rest from being
            looked at, but nothing is reported that merely follows from another mistake.
    """
    root = root.resolve()
    with uncollected():
        texts = TextFiles(root)
        resolver = Resolver(root, settings, catalogue, texts, strict=strict)
        checks = resolver.checks
        project = _Project.of(settings, given)
        try:
            files = find_spec_files(root, settings.specs)
        except SpecError as error:
            files = ()
            checks.add(error.diagnostics)
        readings = {path.resolve(): _Reading(root, project, texts, path) for path in files}
        data = {path for reading in readings.values() for path in reading.data_files}
        specs = [reading for path, reading in readings.items() if path not in data]
        for reading in specs:
            checks.add(reading.problems.values())
        drafts = [draft for reading in specs for draft in reading.drafts]
        checks.add(clashes((draft.address, draft.source or draft.origin) for draft in drafts))
        assets = sorted(map(resolver.asset, drafts), key=lambda asset: asset.address)
    if not (files or checks.found):
        checks.add([_no_files(settings)])
    if any(diagnostic.is_error for diagnostic in checks.found):
        raise SpecError(*checks.found)
    fields = {draft.address: draft.fields for draft in drafts}
    return Loaded(tuple(assets), in_reading_order(checks.found), fields)


@dataclass(frozen=True)
class _Project:
    """What all files have in common."""

    name: str
    variables: Variables
    defaults: Block
    presets: Mapping[str, Block]

    @classmethod
    def of(cls, settings: Settings, given: Given) -> "_Project":
        """From settings as `load_settings` has checked them; others may pass plain dictionaries.

        Raises:
            SpecError: the settings were not checked, or a value from outside does not fit.
        """
        problems: list[Diagnostic] = []
        variables = resolve(declare(settings.variables, SETTINGS_NAME, problems.append), given)
        if problems:
            raise SpecError(*problems)
        return cls(
            settings.project,
            variables,
            _block(DefaultsSpec, settings.defaults, SETTINGS_NAME, "defaults", "defaults"),
            {
                name: _block(AssetSpec, node, SETTINGS_NAME, name, f"preset {name}")
                for name, node in settings.presets.items()
            },
        )


class _Reading:
    """One file: what its assets say, and what is wrong with it. It depends on the file, the project and the files it names."""

    def __init__(self, root: Path, project: _Project, texts: TextFiles, path: Path) -> None:
        self.project = project
        self.label = path.relative_to(root).as_posix()
        self.drafts: list[Draft] = []
        self.problems: dict[tuple[Position | None, str, str], Diagnostic] = {}
        self.expansion = Expansion(root, self.tell)
        self.scope = Scope(project.variables, texts, project.name)
        self.defaults: list[Block] = [project.defaults]
        self.presets = dict(project.presets)
        try:
            text = read_text(path, self.label)
            document = parse(text, self.label)
        except SpecError as error:
            self.tell(error.diagnostics)
            return
        self.tell(document.problems)
        self.tell(read_templates(document, text))
        if document.root is None:
            self.warn(
                Position(self.label),
                "The file is empty",
                "It holds no assets.",
                "Add `assets:`, or delete the file.",
            )
            return
        try:
            self.document(document.root)
        except TooMuchError:
            self.error(
                Position(self.label),
                "This file grows too much",
                f"Its texts, filled in for all its assets, have more than {MAX_WORK:,} characters.",
                "Put long texts into files of their own, or split the file.",
            )

    @property
    def data_files(self) -> set[Path]:
        return self.expansion.data_files

    def tell(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Each once: what is wrong with a template is wrong for all its rows, and told for the first."""
        for each in diagnostics:
            self.problems.setdefault((each.position, each.summary, each.detail), each)

    def document(self, root: Any) -> None:
        checked = check(SpecFile, _outline(root), self.label)
        self.tell(checked.diagnostics)
        spec = checked.value
        if spec is None or not isinstance(root, Map):
            return
        parts = {key: root[key] for key in _PARTS if isinstance(root.get(key), Map)}
        if not (parts.get("assets") or checked.dropped):
            place = (
                position(root.places["assets"][0], self.label) if "assets" in root else Position(self.label)
            )
            self.warn(
                place,
                "The file holds no assets",
                "Nothing stands under `assets:`.",
                "Add some, or delete the file.",
            )
        if spec.group is not None:
            self.check_name("a group", spec.group, position(root.places["group"][1], self.label))
        self.scope = replace(
            self.scope, group=spec.group, variables=self.variables(parts.get("variables", Map(root.mark)))
        )
        for name, node in parts.get("presets", {}).items():
            self.preset(name, node, parts["presets"])
        if "defaults" in parts:
            whole = position(root.places["defaults"][1], self.label)
            self.defaults.append(
                _block(DefaultsSpec, parts["defaults"], self.label, "defaults", "defaults", whole)
            )
        for name, node in parts.get("assets", {}).items():
            self.asset(name, node, *parts["assets"].places[name])

    def variables(self, node: Map) -> Variables:
        """The project's, and those of the file, which have to have their values there."""
        if not node:
            return self.project.variables
        declared = declare(node, self.label, lambda problem: self.tell([problem]))
        for name, variable in declared.items():
            if name in self.project.variables.names:
                self.taken(f'The variable "{name}"', variable.at, self.project.variables.at(name))
            elif variable.default is None and not variable.broken:
                self.error(
                    variable.at,
                    f'The variable "{name}" needs a value here',
                    "Variables of a file cannot be set from outside.",
                    f"Write `{name}: value`, or declare it in {SETTINGS_NAME}.",
                )
        return self.project.variables.with_own(declared)

    def preset(self, name: str, node: Any, presets: Map) -> None:
        at, whole = (position(mark, self.label) for mark in presets.places[name])
        if name in self.project.presets:
            self.taken(f'The preset "{name}"', at, self.project.presets[name].whole)
        preset = _block(AssetSpec, node, self.label, f'"{name}"', f"preset {name}", whole)
        self.presets[name] = preset
        if preset.same_for_all:  # a mistake in it is one, whoever uses it
            preset.layer(self.scope, self.tell)

    def asset(self, name: str, node: Any, key: Mark, mark: Mark) -> None:
        origin, whole = position(key, self.label), position(mark, self.label)
        named = self.check_name("an asset", name, origin)
        node, repeated = split(asset_node(node, mark), *KEYS)
        block = _block(AssetEntry, node, self.label, f'"{name}"', "asset", whole)
        instances = [Instance()]
        if repeated:
            scope = replace(self.scope, asset={"name": name})
            instances = self.expansion.instances(name, repeated, scope, self.label)
        by_row = repeated is not None and "for_each" in repeated
        for suffix, each in instances:
            full = f"{name}.{suffix}" if suffix else name
            address = normal_address(self.scope.group, full)
            self.tell(filter(None, [too_long(address, each.row if each else origin)]))
            names = {"name": full, "address": address, "path": address.replace(".", "/")}
            fields, complete = self.fields(block, replace(self.scope, asset=names, each=each))
            source = each.row if each and by_row else None
            self.drafts.append(Draft(address, origin, fields, not (complete and named), source))

    def fields(self, block: Block, scope: Scope) -> tuple[Fields, bool]:
        """All layers laid over each other, and whether nothing of them was left out."""
        asset, complete = block.layer(scope, self.tell)
        fields: Fields = {}
        for defaults in self.defaults:
            layer, whole = defaults.layer(scope, self.tell)
            fields, complete = overlay(fields, layer), complete and whole
        chosen = overlay({"preset": fields.pop("preset", None)}, asset).pop("preset", None)
        for name, at in _names(chosen):
            if preset := self.presets.get(name):
                layer, whole = preset.layer(scope, self.tell)
                fields, complete = overlay(fields, layer), complete and whole
            else:
                complete = False
                known = f"Known presets: {listed(self.presets)}."
                hint = did_you_mean(
                    name, self.presets, f"Add it under `presets:` of this file or of {SETTINGS_NAME}."
                )
                self.error(at, f'Unknown preset "{name}"', known, hint)
        fields = overlay(fields, asset)
        fields.pop("preset", None)
        return fields, complete

    def check_name(self, what: str, name: str, at: Position) -> bool:
        problem = bad_name(what, name, at)
        self.tell(filter(None, [problem]))
        return problem is None

    def taken(self, what: str, at: Position, first: Position) -> None:
        related = (Related(first, "first written here"),)
        detail = f"Names of {SETTINGS_NAME} hold in all files."
        self.tell(
            [
                Diagnostic(
                    f"{what} is there twice", detail, "Rename one of the two.", position=at, related=related
                )
            ]
        )

    def error(self, at: Position, summary: str, detail: str, hint: str) -> None:
        self.tell([Diagnostic(summary, detail, hint, position=at)])

    def warn(self, at: Position, summary: str, detail: str, hint: str) -> None:
        self.tell([Diagnostic(summary, detail, hint, Severity.WARNING, at)])


_PARTS = ("variables", "presets", "defaults", "assets")
"""Keys of a file whose values are checked by themselves, once they are filled in."""


def _outline(root: Any) -> Any:
    """The file with its parts left empty."""
    if isinstance(root, Map):
        for key in _PARTS:
            if isinstance(root.get(key), Map):
                root = root.with_value(key, Map(root[key].mark))
    return root


def _block(
    kind: type[AssetSpec], node: Any, file: str, name: str, title: str, whole: Position | None = None
) -> Block:
    place = position(node.mark, file) if isinstance(node, Map) else Position(file)
    return Block(kind, node, file, whole or place, name, title)


def _names(said: Said | None) -> Iterator[tuple[str, Position]]:
    """Names of presets, and where each is written."""
    for index, name in enumerate(said.value if said else ()):
        yield name, said.layer.at(*said.path, index) if said else Position("")


def _no_files(settings: Settings) -> Diagnostic:
    return Diagnostic(
        "There are no spec files",
        f"Nothing matches {', '.join(settings.specs)}.",
        "Add a file, or correct `specs:` in mpsjobs.yaml.",
        Severity.WARNING,
    )
