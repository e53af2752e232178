"""Promotion: takes that another environment has are copied, not bought again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mpsjobs.model.change import Change, Copy, Risk
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic
from mpsjobs.model.settings import BASE_ENVIRONMENT
from mpsjobs.model.state import Pool, State, Take, chosen_take
from mpsjobs.plan.wanted import Wanted
from mpsjobs.spec.suggest import listed

MOST_NAMES = 20
"""So many addresses are told one by one."""


@dataclass(frozen=True)
class Source:
    """Another environment of the same realm, and what it has. `environment` None is the base."""

    environment: str | None
    state: State

    @property
    def name(self) -> str:
        return self.environment or BASE_ENVIRONMENT

    @cached_property
    def _picks(self) -> Mapping[str, Mapping[str, int | None]]:
        """Fingerprint → address → its pick."""
        picks: dict[str, dict[str, int | None]] = {}
        for address in sorted(self.state.assets):
            record = self.state.assets[address]
            picks.setdefault(record.fingerprint, {})[address] = record.pick
        return picks

    def used(self, fingerprint: str, address: str, realm: str) -> Take | None:
        """The take that the asset of this address uses there, else another one with the same sound."""
        picks = self._picks.get(fingerprint, {})
        pick = picks[address] if address in picks else next(filter(None, picks.values()), None)
        return chosen_take(self.state.pool(fingerprint), realm, pick)


@dataclass(slots=True)
class Copies:
    """What a plan copies. Of takes that several sources have, the first one gives them."""

    sources: Sequence[Source]
    realm: str
    _planned: dict[str, list[Copy]] = field(default_factory=dict)

    def planned(self, fingerprint: str) -> int:
        return len(self._planned.get(fingerprint, ()))

    def has(self, fingerprint: str, number: int) -> bool:
        """Whether the take of this number is copied."""
        return any(copy.take == number for copy in self._planned.get(fingerprint, ()))

    @property
    def actions(self) -> tuple[Copy, ...]:
        return tuple(copy for copies in self._planned.values() for copy in copies)

    def next_number(self, fingerprint: str, pool: Pool) -> int:
        """The number of the first take that is bought."""
        numbers = (copy.take + 1 for copy in self._planned.get(fingerprint, ()))
        return max(pool.next_number, max(numbers, default=1))

    def plan(self, want: Wanted, pool: Pool, missing: int) -> tuple[Copy, ...]:
        """Note what to copy for an asset that lacks so many takes: the one that it picks, the one that is used there, then the others.

        A take that is picked by its number is copied even if nothing is missing. Each keeps its number, if that is free here.
        """
        pick, planned = want.asset.pick, self._planned.get(want.fingerprint, [])
        numbers = {take.take for take in pool.takes} | {copy.take for copy in planned}
        wants_pick = pick is not None and pick not in numbers
        if not self.sources or not (missing or wants_pick):
            return ()
        found = self._candidates(want, pool, planned)
        if not missing and not (found and found[0][1].take == pick):
            return ()
        made = []
        for source, take, preferred in found[: max(missing, 1)]:
            number = take.take if take.take not in numbers else max(numbers) + 1
            numbers.add(number)
            made.append(
                Copy(want.asset, want.fingerprint, want.fields, number, source.environment, take, preferred)
            )
        if made:
            self._planned[want.fingerprint] = [*planned, *made]
        return tuple(made)

    def being_made(self, fingerprint: str) -> str | None:
        """The environment that has a task for this sound, or may have one, whose outputs are not there yet."""
        for source in self.sources:
            takes = source.state.pool(fingerprint).of_realm(self.realm)
            if any(take.in_flight or take.unresolved for take in takes):
                return source.name
        return None

    def _candidates(
        self, want: Wanted, pool: Pool, planned: Iterable[Copy]
    ) -> list[tuple[Source, Take, bool]]:
        """Usable takes that are not here yet, each with whether it is to be used here unless the asset picks one."""
        here = {take.root for take in pool.takes} | {copy.origin.root for copy in planned}
        decided = any(take.usable for take in pool.of_realm(self.realm))
        found: list[tuple[Source, Take, bool]] = []
        for source in self.sources:
            used = source.used(want.fingerprint, want.asset.address, self.realm)
            for take in source.state.pool(want.fingerprint).of_realm(self.realm):
                if take.usable and take.root not in here:
                    here.add(take.root)
                    found.append((source, take, take is used and not decided))
            decided = decided or used is not None
        return sorted(found, key=lambda each: (each[1].take != want.asset.pick, not each[2]))


def told(copies: Sequence[Copy]) -> str | None:
    """In words: what is copied from where."""
    if not copies:
        return None
    names = listed(dict.fromkeys(copy.environment or BASE_ENVIRONMENT for copy in copies))
    numbers = listed(map(str, sorted(copy.take for copy in copies)))
    return f"copied from {names}, free: take{'s'[: len(copies) > 1]} {numbers}"


def bought_twice(changes: Iterable[Change], copies: Copies) -> Iterator[Risk]:
    """What is bought here while another environment makes it."""
    for change in changes:
        if change.generations and change.fingerprint and (name := copies.being_made(change.fingerprint)):
            yield Risk(
                change.address,
                f"{name} is generating it now; wait for that and plan again, or it is bought twice",
            )


def not_to_be_bought(changes: Iterable[Change], copies: Copies) -> Iterator[Diagnostic]:
    """What would have to be bought in an environment that buys nothing."""
    lacking = [change.address for change in changes if change.generations]
    if not lacking:
        return
    count = f"{len(lacking):,} asset{'s'[: len(lacking) != 1]}"
    more = f" and {len(lacking) - MOST_NAMES:,} more" if len(lacking) > MOST_NAMES else ""
    names = [source.name for source in copies.sources]
    where = f"Not ready in {listed(names, 'or')}" if names else "There is nothing to copy them from"
    yield Diagnostic(
        f"{count} would have to be bought, and this environment buys nothing (policy.generate)",
        f"{where}: {', '.join(lacking[:MOST_NAMES])}{more}.",
        f"Make them first: mpsjobs --env {names[0]} apply"
        if names
        else "Name the environments that takes come from: `reuse_from: [dev]`.",
        code=Code.NOTHING_IS_BOUGHT,
    )
