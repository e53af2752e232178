"""What a plan needs to know beside specs and state: the terms of the settings, and the other environments."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mpsjobs.apply.mode import Mode
from mpsjobs.environments import Sources
from mpsjobs.model.asset import Json, StoreTarget
from mpsjobs.model.change import Plan
from mpsjobs.model.checkout import Standing
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Severity, SpecError
from mpsjobs.model.money import Prices
from mpsjobs.model.policy import PolicySettings
from mpsjobs.model.settings import Settings
from mpsjobs.model.state import State
from mpsjobs.plan.build import build
from mpsjobs.plan.drafts import as_draft
from mpsjobs.plan.limits import policy_of
from mpsjobs.plan.selection import EVERYTHING, mistaken
from mpsjobs.plan.terms import Terms
from mpsjobs.project.options import Options
from mpsjobs.spec.load import Loaded
from mpsjobs.spec.variables import Given
from mpsjobs.state.backend import StateBackend
from mpsjobs.state.checkout import standing
from mpsjobs.state.identity import host_name
from mpsjobs.wiring import SCRATCH, Connections


@dataclass(frozen=True)
class Planner:
    """Plans for one project, whose state is in `store`.

    `notices` are what its settings gave occasion to say, `given` the values of its variables.
    """

    connections: Connections
    store: StateBackend
    notices: tuple[Diagnostic, ...]
    given: Given

    @property
    def settings(self) -> Settings:
        return self.connections.settings

    @cached_property
    def sources(self) -> Sources:
        """The environments that takes are copied from."""
        known = self.connections
        return Sources(known.root, known.settings, known.catalogue, known.clock)

    def plan(self, loaded: Loaded, state: State, options: Options) -> Plan:
        """What it takes to come from a state to what is wanted.

        Raises:
            SpecError, StateError: an environment that takes are copied from cannot be read.
        """
        settings = self.settings
        applies = (
            options.mode.submits and options.mode is not Mode.DRAFT
        )  # a draft takes nothing back, however old its branch is
        checkout = standing(self.connections.root, state.commit) if applies else Standing.AHEAD
        sources, notices = self.sources.read() if options.mode.submits else ((), ())
        terms = Terms(
            realm=settings.provider.realm,
            songs=lambda sound: self.connections.catalogue.entry(sound.model).songs(
                sound.additional_parameters
            ),
            host=host_name(),
            boot_id=self.store.boot_id,
            policy=self.policy(options),
            now=self.connections.clock.utc(),
            standing=checkout,
            billed=self.songs_of,
            selection=options.saved.selection(state) if options.saved else options.selection,
            environment=settings.environment_name,
            sources=sources,
            prices=self.prices,
            regenerate_missing=options.regenerate_missing
            or (options.saved is not None and options.saved.regenerate_missing),
            publish_to=StoreTarget(settings.store.bucket, settings.store.region, settings.store.prefix),
        )
        statements = loaded.statements
        if options.imports is not None:
            statements = replace(statements, imports=options.imports)
        left = left_in_file(self.connections.root, settings, state)
        warned = (replace(left, severity=Severity.WARNING),) if left else ()
        diagnostics = (*self.notices, *loaded.diagnostics, *notices, *warned)
        plan = build(loaded.assets, state, terms, diagnostics, statements)
        return as_draft(plan) if options.mode is Mode.DRAFT else plan

    def resolved(self, options: Options, loaded: Loaded, state: State) -> Options:
        """The options, with what the patterns of their selection stand for.

        Raises:
            SpecError: a pattern stands for nothing, or a revision cannot be compared with.
        """
        selection = options.selection
        if options.saved or selection == EVERYTHING:
            return options
        if errors := tuple(mistaken(selection, loaded.assets, state)):
            raise SpecError(*errors)
        if not selection.revisions:
            return options
        from mpsjobs.revision import changed_since  # only who compares needs git

        root, settings = self.connections.root, self.settings
        changed = {
            revision: changed_since(root, revision, settings, loaded, self.given, root / SCRATCH / "scratch")
            for revision in sorted(selection.revisions)
        }
        return replace(options, selection=replace(selection, changed=changed))

    @cached_property
    def prices(self) -> Prices | None:
        """The prices, by the names that models have in the catalogue."""
        prices, catalogue = self.settings.prices, self.connections.catalogue
        if prices is None:
            return None
        return replace(
            prices, models={catalogue.entry(name).name: each for name, each in prices.models.items()}
        )

    def policy(self, options: Options) -> PolicySettings:
        """What may be done under these options."""
        return policy_of(self.settings, options.limits, self.connections.catalogue)

    def songs_of(self, fields: Mapping[str, Json]) -> int:
        """How many outputs a task with these canonical fields has."""
        additional = fields.get("additional_parameters")
        entry = self.connections.catalogue.entry(str(fields.get("model")))
        return entry.songs(additional if isinstance(additional, dict) else {})

    def targets(self, loaded: Loaded) -> frozenset[StoreTarget]:
        """Every place that outputs of this project go to."""
        project = self.settings.store
        return frozenset(map(self.connections.target, loaded.assets)) | {
            StoreTarget(project.bucket, project.region, project.prefix)
        }


def left_in_file(root: Path, settings: Settings, state: State) -> Diagnostic | None:
    """What to say where the settings name a bucket that has no state yet, while there is one in the file."""
    if state.pools or settings.state.backend != "cos" or not (root / settings.state.path).is_file():
        return None
    return Diagnostic(
        "The bucket has no state yet, and there is one in a file",
        detail=f"It is in {settings.state.path}, and the settings name {settings.state.place}. What it knows would be bought again.",
        hint=f"Bring it there with its history: mpsjobs init --migrate-state. If it is of no use, move {settings.state.path} away.",
        code=Code.STATE_LEFT_IN_FILE,
    )
