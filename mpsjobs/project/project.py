"""A folder with `mpsjobs.yaml`: what is wanted, what has been done, and the plan from the one to the other."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mpsjobs._version import __version__
from mpsjobs.apply.mode import Mode
from mpsjobs.cloud.clock import SystemClock
from mpsjobs.model.change import Plan, Risk
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, SpecError
from mpsjobs.model.events import RunFinished, RunStarted
from mpsjobs.model.settings import Settings, StoreKind
from mpsjobs.model.state import AssetRecord, Output, State, Take, chosen_take, finished_of, handed_out
from mpsjobs.model.statements import Imported
from mpsjobs.plan.graph import Graph, graph_of
from mpsjobs.plan.saved import encode
from mpsjobs.project.checks import require_lasting_state
from mpsjobs.project.options import DEFAULTS, Options
from mpsjobs.project.planning import Planner
from mpsjobs.spec.catalogue import Catalogue, load_catalogue
from mpsjobs.spec.imports import imported as import_of
from mpsjobs.spec.load import Loaded, load_assets
from mpsjobs.spec.policy import ENVIRONMENT_VARIABLE
from mpsjobs.spec.project_files import find_project
from mpsjobs.spec.settings import load_settings
from mpsjobs.spec.suggest import did_you_mean
from mpsjobs.spec.variables import Given
from mpsjobs.state.backend import StateBackend
from mpsjobs.state.identity import TimeOrderedIds, host_name, timestamp, who
from mpsjobs.state.lock import unheard
from mpsjobs.wiring import SCRATCH, Connections, state_store

if TYPE_CHECKING:
    from mpsjobs.apply.receipts import Rebuilt
    from mpsjobs.deciding import Decided, Verdict
    from mpsjobs.doctor import Finding
    from mpsjobs.project.applying import ApplyRun
    from mpsjobs.project.waiting import WaitRun


@dataclass(frozen=True, slots=True)
class Current:
    """An asset as the state has it, with the take that it uses; None while there is none.

    `files` are its downloads, else its objects in a local store.
    """

    address: str
    record: AssetRecord
    take: Take | None
    files: tuple[Path, ...]

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What people and game builds get: the finished files where the asset has such, else what the cloud made."""
        return handed_out(self.record, self.take) if self.take else ()

    @property
    def finished(self) -> tuple[Output, ...]:
        """Those that were made of the take, here and for free; none where it is handed out as the cloud made it."""
        return finished_of(self.record, self.take) if self.take else ()


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
        self.tell: Callable[[str], None] = unheard
        """Told of a lock that has to be waited for; somebody else may be set here."""
        self._clock = SystemClock()

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
        policy_file = os.environ.get(ENVIRONMENT_VARIABLE) or None
        settings, notices = load_settings(root, environment, policy_file=policy_file)
        return cls(root, settings, notices, given)

    # --- reading -----------------------------------------------------------------------------------------------------------------

    @cached_property
    def catalogue(self) -> Catalogue:
        """The models that the API is known to take, with the project's own additions."""
        return load_catalogue(self.settings.models)

    @cached_property
    def store(self) -> StateBackend:
        """Where the state lives."""
        tell: Callable[[str], None] = lambda words: self.tell(words)  # noqa: PLW0108, E731  # whoever it is by then
        return state_store(self.root, self.settings, self._clock, lambda: self.connections, tell)

    @cached_property
    def connections(self) -> Connections:
        """What the settings plug the project into."""
        return Connections(self.root, self.settings, self.catalogue, self._clock)

    @cached_property
    def planner(self) -> Planner:
        """Makes the project's plans."""
        return Planner(self.connections, self.store, self.notices, self.given)

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

    def plan(self, options: Options = DEFAULTS) -> Plan:
        """What apply would do now. Changes nothing.

        Raises:
            SpecError, StateError: see `load` and `state`.
        """
        plan, _ = self._planned(options)
        return plan

    def plan_for(self, loaded: Loaded, state: State, options: Options) -> Plan:
        """What it takes to come from this state to what is wanted. Raises what `Planner.plan` raises."""
        return self.planner.plan(loaded, state, options)

    def _planned(self, options: Options) -> tuple[Plan, State]:
        """The plan, and the state that it was made from: as it is, or as it would be if what became of the outputs were recorded."""
        loaded, state = self.load(strict=options.strict), self.state()
        options = self.planner.resolved(options, loaded, state)
        risks: tuple[Risk, ...] = ()
        if options.records_drift:
            from mpsjobs.project.refreshing import Refresher  # only who looks needs the store

            state, drift = Refresher(self.planner, loaded).seen(state, options)
            risks = drift.risks(recorded=True)
        plan = self.plan_for(loaded, state, options)
        return replace(plan, risks=(*plan.risks, *risks)), state

    def graph(self) -> Graph:
        """Who needs whom among the desired assets, with what the plan does with each.

        Raises:
            SpecError, StateError: see `load` and `state`.
        """
        loaded, state = self.load(), self.state()
        return graph_of(loaded.assets, self.plan_for(loaded, state, DEFAULTS), state)

    def save_plan(self, file: Path, options: Options = DEFAULTS) -> Plan:
        """Plan, and write the plan to a file that `apply` takes later.

        Raises:
            SpecError, StateError: see `plan`; the file cannot be written.
        """
        plan, state = self._planned(options)
        regenerate = options.regenerate_missing
        saved = encode(
            plan, state, options.selection, refreshed=options.records_drift, regenerate_missing=regenerate
        )
        try:
            file.write_bytes(saved)
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
            outputs = handed_out(record, take) if take else ()
            files = downloads.files(address, outputs) if downloads else ()
            yield Current(
                address, record, take, files or tuple(filter(None, map(connections.file_of, outputs)))
            )

    def decide(self, verdicts: Iterable["Verdict"], *, only_look: bool = False) -> "Decided":
        """Write what somebody decided about takes into the project's files; `only_look`: say what would be written. The next apply obeys it.

        Raises:
            SpecError, StateError: see `plan`.
            MpsjobsError: what cannot be decided, all of it at once, or a file cannot be written. Nothing was.
        """
        from mpsjobs.deciding import decide, one_at_a_time, write

        with nullcontext() if only_look else one_at_a_time(self.root / SCRATCH):
            loaded, state = self.load(), self.state()
            decided = decide(self.root, loaded, self.plan_for(loaded, state, DEFAULTS), state, verdicts)
            if not only_look:
                write(self.root, decided)
        return decided

    def doctor(self) -> Iterator["Finding"]:
        """Check all that an apply needs, one finding after the other; pays for nothing. Raises nothing for what is wrong."""
        from mpsjobs.doctor import examine

        return examine(self.connections, self.store)

    # --- applying ----------------------------------------------------------------------------------------------------------------

    def apply(self, options: Options = DEFAULTS) -> "ApplyRun | WaitRun":
        """Take the state's lock and plan. Whoever goes through the events of the run carries it out: see `ApplyRun`.

        With `Mode.WAIT` the lock is taken later, whenever something is to be recorded: see `WaitRun`.

        Raises:
            SpecError: mistakes in the specs, or a plan that the policy forbids.
            LockHeldError: another run holds the state for longer than the options say.
            StateError: the state cannot be trusted or written.
            CloudError: the cloud cannot be used as the settings say.
        Whichever it is, nothing was submitted.
        """
        from mpsjobs.project.applying import ApplyRun  # applying is heavy, and plan does without it
        from mpsjobs.project.waiting import WaitRun

        if options.mode.submits and not options.local_state:
            require_lasting_state(self.settings)
        loaded = self.load(strict=options.strict)
        if options.mode is Mode.WAIT:
            return WaitRun(self.planner, loaded, options)
        session = self.store.open(str(options.mode), lock_timeout_s=options.lock_timeout_s)
        try:
            return ApplyRun(self.planner, session, loaded, options)
        except BaseException:
            self.connections.rest()
            session.close()
            raise

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

        targets, project = self.planner.targets(self.load()), self.settings.owner
        session = self.store.open("rebuild", lock_timeout_s=lock_timeout_s)
        try:
            rebuilt = rebuild(
                self.connections.objects,
                project,
                targets,
                session.state,
                host=host_name(),
                boot_id=self.store.boot_id,
            )
            if rebuilt.events:
                run_id, commit = TimeOrderedIds(self._clock).new(), session.state.commit
                now = timestamp(self._clock.utc())
                begun = RunStarted(now, run_id, "state rebuild", __version__, who(), commit)
                session.append([begun, *rebuilt.events, RunFinished(now, run_id, 0)])
            return rebuilt
        finally:
            session.close()
