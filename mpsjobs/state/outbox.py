"""Lines on their way to the store: in order, one object at a time, gathered for a moment unless somebody waits for it."""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import Event

FLUSH_S: Final = 1.5
"""For so long lines are gathered that nobody waits for. At full speed intents are written once a second, and take them along."""

Numbered = tuple[int, Event]


class Outbox:
    """Group commit. Filled by one thread; another one writes.

    `put` makes numbered events durable, all of them or none; when it raises StateError nothing more is written.
    """

    def __init__(self, put: Callable[[Sequence[Numbered]], None], durable: int) -> None:
        self.durable = durable
        self._put = put
        self._pending: list[Numbered] = []
        self._wanted = durable
        self._closed = False
        self._failure: StateError | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, events: Sequence[Numbered]) -> None:
        """Take events along; they are durable soon.

        Raises:
            StateError: what was to be written before could not be.
        """
        with self._changed:
            self._check()
            self._pending += events
            if self._pending and self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True, name="outbox")
                self._thread.start()
            self._changed.notify_all()

    def wait(self, seq: int) -> None:
        """Return when everything up to this event is durable.

        Raises:
            StateError: it could not be written.
        """
        with self._changed:
            self._wanted = max(self._wanted, seq)
            self._changed.notify_all()
            while self.durable < seq:
                self._check()
                self._changed.wait()
            self._check()

    def check(self) -> None:
        """Raises StateError: something could not be written."""
        with self._changed:
            self._check()

    def close(self) -> None:
        """Write nothing more; what is being written is awaited."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        while batch := self._next():
            failure = None
            try:
                self._put(batch)
            except StateError as error:
                failure = error
            with self._changed:
                self._failure = failure
                if failure is None:
                    self.durable = batch[-1][0]
                self._changed.notify_all()
            if failure is not None:
                return

    def _next(self) -> list[Numbered]:
        """What is to be written now; nothing when it is over. Waits for more as long as nobody waits for us."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._pending)
            self._changed.wait_for(lambda: self._closed or self._wanted > self.durable, FLUSH_S)
            batch, self._pending = ([] if self._closed else self._pending), []
            return batch
