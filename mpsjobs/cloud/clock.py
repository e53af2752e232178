"""The real time. Nothing else in mpsjobs asks for it."""

import time
from datetime import UTC, datetime


class SystemClock:
    """See `mpsjobs.model.ports.Clock`."""

    def monotonic(self) -> float:
        return time.monotonic()

    def utc(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251  # this is the clock

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))  # noqa: TID251  # this is the clock
