"""Drift: what became, behind our back, of the outputs in use and of their published copies. What is found turns into events, or into words."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from mpsjobs.apply.sightings import Lookout, Recorded, Sight, Sighting, ref_of
from mpsjobs.model.change import Risk
from mpsjobs.model.events import Event, FinishedMissing, OutputsMissing, OutputsRecorded, PublishedMissing
from mpsjobs.model.ports import ObjectRef
from mpsjobs.model.state import Master, Output, Published, State, Take, chosen_take
from mpsjobs.plan.risks import EVERY_ADDRESS
from mpsjobs.state.fold import Fold

MOST_RISKS: Final = 20
"""So many things are told one by one."""

_Object = TypeVar("_Object", Output, Published)


@dataclass(frozen=True, slots=True)
class LookedFor:
    """A take whose outputs were looked for, with an address that uses it; with a `master`, the files that were made of it."""

    address: str
    take: Take
    master: Master | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """What was looked for, and what was seen of each object."""

    takes: tuple[LookedFor, ...]
    published: Mapping[str, tuple[Published, ...]]
    seen: Mapping[ObjectRef, Sighting]
    finished: tuple[LookedFor, ...] = ()

    @property
    def checked(self) -> int:
        """How many objects were looked for."""
        return len(self.seen)

    @property
    def lost(self) -> tuple[LookedFor, ...]:
        """Takes that do not have all of their outputs any more, recorded as such or not."""
        return tuple(each for each in self.takes if self._of(each.take.outputs, Sight.MISSING))

    @property
    def lost_copies(self) -> Iterator[tuple[str, Published]]:
        """Published objects that are not there, with the addresses of their assets."""
        for address, objects in self.published.items():
            yield from ((address, each) for each in self._of(objects, Sight.MISSING))

    @property
    def lost_finished(self) -> Iterator[LookedFor]:
        """Takes of which finished files are not there any more."""
        return (each for each in self.finished if self._of(_files(each), Sight.MISSING))

    @property
    def missing(self) -> int:
        """How many objects are not there."""
        return self._count(Sight.MISSING)

    @property
    def changed(self) -> int:
        """How many objects have another content than was recorded."""
        return self._count(Sight.CHANGED)

    @property
    def unseen(self) -> int:
        """How many objects the store says nothing of."""
        return self._count(Sight.UNSEEN)

    def missing_of(self, take: Take) -> tuple[Output, ...]:
        return tuple(each for each in take.outputs if self._sight(each) is Sight.MISSING)

    def events(self, at: str) -> Iterator[Event]:
        """What the state does not know yet: takes that are lost or found again or have other ETags, and what is gone of the rest."""
        for each in self.takes:
            take = each.take
            if gone := self._of(take.outputs, Sight.MISSING):
                if take.there:
                    yield OutputsMissing(at, take.attempt_id, tuple(output.key for output in gone))
            elif not self._of(take.outputs, Sight.CHANGED, Sight.UNSEEN) and (
                not take.there or self._of(take.outputs, Sight.SAME)
            ):
                yield OutputsRecorded(at, take.attempt_id, tuple(map(self._as_seen, take.outputs)))
        lost = {each.take.attempt_id for each in self.lost}
        for each in self.lost_finished:
            if each.master and each.take.attempt_id not in lost:
                yield FinishedMissing(at, each.take.attempt_id, each.master.name)
        for address, objects in self.published.items():
            if copies := self._of(objects, Sight.MISSING):
                yield PublishedMissing(at, address, tuple(each.place for each in copies))

    def risks(self, *, recorded: bool) -> tuple[Risk, ...]:
        """In words. `recorded`: what is missing is history already, and the plan itself says what comes of it."""
        found = list(self._changes())
        if not recorded:
            found += self._absences()
        if self.unseen:
            words = (
                f"the store does not say whether {self.unseen:,} objects are there; nothing follows from that"
            )
            found.append(Risk(EVERY_ADDRESS, words))
        rest = len(found) - MOST_RISKS
        shown = found[:MOST_RISKS]
        return (
            *shown,
            *([Risk(EVERY_ADDRESS, f"{rest:,} more of this kind: mpsjobs refresh")] if rest > 0 else ()),
        )

    def _changes(self) -> Iterator[Risk]:
        for each in self.takes:
            for output in self._of(each.take.outputs, Sight.CHANGED):
                yield Risk(
                    each.address,
                    f"take {each.take.take} was changed from outside: {output.bucket}/{output.key} is not what was recorded "
                    f"({_differs(output, self.seen[ref_of(output)])}). Put the recorded object back, or buy another take with --replace",
                )
        for each in self.finished:
            for output in self._of(_files(each), Sight.CHANGED):
                yield Risk(
                    each.address,
                    f"its finished file {output.bucket}/{output.key} was changed from outside. It is left alone; to have it made again, "
                    "delete the object, then: mpsjobs apply --refresh",
                )
        for address, objects in self.published.items():
            for copy in self._of(objects, Sight.CHANGED):
                yield Risk(
                    address,
                    f"its published copy {copy.place} was changed from outside. It is left alone; to have take {copy.take} there "
                    "again, delete the object, then: mpsjobs apply --refresh",
                )

    def _absences(self) -> Iterator[Risk]:
        for each in (each for each in self.takes if each.take.there):
            for output in self._of(each.take.outputs, Sight.MISSING):
                yield Risk(
                    each.address,
                    f"take {each.take.take} is missing in the store: {output.bucket}/{output.key}. mpsjobs refresh asks the provider "
                    "for it; nothing is bought again by itself",
                )
        for each in self.lost_finished:
            yield Risk(
                each.address,
                f"finished files of take {each.take.take} are missing in the store. To have them made again, free: mpsjobs apply --refresh",
            )
        for address, copy in self.lost_copies:
            yield Risk(
                address,
                f"its published copy is missing: {copy.place}. To have it there again, free: mpsjobs apply --refresh",
            )

    def _sight(self, recorded: Recorded) -> Sight:
        return self.seen[ref_of(recorded)].sight

    def _of(self, objects: Sequence[_Object], *sights: Sight) -> list[_Object]:
        return [each for each in objects if self._sight(each) in sights]

    def _count(self, sight: Sight) -> int:
        return sum(each.sight is sight for each in self.seen.values())

    def _as_seen(self, output: Output) -> Output:
        info = self.seen[ref_of(output)].info
        return replace(output, etag=info.etag) if info else output


def _differs(output: Output, sighting: Sighting) -> str:
    if sighting.info and sighting.info.size != output.size:
        return f"{sighting.info.size:,} bytes instead of {output.size:,}"
    return "the same size, other bytes"


def look_for_drift(state: State, realm: str, lookout: Lookout, includes: Callable[[str], bool]) -> Drift:
    """Look for the outputs of every take in use, for those that were lost before, for finished files and published copies. `includes` says whose.

    Raises:
        CloudError: the store cannot be listed.
    """
    takes = tuple(_in_use(state, realm, includes))
    finished = tuple(_finished(state, realm, includes))
    published = {
        address: record.published
        for address, record in sorted(state.assets.items())
        if record.published and record.realm == realm and includes(address)
    }
    objects: list[Recorded] = [output for each in takes for output in each.take.outputs]
    objects += (output for each in finished for output in _files(each))
    objects += (copy for copies in published.values() for copy in copies)
    return Drift(takes, published, lookout.look(objects) if objects else {}, finished)


def _in_use(state: State, realm: str, includes: Callable[[str], bool]) -> Iterator[LookedFor]:
    known: set[str] = set()
    for address, record in sorted(state.assets.items()):
        if record.realm != realm or not includes(address):
            continue
        pool = state.pool(record.fingerprint)
        chosen = chosen_take(pool, realm, record.pick)
        for take in pool.of_realm(realm):
            if (take is chosen or (take.lost and take.outputs)) and take.attempt_id not in known:
                known.add(take.attempt_id)
                yield LookedFor(address, take)


def _finished(state: State, realm: str, includes: Callable[[str], bool]) -> Iterator[LookedFor]:
    """What was made of takes in use and is handed out, each once."""
    known: set[tuple[str, str]] = set()
    for address, record in sorted(state.assets.items()):
        if record.realm != realm or not record.mastering or not includes(address):
            continue
        take = chosen_take(state.pool(record.fingerprint), realm, record.pick)
        master = take.master(record.mastering.name) if take else None
        if take and master and (take.attempt_id, master.name) not in known:
            known.add((take.attempt_id, master.name))
            yield LookedFor(address, take, master)


def _files(looked_for: LookedFor) -> tuple[Output, ...]:
    return looked_for.master.outputs if looked_for.master else ()


def as_seen(state: State, events: Iterable[Event]) -> State:
    """A state of its own to which these events have happened, and that is else, its serial included, the given one."""
    seen = State(
        state.lineage,
        state.serial,
        state.commit,
        dict(state.assets),
        dict(state.pools),
        dict(state.retired),
        dict(state.superseded),
    )
    fold = Fold(seen)
    for number, event in enumerate(events, state.serial + 1):
        fold.apply(event, number)
    seen.serial = state.serial
    return seen
