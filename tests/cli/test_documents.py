"""The JSON that scripts read: real documents against the schemas that ship, and the promise that these only grow."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from mpsjobs.apply.progress import Progress
from mpsjobs.cli.documents import DOCUMENTS, PRINTED
from mpsjobs.cli.reference import commands
from mpsjobs.cli.schema import printed_schema
from tests.conftest import SETTINGS, Folder

PROMISED = json.loads((Path(__file__).parents[1] / "testdata" / "documents-version-1.json").read_text())
SPECS = """\
defaults: {publish: "music/${asset.path}.${format}"}
assets:
  a: Warm theme with strings
  b: {prompt: Dark drums, takes: 2}
  c: {prompt: A chase, reference_audio: {asset: a}}
"""


def schema(name: str) -> Any:
    return json.loads(printed_schema(name))


def strict(node: Any) -> Any:
    """The schema with no key allowed that it does not name: a document's keys are all to be documented."""
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: strict(value) for key, value in node.items()}
    return closed | (
        {"additionalProperties": False} if isinstance(node.get("properties"), dict) and "type" in node else {}
    )


def check(name: str, document: Any) -> None:
    errors = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(strict(schema(name))).iter_errors(document)
    ]
    assert not errors, errors


@pytest.mark.parametrize("name", PRINTED)
def test_the_schemas_are_schemas_and_printed_by_the_command(name: str, project: Folder) -> None:
    Draft202012Validator.check_schema(schema(name))
    assert project("schema", name).json() == schema(name)


def test_real_documents_are_as_their_schemas_say(project: Folder) -> None:
    project.settings(f"{SETTINGS}prices: {{currency: USD, MiniMaxMusic: 0.035}}\n")
    project.write(music=SPECS)
    check("validate", project("validate", "--json").json())
    check("plan", project("plan", "--json").json())
    for event in project("apply", "--auto-approve", "--json").events():
        check("apply-events", event)
    project.write(
        music=SPECS.replace("Warm", "Cold")
        .replace("  b:", "  renamed:")
        .replace("takes: 2", "takes: 2, pick: 9")
    )
    plan = project("plan", "--json").json()
    assert {change["kind"] for change in plan["changes"]} == {"regenerate", "move"}
    assert plan["risks"]
    check("plan", plan)
    assert plan == project("plan", "--format", "json").json()
    for event in project("apply", "--auto-approve", "--json").events():
        check("apply-events", event)
    project.write(music="assets: {other: x}\n")
    events = project("apply", "--auto-approve", "--json").events()
    assert "retired" in {event["type"] for event in events}
    for event in (*events, *project("wait", "--json").events()):
        check("apply-events", event)
    check("show", project("show", "--json").json())
    check("state-list", project("state", "list", "--json").json())
    check("output", project("output", "--json").json())


CHECKED_ELSEWHERE = {
    "apply-events",
    "plan",
    "validate",
    "show",
    "state-list",
    "output",
    "error",
    "init-migrate-state",
    "review",
    "state-push-errored",
}


AT_FIRST = [
    ("version", "version"),
    ("completion", "completion bash"),
    ("explain", "explain"),
    ("explain", "explain E0201"),
    ("models", "models"),
    ("doctor", "doctor"),
    ("fmt", "fmt --check"),
    ("schema", "schema --write"),
    ("schema-list", "schema"),
    ("graph", "graph"),
    ("show-spec", "show --spec c"),
]
"""Names of schemas, and commands that need no more than specs."""


def test_every_command_that_prints_json_says_which_schemas_describe_it() -> None:
    printing = {
        context.command_path.removeprefix("mpsjobs ")
        for context in commands()
        if any(parameter.name == "as_json" for parameter in context.command.params)
    }
    assert printing == DOCUMENTS.keys()


def test_what_the_other_commands_print_is_as_their_schemas_say(project: Folder, tmp_path: Path) -> None:
    """In the life of a project: each line is a schema and the command whose document it describes."""
    checked = set()

    def run(name: str, *command: str) -> Any:
        ran = project(*command)
        document = ran.json()
        check(name, document)
        checked.add(name)
        return document

    (project.root / "mpsjobs.yaml").unlink()
    run("init", "init", "--json")
    for file in (project.root / "specs").iterdir():
        file.unlink()
    project.settings(SETTINGS)
    project.write(music=SPECS)
    for name, command in AT_FIRST:
        run(name, *command.split(), "--json")
    assert project("apply", "--auto-approve").code == 0
    run("graph", "graph", "--json")
    assert run("check", "check", "--json")["assets"]
    run("history", "history", "--json")
    run("history-address", "history", "b", "--json")
    assert run("manifest", "output", "--manifest")["assets"]
    assert run("state-show", "state", "show", "c")["takes"][0]["inputs"]
    assert run("state-show-many", "state", "show", "*")["assets"]
    run("decided", "pick", "b", "2", "--dry-run", "--json")
    run("state", "state", "pull")
    saved = str(tmp_path / "saved.state.json")
    run("state-pull", "state", "pull", saved, "--json")
    assert run("download", "download", str(tmp_path / "audio"), "--json")["files"]
    assert run("export", "export", str(tmp_path / "archive"), "--json")["files"]
    run("state-mv", "state", "mv", "a", "z", "--json")
    run("state-rm", "state", "rm", "z", "--json")
    run("state-push", "state", "push", saved, "--force", "--json")
    last = project("state", "pull").json()["serial"]
    run("state-rollback", "state", "rollback", str(last - 1), "--force", "--json")
    run("state-rebuild", "state", "rebuild", "--json")
    run("state-rebase", "state", "rebase", "--json")
    run("force-unlock", "force-unlock", "--json")
    project.write(music="assets: {a: Warm theme with strings}\n")
    assert project("apply", "--auto-approve").code == 0
    now = ("--older-than", "0s", "--json")
    assert run("gc-published", "gc", "--published", "--dry-run", *now)["published"]
    assert run("gc-published", "gc", "--published", "--auto-approve", *now)["deleted"]
    assert run("gc", "gc", "--dry-run", *now)["takes"]
    assert run("gc", "gc", "--auto-approve", *now)["deleted"]
    project.settings(SETTINGS.replace("speed: 1000", "speed: 1"))
    project.write(music="assets: {a: Warm theme with strings, slow: x}\n")
    assert project("apply", "--auto-approve", "--detach").code == 0
    (task,) = (take["task_id"] for take in project("state", "show", "slow").json()["takes"])
    assert run("state-rm-attempt", "state", "rm", "--attempt", task, "--json")["abandoned"]
    assert run("destroy", "destroy", "--delete-outputs", "--auto-approve", "--json")["retired"]
    assert checked == set(PRINTED) - CHECKED_ELSEWHERE


