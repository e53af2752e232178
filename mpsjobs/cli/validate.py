"""`mpsjobs validate`."""

import click

from mpsjobs.cli.options import common, open_project, strict, variables
from mpsjobs.cli.output import Output
from mpsjobs.plan.document import diagnostic_document


@click.command("validate", epilog="Example: mpsjobs validate --strict")
@strict
@variables
@common
def command(output: Output, *, strict: bool) -> None:
    """Check the settings and all specs; show every mistake with its place."""
    project = open_project()
    loaded = project.load(strict=strict)
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
        return
    output.diagnostics(diagnostics)
    output.result(f"The specs are valid: {len(loaded.assets)} assets.")
