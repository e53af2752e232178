"""`mpsjobs validate`."""

from collections.abc import Sequence
from dataclasses import replace

import click

from mpsjobs.cli import recall
from mpsjobs.cli.github import annotations, counts
from mpsjobs.cli.options import common, open_project, recalled, strict, variables
from mpsjobs.cli.output import Output
from mpsjobs.model.diagnostics import Diagnostic, MpsjobsError
from mpsjobs.plan.document import diagnostic_document


@click.command("validate", epilog="Example: mpsjobs validate --strict")
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "github")),
    default="text",
    show_default=True,
    help="How the result looks; json is the same as --json, github makes annotations in a pull request.",
)
@strict
@variables
@recalled
@common
def command(output: Output, *, form: str, strict: bool) -> int:
    """Check the settings and all specs; show every mistake with its place."""
    output = replace(output, json=output.json or form == "json")
    try:
        project = open_project()
        loaded = project.load(strict=strict)
    except MpsjobsError as error:
        if form == "github" and not output.json:
            _annotate(output, error.diagnostics)
        else:
            output.errors(error.diagnostics)
        return 1
    diagnostics = (*project.notices, *loaded.diagnostics)
    if output.json:
        output.document(
            {
                "format_version": 1,
                "valid": True,
                "assets": len(loaded.assets),
                "diagnostics": [diagnostic_document(diagnostic) for diagnostic in diagnostics],
            }
        )
    elif form == "github":
        _annotate(output, diagnostics)
    else:
        output.diagnostics(diagnostics)
        output.result(f"The specs are valid: {len(loaded.assets)} assets.")
    if not diagnostics:
        recall.repeatable(0)
    return 0


def _annotate(output: Output, diagnostics: Sequence[Diagnostic]) -> None:
    for line in annotations(diagnostics, output.project_root()):
        output.result(line)
    output.result(counts(diagnostics))
