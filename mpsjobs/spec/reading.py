"""One spec file: what its assets say, and what is wrong with it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related, Severity, SpecError
from mpsjobs.model.settings import Settings
from mpsjobs.model.statements import Moved
from mpsjobs.spec.addresses import bad_name, normal_address, too_long
from mpsjobs.spec.blocks import Block, split
from mpsjobs.spec.documents import AssetEntry, AssetSpec, DefaultsSpec, SpecFile, asset_node
from mpsjobs.spec.expansion import KEYS, Expansion, Instance
from mpsjobs.spec.imports import ImportDraft, imports_in
from mpsjobs.spec.layers import Fields, Said, overlay
from mpsjobs.spec.mistakes import check
from mpsjobs.spec.moves import moves_in
from mpsjobs.spec.project_files import SETTINGS_NAME
from mpsjobs.spec.resolve import Draft
from mpsjobs.spec.scope import MAX_WORK, Scope, TooMuchError
from mpsjobs.spec.source import read_text
from mpsjobs.spec.suggest import did_you_mean, listed
from mpsjobs.spec.templates import read_templates
from mpsjobs.spec.texts import TextFiles
from mpsjobs.spec.variables import Given, Variables, declare, resolve
from mpsjobs.spec.yaml import Map, Mark, parse, position


@dataclass(frozen=True)
class Common:
    """What all files of a project have in common."""

    name: str
    variables: Variables
    defaults: tuple[Block, ...]
    presets: Mapping[str, Block]

    @classmethod
    def of(cls, settings: Settings, given: Given) -> "Common":
        """From settings as `load_settings` has checked them; others may pass plain dictionaries.

        Raises:
            SpecError: the settings were not checked, or a value from outside does not fit.
        """
        problems: list[Diagnostic] = []
        declared = declare(settings.variables, SETTINGS_NAME, problems.append)
        variables = resolve(declared, given, settings.environment_values, SETTINGS_NAME)
        if problems:
            raise SpecError(*problems)
        return cls(
            settings.project,
            variables,
            tuple(
                _block(DefaultsSpec, node, SETTINGS_NAME, "defaults", title)
                for node, title in (
                    (settings.defaults, "defaults"),
                    (settings.environment_defaults, f"defaults of {settings.environment}"),
                )
            ),
            {
                name: _block(AssetSpec, node, SETTINGS_NAME, name, f"preset {name}")
                for name, node in settings.presets.items()
            },
        )


class Reading:
    """It depends on nothing but the file, what all files have in common, and the files that it names."""

    def __init__(self, root: Path, common: Common, texts: TextFiles, path: Path) -> None:
        self.common = common
        self.label = path.relative_to(root).as_posix()
        self.drafts: list[Draft] = []
        self.moved: tuple[Moved, ...] = ()
        self.imports: tuple[ImportDraft, ...] = ()
        self.lost = False
        """Whether there are assets that could not be read."""
        self.problems: dict[tuple[Position | None, str, str], Diagnostic] = {}
        self.expansion = Expansion(root, self.tell)
        self.scope = Scope(common.variables, texts, common.name)
        self.defaults = [*common.defaults]
        self.presets = dict(common.presets)
        try:
            text = read_text(path, self.label)
            document = parse(text, self.label)
        except SpecError as error:
            self.tell(error.diagnostics)
            self.lost = True
            return
        self.tell(document.problems)
        self.tell(read_templates(document, text))
        if document.root is None:
            self.warn(
                Position(self.label),
                "The file is empty",
                "It holds no assets.",
                "Add `assets:`, or delete the file.",
                code=Code.NO_ASSETS,
            )
            return
        try:
            self.document(document.root)
        except TooMuchError:
            self.lost = True
            self.error(
                Position(self.label),
                "This file grows too much",
                f"Its texts, filled in for all its assets, have more than {MAX_WORK:,} characters.",
                "Put long texts into files of their own, or split the file.",
                code=Code.GROWS_TOO_MUCH,
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
        self.lost = bool(checked.dropped)
        if spec is None or not isinstance(root, Map):
            return
        parts = {key: root[key] for key in _PARTS if isinstance(root.get(key), Map)}
        self.moved, self.imports = moves_in(spec, root, self.label), imports_in(spec, root, self.label)
        if not (parts.get("assets") or self.moved or self.imports or checked.dropped):
            place = (
                position(root.places["assets"][0], self.label) if "assets" in root else Position(self.label)
            )
            self.warn(
                place,
                "The file holds no assets",
                "Nothing stands under `assets:`.",
                "Add some, or delete the file.",
                code=Code.NO_ASSETS,
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
                self.checked(
                    _block(DefaultsSpec, parts["defaults"], self.label, '"defaults"', "defaults", whole)
                )
            )
        for name, node in parts.get("assets", {}).items():
            self.asset(name, node, *parts["assets"].places[name])

    def variables(self, node: Map) -> Variables:
        """The project's, and those of the file, which have to have their values there."""
        if not node:
            return self.common.variables
        declared = declare(node, self.label, lambda problem: self.tell([problem]))
        for name, variable in declared.items():
            if name in self.common.variables.names:
                self.taken(f'The variable "{name}"', variable.at, self.common.variables.at(name))
            elif variable.default is None and not variable.broken:
                self.error(
                    variable.at,
                    f'The variable "{name}" needs a value here',
                    "Variables of a file cannot be set from outside.",
                    f"Write `{name}: value`, or declare it in {SETTINGS_NAME}.",
                    code=Code.VARIABLE_WITHOUT_VALUE,
                )
        return self.common.variables.with_own(declared)

    def preset(self, name: str, node: Any, presets: Map) -> None:
        at, whole = (position(mark, self.label) for mark in presets.places[name])
        if name in self.common.presets:
            self.taken(f'The preset "{name}"', at, self.common.presets[name].whole)
        self.presets[name] = self.checked(
            _block(AssetSpec, node, self.label, f'"{name}"', f"preset {name}", whole)
        )

    def checked(self, block: Block) -> Block:
        """A mistake in what is the same for all assets is one, whoever uses it."""
        if block.same_for_all:
            block.layer(self.scope, self.tell)
        return block

    def asset(self, name: str, node: Any, key: Mark, mark: Mark) -> None:
        origin, whole = position(key, self.label), position(mark, self.label)
        named = self.check_name("an asset", name, origin)
        node, repeated = split(asset_node(node, mark), *KEYS)
        block = _block(AssetEntry, node, self.label, f'"{name}"', "asset", whole)
        instances = [Instance()]
        if repeated:
            scope = replace(self.scope, asset={"name": name})
            before = len(self.problems)
            instances = self.expansion.instances(name, repeated, scope, self.label)
            self.lost |= len(self.problems) > before
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
        chosen = fields.pop("preset", None)
        if "preset" in asset.spec.model_fields_set:
            chosen = overlay({}, asset).get("preset")
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
                self.error(at, f'Unknown preset "{name}"', known, hint, code=Code.UNKNOWN_PRESET)
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
                    f"{what} is there twice",
                    detail,
                    "Rename one of the two.",
                    position=at,
                    related=related,
                    code=Code.NAME_TWICE,
                )
            ]
        )

    def error(self, at: Position, summary: str, detail: str, hint: str, *, code: Code) -> None:
        self.tell([Diagnostic(summary, detail, hint, position=at, code=code)])

    def warn(self, at: Position, summary: str, detail: str, hint: str, *, code: Code) -> None:
        self.tell([Diagnostic(summary, detail, hint, Severity.WARNING, at, code=code)])


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
