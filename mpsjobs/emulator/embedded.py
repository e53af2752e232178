"""The emulator inside a command: attach to the one that holds the data, else be it."""

import http.client
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from mpsjobs.emulator.config import EmulatorConfig
from mpsjobs.emulator.service import Address, Emulator, EmulatorBusy

_START_WAIT_S = 10.0
_PAUSE_S = 0.05


class EmbeddedEmulator:
    """An emulator that is there as long as this is open, in this process or in another one.

    When the other one goes away, the next look at `url` starts one here, on the same data: tasks go on.
    Thread-safe.
    """

    def __init__(self, config: EmulatorConfig) -> None:
        self._config = config
        self._lock = threading.RLock()
        self._own: Emulator | None = None
        self._seen: Address | None = None
        self._closed = False

    @classmethod
    def open(cls, config: EmulatorConfig) -> Self:
        """Attach or start. Raises EmulatorBusy when the data is held by a process that does not answer."""
        opened = cls(config)
        opened._connect()
        return opened

    @property
    def owned(self) -> bool:
        """Whether the emulator runs in this process."""
        return self._own is not None

    @property
    def url(self) -> str:
        """Where to send requests. Cheap; ask for it before each one."""
        with self._lock:
            if self._closed:
                raise ValueError("the emulator was closed")
            return self._own.url if self._own is not None else self._connect()

    def close(self) -> None:
        """Stop the emulator if it runs here. May be called twice."""
        with self._lock:
            self._closed = True
            if self._own is not None:
                self._own.stop()
                self._own = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connect(self) -> str:
        with self._lock:
            pause = threading.Event()
            waited = 0.0
            while True:
                try:
                    self._own = Emulator(self._config).start()
                except EmulatorBusy as busy:
                    there = busy.address
                    if there is not None and (there == self._seen or _answers(there.url)):
                        self._seen = there
                        return there.url
                    if waited >= _START_WAIT_S:
                        raise
                else:
                    return self._own.url
                pause.wait(_PAUSE_S)  # it is starting or stopping
                waited += _PAUSE_S


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=1)
    try:
        connection.request("GET", "/_emulator/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
