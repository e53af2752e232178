"""Which address points at which sound, and from when on."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mpsjobs.model.change import Forget, Kind, Plan, Record, Retire
from mpsjobs.model.events import AssetForgotten, AssetRecorded, AssetRetired
from mpsjobs.model.state import State, chosen_take


@dataclass(slots=True)
class Records:
    """The records that a plan wants. An address changes over only when there is something to hear; a new one has nothing to lose."""

    state: State
    realm: str
    _waiting: dict[str, list[Record]] = field(default_factory=dict)
    _users: dict[str, list[str]] = field(default_factory=dict)

    def begin(self, plan: Plan, at: str) -> Iterator[AssetRecorded | AssetRetired | AssetForgotten]:
        """What can be recorded at once: restores, moves, updates, retirements. Retirements first: a name may be taken over."""
        for change in plan.changes:
            if change.fingerprint and change.kind is not Kind.RETIRE:
                self._users.setdefault(change.fingerprint, []).append(change.address)
        for action in plan.actions:
            if isinstance(action, Retire):
                yield AssetRetired(at, action.address)
            elif isinstance(action, Forget):
                yield AssetForgotten(at, action.address)
        for action in plan.actions:
            if isinstance(action, Record):
                if self._free(action):
                    yield self._recorded(action, at)
                else:
                    self._waiting.setdefault(action.fingerprint, []).append(action)

    def on_submit(self, fingerprint: str, at: str) -> Iterator[AssetRecorded]:
        """A take is, or may be, bought: addresses that have nothing yet show it as theirs from now on."""
        waiting = self._waiting.pop(fingerprint, [])
        known = self.state.assets
        self._waiting[fingerprint] = [record for record in waiting if record.address in known]
        for record in waiting:
            if record.address not in known:
                yield self._recorded(record, at)

    def on_take(self, fingerprint: str, at: str) -> Iterator[AssetRecorded]:
        """A usable take is there: all that waited for it change over."""
        for record in self._waiting.pop(fingerprint, ()):
            yield self._recorded(record, at)

    def usable(self, fingerprint: str) -> bool:
        """Whether a take of this sound can be used, by whomever."""
        takes = self.state.pool(fingerprint).of_realm(self.realm)
        picks = {record.pick for record in self._waiting.get(fingerprint, ())}
        return any(take.usable or (take.there and not take.rejected and take.take in picks) for take in takes)

    def users(self, fingerprint: str) -> list[str]:
        """The addresses of the plan that want this sound."""
        return self._users.get(fingerprint, [])

    def _free(self, action: Record) -> bool:
        if chosen_take(self.state.pool(action.fingerprint), self.realm, action.pick):
            return True
        known = self.state.assets.get(action.moved_from or action.address)
        return known is not None and (known.fingerprint, known.realm) == (
            action.fingerprint,
            action.realm or self.realm,
        )

    def _recorded(self, action: Record, at: str) -> AssetRecorded:
        return AssetRecorded(
            at=at,
            address=action.address,
            fingerprint=action.fingerprint,
            realm=action.realm or self.realm,
            takes=action.takes,
            pick=action.pick,
            moved_from=action.moved_from,
            lifecycle=dict(action.lifecycle),
        )
