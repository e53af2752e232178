"""Renames: which new address goes on with the record of which old one. Said by `moved:` blocks, else seen by the sound."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Related, Severity
from mpsjobs.model.state import State
from mpsjobs.model.statements import Moved
from mpsjobs.plan.wanted import Wanted

MOST_STEPS = 100
"""So many moves in a row are followed; patterns may feed themselves without an end."""


@dataclass(frozen=True, slots=True)
class Moves:
    """New address → old address. `said` are those of `moved:` blocks; `paired` the new ones that were chosen among equals."""

    old_of: Mapping[str, str] = field(default_factory=dict)
    paired: frozenset[str] = frozenset()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def gone(self) -> frozenset[str]:
        """The old addresses."""
        return frozenset(self.old_of.values())


def said_moves(blocks: Sequence[Moved], state: State, wanted: Collection[str]) -> Moves:
    """The moves that blocks bring about now: from addresses that the state has and nobody wants to wanted ones that it lacks.

    Blocks that have done their work bring nothing about. The cost grows with the number of addresses that nobody wants.
    """
    old_of: dict[str, str] = {}
    problems: list[Diagnostic] = []
    last: dict[str, Moved] = {}
    steps = _Steps(blocks)
    for old in sorted(state.assets.keys() - frozenset(wanted)) if blocks else ():
        new, block = steps.follow(old, wanted)
        if block is None or new not in wanted:
            continue
        if new in state.assets:
            problems.append(_taken(old, new, block))
        elif new in old_of:
            problems.append(_two(old_of[new], old, new, block, last[new]))
        else:
            old_of[new], last[new] = old, block
    return Moves(old_of, diagnostics=tuple(problems))


@dataclass(slots=True)
class _Steps:
    blocks: Sequence[Moved]
    _exact: dict[str, Moved] = field(init=False)
    _patterns: list[Moved] = field(init=False)

    def __post_init__(self) -> None:
        self._exact = {block.old: block for block in self.blocks if not block.is_pattern}
        self._patterns = [block for block in self.blocks if block.is_pattern]

    def follow(self, address: str, wanted: Collection[str]) -> tuple[str, Moved | None]:
        """Where an address ends up, and the last block on the way; what is wanted under its name stays. Whole names go before patterns."""
        last: Moved | None = None
        for _ in range(MOST_STEPS):
            if address in wanted:
                break
            block, new = self._step(address)
            if block is None:
                break
            last, address = block, new
        return address, last

    def _step(self, address: str) -> tuple[Moved | None, str]:
        if exact := self._exact.get(address):
            return exact, exact.new
        for block in self._patterns:
            if (new := block.renamed(address)) is not None:
                return block, new
        return None, address


def seen_moves(wanted: Mapping[str, Wanted], state: State, realm: str, said: Moves) -> Moves:
    """With the moves that nobody has to name: from addresses that nobody wants to new ones with the same sound in this realm.

    Assets of one sound share their takes, so any pairing of equals is as good as another, and free: first those whose last names are
    alike, then in the order of names.
    """
    gone: dict[str, list[str]] = {}
    for address in sorted(state.assets.keys() - wanted.keys() - said.gone):
        record = state.assets[address]
        if record.realm == realm:
            gone.setdefault(record.fingerprint, []).append(address)
    new: dict[str, list[str]] = {}
    for address in sorted(wanted.keys() - state.assets.keys() - said.old_of.keys()):
        if wanted[address].fingerprint in gone:
            new.setdefault(wanted[address].fingerprint, []).append(address)
    old_of, paired = dict(said.old_of), set(said.paired)
    for fingerprint, addresses in new.items():
        old = gone[fingerprint]
        pairs = dict(_pairs(addresses, old))
        old_of.update(pairs)
        if len(addresses) > 1 or len(old) > 1:
            paired.update(pairs)
    return Moves(old_of, frozenset(paired), said.diagnostics)


def _pairs(new: Iterable[str], old: Iterable[str]) -> Iterator[tuple[str, str]]:
    by_name: dict[str, list[str]] = {}
    for address in sorted(old, reverse=True):
        by_name.setdefault(_last_name(address), []).append(address)
    rest: list[str] = []
    for address in new:
        if alike := by_name.get(_last_name(address)):
            yield address, alike.pop()
        else:
            rest.append(address)
    yield from zip(rest, sorted(each for left in by_name.values() for each in left), strict=False)


def _last_name(address: str) -> str:
    return address.rpartition(".")[2]


def _taken(old: str, new: str, block: Moved) -> Diagnostic:
    return Diagnostic(
        f"{old} is not moved: {new} is in the state already",
        "Only one of them can go on under this address. The old one is retired; its takes are kept.",
        "Remove the move, if that is what you want.",
        Severity.WARNING,
        block.new_at,
        code=Code.NOT_MOVED,
    )


def _two(first: str, second: str, new: str, block: Moved, before: Moved) -> Diagnostic:
    return Diagnostic(
        f"Two assets would be moved to {new}",
        f"They are {first} and {second}. Only one can go on under this address.",
        "Name the one that is meant by its whole address, and let the other go where it belongs.",
        position=block.old_at,
        related=() if before is block else (Related(before.old_at, "moved here too"),),
        code=Code.MOVED_TWICE,
    )
