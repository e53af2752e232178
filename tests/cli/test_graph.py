"""`mpsjobs graph`: who needs whom, for people and for programs."""

from tests.conftest import Folder

SPEC = """\
group: level1
assets:
  theme: A theme
  cover: {prompt: A cover, reference_audio: [{asset: level1.theme}, {asset: level1.theme}], depends_on: level1.last}
  last: {prompt: Last, reference_video: {asset: level1.theme}}
"""


def test_files_alone_are_enough_and_arrows_point_at_what_comes_first(project: Folder) -> None:
    project.write(music=SPEC)
    document = project("graph", "--json").json()
    assert document["nodes"] == [
        {"address": address, "kind": "generate", "status": None}
        for address in ("level1.cover", "level1.last", "level1.theme")
    ]
    assert document["edges"] == [
        {"from": "level1.cover", "to": "level1.last", "by": "depends_on"},
        {"from": "level1.cover", "to": "level1.theme", "by": "reference_audio"},
        {"from": "level1.last", "to": "level1.theme", "by": "reference_video"},
    ]
    assert project("graph", "--format", "json").json() == document
    assert not (project.root / "mpsjobs.state.json").exists()


def test_after_an_apply_it_shows_how_far_each_is(project: Folder) -> None:
    project.write(music=SPEC)
    assert project("apply", "--auto-approve", "--target", "level1.theme").code == 0
    nodes = {node["address"]: node for node in project("graph", "--json").json()["nodes"]}
    assert nodes["level1.theme"] == {"address": "level1.theme", "kind": "keep", "status": "ready"}
    assert nodes["level1.cover"]["kind"] == "generate"


def test_dot_and_mermaid_say_the_same(project: Folder) -> None:
    project.write(music=SPEC)
    assert (
        project("graph").out
        == """\
digraph {
  rankdir = LR
  node [shape=box, style=filled]
  "level1.cover" [label="level1.cover\\ngenerate", fillcolor="#d4edda"]
  "level1.last" [label="level1.last\\ngenerate", fillcolor="#d4edda"]
  "level1.theme" [label="level1.theme\\ngenerate", fillcolor="#d4edda"]
  "level1.cover" -> "level1.last" [label="depends_on", style=dashed]
  "level1.cover" -> "level1.theme" [label="reference_audio"]
  "level1.last" -> "level1.theme" [label="reference_video"]
}
"""
    )
    assert (
        project("graph", "--format", "mermaid").out
        == """\
graph LR
  n0["level1.cover<br>generate"]:::generate
  n1["level1.last<br>generate"]:::generate
  n2["level1.theme<br>generate"]:::generate
  n0 -.->|depends_on| n1
  n0 -->|reference_audio| n2
  n1 -->|reference_video| n2
  classDef generate fill:#d4edda,stroke:#888,color:#222
"""
    )


def test_a_project_without_assets_has_an_empty_graph(project: Folder) -> None:
    project.write(music="assets: {}\n")
    assert project("graph", "--json").json() == {"format_version": 1, "nodes": [], "edges": []}
