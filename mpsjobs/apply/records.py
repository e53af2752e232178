"""Which address points at which sound, and from when on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mpsjobs.model.change import Action, Record, Retire
from mpsjobs.model.events import AssetRecorded, AssetRetired
from mpsjobs.model.state import State, chosen_take


@dataclass(slots=True)
class Records:
    """The records that a plan wants. An address changes over only when there is something to hear; a new one has nothing to lose."""

    state: State
    realm: str
    _waiting: dict[str, list[Record]] = field(default_factory=dict)

    def begin(self, actions: Iterable[Action], at: str) -> Iterator[AssetRecorded | AssetRetired]:
        """What can be recorded at once: restores, moves, updates, retirements."""
        for action in actions:
            if isinstance(action, Retire):
                yield AssetRetired(at, action.address)
            elif isinstance(action, Record):
                if self._free(action):
                    yield self._recorded(action, at)
                else:
                    self._waiting.setdefault(action.fingerprint, []).append(action)

    def on_intent(self, fingerprint: str, at: str) -> Iterator[AssetRecorded]:
        """A take is being bought: addresses that have nothing yet show it as theirs from now on."""
        waiting = self._waiting.get(fingerprint, [])
        new = [record for record in waiting if record.address not in self.state.assets]
        self._waiting[fingerprint] = [record for record in waiting if record not in new]
        for record in new:
            yield self._recorded(record, at)

    def on_take(self, fingerprint: str, at: str) -> Iterator[AssetRecorded]:
        """A usable take is there: all that waited for it change over."""
        for record in self._waiting.pop(fingerprint, ()):
            yield self._recorded(record, at)

    def _free(self, action: Record) -> bool:
        if chosen_take(self.state.pool(action.fingerprint), self.realm, action.pick):
            return True
        known = self.state.assets.get(action.moved_from or action.address)
        return known is not None and (known.fingerprint, known.realm) == (action.fingerprint, self.realm)

    def _recorded(self, action: Record, at: str) -> AssetRecorded:
        return AssetRecorded(
            at=at,
            address=action.address,
            fingerprint=action.fingerprint,
            realm=self.realm,
            takes=action.takes,
            pick=action.pick,
            moved_from=action.moved_from,
        )
