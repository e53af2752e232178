"""What happens to each address: the rules of the product, one asset at a time."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mpsjobs.model.asset import Asset, Json, Sound, StoreTarget
from mpsjobs.model.change import Change, Kind, LeftOut, Need, Reason
from mpsjobs.model.checkout import Standing
from mpsjobs.model.money import Prices
from mpsjobs.model.policy import PolicySettings
from mpsjobs.model.state import (
    AssetRecord,
    Pool,
    State,
    Take,
    TakeStatus,
    adopted_drafts,
    chosen_take,
    never_sent,
)
from mpsjobs.plan.drafts import told as told_drafts
from mpsjobs.plan.imports import Imports, told as told_imports
from mpsjobs.plan.judging import retakes
from mpsjobs.plan.promotion import Copies, Source, told
from mpsjobs.plan.reasons import field_reasons
from mpsjobs.plan.selection import EVERYTHING, Selection
from mpsjobs.plan.wanted import Wanted

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


PAIRED = (
    "one of several with this sound; they share their takes, so any pairing is free (to choose: `moved:`)"
)

_IN_VAIN = frozenset({TakeStatus.FAILED, TakeStatus.ABANDONED})
"""Attempts that brought nothing; they count against `policy.attempts`, so that nothing is bought again and again without an end."""


@dataclass(frozen=True, slots=True)
class _Count:
    """The takes of one fingerprint in one realm, counted."""

    good: tuple[Take, ...]
    in_flight: int
    unresolved: tuple[Take, ...]
    failed: tuple[Take, ...]
    unfit: tuple[Take, ...]
    lost: tuple[Take, ...]

    @classmethod
    def of(cls, takes: Iterable[Take], pick: int | None = None) -> "_Count":
        """An unfit take that is picked is good enough."""
        takes = tuple(takes)
        there = tuple(take for take in takes if take.there and not take.rejected)
        return cls(
            good=tuple(take for take in there if take.usable or take.take == pick),
            unfit=tuple(take for take in takes if take.unfit and take.take != pick and not take.rejected),
            in_flight=sum(take.in_flight for take in takes),
            unresolved=tuple(take for take in takes if take.unresolved),
            failed=tuple(take for take in takes if take.status in _IN_VAIN),
            lost=tuple(take for take in takes if take.lost),
        )

    @property
    def usable(self) -> int:
        return len(self.good)

    @property
    def coming(self) -> int:
        """Takes that may still come."""
        return self.in_flight + len(self.unresolved)

    @property
    def covered(self) -> int:
        """Takes that are there or may still come; nothing more is bought for these."""
        return self.usable + self.coming


@dataclass(slots=True)
class Purchases:
    """The takes that this plan buys, copies or imports, so that assets of one fingerprint share them: who buys, and how many."""

    copies: Copies
    imports: Imports
    bought: dict[str, tuple[str, int]] = field(default_factory=dict)
    reserved: set[str] = field(default_factory=set)
    left_out: dict[str, LeftOut] = field(default_factory=dict)

    def buyer(self, fingerprint: str) -> tuple[str | None, int]:
        return self.bought.get(fingerprint, (None, 0))

    def reserve(self, fingerprint: str, takes: int) -> int:
        """So many takes may be bought on top; nothing where another asset of this sound has spoken for them."""
        if takes <= 0 or fingerprint in self.reserved:
            return 0
        self.reserved.add(fingerprint)
        return takes

    def withhold(self, address: str, songs: int, stop: Hindrance | None) -> None:
        """Note what is not bought although nothing is wrong with it."""
        if stop and stop.left_out:
            self.left_out[address] = LeftOut(address, songs, stop.words, missing=stop.missing)

    def buy(self, fingerprint: str, address: str, takes: int) -> None:
        first, before = self.bought.get(fingerprint, (address, 0))
        self.bought[fingerprint] = (first, before + takes)


def suffices(asset: Asset, fingerprint: str, state: State, terms: Terms) -> bool:
    """Whether the asset could have this sound and nothing would have to be bought. What is lost is bought only if somebody says so."""
    count = _Count.of(terms.takes(state.pool(fingerprint)), asset.pick)
    lost = 0 if terms.regenerate_missing else len(count.lost)
    return count.covered + lost >= asset.takes and not terms.selection.replaces(asset.address)


def change_of(
    want: Wanted, known: Known, state: State, terms: Terms, purchases: Purchases, hindrance: Hindrance | None
) -> Change:
    """Decide what happens to one address. Notes in `purchases` what it buys.

    `hindrance` is what is in the way of an asset that this one needs, if anything is.
    """
    pool = state.pool(want.fingerprint)
    count = _Count.of(terms.takes(pool), want.asset.pick)
    buyer, planned = purchases.buyer(want.fingerprint)
    replacing = terms.selection.replaces(want.asset.address)
    replaced = count.good if replacing else ()
    arriving = purchases.copies.planned(want.fingerprint) + purchases.imports.planned(want.fingerprint)
    imported = purchases.imports.plan(want)
    missing = want.asset.takes - planned - arriving - len(imported) - count.covered + len(replaced)
    missing = max(0, missing)
    copied = () if replacing else purchases.copies.plan(want, pool, missing)
    missing = max(0, missing - len(copied))
    if count.failed:  # what has failed is bought again only as far as the attempts go
        missing = min(missing, max(terms.attempts - len(count.failed), 1))
    stop = _stop(want, hindrance, state, terms) if missing else None
    spare = retakes(want, wanted=want.asset.takes, covered=count.covered, unfit=len(count.unfit))
    if spare is not None and count.unfit and not (replacing or terms.selection.retries(want.asset.address)):
        stop = stop or (_worn_out(count) if missing and not spare else None)
        missing = min(missing, spare)
    buys = 0 if stop else missing
    purchases.withhold(want.asset.address, missing * terms.songs(want.asset.sound), stop)
    if buys:
        purchases.buy(want.fingerprint, want.asset.address, buys)
    may_come = terms.policy.generate and (buys or count.coming)
    reserve = purchases.reserve(want.fingerprint, (spare or 0) - buys) if may_come else 0

    def change(kind: Kind, *messages: str | None) -> Change:
        reasons = _reasons(want, known.record, state, terms.realm) if kind is not Kind.KEEP else ()
        return Change(
            address=want.asset.address,
            kind=kind,
            fingerprint=want.fingerprint,
            reasons=reasons,
            generations=buys * terms.songs(want.asset.sound),
            fields=want.fields,
            moved_from=known.moved_from,
            message="; ".join(filter(None, (*messages, _stale_inputs(want, reasons)))) or None,
            depends_on=want.asset.requires,
            retakes=reserve * terms.songs(want.asset.sound),
        )

    free = "; ".join(filter(None, (told(copied), told_imports(imported)))) or None
    if stop and not free:
        return change(Kind.FAILED, stop.words)
    again = _again(count, terms)
    shares = f"shares its takes with {buyer}" if buyer and not missing and planned else None
    waits = hindrance.words if hindrance else None
    if buys and count.lost and not count.usable:
        numbers = ", ".join(str(take.take) for take in count.lost)
        return change(Kind.REGENERATE, f"missing in the store: take {numbers}", waits)
    if buys and replaced:
        words = f"replaces take {', '.join(str(take.take) for take in replaced)}"
        return change(Kind.REGENERATE, words, waits)
    if buys or (shares and count.covered < want.asset.takes):
        kind = _paid_kind(want, known.record, state, terms.realm, count)
        return change(kind, free, shares or again, None if shares else waits)
    if free or (arriving and count.usable < want.asset.takes):
        kind = _free_kind(want, known, terms.realm)
        words = free or "shares the takes that are copied or imported"
        return change(Kind.RESTORE if kind is Kind.KEEP else kind, words, stop.words if stop else None)
    kind, message = _as_it_stands(want, known, count, terms.realm)
    drafts = told_drafts(adopted_drafts(pool, terms.realm, want.asset.takes, want.asset.pick))
    return change(kind, message, PAIRED if kind is Kind.MOVE and known.paired else None, drafts)


def _again(count: _Count, terms: Terms) -> str | None:
    """In words: why takes are bought again."""
    if count.failed:
        return f"attempt {len(count.failed) + 1} of {terms.attempts}; last time: {count.failed[-1].message}"
    if count.unfit:
        numbers = ", ".join(str(take.take) for take in count.unfit)
        return f"in place of take {numbers}: {'; '.join(count.unfit[-1].misses)}"
    return None


def _worn_out(count: _Count) -> Hindrance:
    """As many takes as may be bought have missed what is expected."""
    last = count.unfit[-1]
    tried = f"{len(count.unfit)} takes miss" if len(count.unfit) > 1 else f"take {last.take} misses"
    words = f"{tried} what is expected, and max_retakes allows no more; take {last.take}: {'; '.join(last.misses)}"
    return Hindrance(words, for_good=True)


def hindrance_of(need: Need, change: Change | None, state: State, realm: str) -> Hindrance | None:
    """What is in the way of an asset that another one needs; None when it is there, or will be if all goes well.

    `change` None: the selection leaves the needed asset out.
    """
    if chosen_take(state.pool(need.fingerprint), realm, need.pick) or (change and change.generations):
        return None
    if change is None:
        return Hindrance(f"needs {need.address}, which is left out", for_good=True, left_out=True)
    if change.kind is Kind.FAILED:
        return Hindrance(f"waits for {need.address}, which has failed", for_good=True)
    if change.kind is Kind.UNRESOLVED:
        return Hindrance(f"waits for {need.address}, whose outcome is unknown", for_good=False)
    return None


def _stale_inputs(want: Wanted, reasons: Iterable[Reason]) -> str | None:
    """In words: which assets have another sound now than the one that this asset was made from."""
    before = [
        item
        for reason in reasons
        if reason.path in {"reference_audio", "reference_video"} and isinstance(reason.before, list)
        for item in reason.before
    ]
    if not before:
        return None
    referred_to = {each.value for each in want.asset.sound.references}
    changed = [
        need.address
        for need in want.needs
        if need.address in referred_to and {"asset": need.fingerprint} not in before
    ]
    return f"depends on {', '.join(changed)}" if changed else None


def has_failed(want: Wanted, state: State, terms: Terms) -> bool:
    """Whether takes are missing because the cloud refused them or attempts at them were in vain."""
    pool = state.pool(want.fingerprint)
    count = _Count.of(terms.takes(pool))
    ended_badly = count.failed or count.lost or terms.realm in pool.refused
    return count.usable < want.asset.takes and bool(ended_badly)


MISSING = Hindrance(
    "bought before and missing in the store; to buy them once more: --regenerate-missing",
    for_good=True,
    left_out=True,
    missing=True,
)


def _stop(want: Wanted, hindrance: Hindrance | None, state: State, terms: Terms) -> Hindrance | None:
    """Why what is missing is not bought now, None if it is."""
    held = hindrance if hindrance and hindrance.for_good else None
    if held and not held.left_out:
        return held
    address = want.asset.address
    if not (terms.regenerate_missing or terms.selection.replaces(address)):
        pool = state.pool(want.fingerprint)
        if any(take.lost for take in terms.takes(pool)):
            return MISSING
    words = None if terms.selection.retries(address) else given_up(want, state, terms)
    return Hindrance(words, for_good=True) if words else held


def beyond_limit(selection: Selection, bought: int) -> Hindrance | None:
    """What keeps an asset from being bought when so many are bought already."""
    if selection.limit is None or bought < selection.limit:
        return None
    return Hindrance(f"beyond --limit {selection.limit}", for_good=True, left_out=True)


def given_up(want: Wanted, state: State, terms: Terms) -> str | None:
    """Why no more takes are bought for this sound by themselves, None if they may be."""
    pool = state.pool(want.fingerprint)
    count = _Count.of(terms.takes(pool))
    if refused := pool.refused.get(terms.realm):
        return f"{refused.code}: {refused.message}{_request(refused.request_id)}"
    if len(count.failed) >= terms.attempts:
        last = count.failed[-1]
        return f"failed {len(count.failed)} times, last: {last.message}{_request(last.request_id)}"
    return None


def _request(request_id: str | None) -> str:
    return f" (RequestId {request_id})" if request_id else ""


def _unknown(take: Take) -> str:
    if take.status is TakeStatus.INTENDED:
        why = "no answer is known, because a run is sending it, or was cut off; a paid task may exist"
        return f"take {take.take}: intended at {take.intended_at}, {why} (attempt {take.attempt_id})"
    return f"take {take.take}: sent at {take.intended_at}, the answer was lost; a paid task may exist (attempt {take.attempt_id})"


def _paid_kind(want: Wanted, record: AssetRecord | None, state: State, realm: str, count: _Count) -> Kind:
    """REGENERATE only where something that can be heard gives way; more takes of the same sound never do that."""
    replaces = record is not None and record.fingerprint != want.fingerprint and not count.usable
    return Kind.REGENERATE if replaces and record and _has_sound(state, record, realm) else Kind.GENERATE


def _has_sound(state: State, record: AssetRecord, realm: str) -> bool:
    """Whether this realm has ever had something to hear for the record: else there is nothing to generate *again*."""
    return any(take.usable or take.in_flight for take in state.pool(record.fingerprint).of_realm(realm))


def _as_it_stands(want: Wanted, known: Known, count: _Count, realm: str) -> tuple[Kind, str | None]:
    """What happens where nothing is bought or copied, and what to say of it."""
    if count.unresolved and count.usable < want.asset.takes:
        return Kind.UNRESOLVED, _unknown(count.unresolved[0])
    if count.in_flight and count.usable < want.asset.takes:
        return Kind.RESUME, None
    return _free_kind(want, known, realm), None


def _free_kind(want: Wanted, known: Known, realm: str) -> Kind:
    record = known.record
    if record is None or record.fingerprint != want.fingerprint or record.realm != realm:
        return Kind.RESTORE
    if known.moved_from:
        return Kind.MOVE
    return Kind.KEEP if as_recorded(record) == as_wanted(want) else Kind.UPDATE


def as_recorded(record: AssetRecord) -> tuple[int, int | None, Mapping[str, Json]]:
    """What a record says beside the sound."""
    return record.takes, record.pick, record.lifecycle


def as_wanted(want: Wanted) -> tuple[int, int | None, Mapping[str, Json]]:
    """The same of what is wanted."""
    return want.asset.takes, want.asset.pick, want.asset.recorded


def _reasons(want: Wanted, record: AssetRecord | None, state: State, realm: str) -> tuple[Reason, ...]:
    if record is None:
        return ()
    reasons = field_reasons(state.pool(record.fingerprint).fields, want.fields)
    if record.realm != realm:
        reasons += (Reason("realm", record.realm, realm),)
    for path, before, after in (
        ("takes", record.takes, want.asset.takes),
        ("pick", record.pick, want.asset.pick),
    ):
        if before != after:
            reasons += (Reason(path, before, after),)
    return reasons + field_reasons(_treated(record.lifecycle), _treated(want.asset.recorded))


def _treated(recorded: Mapping[str, Json]) -> dict[str, Json]:
    """What is recorded of how an asset is treated, by the paths that specs have for it."""
    rest = {name: value for name, value in recorded.items() if name != "master"}
    return {"lifecycle": rest, **({"master": recorded["master"]} if "master" in recorded else {})}
