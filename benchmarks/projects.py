"""Projects of any size, new or applied, made without an apply: the events are written as an apply would have written them."""

from collections.abc import Iterator
from pathlib import Path

from mpsjobs.model.asset import Json
from mpsjobs.model.events import AssetRecorded, Event, OutputsRecorded, SubmitIntended, TaskSubmitted
from mpsjobs.model.state import Output
from mpsjobs.plan.fingerprint import canonical_fields, fingerprint
from mpsjobs.project import Project

SETTINGS = "project: bench\nprovider: {kind: emulator}\ndefaults: {model: MiniMaxMusic, version: '2.6', format: mp3}\n"
AT = "2026-01-01T00:00:00.000Z"


def new_project(root: Path, assets: int) -> Path:
    """A project of so many assets, a hundred in a file."""
    (root / "specs").mkdir(parents=True)
    (root / "mpsjobs.yaml").write_text(SETTINGS)
    for start in range(0, assets, 100):
        lines = [f"group: g{start}", "assets:"]
        for number in range(start, min(start + 100, assets)):
            lines += [
                f"  a{number}:",
                f"    prompt: Warm theme number {number}, 92 bpm, strings",
                "    tags: [bench]",
            ]
        (root / "specs" / f"s{start:06}.yaml").write_text("\n".join(lines) + "\n")
    return root


def applied_project(root: Path, assets: int) -> Path:
    """The same, as after an apply that generated everything: a plan finds no changes."""
    project = Project.open(new_project(root, assets))
    session = project.store.open("bench", lock_timeout_s=0)
    try:
        realm = project.settings.provider.realm
        session.append(
            [
                event
                for number, asset in enumerate(project.load().assets)
                for event in _applied(number, asset.address, canonical_fields(asset.sound), realm)
            ],
            sync=False,
        )
    finally:
        session.close()
    return root


def events_of_take(number: int) -> list[Event]:
    """Of an asset of its own, from the intent to the recorded outputs."""
    return list(_applied(number, f"a{number}", {"model": "GL", "prompt": f"theme {number}"}, "emulator"))


def _applied(number: int, address: str, fields: dict[str, Json], realm: str) -> Iterator[Event]:
    name, attempt = fingerprint(fields), f"attempt-{number:09}"
    path = f"takes/{attempt}/"
    yield SubmitIntended(
        at=AT,
        address=address,
        fingerprint=name,
        fields=fields,
        take=1,
        attempt_id=attempt,
        realm=realm,
        bucket="local-1250000000",
        region="local",
        cos_path=path,
        host="h",
        boot_id="b",
    )
    yield AssetRecorded(AT, address, name, realm, 1, None)
    yield TaskSubmitted(AT, attempt, f"task-{number}", "request")
    output = Output("local-1250000000", "local", f"{path}1.mp3", "e", 500_000, f"{number:064x}", "mp3", 30.0)
    yield OutputsRecorded(AT, attempt, (output,))
