"""Who needs whom, with what happens to each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mpsjobs.model.asset import Asset, ReferenceKind
from mpsjobs.model.change import Kind, Plan
from mpsjobs.model.state import AssetStatus, State

By: TypeAlias = Literal["reference_audio", "reference_video", "depends_on"]


@dataclass(frozen=True, slots=True)
class Node:
    """An asset. `status` is how far it is as far as the state knows it, `kind` what the plan does with it."""

    address: str
    kind: Kind
    status: AssetStatus | None


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """`user` needs `needed`, because of what the field `by` says."""

    user: str
    needed: str
    by: By


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes by address, edges by both ends: the same input gives the same graph."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph_of(assets: Iterable[Asset], plan: Plan, state: State) -> Graph:
    """The graph of the desired assets. `plan` is about all of them."""
    kind = {change.address: change.kind for change in plan.changes}
    assets = sorted(assets, key=lambda asset: asset.address)
    nodes = (
        Node(
            each.address,
            kind[each.address],
            record.status if (record := state.assets.get(each.address)) else None,
        )
        for each in assets
    )
    edges = {edge for asset in assets for edge in _edges(asset)}
    return Graph(tuple(nodes), tuple(sorted(edges)))


def _edges(asset: Asset) -> Iterator[Edge]:
    for reference in asset.sound.reference_audio:
        if reference.kind is ReferenceKind.ASSET:
            yield Edge(asset.address, reference.value, "reference_audio")
    for reference in asset.sound.reference_video:
        if reference.kind is ReferenceKind.ASSET:
            yield Edge(asset.address, reference.value, "reference_video")
    for address in asset.depends_on:
        yield Edge(asset.address, address, "depends_on")
