"""What happens to each address: the rules of the product, one asset at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mpsjobs.model.asset import Json
from mpsjobs.model.change import Change, Kind, Reason
from mpsjobs.model.state import AssetRecord, State, Take, TakeStatus, adopted_drafts
from mpsjobs.plan.drafts import told as told_drafts
from mpsjobs.plan.hindrances import stop_of, worn_out
from mpsjobs.plan.imports import told as told_imports
from mpsjobs.plan.judging import retakes
from mpsjobs.plan.promotion import told
from mpsjobs.plan.purchases import Count, Purchases
from mpsjobs.plan.reasons import field_reasons
from mpsjobs.plan.terms import Hindrance, Known, Terms
from mpsjobs.plan.wanted import Wanted

PAIRED = (
    "one of several with this sound; they share their takes, so any pairing is free (to choose: `moved:`)"
)


@dataclass(frozen=True, slots=True)
class _Supply:
    """Where the takes of one asset come from: `buys` are bought, `missing` would be but for `stop`, `reserve` may be bought in place of unfit ones.

    `planned` are bought by `buyer`, which has the same sound; `arriving` are copied or imported for others. `replaced` give way.
    """

    buys: int
    missing: int
    reserve: int
    stop: Hindrance | None
    replaced: tuple[Take, ...]
    free: str | None
    arriving: int
    buyer: str | None
    planned: int

    @property
    def shares(self) -> str | None:
        """In words: that another asset brings what this one wants."""
        return (
            f"shares its takes with {self.buyer}"
            if self.buyer and not self.missing and self.planned
            else None
        )


def _supply(
    want: Wanted, count: Count, state: State, terms: Terms, purchases: Purchases, hindrance: Hindrance | None
) -> _Supply:
    """Decide what is bought for one address, and note it in `purchases`."""
    pool, address, takes = state.pool(want.fingerprint), want.asset.address, want.asset.takes
    buyer, planned = purchases.buyer(want.fingerprint)
    replacing = terms.selection.replaces(address)
    replaced = count.good if replacing else ()
    arriving = purchases.copies.planned(want.fingerprint) + purchases.imports.planned(want.fingerprint)
    imported = purchases.imports.plan(want)
    missing = max(0, takes - planned - arriving - len(imported) - count.covered + len(replaced))
    copied = () if replacing else purchases.copies.plan(want, pool, missing)
    missing = max(0, missing - len(copied))
    if count.failed:  # what has failed is bought again only as far as the attempts go
        missing = min(missing, max(terms.attempts - len(count.failed), 1))
    stop = stop_of(want, hindrance, state, terms) if missing else None
    spare = retakes(want, wanted=takes, covered=count.covered, unfit=len(count.unfit))
    if spare is not None and count.unfit and not (replacing or terms.selection.retries(address)):
        stop = stop or (worn_out(count) if missing and not spare else None)
        missing = min(missing, spare)
    buys = 0 if stop else missing
    purchases.withhold(address, missing * terms.songs(want.asset.sound), stop)
    if buys:
        purchases.buy(want.fingerprint, address, buys)
    may_come = terms.policy.generate and (buys or count.coming)
    reserve = purchases.reserve(want.fingerprint, (spare or 0) - buys) if may_come else 0
    free = "; ".join(filter(None, (told(copied), told_imports(imported)))) or None
    return _Supply(buys, missing, reserve, stop, replaced, free, arriving, buyer, planned)


def change_of(
    want: Wanted, known: Known, state: State, terms: Terms, purchases: Purchases, hindrance: Hindrance | None
) -> Change:
    """Decide what happens to one address. Notes in `purchases` what it buys.

    `hindrance` is what is in the way of an asset that this one needs, if anything is.
    """
    pool = state.pool(want.fingerprint)
    count = Count.of(terms.takes(pool), want.asset.pick)
    supply = _supply(want, count, state, terms, purchases, hindrance)
    buys, free, stop = supply.buys, supply.free, supply.stop

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
            retakes=supply.reserve * terms.songs(want.asset.sound),
        )

    if stop and not free:
        return change(Kind.FAILED, stop.words)
    waits = hindrance.words if hindrance else None
    if buys and count.lost and not count.usable:
        return change(Kind.REGENERATE, f"missing in the store: take {_numbers(count.lost)}", waits)
    if buys and supply.replaced:
        return change(Kind.REGENERATE, f"replaces take {_numbers(supply.replaced)}", waits)
    if buys or (supply.shares and count.covered < want.asset.takes):
        kind = _paid_kind(want, known.record, state, terms.realm, count)
        return change(kind, free, supply.shares or _again(count, terms), None if supply.shares else waits)
    if free or (supply.arriving and count.usable < want.asset.takes):
        kind = _free_kind(want, known, terms.realm)
        words = free or "shares the takes that are copied or imported"
        return change(Kind.RESTORE if kind is Kind.KEEP else kind, words, stop.words if stop else None)
    kind, message = _as_it_stands(want, known, count, terms.realm)
    drafts = told_drafts(adopted_drafts(pool, terms.realm, want.asset.takes, want.asset.pick))
    return change(kind, message, PAIRED if kind is Kind.MOVE and known.paired else None, drafts)


def _numbers(takes: Iterable[Take]) -> str:
    return ", ".join(str(take.take) for take in takes)


def _again(count: Count, terms: Terms) -> str | None:
    """In words: why takes are bought again."""
    if count.failed:
        return f"attempt {len(count.failed) + 1} of {terms.attempts}; last time: {count.failed[-1].message}"
    if count.unfit:
        return f"in place of take {_numbers(count.unfit)}: {'; '.join(count.unfit[-1].misses)}"
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


def _unknown(take: Take) -> str:
    if take.status is TakeStatus.INTENDED:
        why = "no answer is known, because a run is sending it, or was cut off; a paid task may exist"
        return f"take {take.take}: intended at {take.intended_at}, {why} (attempt {take.attempt_id})"
    return f"take {take.take}: sent at {take.intended_at}, the answer was lost; a paid task may exist (attempt {take.attempt_id})"


def _paid_kind(want: Wanted, record: AssetRecord | None, state: State, realm: str, count: Count) -> Kind:
    """REGENERATE only where something that can be heard gives way; more takes of the same sound never do that."""
    replaces = record is not None and record.fingerprint != want.fingerprint and not count.usable
    return Kind.REGENERATE if replaces and record and _has_sound(state, record, realm) else Kind.GENERATE


def _has_sound(state: State, record: AssetRecord, realm: str) -> bool:
    """Whether this realm has ever had something to hear for the record: else there is nothing to generate *again*."""
    return any(take.usable or take.in_flight for take in state.pool(record.fingerprint).of_realm(realm))


def _as_it_stands(want: Wanted, known: Known, count: Count, realm: str) -> tuple[Kind, str | None]:
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
