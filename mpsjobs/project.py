"""The composition root: a project on disk, and what can be done with it. The command line is one of its users."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mpsjobs._version import __version__
from mpsjobs.apply.mode import Mode
from mpsjobs.cloud.clock import SystemClock
from mpsjobs.model.asset import Asset, Json, StoreTarget
from mpsjobs.model.change import Plan
from mpsjobs.model.diagnostics import CloudError, Diagnostic, SpecError
from mpsjobs.model.events import Event, OutputsRecorded
from mpsjobs.model.ports import Mps, ObjectRef, ObjectStore, StateSession
from mpsjobs.model.settings import ProviderKind, Settings, StoreKind
from mpsjobs.model.state import AssetRecord, Output, State, Take, TakeStatus, chosen_take
from mpsjobs.plan.build import build, only_waiting
from mpsjobs.plan.diff import Terms
from mpsjobs.plan.saved import SavedPlan, encode, stale
from mpsjobs.plan.selection import EVERYTHING, Selection, matches
from mpsjobs.spec.catalogue import Catalogue, FormatPlace, load_catalogue
from mpsjobs.spec.load import Loaded, load_assets
from mpsjobs.spec.project_files import find_project
from mpsjobs.spec.settings import load_settings
from mpsjobs.state.file_store import FileStateStore
from mpsjobs.state.identity import TimeOrderedIds, boot_id, git_commit, host_name, timestamp, who

if TYPE_CHECKING:
    from mpsjobs.apply.collect import Collector
    from mpsjobs.apply.download import Downloads
    from mpsjobs.apply.progress import Progress
    from mpsjobs.apply.result import ApplyResult
    from mpsjobs.apply.run import Run
    from mpsjobs.apply.workers import Workers
    from mpsjobs.emulator import EmulatorConfig

SCRATCH = ".mpsjobs"
"""What can be made again: emulator data, caches, the memory of downloads. Git-ignored."""

DEFAULT_HOST = "mps.intl.tencentcloudapi.com"


@dataclass(frozen=True, slots=True)
class Options:
    """What a plan or an apply is told beside the specs.

    `saved` is a plan from a file: only what it says is done, if it still fits. `max_generations` replaces the policy's limit for this once. `resubmit` are addresses and globs whose attempts without an answer are
    given up if their outputs do not show now: their takes may then be paid twice.
    """

    mode: Mode = Mode.APPLY
    strict: bool = False
    selection: Selection = EVERYTHING
    saved: SavedPlan | None = None
    resubmit: tuple[str, ...] = ()
    max_generations: int | None = None
    lock_timeout_s: float = 0


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan, and what came of it. `result` is None when the plan was declined."""

    plan: Plan
    result: "ApplyResult | None"


@dataclass(frozen=True, slots=True)
class Current:
    """An asset as the state has it, with the take that it uses; None while there is none. `files`: its downloads, else its objects in a local store."""

    address: str
    record: AssetRecord
    take: Take | None
    files: tuple[Path, ...]


