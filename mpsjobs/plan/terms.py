"""What a plan is made under, and what the state knows of an address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mpsjobs.model.asset import Json, Sound, StoreTarget
from mpsjobs.model.checkout import Standing
from mpsjobs.model.money import Prices
from mpsjobs.model.policy import PolicySettings
from mpsjobs.model.state import AssetRecord, Pool, Take, never_sent
from mpsjobs.plan.promotion import Source
from mpsjobs.plan.selection import EVERYTHING, Selection

NOWHERE = StoreTarget("", "")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the plan is made under. `songs` says how many generations one take of a sound is billed as.

    `host` and `boot_id` tell where the plan is made: an intent of this very boot that was never sent is certain to be nothing.
    What `policy` forbids is an error in the plan already; its periods are counted from `now`, and `billed` says how many generations a
    take with these canonical fields was billed as. `selection` says which assets it is about. `sources` are the other environments whose takes are copied. `publish_to` is the place below
    which takes are published. `prices` name models by their canonical names. `standing` is that of the checkout to
    the commit that was applied last. `regenerate_missing`: what is gone from the store may be bought once more.
    """

    realm: str
    songs: Callable[[Sound], int]
    host: str
    boot_id: str
    policy: PolicySettings = field(default_factory=PolicySettings)
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    billed: Callable[[Mapping[str, Json]], int] = lambda _: 1
    selection: Selection = EVERYTHING
    environment: str | None = None
    sources: tuple[Source, ...] = ()
    publish_to: StoreTarget = NOWHERE
    standing: Standing = Standing.AHEAD
    prices: Prices | None = None
    regenerate_missing: bool = False

    @property
    def attempts(self) -> int:
        """How often a sound is tried."""
        return self.policy.attempts

    def takes(self, pool: Pool) -> tuple[Take, ...]:
        """The takes that count: those of this realm, without attempts that are certain never to have left this machine."""
        return tuple(
            take for take in pool.of_realm(self.realm) if not never_sent(take, self.host, self.boot_id)
        )


@dataclass(frozen=True, slots=True)
class Known:
    """What the state knows of an address: its record, and the name that it had before a rename; `paired`: others fitted as well."""

    record: AssetRecord | None = None
    moved_from: str | None = None
    paired: bool = False


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why an asset that another one needs is not there. `for_good`: this apply cannot bring it.

    `left_out`: nothing is wrong, but it is not bought now, and so is nothing that needs it. `missing`: it was bought before.
    """

    words: str
    for_good: bool
    left_out: bool = False
    missing: bool = False