def test_errors_are_documents_too(project: Folder) -> None:
    project.write(music="assets:\n  a: {prompt: x, pormpt: y}\n  b: 3\n")
    for command in (["plan", "--json"], ["plan", "--format", "json"], ["validate", "--json"]):
        ran = project(*command)
        assert ran.code == 1
        check("error", ran.json())
    for event in project("apply", "--json", "--auto-approve").events():
        check("apply-events", event)


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed: apt-get install jq")
def test_the_examples_with_jq_run_as_they_stand_in_the_guide(project: Folder) -> None:
    project.write(music="assets: {a: x, b: {prompt: mpsblockedword, takes: 2}}\n")
    json_part = guide("pull-requests").partition("## A pipeline")[0]
    printed = [bash(project, line) for line in json_part.splitlines() if "| jq" in line]
    assert printed[:2] == ["a\nb\n", "3\n"]
    assert printed[2].startswith("b: The input content violates the content policy.\n")
    project.write(music="assets: {level1.boss: x}\n")
    assert project("apply", "--auto-approve").code == 0
    builds = [
        line
        for line in guide("operating").splitlines()
        if "manifest" in line and line.startswith(("mps", "jq"))
    ]
    assert re.fullmatch(r"takes/\S+\.mp3\n", bash(project, "\n".join(builds)))


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed: apt-get install jq")
def test_the_pipeline_of_the_guide_runs_and_each_of_its_files_is_as_its_schema_says(project: Folder) -> None:
    project.write(music="assets: {a: x, b: {prompt: y, takes: 2}}\n")
    (block,) = re.findall(r"^```bash\n(.*?)^```$", guide("pull-requests"), re.MULTILINE | re.DOTALL)
    assert '"generations": 3' in bash(project, block)
    assert bash(project, "cat audio.tsv").count("\n") == 2
    check("plan", json.loads((project.root / "plan.json").read_text()))
    check("manifest", json.loads((project.root / "manifest.json").read_text()))
    for line in (project.root / "events.ndjson").read_text().splitlines():
        check("apply-events", json.loads(line))


def guide(page: str) -> str:
    return (Path(__file__).parents[2] / "docs" / "guide" / f"{page}.md").read_text(encoding="utf-8")


def bash(project: Folder, script: str) -> str:
    return subprocess.run(
        ["bash", "-c", script],
        cwd=project.root,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


def test_every_event_of_an_apply_is_in_the_schema() -> None:
    defined = schema("apply-events")["$defs"]
    for each in get_args(Progress):
        event = defined[f"{each.__name__.lower()}_event"]
        assert set(event["required"]) == {"type", *(field.name for field in fields(each))}


def test_the_guide_names_every_event() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "watching.md").read_text(encoding="utf-8")
    table = "".join(line.split("|")[1] for line in guide.splitlines() if line.startswith("| `"))
    types = {
        name.removesuffix("_event") for name in schema("apply-events")["$defs"] if name.endswith("_event")
    }
    assert set(re.findall(r"`(\w+)`", table)) == types


def test_what_several_schemas_describe_they_describe_alike() -> None:
    seen: dict[str, Any] = {}
    for name in PRINTED:
        for part, body in schema(name).get("$defs", {}).items():
            assert seen.setdefault(part, body) == body, (name, part)


def promises(node: Any, at: str = "$") -> Iterator[tuple[str, Any]]:
    """Every required key with its type, by its place."""
    if isinstance(node, dict):
        for key in node.get("required", ()):
            body = node["properties"][key]
            yield f"{at}.{key}", {word: body[word] for word in ("type", "const", "$ref") if word in body}
        for key, body in node.items():
            if key != "required":
                yield from promises(body, f"{at}/{key}")


@pytest.mark.parametrize("name", PRINTED)
def test_within_a_format_version_documents_only_grow(name: str) -> None:
    now = dict(promises(schema(name)))
    missing = {at: what for at, what in PROMISED[name].items() if now.get(at) != what}
    assert not missing, "a key that scripts rely on is gone or another: that needs a new format_version"
    assert now.keys() == PROMISED[name].keys(), (
        "new keys are promises too: add them with python -m tests.cli.test_documents"
    )


if __name__ == "__main__":  # adds what is new; what was promised before stays
    grown = {name: dict(promises(schema(name))) | PROMISED.get(name, {}) for name in PRINTED}
    target = Path(__file__).parents[1] / "testdata" / "documents-version-1.json"
    target.write_text(json.dumps(grown, indent=1, sort_keys=True) + "\n")
