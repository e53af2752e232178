"""`mpsjobs output`: what came out, for people and for scripts."""

from collections.abc import Sequence
from dataclasses import asdict

import click

from mpsjobs.cli.addresses import chosen_addresses, recorded_addresses
from mpsjobs.cli.options import common, open_project
from mpsjobs.cli.output import Output, shown
from mpsjobs.cli.table import table_lines
from mpsjobs.model.asset import Json
from mpsjobs.project import Current, Project


@click.command("output", epilog="Example: mpsjobs output level1.boss")
@click.argument("patterns", metavar="[ADDR]...", nargs=-1, shell_complete=recorded_addresses)
@click.option(
    "--dotenv",
    "as_variables",
    is_flag=True,
    help="Print NAME=value lines, quoted for a shell. (--env chooses the environment.)",
)
@click.option("--manifest", "as_manifest", is_flag=True, help="Print a manifest for builds, as JSON.")
@common
def command(output: Output, *, patterns: tuple[str, ...], as_variables: bool, as_manifest: bool) -> None:
    """List the files of all assets with their TaskIds, or print the files of one ADDR; * and ? are taken."""
    if output.json + as_variables + as_manifest > 1:
        raise click.UsageError("Choose one of --json, --dotenv and --manifest.")
    project = open_project()
    state = project.state()
    chosen = chosen_addresses(state, patterns)
    current = [asset for asset in project.current(state) if asset.address in chosen]
    if as_variables or as_manifest:
        _for_builds(output, project, current, as_manifest=as_manifest)
    elif output.json:
        output.document(
            {
                "format_version": 1,
                "environment": project.settings.environment_name,
                "outputs": {asset.address: _document(asset) for asset in current},
            }
        )
    elif len(patterns) == 1 and patterns[0] in chosen:
        for line in _places(current[0]):
            output.result(line)
    elif current:
        if project.settings.environment_name:
            output.result(f"Environment {project.settings.environment_name}:")
        rows = [_row(asset) for asset in current]
        for line in table_lines(("ADDRESS", "STATUS", "TAKE", "TASK ID", "DURATION", "FILE"), rows):
            output.result(line)
    else:
        output.result("Nothing has been generated yet. See what would be: mpsjobs plan")


def _for_builds(output: Output, project: Project, current: Sequence[Current], *, as_manifest: bool) -> None:
    from mpsjobs.upkeep.manifest import manifest, variables

    if without := [asset.address for asset in current if asset.take is None]:
        output.say(f"Left out, for there is no take: {', '.join(without)}.")
    if as_manifest:
        output.document(manifest(project, current))
    else:
        for line in variables(project, current):
            output.result(line)


def _row(asset: Current) -> tuple[str, ...]:
    if asset.take is None:
        return (asset.address, str(asset.record.status), "-", "-", "-", "-")
    lengths = ", ".join(f"{o.duration_s:.1f} s" if o.duration_s else "?" for o in asset.outputs)
    return (
        asset.address,
        str(asset.record.status),
        f"#{asset.take.take}",
        asset.take.task_id or "-",
        lengths,
        ", ".join(_places(asset)),
    )


def _places(asset: Current) -> list[str]:
    """The files, as seen from the current folder; without any, the keys in the store."""
    if asset.files:
        return [shown(file) for file in asset.files]
    return [output.key for output in asset.outputs]


def _document(asset: Current) -> Json:
    take = asset.take
    files: list[Json] = [str(file.absolute()) for file in asset.files]
    return {
        "status": str(asset.record.status),
        "fingerprint": asset.record.fingerprint,
        "take": take.take if take else None,
        "task_id": take.task_id if take else None,
        "files": files,
        "objects": [
            {
                "bucket": o.bucket,
                "region": o.region,
                "key": o.key,
                "size": o.size,
                "sha256": o.sha256,
                "format": o.format,
                "duration_s": o.duration_s,
                "measures": asdict(o.measures) if o.measures else None,
                "unmeasured": o.unmeasured,
                "finished": bool(asset.finished),
            }
            for o in asset.outputs
        ],
        "published": [
            {"bucket": p.bucket, "region": p.region, "key": p.key, "take": p.take, "sha256": p.sha256}
            for p in asset.record.published or ()
        ],
    }
