"""Spec files → the desired assets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mpsjobs.model.asset import Asset
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Severity, SpecError, in_reading_order
from mpsjobs.model.garbage import uncollected
from mpsjobs.model.settings import Settings
from mpsjobs.model.statements import NOTHING_SAID, Statements
from mpsjobs.spec.addresses import clashes
from mpsjobs.spec.catalogue import Catalogue
from mpsjobs.spec.decisions import check_decisions, read_decisions
from mpsjobs.spec.dependencies import dependencies
from mpsjobs.spec.imports import resolve_imports
from mpsjobs.spec.layers import Fields
from mpsjobs.spec.moves import check_moves
from mpsjobs.spec.project_files import find_spec_files
from mpsjobs.spec.publishing import collisions
from mpsjobs.spec.reading import Common, Reading
from mpsjobs.spec.resolve import Resolver
from mpsjobs.spec.texts import TextFiles
from mpsjobs.spec.variables import NOTHING_GIVEN, Given


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the specs want: assets sorted by address, and what is doubtful about them (no errors).

    `fields` are those of each asset by its address, each with the place where it was said.
    """

    assets: tuple[Asset, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    fields: Mapping[str, Fields] = field(default_factory=dict)
    statements: Statements = NOTHING_SAID


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
        common = Common.of(settings, given)
        try:
            files = find_spec_files(root, settings.specs)
        except SpecError as error:
            files = ()
            checks.add(error.diagnostics)
        readings = {path.resolve(): Reading(root, common, texts, path) for path in files}
        data = {path for reading in readings.values() for path in reading.data_files}
        specs = [reading for path, reading in readings.items() if path not in data]
        for reading in specs:
            checks.add(reading.problems.values())
        drafts = [draft for reading in specs for draft in reading.drafts]
        checks.add(clashes((draft.address, draft.source or draft.origin) for draft in drafts))
        complete = not any(reading.lost for reading in specs)
        checks.add(dependencies(drafts, complete=complete))
        places = {draft.address: draft.source or draft.origin for draft in drafts}
        moved = tuple(each for reading in specs for each in reading.moved)
        checks.add(check_moves(moved, places, complete=complete))
        written = [each for reading in specs for each in reading.imports]
        imports, problems = resolve_imports(written, settings.store, places, complete=complete)
        checks.add(problems)
        resolved = [(draft, resolver.asset(draft)) for draft in drafts]
        checks.row = None
        checks.add(collisions(resolved, settings.store, catalogue))
        fields = {draft.address: draft.fields for draft in drafts}
        decided = read_decisions(root)
        checks.add(decided.problems)
        checks.add(check_decisions(decided.decisions, fields, complete=complete))
        assets = sorted((asset for _, asset in resolved), key=lambda asset: asset.address)
    if not (files or checks.found):
        checks.add([_no_files(settings)])
    if any(diagnostic.is_error for diagnostic in checks.found):
        raise SpecError(*checks.found)
    statements = Statements(moved, tuple(imports), decided.decisions)
    return Loaded(tuple(assets), in_reading_order(checks.found), fields, statements)


def _no_files(settings: Settings) -> Diagnostic:
    return Diagnostic(
        "There are no spec files",
        f"Nothing matches {', '.join(settings.specs)}.",
        "Add a file, or correct `specs:` in mpsjobs.yaml.",
        Severity.WARNING,
        code=Code.NO_SPEC_FILES,
    )
