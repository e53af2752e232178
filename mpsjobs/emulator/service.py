"""The life of an emulator: lock the data folder, serve, stop."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import orjson
from filelock import FileLock, Timeout

from mpsjobs.emulator.api import Api, health
from mpsjobs.emulator.clock import Clock, SystemClock
from mpsjobs.emulator.config import EmulatorConfig
from mpsjobs.emulator.faults import Faults
from mpsjobs.emulator.keys import Keys
from mpsjobs.emulator.ledger import Ledger
from mpsjobs.emulator.links import Links
from mpsjobs.emulator.objects import Folder, Objects, Storage
from mpsjobs.emulator.rendering import ProcessRenderer, Renderer, StubRenderer
from mpsjobs.emulator.tasks import Tasks
from mpsjobs.emulator.web import Server


class Address(NamedTuple):
    """Where the emulator that holds a data folder can be reached."""

    url: str
    pid: int


class EmulatorBusy(RuntimeError):  # noqa: N818 — a state of the folder, not a fault
    """Another emulator holds the data folder. `address` is None while it is still starting."""

    def __init__(self, data: Path, address: Address | None) -> None:
        where = f"at {address.url} (process {address.pid})" if address else "and is starting"
        super().__init__(f"{data} is in use by an emulator {where}")
        self.address = address

    @property
    def url(self) -> str | None:
        return self.address.url if self.address else None

    @property
    def pid(self) -> int | None:
        return self.address.pid if self.address else None


class Emulator:
    """The MPS audio actions on loopback. A context manager; may be started once.

    Killed at any moment, it loses no task whose TaskId was answered, and its data folder starts again.
    """

    def __init__(
        self, config: EmulatorConfig, *, clock: Clock | None = None, renderer: Renderer | None = None
    ) -> None:
        self.config = config
        self._clock = clock or SystemClock()
        self._renderer = renderer
        self._lock = FileLock(config.data / "lock", thread_local=False)
        self._address = config.data / "address.json"
        self._stop: list[Callable[[], object]] = []
        self.url = ""

    def start(self) -> Self:
        """Serve in background threads. Raises EmulatorBusy, or OSError when the port is taken."""
        self.config.data.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise EmulatorBusy(self.config.data, read_address(self.config.data)) from None
        self._stop.append(self._lock.release)
        try:
            self._serve()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop quickly; answers under way are sent. May be called twice."""
        while self._stop:
            self._stop.pop()()

    def _serve(self) -> None:
        """Each part that starts leaves its undoing in `_stop`; they run in reverse."""
        config = self.config
        self._address.unlink(missing_ok=True)
        ledger = Ledger(config.data / "ledger.jsonl")
        self._stop.append(ledger.close)
        renderer = self._renderer or (
            StubRenderer() if config.audio == "stub" else ProcessRenderer(short=config.audio == "short")
        )
        storage = self._storage()
        objects = Objects(config.objects, ledger.path, storage)
        tasks = Tasks(ledger, objects, self._clock, config.speed, renderer)
        self._stop.append(tasks.close)
        server = Server(config.host, config.port)
        self._stop.append(server.stop)
        self.url = server.url
        links = Links(config.data, self._clock, storage)
        keys = Keys(config.data, config.credentials, config.tokens)
        tasks.start()
        faults = Faults(
            config.faults,
            seed=config.fault_seed,
            delays=config.fault_delays,
            created=(task.prompt for task in tasks.all()),
        )
        server.api = Api(
            config, self._clock, keys, tasks, lambda task, i: links.make(self.url, task, i), faults
        )
        server.find = lambda target: links.find(target, tasks)
        server.health = lambda: health(config.data)
        server.faults = faults
        thread = threading.Thread(
            target=server.serve_forever, args=(0.05,), name="emulator-http", daemon=True
        )
        thread.start()
        self._stop += [thread.join, server.shutdown]
        self._publish_address()

    def _storage(self) -> Storage:
        config = self.config
        if config.store_endpoint is None:
            return Folder(config.objects)
        from mpsjobs.emulator.buckets import Buckets  # imports boto3

        account, account_key = next(iter(config.credentials.items()))
        own = config.store_keys
        secret_id, secret_key = own or (account, account_key)
        return Buckets(
            config.store_endpoint,
            addressing=config.store_addressing,
            secret_id=secret_id,
            secret_key=secret_key,
            token=None if own else config.tokens.get(account),
        )

    def _publish_address(self) -> None:
        temporary = self._address.with_suffix(".tmp")
        temporary.write_bytes(orjson.dumps({"url": self.url, "pid": os.getpid()}))
        temporary.replace(self._address)
        self._stop.append(lambda: self._address.unlink(missing_ok=True))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def read_address(data: Path) -> Address | None:
    """What the holder of the folder last wrote."""
    try:
        found = orjson.loads((data / "address.json").read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    return Address(found["url"], found["pid"])


def serve_forever(config: EmulatorConfig, on_ready: Callable[[str], None]) -> None:
    """Run an emulator until SIGTERM or SIGINT; from the main thread. `on_ready` is given its URL.

    Raises EmulatorBusy when the data folder is in use.
    """
    stopped = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        with Emulator(config) as emulator:
            on_ready(emulator.url)
            stopped.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
