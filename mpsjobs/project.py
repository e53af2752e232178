"""The composition root: a project on disk, and what can be done with it. The command line is one of its users."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mpsjobs._version import __version__
from mpsjobs.apply.mode import Mode
from mpsjobs.cloud.clock import SystemClock
from mpsjobs.environments import Sources
from mpsjobs.model.asset import Json, StoreTarget
from mpsjobs.model.change import Plan, Submit
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, SpecError, StateError
from mpsjobs.model.events import Event, RunFinished, RunStarted
from mpsjobs.model.money import Prices
from mpsjobs.model.ports import StateSession
from mpsjobs.model.settings import ProviderKind, Settings, StoreKind
from mpsjobs.model.state import AssetRecord, State, Take, chosen_take
from mpsjobs.model.statements import Imported
from mpsjobs.plan.build import build, only_imports, only_waiting
from mpsjobs.plan.diff import Terms
from mpsjobs.plan.graph import Graph, graph_of
from mpsjobs.plan.saved import SavedPlan, encode, stale
from mpsjobs.plan.selection import EVERYTHING, Selection, matches
from mpsjobs.spec.catalogue import Catalogue, load_catalogue
from mpsjobs.spec.imports import imported as import_of
from mpsjobs.spec.load import Loaded, load_assets
from mpsjobs.spec.project_files import find_project
from mpsjobs.spec.settings import load_settings
from mpsjobs.spec.suggest import did_you_mean
from mpsjobs.spec.variables import Given
from mpsjobs.state.file_store import FileStateStore
from mpsjobs.state.identity import TimeOrderedIds, boot_id, git_commit, host_name, timestamp, who
from mpsjobs.wiring import SCRATCH, Connections

if TYPE_CHECKING:
    from mpsjobs.apply.progress import Progress
    from mpsjobs.apply.receipts import Rebuilt
    from mpsjobs.apply.result import ApplyResult
    from mpsjobs.apply.run import Run
    from mpsjobs.apply.workers import Workers
    from mpsjobs.doctor import Finding


@dataclass(frozen=True, slots=True)
class Options:
    """What a plan or an apply is told beside the specs.

    `saved` is a plan from a file: only what it says is done, if it still fits. `max_generations` replaces the policy's limit for this
    once. `resubmit` are addresses and globs whose attempts without an answer are given up if their outputs do not show now: their takes
    may then be paid twice. `patient`: whatever the policy says, nothing is given up for being unknown for long. `local_state`: a state
    file is trusted to outlive this machine, also in CI. `allow_delete`: takes may be deleted for good, as lifecycles order it. `imports`
    stand in place of those in the specs.
    """

    mode: Mode = Mode.APPLY
    strict: bool = False
    selection: Selection = EVERYTHING
    saved: SavedPlan | None = None
    resubmit: tuple[str, ...] = ()
    max_generations: int | None = None
    lock_timeout_s: float = 0
    patient: bool = False
    local_state: bool = False
    allow_delete: bool = False
    imports: tuple[Imported, ...] | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan, and what came of it. `result` is None when the plan was declined."""

    plan: Plan
    result: "ApplyResult | None"


@dataclass(frozen=True, slots=True)
class Current:
    """An asset as the state has it, with the take that it uses; None while there is none.

    `files` are its downloads, else its objects in a local store.
    """

    address: str
    record: AssetRecord
    take: Take | None
    files: tuple[Path, ...]


