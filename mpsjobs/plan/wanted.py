"""The desired assets with the names of their sounds, in an order in which each comes after what it needs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from types import MappingProxyType

from mpsjobs.model.asset import Asset, Json
from mpsjobs.model.change import Need
from mpsjobs.model.state import AssetRecord, State
from mpsjobs.plan.fingerprint import canonical_fields, fingerprint


@dataclass(frozen=True, slots=True)
class Wanted:
    """A desired asset with the name of its sound, and what must be there before it can be made."""

    asset: Asset
    fields: Mapping[str, Json]
    fingerprint: str
    needs: tuple[Need, ...] = ()


def in_order(assets: Iterable[Asset]) -> list[Asset]:
    """Each after what it needs, and else by address. The specs see to it that this is possible."""
    known = {asset.address: asset for asset in sorted(assets, key=lambda asset: asset.address)}
    needs = {address: asset.requires for address, asset in known.items() if asset.requires}
    if not needs:
        return list(known.values())
    free = [asset for address, asset in known.items() if address not in needs]
    return free + [known[address] for address in TopologicalSorter(needs).static_order() if address in needs]


def name_sounds(
    ordered: Sequence[Asset],
    state: State,
    realm: str,
    suffices: Callable[[Asset, str], bool],
    moved: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Wanted]:
    """What is wanted, by address, in the given order, in which each comes after what it needs.

    Where an asset differs from what is recorded for it in nothing but fields that it ignores, it keeps the recorded sound: as long as
    that `suffices`, which is asked with its fingerprint. What must be bought anyway is bought as the specs say now. `moved` has the
    old addresses of those that somebody said have moved.
    """
    wanted: dict[str, Wanted] = {}
    fingerprints: dict[str, str] = {}
    recorded = _Recorded(state, realm, frozenset(asset.address for asset in ordered), moved)
    for asset in ordered:
        address = asset.address
        fields: Mapping[str, Json] = canonical_fields(asset.sound, fingerprints)
        name = fingerprint(fields)
        if asset.ignore_changes:
            kept = recorded.alike(asset, fields)
            if kept and suffices(asset, kept):
                name, fields = kept, state.pool(kept).fields
        fingerprints[address] = name
        needs = tuple(Need(each, fingerprints[each], wanted[each].asset.pick) for each in asset.requires)
        wanted[address] = Wanted(asset, fields, name, needs)
    return wanted


class _Recorded:
    """Recorded sounds, compared without the fields that an asset ignores."""

    def __init__(self, state: State, realm: str, wanted: frozenset[str], moved: Mapping[str, str]) -> None:
        self._state = state
        self._moved = moved
        self._realm = realm
        self._wanted = wanted
        self._gone: dict[frozenset[str], dict[str, str]] = {}

    def alike(self, asset: Asset, fields: Mapping[str, Json]) -> str | None:
        """The fingerprint that is recorded for an asset, or, if it is new, for one that nobody wants any more and that may be it."""
        ignored = frozenset(asset.ignore_changes)
        form = _form(fields, ignored)
        record = self._state.assets.get(self._moved.get(asset.address, asset.address))
        if record is None:
            return self._of_the_gone(ignored).get(form)
        return record.fingerprint if self._counts(record) and self._form_of(record, ignored) == form else None

    def _of_the_gone(self, ignored: frozenset[str]) -> dict[str, str]:
        if ignored not in self._gone:
            gone = (self._state.assets[each] for each in sorted(self._state.assets.keys() - self._wanted))
            self._gone[ignored] = {
                self._form_of(record, ignored): record.fingerprint for record in gone if self._counts(record)
            }
        return self._gone[ignored]

    def _counts(self, record: AssetRecord) -> bool:
        return record.realm == self._realm and bool(self._state.pool(record.fingerprint).fields)

    def _form_of(self, record: AssetRecord, ignored: frozenset[str]) -> str:
        return _form(self._state.pool(record.fingerprint).fields, ignored)


def _form(fields: Mapping[str, Json], ignored: frozenset[str]) -> str:
    """A name for the fields that are not ignored."""
    return fingerprint({name: value for name, value in fields.items() if name not in ignored})
