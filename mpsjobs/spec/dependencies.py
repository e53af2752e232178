"""What assets need of each other: that it exists, and that nothing waits for itself.

An asset needs those that it refers to (`reference_audio: {asset: …}`) and those that it names in `depends_on`. An address stands there
as `plan` shows it: whole, with its group.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related
from mpsjobs.spec.addresses import normal_address
from mpsjobs.spec.layers import Said
from mpsjobs.spec.resolve import Draft
from mpsjobs.spec.suggest import did_you_mean

MOST_CYCLES = 10
"""So many are shown; who has more of them has one mistake in the defaults."""

MOST_SUGGESTIONS = 20
"""A suggestion looks at every address, so that not every one of very many mistakes gets one."""

_HINT = "Write the address as `mpsjobs plan` shows it."


@dataclass(frozen=True, slots=True)
class Edge:
    """`user` needs `needed`, as it is written at `at`."""

    user: str
    needed: str
    at: Position
    ordered_only: bool

    @property
    def words(self) -> str:
        return f'"{self.user}" {"depends on" if self.ordered_only else "works from"} "{self.needed}"'


def dependencies(drafts: Iterable[Draft], *, complete: bool) -> Iterator[Diagnostic]:
    """What is wrong with what the assets need. Unless the drafts are `complete`, a missing one is nobody's mistake here."""
    drafts = list(drafts)
    edges = [edge for draft in drafts for edge in _edges(draft)]
    if not edges:
        return
    known = {draft.address for draft in drafts}
    if complete:
        yield from _unknown([edge for edge in edges if edge.needed not in known], known)
    yield from _cycles([edge for edge in edges if edge.needed in known])


def _edges(draft: Draft) -> Iterator[Edge]:
    for name in ("reference_audio", "reference_video"):
        said: Said | None = draft.fields.get(name)
        for index, item in enumerate(said.value or () if said else ()):
            if said and item.asset is not None:
                at = said.layer.at(*said.path, index, "asset")
                yield Edge(draft.address, normal_address(None, item.asset), at, ordered_only=False)
    said = draft.fields.get("depends_on")
    for index, address in enumerate(said.value if said else ()):
        if said:
            at = said.layer.at(*said.path, index)
            yield Edge(draft.address, normal_address(None, address), at, ordered_only=True)


def _unknown(edges: Sequence[Edge], known: set[str]) -> Iterator[Diagnostic]:
    hints: dict[str, str] = {}
    for edge in edges:
        group, _, _ = edge.user.rpartition(".")
        if f"{group}.{edge.needed}" in known:
            hint = f'Write the whole address: "{group}.{edge.needed}".'
        elif edge.needed in hints or len(hints) < MOST_SUGGESTIONS:
            hint = hints.setdefault(edge.needed, did_you_mean(edge.needed, known, _HINT))
        else:
            hint = _HINT
        yield Diagnostic(
            f'Unknown asset "{edge.needed}"',
            "No spec has an asset of this address.",
            hint,
            position=edge.at,
            code=Code.UNKNOWN_ASSET,
        )


def _cycles(edges: Sequence[Edge]) -> Iterator[Diagnostic]:
    """One diagnostic for each circle that is found when those found before are cut out."""
    first: dict[tuple[str, str], Edge] = {}
    for edge in edges:
        first.setdefault((edge.user, edge.needed), edge)
    needs: dict[str, list[str]] = {}
    for user, needed in sorted(first):
        needs.setdefault(user, []).append(needed)
    for _ in range(MOST_CYCLES):
        circle = _circle(needs)
        if circle is None:
            return
        yield _waits_for_itself([first[pair] for pair in pairwise([*circle, circle[0]])])
        for address in circle:
            del needs[address]


def _circle(needs: dict[str, list[str]]) -> list[str] | None:
    """Addresses of which each needs the next, and the last the first; the smallest comes first."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        path: list[str] = error.args[1][:0:-1]
        start = path.index(min(path))
        return path[start:] + path[:start]
    return None


def _waits_for_itself(edges: Sequence[Edge]) -> Diagnostic:
    if len(edges) == 1:
        return Diagnostic(
            f'"{edges[0].user}" needs itself',
            "It could never be made.",
            "Name another asset; where it is inherited, write the field anew or `null`.",
            position=edges[0].at,
            code=Code.CIRCLE,
        )
    path = " → ".join([edges[0].user, *(edge.needed for edge in edges)])
    return Diagnostic(
        "Assets need each other in a circle",
        f"{path}: none of them could ever be made.",
        "Take one of these away.",
        position=edges[0].at,
        related=tuple(Related(edge.at, edge.words) for edge in edges),
        code=Code.CIRCLE,
    )
