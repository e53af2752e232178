"""`mpsjobs schema`: what editors need to know."""

from importlib.resources import files
from pathlib import Path

import click
import orjson

from mpsjobs.cli.documents import PRINTED
from mpsjobs.cli.options import common, open_project
from mpsjobs.cli.output import Output, shown
from mpsjobs.cli.table import table_lines
from mpsjobs.model.asset import Json
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import MpsjobsError, SpecError
from mpsjobs.spec.catalogue import Catalogue, load_catalogue

FOLDER = "schemas"
"""Where a project keeps its schemas. The folder belongs into git: then every editor finds them, with no network."""


WRITTEN = {"spec": "A spec file", "settings": "mpsjobs.yaml: the settings of a project"}
"""What people write; the others are what commands print with --json."""
TAKEN = ("picks",)
"""What a command takes over from elsewhere."""


@click.command("schema", epilog="Example: mpsjobs schema spec > mpsjobs-spec.schema.json")
@click.argument("file", required=False, metavar="[NAME]", type=click.Choice((*WRITTEN, *PRINTED, *TAKEN)))
@click.option(
    "--write", is_flag=True, help=f"Write those of specs and settings into {FOLDER}/ of the project."
)
@common
def command(output: Output, *, file: str | None, write: bool) -> None:
    """Print a JSON Schema: of `spec` files or `settings`, with the models of this project, or of what a command prints with --json.

    That one is called like the command: `plan`, `state-list`. Events of apply, wait, refresh and import are `apply-events`. Without NAME
    all of them are listed.

    Editors with the YAML language server read it where a file begins with
    "# yaml-language-server: $schema=PATH"; see docs/guide/editors.md.
    """
    if write:
        project = open_project()
        written = write_schemas(project.root, project.catalogue)
        if output.json:
            output.document({"format_version": 1, "files": [shown(path) for path in written]})
        else:
            for path in written:
                output.result(shown(path))
        return
    if file is None:
        _show_names(output)
        return
    text = _text(file, _catalogue()) if file in WRITTEN else printed_schema(file)
    output.result(text.rstrip("\n"))


def _show_names(output: Output) -> None:
    described = [*WRITTEN.items(), *((name, _title(name)) for name in (*PRINTED, *TAKEN))]
    if output.json:
        names: list[Json] = [{"name": name, "describes": what} for name, what in described]
        output.document({"format_version": 1, "schemas": names})
        return
    for line in table_lines(("NAME", "DESCRIBES"), described):
        output.result(line)
    output.result("\nPrint one: mpsjobs schema NAME")


def _title(name: str) -> str:
    return str(orjson.loads(printed_schema(name))["title"])


def name_of(file: str) -> str:
    """What the file with the schema of specs, or of settings, is called."""
    return f"mpsjobs-{file}.schema.json"


def printed_schema(name: str) -> str:
    """The JSON Schema of a document that a command prints."""
    return (files("mpsjobs.cli") / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")


def write_schemas(root: Path, catalogue: Catalogue) -> list[Path]:
    """Write the schemas into a project.

    Raises:
        MpsjobsError: they cannot be written.
    """
    written = []
    try:
        (root / FOLDER).mkdir(exist_ok=True)
        for file in ("settings", "spec"):
            path = root / FOLDER / name_of(file)
            path.write_text(_text(file, catalogue), encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise MpsjobsError.of(
            "The schemas cannot be written.", detail=str(error), code=Code.FILE_NOT_WRITTEN
        ) from error
    return written


def modeline(file: str, folder: str) -> str:
    """The comment by which an editor finds the schema of a file; `folder` leads from the file to the project."""
    return f"# yaml-language-server: $schema={folder}{FOLDER}/{name_of(file)}"


def _text(file: str, catalogue: Catalogue) -> str:
    from mpsjobs.spec.schema import File, json_schema

    return orjson.dumps(json_schema(File(file), catalogue), option=orjson.OPT_INDENT_2).decode() + "\n"


def _catalogue() -> Catalogue:
    """The project's catalogue; outside of a project, or where its settings are broken, the one that is built in."""
    try:
        return open_project().catalogue
    except SpecError:
        return load_catalogue()
