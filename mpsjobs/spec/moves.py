"""`moved:` blocks: what is said of addresses that have changed, and what is wrong with it.

A block that has done its work may stay: only where it contradicts the specs, or another block, is it a mistake.
"""

from collections.abc import Iterator, Mapping, Sequence

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related, Severity
from mpsjobs.model.statements import Moved
from mpsjobs.spec.addresses import bad_name, normal_address
from mpsjobs.spec.documents import SpecFile
from mpsjobs.spec.mistakes import locate
from mpsjobs.spec.suggest import did_you_mean
from mpsjobs.spec.yaml import Map, position

MOST_SUGGESTIONS = 20
"""A suggestion looks at every address, so that not every one of very many mistakes gets one."""


def moves_in(spec: SpecFile, root: Map, file: str) -> tuple[Moved, ...]:
    """The moves that a file names, in their order."""

    def at(index: int, key: str) -> Position:
        mark = locate(root, ("moved", index, key))
        return position(mark, file) if mark else Position(file)

    return tuple(
        Moved(
            normal_address(None, each.old), normal_address(None, each.new), at(index, "from"), at(index, "to")
        )
        for index, each in enumerate(spec.moved or ())
    )


def check_moves(
    moved: Sequence[Moved], wanted: Mapping[str, Position], *, complete: bool
) -> Iterator[Diagnostic]:
    """What is wrong with the moves of all files, given where the assets are written; whether these are `complete`."""
    problems = [problem for move in moved for problem in _malformed(move)]
    if problems:
        yield from problems
        return
    yield from _twice(moved)
    circles = _circles(moved)
    for circle in circles:
        yield _circle(circle)
    circling = {move.old for circle in circles for move in circle}
    yield from (
        _still_there(move, wanted[move.old]) for move in moved if move.old in wanted.keys() - circling
    )
    if complete:
        yield from _nowhere([move for move in moved if move.old not in circling], moved, wanted)


def _malformed(move: Moved) -> Iterator[Diagnostic]:
    for text, at in ((move.old, move.old_at), (move.new, move.new_at)):
        if problem := bad_name("an asset", text.replace("*", "x"), at):
            yield problem
            return
    if move.old.count("*") != move.new.count("*"):
        yield Diagnostic(
            '"from" and "to" have different numbers of `*`',
            "Each `*` of one stands for the same text as that of the other.",
            "Write them alike, such as `from: level1.*` and `to: stage1.*`.",
            position=move.new_at,
            code=Code.BAD_MOVE,
        )
    elif move.old == move.new:
        yield Diagnostic(
            f'"{move.old}" is moved to itself',
            "Both addresses are the same.",
            "Correct one of them, or remove the move.",
            position=move.new_at,
            code=Code.BAD_MOVE,
        )


def _twice(moved: Sequence[Moved]) -> Iterator[Diagnostic]:
    old: dict[str, Moved] = {}
    new: dict[str, Moved] = {}
    for move in moved:
        before = old.setdefault(move.old, move)
        if before is not move:
            yield Diagnostic(
                f'"{move.old}" is moved twice',
                "An asset has one new address.",
                "Remove one of the two moves.",
                position=move.old_at,
                related=(Related(before.old_at, "first moved here"),),
                code=Code.MOVED_TWICE,
            )
            continue
        before = new.setdefault(move.new, move)
        if before is not move:
            yield Diagnostic(
                f'Two moves to "{move.new}"',
                "Only one asset can go on under this address; the other would be lost from sight.",
                "Remove one of the two moves.",
                position=move.new_at,
                related=(Related(before.new_at, "first moved here"),),
                code=Code.MOVED_TWICE,
            )


def _circles(moved: Sequence[Moved]) -> list[list[Moved]]:
    """Moves of which each goes on where the one before it ends, and the last one ends where the first begins."""
    by_old: dict[str, Moved] = {}
    for move in moved:
        by_old.setdefault(move.old, move)
    circles: list[list[Moved]] = []
    done: set[str] = set()
    for start in by_old:
        path: list[str] = []
        address = start
        while address in by_old and address not in done:
            done.add(address)
            path.append(address)
            address = by_old[address].new
        if address in path:
            circles.append([by_old[each] for each in path[path.index(address) :]])
    return circles


def _circle(circle: Sequence[Moved]) -> Diagnostic:
    path = " → ".join([circle[0].old, *(move.new for move in circle)])
    return Diagnostic(
        "Moves go round in a circle",
        f"{path}: none of these addresses is the new one.",
        "Remove one of the moves. What trades its address needs none: assets are known by their sound.",
        position=circle[0].old_at,
        related=tuple(Related(move.old_at, f'"{move.old}" to "{move.new}"') for move in circle[1:]),
        code=Code.MOVED_IN_A_CIRCLE,
    )


def _still_there(move: Moved, place: Position) -> Diagnostic:
    return Diagnostic(
        f'"{move.old}" is moved, and still in the specs',
        f'It cannot be "{move.new}" too: its takes belong to the asset that has this address.',
        "Remove the move, or rename the asset.",
        position=move.old_at,
        related=(Related(place, "still here"),),
        code=Code.MOVED_AND_STILL_THERE,
    )


def _nowhere(
    moves: Sequence[Moved], every: Sequence[Moved], wanted: Mapping[str, Position]
) -> Iterator[Diagnostic]:
    """A new address that no asset has; unless another move goes on from there."""
    suggestions = 0
    steps = {move.old for move in every}
    for move in moves:
        there = (
            any(map(move.leads_to, wanted)) if move.is_pattern else move.new in wanted
        ) or move.new in steps
        if there:
            continue
        suggestions += 1
        hint = "Correct the address, or remove the move."
        if suggestions <= MOST_SUGGESTIONS and not move.is_pattern:
            hint = did_you_mean(move.new, wanted.keys(), hint)
        yield Diagnostic(
            f'There is no "{move.new}" to move to',
            "No spec has an asset of this address, so nothing is moved.",
            hint,
            Severity.WARNING,
            move.new_at,
            code=Code.MOVED_NOWHERE,
        )
