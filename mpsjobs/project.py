"""The composition root: a project on disk, and what can be done with it. The command line is one of its users."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mpsjobs._version import __version__
from mpsjobs.cloud.clock import SystemClock
from mpsjobs.model.asset import Asset, Sound, StoreTarget
from mpsjobs.model.change import Plan
from mpsjobs.model.diagnostics import CloudError, Diagnostic, SpecError
from mpsjobs.model.ports import Mps, ObjectRef, ObjectStore, StateSession
from mpsjobs.model.settings import ProviderKind, Settings, StoreKind
from mpsjobs.model.state import AssetRecord, State, Take, chosen_take
from mpsjobs.plan.build import build
from mpsjobs.plan.diff import Terms
from mpsjobs.spec.catalogue import Catalogue, FormatPlace, load_catalogue
from mpsjobs.spec.load import Loaded, load_assets
from mpsjobs.spec.project_files import find_project
from mpsjobs.spec.settings import load_settings
from mpsjobs.state.file_store import FileStateStore
from mpsjobs.state.identity import TimeOrderedIds, boot_id, git_commit, host_name, timestamp, who

if TYPE_CHECKING:
    from mpsjobs.apply.download import Downloads
    from mpsjobs.apply.progress import Progress
    from mpsjobs.apply.result import ApplyResult
    from mpsjobs.apply.runner import Runner
    from mpsjobs.apply.workers import Workers
    from mpsjobs.emulator import EmulatorConfig

SCRATCH = ".mpsjobs"
"""What can be made again: emulator data, caches, the memory of downloads. Git-ignored."""

DEFAULT_HOST = "mps.intl.tencentcloudapi.com"

WORKERS = 16
"""Requests in flight at once: at 20 a second, enough for answers that take most of a second."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan, and what came of it. `result` is None when the plan was declined."""

    plan: Plan
    result: "ApplyResult | None"


@dataclass(frozen=True, slots=True)
class Current:
    """An asset as the state has it, with the take that it uses; None while there is none. `files` are its downloads."""

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

    def plan(self, *, strict: bool = False) -> Plan:
        """What apply would do now. Changes nothing.

        Raises:
            SpecError, StateError: see `load` and `state`.
        """
        return self._plan(self.load(strict=strict), self.state())

    def current(self, state: State) -> Iterator[Current]:
        """Every asset of the state, in the order of addresses."""
        from mpsjobs.apply.download import file_names  # noqa: PLC0415  # not needed by plan

        for address in sorted(state.assets):
            record = state.assets[address]
            take = chosen_take(state.pool(record.fingerprint), record.realm, record.pick)
            folder = self.root / self.settings.download if self.settings.download and take else None
            names = file_names(address, take.outputs) if take else {}
            files = tuple(folder / name for name in names if (folder / name).is_file()) if folder else ()
            yield Current(address, record, take, files)

    # --- applying ----------------------------------------------------------------------------------------------------------------

    def apply(
        self,
        *,
        approve: Callable[[Plan], bool] = lambda _: True,
        report: Callable[["Progress"], None] = lambda _: None,
        on_start: Callable[[Callable[[], None]], None] = lambda _: None,
        strict: bool = False,
        max_generations: int | None = None,
        lock_timeout_s: float = 0,
    ) -> Applied:
        """Plan under the state's lock, show the plan to `approve`, and carry it out if that says yes.

        `on_start` is given a function that stops the run in good order; it may be called from a signal handler. `max_generations`
        replaces the policy's limit for this once.

        Raises:
            SpecError: mistakes in the specs, or a plan that the policy forbids. Nothing was done.
            LockHeldError: another run holds the state for longer than `lock_timeout_s` seconds.
            StateError: the state cannot be trusted or written. What was submitted is in the journal.
            CloudError: the cloud cannot be used as the settings say. Nothing was done.
        """
        from mpsjobs.apply.recovery import settle  # noqa: PLC0415  # apply is heavy, and plan does without it

        loaded = self.load(strict=strict)
        session = self._store.open("apply", lock_timeout_s=lock_timeout_s)
        try:
            now = timestamp(self._clock.utc())
            if settled := list(settle(session.state, host=host_name(), boot_id=boot_id(), at=now)):
                session.append(settled)
            plan = self._plan(loaded, session.state, max_generations)
            if errors := [diagnostic for diagnostic in plan.diagnostics if diagnostic.is_error]:
                raise SpecError(*errors)
            return Applied(plan, self._run(plan, session, report, on_start) if approve(plan) else None)
        finally:
            session.close()

    def _plan(self, loaded: Loaded, state: State, max_generations: int | None = None) -> Plan:
        terms = Terms(
            realm=self.settings.provider.realm,
            attempts=self.settings.policy.attempts,
            songs=self._songs,
            host=host_name(),
            boot_id=boot_id(),
            max_generations=max_generations or self.settings.policy.max_generations_per_apply,
        )
        return build(loaded.assets, state, terms, (*self.notices, *loaded.diagnostics))

    def _songs(self, sound: Sound) -> int:
        return self.catalogue.entry(sound.model).songs(sound.additional_parameters)

    def _run(
        self,
        plan: Plan,
        session: StateSession,
        report: Callable[["Progress"], None],
        on_start: Callable[[Callable[[], None]], None],
    ) -> "ApplyResult":
        from mpsjobs.apply.collect import Collector  # noqa: PLC0415
        from mpsjobs.apply.result import nothing_done  # noqa: PLC0415
        from mpsjobs.apply.workers import Workers  # noqa: PLC0415
        from mpsjobs.cloud.fetch import fetch_url  # noqa: PLC0415

        objects = self._objects()
        downloads = self._downloads(objects)
        if plan.actions:
            with self._mps() as mps:
                workers = Workers(
                    mps, Collector(objects, fetch_url, self.root / SCRATCH / "scratch"), downloads, WORKERS
                )
                on_start(workers.interrupt)
                result = self._runner(session, workers, report).run(plan)
        else:
            result = nothing_done(plan)
        if downloads and not result.interrupted:
            used = ((current.address, current.take) for current in self.current(session.state))
            for told in downloads.sync({address: take.outputs for address, take in used if take}):
                report(told)
        return result

    def _runner(
        self, session: StateSession, workers: "Workers", report: Callable[["Progress"], None]
    ) -> "Runner":
        import random  # noqa: PLC0415

        from mpsjobs.apply.runner import Origin, Runner, Wiring  # noqa: PLC0415
        from mpsjobs.apply.scheduler import Scheduler  # noqa: PLC0415
        from mpsjobs.cloud.pacer import Pacer  # noqa: PLC0415

        rate = self.settings.provider.requests_per_second
        return Runner(
            session=session,
            scheduler=Scheduler(Pacer(rate), Pacer(rate), random.random),
            workers=workers,
            clock=self._clock,
            origin=Origin(
                realm=self.settings.provider.realm,
                host=host_name(),
                boot_id=boot_id(),
                who=who(),
                version=__version__,
                commit=git_commit(self.root),
            ),
            wiring=Wiring(
                new_id=TimeOrderedIds(self._clock).new,
                target=self._target,
                body=self._body,
                report=report,
                per_second=rate,
            ),
        )

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
