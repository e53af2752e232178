"""The credentials of a run: found once, renewed before they end, by one thread for all."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from mpsjobs.cloud.credentials import Credentials, Source
from mpsjobs.cloud.log import logger
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import Clock

_AHEAD: Final = timedelta(minutes=5)
_SHARE, _LARGEST_SHARE = 0.1, 0.6
"""Renewed when less than `ahead`, or a tenth of the life, is left: the longer of the two, but no sooner than six tenths are left."""

_PAUSE: Final = timedelta(seconds=30)
"""How long after a failed renewal the next one waits, while the old keys are good."""

_FAILURE_HOLDS: Final = timedelta(seconds=5)
"""Who waited while getting keys failed is told so, instead of trying the same again, one after the other."""

log = logger("credentials")


class RenewedCredentials:
    """A CredentialsProvider. Thread-safe; `find` is asked once, at the first use, and again only when it raised.

    `ahead` is how long the keys should still live when they are used, where their life allows it: URLs that they sign end with them.
    While the keys are good nobody waits: one thread renews, the others go on with the old ones. A failed renewal is logged, and matters
    only when the old keys have ended.
    """

    def __init__(self, find: Callable[[], Source], clock: Clock, *, ahead: timedelta = _AHEAD) -> None:
        self._find = find
        self._ahead = ahead
        self._clock = clock
        self._lock = threading.Lock()
        self._source: Source | None = None
        self._current: Credentials | None = None
        self._renew_at: datetime | None = None
        self._failure: tuple[datetime, CloudError] | None = None
        self._refused_at: datetime | None = None

    def __call__(self) -> Credentials:
        """Credentials that are good now.

        Raises:
            CloudError: there are none, or they have ended and no new ones can be had.
        """
        current = self._good()
        if current is None:
            with self._lock:
                return self._good() or self._first()
        if self._due() and self._lock.acquire(blocking=False):
            try:
                if self._due():
                    self._renew(current)
            finally:
                self._lock.release()
            return self._good() or current
        return current

    def refused(self, secret_id: str) -> bool:
        """A server says that the keys with this SecretId have ended, whatever was known of their end. Returns whether there are others now.

        The place that they come from is asked once more: a profile may have been written anew. Not again within the next seconds.
        """
        with self._lock:
            current, now = self._current, self._clock.utc()
            if current is None or current.secret_id != secret_id:
                return True  # another thread was told before
            if self._source is None or (self._refused_at and now < self._refused_at + _FAILURE_HOLDS):
                return False
            self._refused_at = now
            try:
                new = self._source.fetch()
                if new.secret_id != secret_id:
                    self._take(new)
            except CloudError as error:
                log.warning("refused credentials could not be renewed", error=str(error))
                return False
            renewed = new.secret_id != secret_id
            log.info("credentials were refused", source=self._source.words, renewed=renewed)
            return renewed

    @property
    def source(self) -> str:
        """Where they come from, in words without a secret; looked for if they have not been used yet. Raises CloudError as above."""
        self()
        return self._source.words if self._source else ""

    def _good(self) -> Credentials | None:
        current = self._current
        if current is None or (current.expires_at is not None and current.expires_at <= self._clock.utc()):
            return None
        return current

    def _due(self) -> bool:
        renew_at = self._renew_at
        return renew_at is not None and renew_at <= self._clock.utc()

    def _first(self) -> Credentials:
        """The first keys, or new ones after the old have ended. Called with the lock held."""
        now = self._clock.utc()
        if self._failure is not None and now < self._failure[0] + _FAILURE_HOLDS:
            raise CloudError(*self._failure[1].diagnostics)
        try:
            if self._source is None:
                self._source = self._find()
                log.info("credentials", source=self._source.words)
            return self._take(self._source.fetch())
        except CloudError as error:
            self._failure = (self._clock.utc(), error)
            raise

    def _renew(self, current: Credentials) -> None:
        """New keys while the old are still good. Called with the lock held."""
        if self._source is None:
            raise AssertionError("keys without a source")
        try:
            self._take(self._source.fetch())
        except CloudError as error:
            self._renew_at = self._clock.utc() + _PAUSE
            log.warning(
                "credentials could not be renewed; the old ones are used on",
                source=self._source.words,
                expires_at=str(current.expires_at),
                error="; ".join(f"{each.summary}: {each.detail}" for each in error.diagnostics),
            )

    def _take(self, new: Credentials) -> Credentials:
        now = self._clock.utc()
        self._failure = None
        if new.expires_at is None:
            self._renew_at = None
        else:
            life = new.expires_at - now
            if life <= timedelta(0):
                raise CloudError.of(
                    "The new credentials have already ended",
                    detail=f"They ended at {new.expires_at:%Y-%m-%d %H:%M:%S} UTC, and the clock of this machine says {now:%Y-%m-%d %H:%M:%S}.",
                    hint="Set the clock of this machine.",
                    code=Code.CREDENTIALS_END_TOO_SOON,
                )
            self._renew_at = new.expires_at - min(life * _LARGEST_SHARE, max(self._ahead, life * _SHARE))
            log.debug("credentials received", expires_at=str(new.expires_at))
        self._current = new
        return new