class Project:
    """A folder with `mpsjobs.yaml`. Opening it reads the settings; everything else is read when it is needed."""

    def __init__(
        self,
        root: Path,
        settings: Settings,
        notices: tuple[Diagnostic, ...] = (),
        given: Given | None = None,
    ) -> None:
        self.root = root
        self.settings = settings
        self.notices = notices
        self.given = given or Given(environ=os.environ)
        self._clock = SystemClock()
        self.store = FileStateStore(root / settings.state.path, clock=self._clock, version=__version__)

    @classmethod
    def open(
        cls,
        directory: str | Path | None = None,
        *,
        given: Given | None = None,
        environment: str | None = None,
    ) -> Self:
        """The project in `directory`, else in the nearest folder upward from the current one.

        `given` are values of its variables; None: those of the process's own environment. `environment` names one of the settings.

        Raises:
            SpecError: there is no project or no such environment, or its settings hold mistakes (all of them at once).
        """
        start = Path(directory) if directory else Path.cwd()
        root = find_project(start)
        if root is None or (directory and root.resolve() != start.resolve()):
            where = f"in {start}" if directory else f"in {start} or any folder above it"
            raise SpecError.of(
                "There is no project here.",
                detail=f"No mpsjobs.yaml {where}.",
                hint="Go to a project, name one with -C DIR, or make one with: mpsjobs init",
                code=Code.NO_PROJECT,
            )
        settings, notices = load_settings(root, environment)
        return cls(root, settings, notices, given)

    # --- reading -----------------------------------------------------------------------------------------------------------------

    @cached_property
    def catalogue(self) -> Catalogue:
        """The models that the API is known to take, with the project's own additions."""
        return load_catalogue(self.settings.models)

    @cached_property
    def connections(self) -> Connections:
        """What the settings plug the project into."""
        return Connections(self.root, self.settings, self.catalogue, self._clock)

    def load(self, *, strict: bool = False) -> Loaded:
        """Read all spec files.

        Raises:
            SpecError: with every mistake in every file.
        """
        return load_assets(self.root, self.settings, self.catalogue, strict=strict, given=self.given)

    def state(self) -> State:
        """What has been done, read without the lock.

        Raises:
            StateError: the state is there but cannot be trusted.
        """
        return self.store.read()

    def plan(self, options: Options = Options()) -> Plan:
        """What apply would do now. Changes nothing.

        Raises:
            SpecError, StateError: see `load` and `state`.
        """
        return self.plan_for(self.load(strict=options.strict), self.state(), options)

    def graph(self) -> Graph:
        """Who needs whom among the desired assets, with what the plan does with each.

        Raises:
            SpecError, StateError: see `load` and `state`.
        """
        loaded, state = self.load(), self.state()
        return graph_of(loaded.assets, self.plan_for(loaded, state, Options()), state)

    def save_plan(self, file: Path, options: Options = Options()) -> Plan:
        """Plan, and write the plan to a file that `apply` takes later.

        Raises:
            SpecError, StateError: see `plan`; the file cannot be written.
        """
        state = self.state()
        plan = self.plan_for(self.load(strict=options.strict), state, options)
        try:
            file.write_bytes(encode(plan, state, options.selection))
        except OSError as error:
            raise SpecError.of(
                "The plan cannot be saved.", detail=str(error), code=Code.FILE_NOT_WRITTEN
            ) from error
        return plan

    def current(self, state: State) -> Iterator[Current]:
        """Every asset of the state, in the order of addresses."""
        connections = self.connections
        downloads = connections.downloads() if self.settings.store.kind is StoreKind.DIRECTORY else None
        for address in sorted(state.assets):
            record = state.assets[address]
            take = chosen_take(state.pool(record.fingerprint), record.realm, record.pick)
            outputs = take.outputs if take else ()
            files = downloads.files(address, outputs) if downloads else ()
            yield Current(
                address, record, take, files or tuple(filter(None, map(connections.file_of, outputs)))
            )

    def doctor(self) -> Iterator["Finding"]:
        """Check all that an apply needs, one finding after the other; pays for nothing. Raises nothing for what is wrong."""
        from mpsjobs.doctor import examine

        return examine(self.connections, self.store)

    # --- applying ----------------------------------------------------------------------------------------------------------------

    def apply(
        self,
        *,
        approve: Callable[[Plan], bool] = lambda _: True,
        report: Callable[["Progress"], None] = lambda _: None,
        on_start: Callable[[Callable[[], None]], None] = lambda _: None,
        options: Options = Options(),
    ) -> Applied:
        """Plan under the state's lock, show the plan to `approve`, and carry it out if that says yes.

        `on_start` is given a function that stops the run in good order; it may be called from a signal handler.

        Raises:
            SpecError: mistakes in the specs, or a plan that the policy forbids. Nothing was done.
            LockHeldError: another run holds the state for longer than the options say.
            StateError: the state cannot be trusted or written. Nothing was submitted.
            CloudError: the cloud cannot be used as the settings say. Nothing was done.
        """
        if options.mode.submits and not options.local_state:
            self._require_lasting_state()
        loaded = self.load(strict=options.strict)
        session = self.store.open(str(options.mode), lock_timeout_s=options.lock_timeout_s)
        try:
            self._settle(session, report)
            applied = self._pass(loaded, session, approve, report, on_start, options)
            result = applied.result
            if (
                result
                and result.abandoned
                and options.mode.submits
                and not (result.interrupted or result.stopped)
            ):
                again = self._buy_again(applied.plan, result, session.state, options)
                second = self._pass(loaded, session, approve, report, on_start, again)
                result = result.without_skipped(again.selection.targets)
                applied = Applied(second.plan, result.then(second.result) if second.result else result)
            return applied
        finally:
            session.close()

    def _buy_again(self, plan: Plan, result: "ApplyResult", state: State, options: Options) -> Options:
        """What the second pass may do: buy the takes of abandoned attempts, once, and what waited for these; nothing else.

        All of it within what is left of the limit.
        """
        sounds = set(result.abandoned)
        users = [change.address for change in plan.changes if change.fingerprint in sounds]
        skipped, unspent = {each.address for each in result.skipped}, 0
        for action in plan.actions:
            if isinstance(action, Submit) and action.asset.address in skipped:
                unspent += action.generations
                if all(
                    need.fingerprint in sounds
                    or chosen_take(state.pool(need.fingerprint), plan.realm, need.pick)
                    for need in action.needs
                ):
                    sounds.add(action.fingerprint)
                    users.append(action.asset.address)
        limit = self._limit(options)
        return replace(
            options,
            selection=Selection(targets=tuple(users) or ("",), retry=bool(options.resubmit)),
            saved=None,
            resubmit=(),
            max_generations=None if limit is None else max(0, limit - plan.generations + unspent),
            patient=True,
        )

    def _limit(self, options: Options) -> int | None:
        limit = options.max_generations
        return self.settings.policy.max_generations_per_apply if limit is None else limit

    def _pass(
        self,
        loaded: Loaded,
        session: StateSession,
        approve: Callable[[Plan], bool],
        report: Callable[["Progress"], None],
        on_start: Callable[[Callable[[], None]], None],
        options: Options,
    ) -> Applied:
        plan = self.plan_for(loaded, session.state, options)
        if not options.mode.submits:
            plan = only_imports(plan) if options.mode is Mode.IMPORT else only_waiting(plan)
        elif options.saved and (reasons := tuple(stale(options.saved, plan, session.state))):
            raise SpecError(*reasons)
        elif errors := [diagnostic for diagnostic in plan.diagnostics if diagnostic.is_error]:
            raise SpecError(*errors)
        elif plan.deletes and not options.allow_delete:
            raise _deletes_unasked(plan)
        if plan.generations:
            self._require_whole_state(loaded, session.state, report)
        if not approve(plan):
            return Applied(plan, None)
        return Applied(plan, self._run(plan, session, report, on_start, options))

    def _require_lasting_state(self) -> None:
        """A state file on a runner of CI vanishes with it, and with it the memory of what was paid."""
        ci = os.environ.get("CI", "").lower() in {"true", "1"}
        if (
            ci
            and self.settings.provider.kind is ProviderKind.TENCENT
            and self.settings.state.backend == "file"
        ):
            raise StateError.of(
                "The state is a file of this machine, and this is a CI run.",
                detail="When the runner goes, so does the memory of what was paid: the next run would buy it all again.",
                hint="If the file is kept, say so with --allow-local-state.",
                code=Code.STATE_IN_CI,
            )

    def _require_whole_state(
        self, loaded: Loaded, state: State, report: Callable[["Progress"], None]
    ) -> None:
        """Before anything is bought: does the store have receipts of takes that this state does not know?"""
        from mpsjobs.apply.progress import Noticed
        from mpsjobs.apply.receipts import unknown_takes

        settings = self.settings
        unknown = unknown_takes(
            self.connections.objects, settings.owner, self._targets(loaded), state, settings.provider.realm
        )
        for ref in unknown.unreadable:
            report(Noticed(None, f"{ref.bucket}/{ref.key} is no receipt, and left out"))
        if unknown.takes:
            first, number = unknown.takes[0], len(unknown.takes)
            raise StateError.of(
                f"The state does not know {number:,} take{'s'[: number != 1]} that the store has receipts of.",
                detail=f"The state is missing, or older than the store ({first.bucket}/{first.key}). "
                "What it does not know would be bought again.",
                hint="Bring back the right state, or take them in with: mpsjobs state rebuild",
                code=Code.STATE_BEHIND_STORE,
            )

    def _targets(self, loaded: Loaded) -> frozenset[StoreTarget]:
        """Every place that outputs of this project go to."""
        project = self.settings.store
        return frozenset(map(self.connections.target, loaded.assets)) | {
            StoreTarget(project.bucket, project.region, project.prefix)
        }

    def imported(
        self, address: str, *, task_id: str | None = None, object_name: str | None = None
    ) -> Imported:
        """What `apply` with `Mode.IMPORT` takes in: a task of the account, or an object of the store, as a take of an asset.

        Raises:
            SpecError: no spec has such an asset, the object's name cannot be read, or see `load`.
        """
        known = {asset.address for asset in self.load().assets}
        if address not in known:
            raise SpecError.of(
                f'Unknown asset "{address}"',
                detail="No spec has an asset of this address, so a take would belong to nothing.",
                hint=did_you_mean(address, known, "Write the asset first; mpsjobs plan shows the addresses."),
                code=Code.UNKNOWN_ASSET,
            )
        try:
            return import_of(address, task_id, object_name, self.settings.store)
        except ValueError as error:
            raise SpecError.of(
                "This names no object of the store",
                detail=f"{error}.",
                hint="Write KEY, BUCKET/KEY, BUCKET/KEY@REGION, or the URL of the object in the store.",
                code=Code.BAD_IMPORT,
            ) from None

    def rebuild(self, *, lock_timeout_s: float = 0) -> "Rebuilt":
        """Take into the state every take that the store has a receipt of and the state does not know. Doing it twice changes nothing.

        Raises:
            SpecError, StateError, CloudError: see `apply`. Nothing was changed.
        """
        from mpsjobs.apply.receipts import rebuild

        targets, project = self._targets(self.load()), self.settings.owner
        session = self.store.open("rebuild", lock_timeout_s=lock_timeout_s)
        try:
            rebuilt = rebuild(
                self.connections.objects,
                project,
                targets,
                session.state,
                host=host_name(),
                boot_id=boot_id(),
            )
            if rebuilt.events:
                run_id, commit = TimeOrderedIds(self._clock).new(), session.state.commit
                begun = RunStarted(self._now(), run_id, "state rebuild", __version__, who(), commit)
                session.append([begun, *rebuilt.events, RunFinished(self._now(), run_id, 0)])
            return rebuilt
        finally:
            session.close()

    def _now(self) -> str:
        return timestamp(self._clock.utc())

    def _settle(self, session: StateSession, report: Callable[["Progress"], None]) -> None:
        """Before anything is planned: withdraw what was never sent, and take in outputs of attempts whose answer was lost."""
        from mpsjobs.apply.recovery import LostTakes, settle  # apply is heavy, and plan does without it

        now, settings = self._now(), self.settings
        settled: list[Event] = list(settle(session.state, host=host_name(), boot_id=boot_id(), at=now))
        if settled:
            session.append(settled)
        collector = self.connections.collector
        for told in LostTakes(
            session, collector, settings.provider.realm, settings.owner, self._songs_of
        ).adopt(now):
            report(told)

    @cached_property
    def _sources(self) -> Sources:
        return Sources(self.root, self.settings, self.catalogue, self._clock)

    def plan_for(self, loaded: Loaded, state: State, options: Options) -> Plan:
        """What it takes to come from a state to what is wanted."""
        sources, notices = self._sources.read() if options.mode.submits else ((), ())
        terms = Terms(
            realm=self.settings.provider.realm,
            attempts=self.settings.policy.attempts,
            songs=lambda sound: self.catalogue.entry(sound.model).songs(sound.additional_parameters),
            host=host_name(),
            boot_id=boot_id(),
            max_generations=self._limit(options),
            selection=options.saved.selection(state) if options.saved else options.selection,
            environment=self.settings.environment_name,
            sources=sources,
            generate=self.settings.policy.generate,
            prices=self._prices,
            publish_to=StoreTarget(
                self.settings.store.bucket, self.settings.store.region, self.settings.store.prefix
            ),
        )
        statements = loaded.statements
        if options.imports is not None:
            statements = replace(statements, imports=options.imports)
        diagnostics = (*self.notices, *loaded.diagnostics, *notices)
        return build(loaded.assets, state, terms, diagnostics, statements)

    @cached_property
    def _prices(self) -> Prices | None:
        """The prices, by the names that models have in the catalogue."""
        prices = self.settings.prices
        if prices is None:
            return None
        return replace(
            prices, models={self.catalogue.entry(name).name: each for name, each in prices.models.items()}
        )

    def _songs_of(self, fields: Mapping[str, Json]) -> int:
        """How many outputs a task with these canonical fields has."""
        additional = fields.get("additional_parameters")
        entry = self.catalogue.entry(str(fields.get("model")))
        return entry.songs(additional if isinstance(additional, dict) else {})

    def _run(
        self,
        plan: Plan,
        session: StateSession,
        report: Callable[["Progress"], None],
        on_start: Callable[[Callable[[], None]], None],
        options: Options,
    ) -> "ApplyResult":
        from mpsjobs.apply.publish import Publisher
        from mpsjobs.apply.result import nothing_done
        from mpsjobs.apply.runner import Runner
        from mpsjobs.apply.workers import Workers

        downloads = self.connections.downloads()
        if plan.actions:
            with self.connections.mps() as mps:
                publisher = Publisher(self.connections.objects, self.root / SCRATCH / "scratch")
                workers = Workers(mps, self.connections.collector(), downloads, publisher, self._clock)
                on_start(workers.interrupt)
                result = Runner(self._shared(session, workers, report, options)).run(plan)
            if session.failed:
                return replace(result, stopped=(*result.stopped, self._salvage(session)))
        else:
            result = nothing_done(plan, options.mode)
        if downloads and not result.interrupted:
            used = ((current.address, current.take) for current in self.current(session.state))
            for told in downloads.sync({address: take.outputs for address, take in used if take}):
                report(told)
        return result

    def _salvage(self, session: StateSession) -> Diagnostic:
        """Put what could not be recorded somewhere else, and say where."""
        import tempfile

        folders = (self.root, Path.cwd(), Path.home(), Path(tempfile.gettempdir()))
        file = session.salvage(folders)
        if file is None:
            return Diagnostic(
                "No folder takes what could not be recorded; it follows.",
                detail=session.errored_document(),
                hint="Save this text as a file, mend the cause, and run: mpsjobs state push FILE",
                code=Code.STATE_SALVAGED,
            )
        return Diagnostic(
            f"What could not be recorded stands in {file}.",
            detail="Tasks that were submitted are in it: without it they may be paid a second time.",
            hint=f"Mend the cause, then put it back: mpsjobs state push {file}",
            code=Code.STATE_SALVAGED,
        )

    def _shared(
        self,
        session: StateSession,
        workers: "Workers",
        report: Callable[["Progress"], None],
        options: Options,
    ) -> "Run":
        import random

        from mpsjobs.apply.durations import Durations
        from mpsjobs.apply.publish import Publications
        from mpsjobs.apply.records import Records
        from mpsjobs.apply.recovery import UnknownPolicy
        from mpsjobs.apply.run import Origin, Run, Wiring
        from mpsjobs.apply.scheduler import Scheduler
        from mpsjobs.apply.tally import Tally
        from mpsjobs.cloud.pacer import Pacer

        settings, rate = self.settings, self.settings.provider.requests_per_second
        realm = settings.provider.realm
        return Run(
            session=session,
            scheduler=Scheduler(Pacer(rate), Pacer(rate), random.random, Durations.of_state(session.state)),
            workers=workers,
            clock=self._clock,
            origin=Origin(realm, host_name(), boot_id(), who(), __version__, git_commit(self.root)),
            wiring=Wiring(
                project=settings.owner,
                new_id=TimeOrderedIds(self._clock).new,
                target=self.connections.target,
                body=self.connections.body,
                copy=partial(self._sources.copy, self.connections.objects),
                songs=self._songs_of,
                report=report,
                gives_up=lambda address: matches(address, options.resubmit),
                per_second=rate,
                mode=options.mode,
                unknown=UnknownPolicy(
                    settings.policy.unknown_wait_s, "stop" if options.patient else settings.policy.unknown
                ),
            ),
            records=Records(session.state, realm),
            publications=Publications(session.state, realm),
            tally=Tally(self._clock.monotonic()),
        )


def _deletes_unasked(plan: Plan) -> SpecError:
    addresses = [change.address for change in plan.changes if change.deletes]
    return SpecError.of(
        f"This plan deletes {plan.deletes:,} take{'s'[: plan.deletes != 1]} for good.",
        detail=f"They belong to {', '.join(addresses[:20])}{' and others' if len(addresses) > 20 else ''}. What is deleted can never be made "
        "again, so --auto-approve alone does not do it.",
        hint="Apply without --auto-approve, or a plan that was saved and looked at, or say --allow-delete.",
        code=Code.DELETES_FOR_GOOD,
    )
