"""`mpsjobs graph`."""

from collections.abc import Iterator

import click

from mpsjobs.cli.options import common, open_project
from mpsjobs.cli.output import Output
from mpsjobs.model.asset import Json
from mpsjobs.model.change import Kind
from mpsjobs.plan.graph import Edge, Graph, Node

_COLOURS = {
    Kind.GENERATE: "#d4edda",
    Kind.REGENERATE: "#fff3cd",
    Kind.RESTORE: "#d1ecf1",
    Kind.UPDATE: "#d1ecf1",
    Kind.MOVE: "#d1ecf1",
    Kind.RESUME: "#cce5ff",
    Kind.UNRESOLVED: "#e2d9f3",
    Kind.FAILED: "#f8d7da",
    Kind.KEEP: "#ffffff",
    Kind.RETIRE: "#eeeeee",
}


@click.command("graph", epilog="Example: mpsjobs graph --format mermaid")
@click.option(
    "--format",
    "form",
    type=click.Choice(("dot", "mermaid", "json")),
    default="dot",
    show_default=True,
    help="Graphviz, Mermaid, or JSON.",
)
@common
def command(output: Output, *, form: str) -> None:
    """Show which asset needs which: an arrow points at what must be there first.

    Works on the files alone; where there is a state, each asset shows what the plan does with it.
    """
    graph = open_project().graph()
    if output.json or form == "json":
        output.document(_document(graph))
        return
    for line in _mermaid(graph) if form == "mermaid" else _dot(graph):
        output.result(line)


def _document(graph: Graph) -> Json:
    return {
        "format_version": 1,
        "nodes": [
            {
                "address": node.address,
                "kind": str(node.kind),
                "status": str(node.status) if node.status else None,
            }
            for node in graph.nodes
        ],
        "edges": [{"from": edge.user, "to": edge.needed, "by": edge.by} for edge in graph.edges],
    }


# An address holds letters, digits, `_`, `-` and `.`: nothing that either language would have to be saved from.


def _dot(graph: Graph) -> Iterator[str]:
    yield "digraph {"
    yield "  rankdir = LR"
    yield "  node [shape=box, style=filled]"
    for node in graph.nodes:
        yield f'  "{node.address}" [label="{node.address}\\n{_state_of(node)}", fillcolor="{_COLOURS[node.kind]}"]'
    for edge in graph.edges:
        yield f'  "{edge.user}" -> "{edge.needed}" [label="{edge.by}"{", style=dashed" * _only_order(edge)}]'
    yield "}"


def _mermaid(graph: Graph) -> Iterator[str]:
    yield "graph LR"
    name = {node.address: f"n{number}" for number, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        yield f'  {name[node.address]}["{node.address}<br>{_state_of(node)}"]:::{node.kind}'
    for edge in graph.edges:
        arrow = "-.->" if _only_order(edge) else "-->"
        yield f"  {name[edge.user]} {arrow}|{edge.by}| {name[edge.needed]}"
    for kind in sorted({node.kind for node in graph.nodes}):
        yield f"  classDef {kind} fill:{_COLOURS[kind]},stroke:#888,color:#222"


def _state_of(node: Node) -> str:
    return f"{node.kind}, {node.status}" if node.status else str(node.kind)


def _only_order(edge: Edge) -> bool:
    return edge.by == "depends_on"
