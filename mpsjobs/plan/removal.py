"""What becomes of assets whose block is gone, as their recorded lifecycle says; and what a lifecycle forbids."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mpsjobs.model.change import Change, Delete, Forget, Kind, Retire, Risk
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Related
from mpsjobs.model.lifecycle import Lifecycle, OnRemove
from mpsjobs.model.state import AssetRecord, State, Take, TakeStatus
from mpsjobs.plan.wanted import Wanted

NOT_HEARD = frozenset({"takes", "pick", "lifecycle", "master", "rejected"})
MOST_NAMES = 20
"""So many addresses are told one by one."""


@dataclass(frozen=True, slots=True)
class Removals:
    """The changes of addresses that go, and the actions that carry them out."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    actions: Mapping[str, Retire | Forget | Delete] = field(default_factory=dict)

    @property
    def risks(self) -> Iterator[Risk]:
        for change in self.changes.values():
            if change.deletes:
                yield Risk(
                    change.address,
                    f"{_takes(change.deletes)} deleted; what is deleted can never be made again",
                )


def remove(gone: Collection[str], state: State, wanted: Mapping[str, Wanted], realm: str) -> Removals:
    """What becomes of the addresses in `gone`. A take is deleted only where nobody else holds on to its sound."""
    how = {address: Lifecycle.of(state.assets[address].lifecycle).on_remove for address in gone}
    holders = _holders(state, wanted, how) if OnRemove.DELETE in how.values() else {}
    changes: dict[str, Change] = {}
    actions: dict[str, Retire | Forget | Delete] = {}
    counted: set[str] = set()
    for address in sorted(gone):
        record, message, deletes = state.assets[address], None, 0
        match how[address]:
            case OnRemove.RETIRE:
                actions[address] = Retire(address)
            case OnRemove.FORGET:
                actions[address] = Forget(address)
                message = "its address is forgotten; its takes stay with their sound"
            case OnRemove.DELETE:
                takes, message = _deletable(record, state, holders.get(record.fingerprint), realm)
                actions[address] = Delete(
                    address, record.fingerprint, tuple(take.attempt_id for take in takes)
                )
                if record.fingerprint not in counted:
                    deletes = sum(take.status is TakeStatus.DONE for take in takes)
                    counted.add(record.fingerprint)
        changes[address] = Change(
            address,
            Kind.RETIRE,
            record.fingerprint,
            message=message,
            on_remove=how[address],
            deletes=deletes,
        )
    return Removals(changes, actions)


def _holders(state: State, wanted: Mapping[str, Wanted], how: Mapping[str, OnRemove]) -> dict[str, str]:
    """Fingerprint → an address that wants it, has it, or was retired with it, and is not itself deleted."""
    holders = {record.fingerprint: address for address, record in state.retired.items()}
    for address, record in state.assets.items():
        if how.get(address) is not OnRemove.DELETE:
            holders[record.fingerprint] = address
    return holders | {want.fingerprint: address for address, want in wanted.items()}


def _deletable(
    record: AssetRecord, state: State, holder: str | None, realm: str
) -> tuple[tuple[Take, ...], str]:
    """The takes whose outputs go, and what to say of it. Those whose deletion was begun are among them."""
    if holder is not None:
        return (), f"its takes are kept, for {holder} has the same sound; its address is forgotten"
    if record.realm != realm:
        return (), f"its takes are kept, for they are of {record.realm}; its address is forgotten"
    pool = state.pool(record.fingerprint).of_realm(realm)
    takes = tuple(take for take in pool if take.status in {TakeStatus.DONE, TakeStatus.DELETED})
    number = sum(take.status is TakeStatus.DONE for take in takes)
    running = any(take.in_flight or take.unresolved for take in pool)
    message = f"{_takes(number)} deleted from the store, for good"
    return takes, f"{message}; what is still running is collected and kept" if running else message


def _takes(number: int) -> str:
    return "1 take is" if number == 1 else f"{number} takes are"


def forbidden(changes: Iterable[Change], wanted: Mapping[str, Wanted], state: State) -> Iterator[Diagnostic]:
    """Errors for what `prevent_regenerate` and `prevent_retire` forbid."""
    guarded: list[str] = []
    bought: list[Change] = []
    for change in changes:
        if change.kind is Kind.RETIRE:
            if Lifecycle.of(state.assets[change.address].lifecycle).prevent_retire:
                guarded.append(change.address)
        elif change.kind is Kind.REGENERATE and wanted[change.address].asset.lifecycle.prevent_regenerate:
            bought.append(change)
    yield from _regenerated(bought, wanted)
    if guarded:
        count = f"{len(guarded):,} asset{'s'[: len(guarded) != 1]}"
        yield Diagnostic(
            f"{count} must not be retired (prevent_retire)",
            f"No spec has {'it' if len(guarded) == 1 else 'them'} any more: {_names(guarded)}.",
            "Bring the block back. If it shall go, write `prevent_retire: false` there, apply, and remove it then; if the address has "
            "changed, say so under `moved:`.",
            code=Code.MUST_NOT_RETIRE,
        )


def _regenerated(changes: list[Change], wanted: Mapping[str, Wanted]) -> Iterator[Diagnostic]:
    for change in changes[:MOST_NAMES]:
        asset = wanted[change.address].asset
        at, origin = asset.lifecycle.guarded_at, asset.source or asset.origin
        fields = ", ".join(each.path for each in change.reasons if each.path.split(".")[0] not in NOT_HEARD)
        yield Diagnostic(
            f"{change.address} must not be regenerated (prevent_regenerate)",
            f"What is heard has changed: {fields}."
            if fields
            else "New takes were asked for in place of those it has.",
            "Take the change back, keep the sound with `ignore_changes`, or take `prevent_regenerate` away.",
            position=at or origin,
            related=(Related(origin, "this asset"),) if at and at != origin else (),
            code=Code.MUST_NOT_REGENERATE,
        )
    more = len(changes) - MOST_NAMES
    if more > 0:
        yield Diagnostic(
            f"{more:,} more assets must not be regenerated (prevent_regenerate)",
            code=Code.MUST_NOT_REGENERATE,
        )


def _names(addresses: list[str]) -> str:
    more = len(addresses) - MOST_NAMES
    return ", ".join(addresses[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")
