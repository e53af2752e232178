"""What a project is plugged into: the cloud or the emulator, the store, the download folder. Each is made when it is needed."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from mpsjobs._version import __version__
from mpsjobs.model.asset import Asset, ReferenceKind, StoreTarget
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import Clock, Condition, ObjectRef, ObjectStore
from mpsjobs.model.settings import ProviderKind, Settings, Site, StoreKind
from mpsjobs.model.state import Output, Take
from mpsjobs.spec.catalogue import Catalogue, FormatPlace
from mpsjobs.state.file_store import FileStateStore
from mpsjobs.state.lock import unheard

if TYPE_CHECKING:
    import ssl

    from mpsjobs.apply.collect import Collector
    from mpsjobs.apply.download import Downloads
    from mpsjobs.audio.measurer import Measurer
    from mpsjobs.cloud.credentials import CredentialsProvider, Renewal
    from mpsjobs.cloud.credentials_provider import RenewedCredentials
    from mpsjobs.cloud.fetch import Fetcher
    from mpsjobs.cloud.mps import MpsClient
    from mpsjobs.cloud.proxy import Proxies
    from mpsjobs.cloud.webhook import Webhook
    from mpsjobs.emulator import EmulatorConfig
    from mpsjobs.state.backend import StateBackend
    from mpsjobs.state.encryption import Encryption

SCRATCH = ".mpsjobs"
"""What can be made again: emulator data, caches, the memory of downloads. Git-ignored."""

METADATA_ADDRESS = "MPSJOBS_METADATA"
"""Variable with the address of the machine's metadata service, where it is not the vendor's own."""

HOSTS = {Site.INTL: "mps.intl.tencentcloudapi.com", Site.CN: "mps.tencentcloudapi.com"}


def state_store(
    root: Path,
    settings: Settings,
    clock: Clock,
    connections: Callable[[], "Connections"],
    tell: Callable[[str], None] = unheard,
) -> "StateBackend":
    """Where the state is that these settings name. `connections` are asked for only where it is not in a file.

    `tell` is told of a lock that has to be waited for.
    """
    if settings.state.backend == "cos":
        return connections().shared_state(tell)
    return FileStateStore(root / settings.state.path, clock=clock, version=__version__, tell=tell)


@dataclass(frozen=True)
class Connections:
    """Makes what the settings name. Imports are lazy: a plan needs none of it."""

    root: Path
    settings: Settings
    catalogue: Catalogue
    clock: Clock

    def collector(self) -> "Collector":
        from mpsjobs.apply.collect import Collector

        return Collector(self.objects, self.fetcher(), self.root / SCRATCH / "scratch", self.measurer)

    @cached_property
    def measurer(self) -> "Measurer":
        """What measures files, and knows those that were measured before."""
        from mpsjobs.audio.measurer import Measurer

        return Measurer(self.root / SCRATCH / "cache" / "measures")

    def measured(self, output: Output) -> Output:
        """An output with its measures, whoever collected it. Thread-safe.

        Raises:
            CloudError: it is gone or is another one now, or the store cannot be used.
        """
        import tempfile

        from mpsjobs.apply.collect import fetch_recorded

        found = self.measurer.known(output.sha256)
        if found is None:
            scratch = self.root / SCRATCH / "scratch"
            scratch.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=scratch, prefix="measure-") as folder:
                file = Path(folder) / "output"
                fetch_recorded(self.objects, output, file)
                found = self.measurer.measure(file, output.sha256)
        return replace(output, measures=found.measures, unmeasured=found.unmeasured)

    def rest(self) -> None:
        """Stop the processes that measure; what needs them starts others."""
        measurer: Measurer | None = self.__dict__.pop("measurer", None)
        if measurer:
            measurer.close()

    def fetcher(self) -> "Fetcher":
        """What fetches a result by its URL."""
        from mpsjobs.cloud.connection import Timeouts
        from mpsjobs.cloud.fetch import Fetcher

        network = self.settings.network
        timeouts = Timeouts(network.connect_timeout_s, network.read_timeout_s)
        return Fetcher(timeouts, self._trust(), self._proxies())

    def webhook(self) -> "Webhook":
        """What posts a notification.

        Raises:
            CloudError: the authorities to trust cannot be read.
        """
        from mpsjobs.cloud.proxy import Proxies
        from mpsjobs.cloud.webhook import Webhook

        return Webhook(self._trust(), Proxies.from_environment())

    def downloads(self) -> "Downloads | None":
        from mpsjobs.apply.download import Downloads

        if self.settings.download is None:
            return None
        return Downloads(
            self.root / self.settings.download, self.root / SCRATCH / self._manifest(), self.objects
        )

    def _manifest(self) -> str:
        name = self.settings.environment
        return f"downloads.{name}.json" if name else "downloads.json"

    def target(self, asset: Asset) -> StoreTarget:
        store = self.settings.store
        return asset.store or StoreTarget(store.bucket, store.region, store.prefix)

    def body(self, asset: Asset, path: ObjectRef, takes: Mapping[str, Take]) -> bytes:
        """The request for an asset. What it refers to is made reachable first, so this may take a while. Thread-safe.

        `takes` has the take to use of each asset that it needs, by address.

        Raises:
            CloudError: a reference is not there or cannot be put into the store, or no URL to it lives long enough.
        """
        from mpsjobs.cloud.references import VALID_S, References
        from mpsjobs.cloud.request import Destination, WireNames, create_body

        entry = self.catalogue.entry(asset.sound.model)
        provider = self.settings.provider
        place = provider.format_place or self.catalogue.format_place[provider.site]
        names = WireNames(
            format_in_extra=place == FormatPlace.EXTRA_PARAMETERS,
            lyrics=entry.lyrics or "lyrics",
            instrumental=entry.instrumental or "is_instrumental",
        )
        to = Destination(path.bucket, path.region, path.key)
        sound = asset.sound
        if any(each.kind is not ReferenceKind.URL for each in sound.references):
            valid_s = max(VALID_S, asset.lifecycle.timeout_s or 0.0)
            references = References(self.root, self.objects, self.target(asset), takes, valid_s)
            sound = references.reachable(sound)
        return create_body(sound, to, names, operator=asset.operator)

    @cached_property
    def objects(self) -> ObjectStore:
        """The store; one for all, since it keeps its connections.

        Raises:
            CloudError: there are no credentials for it.
        """
        store, network = self.settings.store, self.settings.network
        if store.kind is StoreKind.DIRECTORY:
            from mpsjobs.cloud.directory_store import DirectoryStore

            return DirectoryStore(self.root / store.path)
        from mpsjobs.cloud.cos_store import CosStore  # imports boto3

        keys = self.credentials()
        return CosStore(
            keys,
            self.clock,
            renew=keys.refused,
            endpoint=store.endpoint,
            addressing_style=store.addressing_style,
            connect_timeout_s=network.connect_timeout_s,
            read_timeout_s=network.read_timeout_s,
            ca_file=self.root / network.ca_file if network.ca_file else None,
        )

    def credentials(self) -> "RenewedCredentials":
        """Whose account is used: one provider for the API and for the store, which renews what ends.

        Raises:
            CloudError: there are none, so nothing needs to begin.
        """
        self._credentials()
        return self._credentials

    @cached_property
    def _credentials(self) -> "RenewedCredentials":
        from mpsjobs.cloud.connection import Timeouts
        from mpsjobs.cloud.credentials_chain import Places, find_source
        from mpsjobs.cloud.credentials_cvm import METADATA
        from mpsjobs.cloud.credentials_provider import RenewedCredentials
        from mpsjobs.cloud.proxy import Proxies
        from mpsjobs.cloud.references import VALID_S
        from mpsjobs.cloud.sts import HOSTS as STS_HOSTS, Sts
        from mpsjobs.cloud.transport import Transport

        settings, network = self.settings.credentials, self.settings.network
        tls = self._trust()
        host = settings.endpoint or STS_HOSTS[self.settings.provider.site]
        timeouts = Timeouts(network.connect_timeout_s, network.read_timeout_s)
        proxies = Proxies.from_environment()
        sts = Sts(lambda: Transport(host, timeouts, self.clock, tls=tls, proxies=proxies), self.clock)
        places = Places(os.environ, Path.home(), self.root, os.environ.get(METADATA_ADDRESS, METADATA))
        return RenewedCredentials(
            lambda: find_source(settings, places, sts, tls),
            self.clock,
            ahead=timedelta(seconds=VALID_S, minutes=5),  # what signs a URL has to live as long as it
        )

    def shared_state(self, tell: Callable[[str], None] = unheard) -> "StateBackend":
        """The state in a bucket. Nothing is asked of it yet, not even credentials."""
        from hashlib import blake2b

        from mpsjobs.state.shared import Shared
        from mpsjobs.state.shared_store import SharedStateStore

        state = self.settings.state
        at = ObjectRef(state.bucket, state.region, state.key)
        return SharedStateStore(
            Shared(lambda: self._state_objects, at, self.clock, self._encryption()),
            self.root / SCRATCH / "state" / blake2b(state.place.encode(), digest_size=8).hexdigest(),
            clock=self.clock,
            version=__version__,
            server=f"{state.endpoint or state.region}/{state.bucket}",
            probe=self._probe_state,
            tell=tell,
        )

    def _encryption(self) -> "Encryption | None":
        """How the state in a bucket is encrypted. The key is looked for when it is needed."""
        from mpsjobs.state.encryption import Encryption
        from mpsjobs.state.keys import read_keys

        settings = self.settings.state.encryption
        if settings is None:
            return None
        return Encryption(
            lambda: read_keys(settings, self.root, os.environ),
            writes=settings.write == "encrypted",
            reads_plain=settings.reads_plain,
        )

    @cached_property
    def _state_objects(self) -> ObjectStore:
        """Each request is sent once, and soon given up: who waits for the lock waits longer than any write may take."""
        from mpsjobs.cloud.cos_store import CosStore

        state, network = self.settings.state, self.settings.network
        keys = self.credentials()
        return CosStore(
            keys,
            self.clock,
            renew=keys.refused,
            endpoint=state.endpoint,
            addressing_style=state.addressing_style,
            connect_timeout_s=min(network.connect_timeout_s, 3),
            read_timeout_s=min(network.read_timeout_s, 6),
            ca_file=self.root / network.ca_file if network.ca_file else None,
            attempts=1,
        )

    def _probe_state(self) -> Condition | None:
        from mpsjobs.cloud.conditional import probe

        state = self.settings.state
        return probe(self._state_objects, StoreTarget(state.bucket, state.region, state.key)).condition

    def file_of(self, output: Output) -> Path | None:
        """The object itself, where the store is a folder of this machine and has it."""
        if self.settings.store.kind is not StoreKind.DIRECTORY:
            return None
        file = self.root / self.settings.store.path / output.bucket / output.key
        return file if file.is_file() else None

    @property
    def api_endpoint(self) -> str:
        """Where the API is, unless an emulator is embedded."""
        return self.settings.provider.endpoint or HOSTS[self.settings.provider.site]

    @contextmanager
    def mps(self, keys: "CredentialsProvider | None" = None) -> Iterator["MpsClient"]:
        """The API; with other keys than the settings' where `keys` are given.

        Raises:
            CloudError: there are no credentials, the authorities cannot be read, or the embedded emulator does not start.
        """
        from mpsjobs.cloud.credentials import Credentials, no_others
        from mpsjobs.cloud.mps import MpsClient
        from mpsjobs.emulator import default_credentials, default_tokens

        with ExitStack() as stack:
            provider, network = self.settings.provider, self.settings.network
            if provider.kind is ProviderKind.EMULATOR:
                secret_id, secret_key = next(iter(default_credentials().items()))
                pair = Credentials(secret_id, secret_key, default_tokens().get(secret_id))
                credentials: CredentialsProvider = lambda: pair  # noqa: E731
                renew: Renewal = no_others
                endpoint = (
                    partial(str, provider.endpoint)
                    if provider.endpoint
                    else stack.enter_context(self._emulator())
                )
            else:
                credentials = keys or self.credentials()
                renew = no_others if keys else self.credentials().refused
                endpoint = partial(str, self.api_endpoint)
            client = MpsClient(
                endpoint,
                credentials,
                self.clock,
                region=provider.region,
                language=provider.language,
                connect_timeout_s=network.connect_timeout_s,
                read_timeout_s=network.read_timeout_s,
                tls=self._trust(),
                proxies=self._proxies(),
                renew=renew,
            )
            stack.callback(client.close)
            yield client

    def _proxies(self) -> "Proxies":
        """Those of the environment; none on the way to an emulator inside this command, wherever its results lie."""
        from mpsjobs.cloud.proxy import NO_PROXIES, Proxies

        provider = self.settings.provider
        embedded = provider.kind is ProviderKind.EMULATOR and provider.endpoint is None
        return NO_PROXIES if embedded else Proxies.from_environment()

    def _trust(self) -> "ssl.SSLContext | None":
        """Trust in the authorities of the settings' file; None: in those of the machine."""
        import ssl

        name = self.settings.network.ca_file
        if name is None:
            return None
        try:
            return ssl.create_default_context(cafile=self.root / name)
        except (OSError, ssl.SSLError) as error:
            raise CloudError.of(
                "`network.ca_file` cannot be used",
                detail=f"{name}: {error.strerror or error}.",
                hint="Name a PEM file of certificate authorities, relative to mpsjobs.yaml or absolute.",
                code=Code.BAD_CA_FILE,
            ) from error

    @contextmanager
    def _emulator(self) -> Iterator[Callable[[], str]]:
        """Where the embedded emulator answers: it may move when another process takes over."""
        from mpsjobs.emulator import EmbeddedEmulator, EmulatorBusy

        try:
            emulator = EmbeddedEmulator.open(self._emulator_config())
        except EmulatorBusy as busy:
            raise CloudError.of(
                "The embedded emulator is held by a process that does not answer.",
                detail=str(busy),
                code=Code.EMULATOR_BUSY,
            ) from busy
        with emulator:
            yield lambda: emulator.url

    def _emulator_config(self) -> "EmulatorConfig":
        """The emulator that this project embeds: its data beside the project, its outputs in the project's store."""
        from mpsjobs.emulator import EmulatorConfig

        provider = self.settings.provider
        return EmulatorConfig(
            data=self.root / provider.emulator_data,
            store=self.root / self.settings.store.path,
            speed=provider.speed,
            audio=provider.audio,
            requests_per_second=max(1, round(provider.requests_per_second)),
        )
