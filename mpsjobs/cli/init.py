"""`mpsjobs init`: a new project in a folder."""

import re
from collections.abc import Iterable
from pathlib import Path

import click

from mpsjobs.cli.options import lock_timeout, open_project, printing
from mpsjobs.cli.output import Output
from mpsjobs.cli.schema import modeline, write_schemas
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import MpsjobsError
from mpsjobs.spec.catalogue import load_catalogue
from mpsjobs.spec.project_files import PICKS_NAME

_SETTINGS = """\
{modeline}
# What this project is and where its audio comes from.
project: {name}

provider:
  kind: emulator            # embedded, no account needed. For the real cloud: tencent
  # account: studio         # a label that keeps the takes of several accounts apart
  # requests_per_second: 20 # the documented limit, for each API action

# store:
#   kind: directory         # where takes are kept; the default for the emulator
#   path: .mpsjobs/store

state:
  backend: file
  path: mpsjobs.state.json  # what was generated and paid for; git-ignored, so that a git revert cannot rewind it

download: audio/            # the current take of each asset, as <address>.<ext>

# policy:
#   max_generations_per_apply: 20

defaults:
  model: MiniMaxMusic       # see: mpsjobs models
  version: "2.6"
  format: mp3
"""

_SPEC = """\
{modeline}
# Every asset is one piece of audio. Its name is its address: a string is simply its prompt.
assets:
  menu_theme: Warm orchestral main theme, 92 bpm, hopeful

  boss_battle:
    prompt: Driving battle music, dark, heavy drums and low strings, 140 bpm
    format: wav
    tags: [battle]

  # A song with words:
  # credits:
  #   prompt: Gentle acoustic ballad, guitar and piano, 76 bpm
  #   lyrics: |
  #     The road is long, the night is kind
  #     We leave the towers far behind
"""

_IGNORED = ("mpsjobs*.state.json*", "errored*.mpsjobs.state.json", ".mpsjobs/", "/audio/")
_IGNORE_HEAD = "# mpsjobs: paid-for history and what can be made again"
_MERGED = (f"{PICKS_NAME} merge=union",)
_MERGED_HEAD = (
    "# mpsjobs: a line an asset, so a merge takes those of both sides; two for one asset are told by plan"
)


@click.command("init", epilog="Example: mkdir soundtrack && mpsjobs -C soundtrack init")
@click.option(
    "--migrate-state",
    "migrating",
    is_flag=True,
    help="Of a project that is there: bring its state to the place that `state.backend` names, from the other one under `state:`; or, there "
    "already, encrypt it as the settings ask for.",
)
@lock_timeout
@printing
def command(output: Output, *, migrating: bool, lock_timeout: float) -> None:
    """Make a project: settings, a first spec, schemas for editors, and what git should ignore and how it merges decisions."""
    if migrating:
        _migrate(output, lock_timeout)
        return
    root = Path(click.get_current_context().obj or ".")
    settings, spec = root / "mpsjobs.yaml", root / "specs" / "soundtrack.yaml"
    if settings.exists():
        raise MpsjobsError.of(
            "There is a project here already.",
            detail=f"{settings} exists; nothing was changed.",
            hint="See what it would do: mpsjobs plan",
            code=Code.PROJECT_EXISTS,
        )
    name = re.sub(r"[^a-z0-9]+", "-", root.resolve().name.lower()).strip("-") or "soundtrack"
    try:
        spec.parent.mkdir(parents=True, exist_ok=True)
        made = [settings, *([] if spec.exists() else [spec])]
        settings.write_text(_SETTINGS.format(modeline=modeline("settings", ""), name=name), encoding="utf-8")
        if spec in made:
            spec.write_text(_SPEC.format(modeline=modeline("spec", "../")), encoding="utf-8")
        made += write_schemas(root, load_catalogue())
        for_git = ((".gitignore", _IGNORE_HEAD, _IGNORED), (".gitattributes", _MERGED_HEAD, _MERGED))
        made += [root / name for name, head, lines in for_git if _add(root / name, head, lines)]
    except OSError as error:
        raise MpsjobsError.of(
            "The project cannot be written.", detail=str(error), code=Code.FILE_NOT_WRITTEN
        ) from error
    if output.json:
        output.document({"format_version": 1, "project": name, "files": [str(path) for path in made]})
        return
    output.result(f"Made the project {name}:")
    for path in made:
        output.result(f"  {path}")
    output.result("Next: look at the specs, then run mpsjobs plan.")


def _add(file: Path, head: str, lines: Iterable[str]) -> bool:
    """Add to a file those lines that are missing in it, below a comment; returns whether any were."""
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    missing = [line for line in lines if line not in before.splitlines()]
    if not missing:
        return False
    gap = "\n" if before and not before.endswith("\n\n") else ""
    gap = f"\n{gap}" if before and not before.endswith("\n") else gap
    file.write_text(before + gap + "\n".join((head, *missing)) + "\n", encoding="utf-8")
    return True


def _migrate(output: Output, lock_timeout: float) -> None:
    from mpsjobs.cli.log import configure_log
    from mpsjobs.upkeep.migrate import migrate

    configure_log()
    moved = migrate(open_project(), lock_timeout_s=lock_timeout)
    if output.json:
        output.document(
            {
                "format_version": 1,
                "from": moved.source,
                "to": moved.target,
                "serial": moved.serial,
                "kept": moved.kept,
                "encrypted": moved.encrypted,
                "rewritten": moved.rewritten,
            }
        )
    elif moved.rewritten:
        form = "encrypted with the first of the keys now" if moved.encrypted else "not encrypted any more"
        output.result(f"The state at {moved.target} is {form} (serial {moved.serial}).")
        output.result(
            "Older objects stay there as they were written; docs/teams.md says how to be rid of them."
        )
    elif moved.kept is None:
        output.result(f"The state is at {moved.target} already (serial {moved.serial}).")
    else:
        form = "" if moved.encrypted is None else ", encrypted" if moved.encrypted else ", not encrypted"
        output.result(f"The state is now at {moved.target} (serial {moved.serial}{form}).")
        output.result(f"What was at {moved.source} is kept as {moved.kept}; nobody goes on from it.")
        output.result("Next: commit mpsjobs.yaml, so that everybody goes on from the new place.")
