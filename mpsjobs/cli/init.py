"""`mpsjobs init`: a new project in a folder."""

import re
from pathlib import Path

import click

from mpsjobs.cli.options import printing
from mpsjobs.cli.output import Output
from mpsjobs.cli.schema import modeline, write_schemas
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import MpsjobsError
from mpsjobs.spec.catalogue import load_catalogue

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


@click.command("init", epilog="Example: mkdir soundtrack && mpsjobs -C soundtrack init")
@printing
def command(output: Output) -> None:
    """Make a project: settings, a first spec, schemas for editors, and what git should ignore."""
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
        if _ignore(root / ".gitignore"):
            made.append(root / ".gitignore")
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


def _ignore(file: Path) -> bool:
    """Add what is missing to a .gitignore; returns whether anything was."""
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    missing = [line for line in _IGNORED if line not in before.splitlines()]
    if not missing:
        return False
    gap = "\n" if before and not before.endswith("\n\n") else ""
    gap = f"\n{gap}" if before and not before.endswith("\n") else gap
    file.write_text(before + gap + "\n".join((_IGNORE_HEAD, *missing)) + "\n", encoding="utf-8")
    return True
