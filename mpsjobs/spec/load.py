"""Spec files → the desired assets."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpsjobs.model.asset import Asset
from mpsjobs.model.diagnostics import Diagnostic, Position, Severity, SpecError, in_reading_order
from mpsjobs.model.garbage import uncollected
from mpsjobs.model.settings import Settings
from mpsjobs.spec.addresses import bad_name, clashes, normal_address, too_long
from mpsjobs.spec.catalogue import Catalogue
from mpsjobs.spec.dependencies import dependencies
from mpsjobs.spec.documents import AssetSpec, SpecFile
from mpsjobs.spec.interpolation import interpolate
from mpsjobs.spec.layers import Fields, Layer, overlay
from mpsjobs.spec.mistakes import Checked, check
from mpsjobs.spec.project_files import SETTINGS_NAME, find_spec_files
from mpsjobs.spec.resolve import Draft, Resolver
from mpsjobs.spec.source import read_text
from mpsjobs.spec.yaml import Map, parse, position


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the specs want: assets sorted by address, and what is doubtful about them (no errors)."""

    assets: tuple[Asset, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


def load_assets(root: Path, settings: Settings, catalogue: Catalogue, *, strict: bool = False) -> Loaded:
    """Read all spec files of the project in the folder `root`.

    With `strict`, what the catalogue does not know is an error.

    Raises:
        SpecError: with all diagnostics of all files, warnings included. What is wrong in one place does not keep the rest from being
            looked at, but nothing is reported that merely follows from another mistake.
    """
    root = root.resolve()
    with uncollected():
        resolver = Resolver(root, settings, catalogue, strict=strict)
        reading = _Reading(_project_fields(settings))
        try:
            files = find_spec_files(root, settings.specs)
        except SpecError as error:
            files = ()
            resolver.checks.add(error.diagnostics)
        for path in files:
            reading.file(path, path.relative_to(root).as_posix())
        checks = resolver.checks
        checks.add(reading.problems)
        checks.add(clashes((draft.address, draft.origin) for draft in reading.drafts))
        checks.add(dependencies(reading.drafts, complete=not reading.lost))
        assets = sorted(map(resolver.asset, reading.drafts), key=lambda asset: asset.address)
    if not (files or checks.found):
        checks.add([_no_files(settings)])
    if any(diagnostic.is_error for diagnostic in checks.found):
        raise SpecError(*checks.found)
    return Loaded(tuple(assets), in_reading_order(checks.found))


class _Reading:
    """Drafts from files, one after the other."""

    def __init__(self, base: Fields) -> None:
        self.base = base
        self.drafts: list[Draft] = []
        self.problems: list[Diagnostic] = []
        self.lost = False
        """Whether there are assets that could not be read."""

    def file(self, path: Path, label: str) -> None:
        try:
            text = read_text(path, label)
            document = parse(text, label)
        except SpecError as error:
            self.problems.extend(error.diagnostics)
            self.lost = True
            return
        self.problems.extend(document.problems)
        if document.root is None:
            self._warn(
                Position(label),
                "The file is empty",
                "It holds no assets.",
                "Add `assets:`, or delete the file.",
            )
            return
        self.problems.extend(interpolate(document, text))
        checked = check(SpecFile, document.root, label)
        self.problems.extend(checked.diagnostics)
        self.lost |= checked.value is None or any(
            len(path) < 3 and path[:1] != ("defaults",) for path in checked.dropped
        )
        if checked.value is not None and isinstance(document.root, Map):
            self._drafts(checked, document.root, label)

    def _drafts(self, checked: Checked[SpecFile], root: Map, file: str) -> None:
        spec = checked.value
        if spec is None:
            return
        if not spec.assets and not checked.dropped:
            place = position(root.places["assets"][0], file) if "assets" in root else Position(file)
            self._warn(
                place,
                "The file holds no assets",
                "Nothing stands under `assets:`.",
                "Add some, or delete the file.",
            )
        self._check_name("a group", spec.group, root, "group", file)
        base = self.base
        if spec.defaults:
            node = root["defaults"]
            base = overlay(base, Layer(spec.defaults, node, file, position(root.places["defaults"][1], file)))
        doubtful = {path[1] for path in checked.dropped if len(path) == 3}
        all_doubtful = any(path[0] == "defaults" for path in checked.dropped if path)
        nodes: Any = root.get("assets")
        for name, asset in (spec.assets or {}).items():
            key, value = nodes.places[name]
            origin = position(key, file)
            address = normal_address(spec.group, name)
            named = self._check_name("an asset", name, nodes, name, file)
            self.problems.extend(filter(None, [too_long(address, origin)]))
            fields = overlay(base, Layer(asset, nodes[name], file, position(value, file)))
            self.drafts.append(Draft(address, origin, fields, all_doubtful or not named or name in doubtful))

    def _check_name(self, what: str, name: str | None, node: Map, key: str, file: str) -> bool:
        if name is None:
            return True
        place = position(node.places[key][what == "a group"], file)
        problem = bad_name(what, name, place)
        self.problems.extend(filter(None, [problem]))
        return problem is None

    def _warn(self, at: Position, summary: str, detail: str, hint: str) -> None:
        self.problems.append(Diagnostic(summary, detail, hint, Severity.WARNING, at))


def _project_fields(settings: Settings) -> Fields:
    """The defaults of the settings as the lowest layer. `load_settings` has checked them; others may pass plain dictionaries."""
    if not settings.defaults:
        return {}
    checked = check(AssetSpec, settings.defaults, SETTINGS_NAME)
    if checked.value is None or checked.diagnostics:
        raise SpecError(*checked.diagnostics)
    return overlay({}, Layer(checked.value, settings.defaults, SETTINGS_NAME, Position(SETTINGS_NAME)))


def _no_files(settings: Settings) -> Diagnostic:
    return Diagnostic(
        "There are no spec files",
        f"Nothing matches {', '.join(settings.specs)}.",
        "Add a file, or correct `specs:` in mpsjobs.yaml.",
        Severity.WARNING,
    )
