"""The time, in one place, so that tests can turn it by hand."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time in seconds since 1970 and waits until it has passed."""

    def now(self) -> float: ...

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait on `condition` (held by the caller) until notified, or for `seconds` of this clock's time."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        return time.time()  # noqa: TID251 — the emulator stands alone; this is its one source of time

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        condition.wait(seconds)