class Project:
    """A folder with `mpsjobs.yaml`. Opening it reads the settings; everything else is read when it is needed."""

    def __init__(self, root: Path, settings: Settings, notices: tuple[Diagnostic, ...] = ()) -> None:
        self.root = root
        self.settings = settings
        self.notices = notices
        self._clock = SystemClock()
        self._store = FileStateStore(root / settings.state.path, clock=self._clock, version=__version__)

    @classmethod
    def open(cls, directory: str | Path | None = None) -> Self:
        """The project in `directory`, else in the nearest folder upward from the current one.

        Raises:
            SpecError: there is none, or its settings hold mistakes (all of them at once).
        """
        start = Path(directory) if directory else Path.cwd()
        root = find_project(start)
        if root is None or (directory and root.resolve() != start.resolve()):
            where = f"in {start}" if directory else f"in {start} or any folder above it"
            raise SpecError.of(
                "There is no project here.",
                detail=f"No mpsjobs.yaml {where}.",
                hint="Go to a project, name one with -C DIR, or make one with: mpsjobs init",
            )
        settings, notices = load_settings(root)
        return cls(root, settings, notices)

    # --- reading -----------------------------------------------------------------------------------------------------------------

    @cached_property
    def catalogue(self) -> Catalogue:
        """The models that the API is known to take, with the project's own additions."""
        return load_catalogue(self.settings.models)

    def load(self, *, strict: bool = False) -> Loaded:
        """Read all spec files.

        Raises:
            SpecError: with every mistake in every file.
        """
        return load_assets(self.root, self.settings, self.catalogue, strict=strict)

    def state(self) -> State:
        """What has been done, read without the lock.

        Raises:
            StateError: the state is there but cannot be trusted.
        """
        return self._store.read()

    def plan(self, options: Options = Options()) -> Plan:
        """What apply would do now. Changes nothing.

        Raises:
            SpecError, StateError: see `load` and `state`.
        """
        return self._plan(self.load(strict=options.strict), self.state(), options)

    def save_plan(self, file: Path, options: Options = Options()) -> Plan:
        """Plan, and write the plan to a file that `apply` takes later.

        Raises:
            SpecError, StateError: see `plan`; the file cannot be written.
        """
        state = self.state()
        plan = self._plan(self.load(strict=options.strict), state, options)
        try:
            file.write_bytes(encode(plan, state, options.selection))
        except OSError as error:
            raise SpecError.of("The plan cannot be saved.", detail=str(error)) from error
        return plan

    def current(self, state: State) -> Iterator[Current]:
        """Every asset of the state, in the order of addresses."""
        downloads = (
            self._downloads(self._objects()) if self.settings.store.kind is StoreKind.DIRECTORY else None
        )
        for address in sorted(state.assets):
            record = state.assets[address]
            take = chosen_take(state.pool(record.fingerprint), record.realm, record.pick)
            outputs = take.outputs if take else ()
            files = downloads.files(address, outputs) if downloads else ()
            yield Current(address, record, take, files or tuple(filter(None, map(self.file_of, outputs))))

    def file_of(self, output: Output) -> Path | None:
        """The object itself, where the store is a folder of this machine and has it."""
        if self.settings.store.kind is not StoreKind.DIRECTORY:
            return None
        file = self.root / self.settings.store.path / output.bucket / output.key
        return file if file.is_file() else None

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
        loaded = self.load(strict=options.strict)
        session = self._store.open(str(options.mode), lock_timeout_s=options.lock_timeout_s)
        try:
            self._settle(session)
            applied = self._pass(loaded, session, approve, report, on_start, options)
            if applied.result and applied.result.abandoned and not applied.result.interrupted:
                again = self._pass(loaded, session, approve, report, on_start, replace(options, resubmit=()))
                applied = Applied(
                    again.plan, applied.result.then(again.result) if again.result else applied.result
                )
            return applied
        finally:
            session.close()

    def _pass(
        self,
        loaded: Loaded,
        session: StateSession,
        approve: Callable[[Plan], bool],
        report: Callable[["Progress"], None],
        on_start: Callable[[Callable[[], None]], None],
        options: Options,
    ) -> Applied:
        plan = self._plan(loaded, session.state, options)
        if not options.mode.submits:
            plan = only_waiting(plan)
        elif options.saved and (reasons := tuple(stale(options.saved, plan, session.state))):
            raise SpecError(*reasons)
        elif errors := [diagnostic for diagnostic in plan.diagnostics if diagnostic.is_error]:
            raise SpecError(*errors)
        if not approve(plan):
            return Applied(plan, None)
        return Applied(plan, self._run(plan, session, report, on_start, options))

    def _settle(self, session: StateSession) -> None:
        """Before anything is planned: withdraw what was never sent, and take in outputs of attempts whose answer was lost."""
        from mpsjobs.apply.recovery import settle  # noqa: PLC0415  # apply is heavy, and plan does without it

        now = timestamp(self._clock.utc())
        settled: list[Event] = list(settle(session.state, host=host_name(), boot_id=boot_id(), at=now))
        if settled:
            session.append(settled)
        for fingerprint, take in list(session.state.takes()):
            lost = take.status in {TakeStatus.UNKNOWN, TakeStatus.ABANDONED}
            if lost and take.realm == self.settings.provider.realm:
                path = ObjectRef(take.bucket, take.region, take.cos_path)
                fields = session.state.pool(fingerprint).fields
                outputs = self._collector().collect(path, self._songs_of(fields))
                if outputs:
                    session.append([OutputsRecorded(now, take.attempt_id, outputs)])

    def _plan(self, loaded: Loaded, state: State, options: Options) -> Plan:
        terms = Terms(
            realm=self.settings.provider.realm,
            attempts=self.settings.policy.attempts,
            songs=lambda sound: self.catalogue.entry(sound.model).songs(sound.additional_parameters),
            host=host_name(),
            boot_id=boot_id(),
            max_generations=options.max_generations or self.settings.policy.max_generations_per_apply,
            selection=options.saved.selection if options.saved else options.selection,
        )
        return build(loaded.assets, state, terms, (*self.notices, *loaded.diagnostics))

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
        from mpsjobs.apply.result import nothing_done  # noqa: PLC0415
        from mpsjobs.apply.runner import Runner  # noqa: PLC0415
        from mpsjobs.apply.workers import Workers  # noqa: PLC0415

        downloads = self._downloads(self._objects())
        if plan.actions:
            with self._mps() as mps:
                workers = Workers(mps, self._collector(), downloads)
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
        import tempfile  # noqa: PLC0415

        folders = (self.root, Path.cwd(), Path.home(), Path(tempfile.gettempdir()))
        file = session.salvage(folders)
        if file is None:
            return Diagnostic(
                "No folder takes what could not be recorded; it follows.",
                detail=session.errored_document(),
                hint="Save this text as a file, mend the cause, and run: mpsjobs state push FILE",
            )
        return Diagnostic(
            f"What could not be recorded stands in {file}.",
            detail="Tasks that were submitted are in it: without it they may be paid a second time.",
            hint=f"Mend the cause, then put it back: mpsjobs state push {file}",
        )

    def _shared(
        self,
        session: StateSession,
        workers: "Workers",
        report: Callable[["Progress"], None],
        options: Options,
    ) -> "Run":
        import random  # noqa: PLC0415

        from mpsjobs.apply.records import Records  # noqa: PLC0415
        from mpsjobs.apply.recovery import UnknownPolicy  # noqa: PLC0415
        from mpsjobs.apply.run import Origin, Run, Wiring  # noqa: PLC0415
        from mpsjobs.apply.scheduler import Scheduler  # noqa: PLC0415
        from mpsjobs.apply.tally import Tally  # noqa: PLC0415
        from mpsjobs.cloud.pacer import Pacer  # noqa: PLC0415

        settings, rate = self.settings, self.settings.provider.requests_per_second
        realm = settings.provider.realm
        return Run(
            session=session,
            scheduler=Scheduler(Pacer(rate), Pacer(rate), random.random),
            workers=workers,
            clock=self._clock,
            origin=Origin(realm, host_name(), boot_id(), who(), __version__, git_commit(self.root)),
            wiring=Wiring(
                new_id=TimeOrderedIds(self._clock).new,
                target=self._target,
                body=self._body,
                songs=self._songs_of,
                report=report,
                gives_up=lambda address: matches(address, options.resubmit),
                per_second=rate,
                mode=options.mode,
                unknown=UnknownPolicy(settings.policy.unknown_wait_s, settings.policy.unknown),
            ),
            records=Records(session.state, realm),
            tally=Tally(self._clock.monotonic()),
        )

    def _collector(self) -> "Collector":
        from mpsjobs.apply.collect import Collector  # noqa: PLC0415
        from mpsjobs.cloud.fetch import fetch_url  # noqa: PLC0415

        return Collector(self._objects(), fetch_url, self.root / SCRATCH / "scratch")

    def _downloads(self, objects: ObjectStore) -> "Downloads | None":
        from mpsjobs.apply.download import Downloads  # noqa: PLC0415

        if self.settings.download is None:
            return None
        return Downloads(self.root / self.settings.download, self.root / SCRATCH / "downloads.json", objects)

    def _target(self, asset: Asset) -> StoreTarget:
        store = self.settings.store
        return asset.store or StoreTarget(store.bucket, store.region, store.prefix)

    def _body(self, asset: Asset, path: ObjectRef) -> bytes:
        from mpsjobs.cloud.request import Destination, WireNames, create_body  # noqa: PLC0415

        entry = self.catalogue.entry(asset.sound.model)
        place = self.catalogue.format_place[self.settings.provider.site]
        names = WireNames(
            format_in_extra=place is FormatPlace.EXTRA_PARAMETERS,
            lyrics=entry.lyrics or "lyrics",
            instrumental=entry.instrumental or "is_instrumental",
        )
        to = Destination(path.bucket, path.region, path.key)
        return create_body(asset.sound, to, names, operator=asset.operator)

    def _objects(self) -> ObjectStore:
        from mpsjobs.cloud.directory_store import DirectoryStore  # noqa: PLC0415

        if self.settings.store.kind is not StoreKind.DIRECTORY:
            raise CloudError.of(
                "The COS store is not supported yet.",
                detail="This version plans for the real cloud but cannot collect from it.",
                hint="Use provider.kind: emulator, or store.kind: directory with an emulator.",
            )
        return DirectoryStore(self.root / self.settings.store.path)

    @contextmanager
    def _mps(self) -> Iterator[Mps]:
        from mpsjobs.cloud.credentials import Credentials, from_environment  # noqa: PLC0415
        from mpsjobs.cloud.mps import MpsClient  # noqa: PLC0415
        from mpsjobs.emulator import default_credentials  # noqa: PLC0415

        with ExitStack() as stack:
            provider = self.settings.provider
            if provider.kind is ProviderKind.EMULATOR:
                secret_id, secret_key = next(iter(default_credentials().items()))
                credentials = Credentials(secret_id, secret_key)
                endpoint = (
                    partial(str, provider.endpoint)
                    if provider.endpoint
                    else stack.enter_context(self._emulator())
                )
            else:
                credentials, endpoint = from_environment(), partial(str, provider.endpoint or DEFAULT_HOST)
            client = MpsClient(endpoint, lambda: credentials, self._clock, region=provider.region)
            stack.callback(client.close)
            yield client

    @contextmanager
    def _emulator(self) -> Iterator[Callable[[], str]]:
        """Where the embedded emulator answers: it may move when another process takes over."""
        from mpsjobs.emulator import EmbeddedEmulator, EmulatorBusy  # noqa: PLC0415

        try:
            emulator = EmbeddedEmulator.open(self.emulator_config())
        except EmulatorBusy as busy:
            raise CloudError.of(
                "The embedded emulator is held by a process that does not answer.", detail=str(busy)
            ) from busy
        with emulator:
            yield lambda: emulator.url

    def emulator_config(self) -> "EmulatorConfig":
        """The emulator that this project embeds: its data beside the project, its outputs in the project's store."""
        from mpsjobs.emulator import EmulatorConfig  # noqa: PLC0415

        provider = self.settings.provider
        return EmulatorConfig(
            data=self.root / SCRATCH / "emulator",
            store=self.root / self.settings.store.path,
            speed=provider.speed,
            audio=provider.audio,
            requests_per_second=max(1, round(provider.requests_per_second)),
        )
