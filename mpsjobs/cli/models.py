"""`mpsjobs models`: the catalogue."""

import click

from mpsjobs.cli.options import common, open_project
from mpsjobs.cli.output import Output
from mpsjobs.cli.table import table_lines
from mpsjobs.model.asset import Json
from mpsjobs.model.diagnostics import SpecError
from mpsjobs.spec.catalogue import Catalogue, ModelEntry, load_catalogue


@click.command("models", epilog="Example: mpsjobs models --json")
@common
def command(output: Output) -> None:
    """List the models that are known, with what this project adds to them."""
    catalogue = _catalogue()
    if output.json:
        models: dict[str, Json] = {name: _document(entry) for name, entry in catalogue.models.items()}
        formats: list[Json] = [*catalogue.formats]
        output.document(
            {
                "format_version": 1,
                "models": models,
                "formats": formats,
                "prompt_limit": catalogue.prompt_limit,
            }
        )
        return
    rows = [_row(entry) for entry in catalogue.models.values()]
    for line in table_lines(("MODEL", "VERSIONS", "SITES", "REFERENCES", "ADDITIONAL PARAMETERS"), rows):
        output.result(line)
    output.result()
    output.result(
        f"Formats: {', '.join(catalogue.formats)}. A prompt has up to {catalogue.prompt_limit} characters."
    )
    output.result("A model or version that is not listed is a warning; add it under models: in mpsjobs.yaml.")


def _catalogue() -> Catalogue:
    """The project's catalogue; outside of a project, the one that is built in."""
    try:
        return open_project().catalogue
    except SpecError:
        if click.get_current_context().obj:
            raise
        return load_catalogue()


def _row(entry: ModelEntry) -> tuple[str, ...]:
    spellings = f" (also {', '.join(entry.aliases)})" if entry.aliases else ""
    versions = ", ".join(
        version if set(sites) == set(entry.sites) else f"{version} ({', '.join(sites)})"
        for version, sites in entry.versions.items()
    )
    return (
        entry.name + spellings,
        versions or "-",
        ", ".join(entry.sites),
        ", ".join(sorted(entry.references)) or "-",
        ", ".join(entry.parameters) or "-",
    )


def _document(entry: ModelEntry) -> Json:
    return {
        "aliases": [*entry.aliases],
        "versions": {version: [str(site) for site in sites] for version, sites in entry.versions.items()},
        "sites": [str(site) for site in entry.sites],
        "references": [*sorted(entry.references)],
        "parameters": {name: str(parameter.type) for name, parameter in entry.parameters.items()},
    }
