"""The limit of requests a second."""

import threading
from collections import defaultdict, deque

from mpsjobs.emulator.errors import ApiError


class Limiter:
    """Lets at most `limit` requests through in any window of one second, for each key. Thread-safe."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._accepted: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def admit(self, account: str, action: str, now: float) -> None:
        """Count the request, or raise RequestLimitExceeded. Refused requests do not count."""
        with self._lock:
            window = self._accepted[account, action]
            while window and now - window[0] >= 1:
                window.popleft()
            if len(window) >= self._limit:
                raise ApiError(
                    "RequestLimitExceeded",
                    f"Your current request times equals to `{self._limit + 1}` in a second, which exceeds the "
                    f"frequency limit `{self._limit}` for a second. Please reduce the frequency of calls.",
                )
            window.append(now)
