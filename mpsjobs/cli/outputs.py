"""`mpsjobs output`: what came out, for people and for scripts."""

import click

from mpsjobs.cli.addresses import recorded_addresses
from mpsjobs.cli.options import common, open_project
from mpsjobs.cli.output import Output, shown
from mpsjobs.cli.table import table_lines
from mpsjobs.model.asset import Json
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import MpsjobsError
from mpsjobs.project import Current


@click.command("output", epilog="Example: mpsjobs output level1.boss")
@click.argument("address", required=False, shell_complete=recorded_addresses)
@common
def command(output: Output, *, address: str | None) -> None:
    """List the files of all assets with their TaskIds, or print the files of one ADDRESS."""
    project = open_project()
    state = project.state()
    if address and address not in state.assets:
        raise MpsjobsError.of(
            f"{address} is not in the state.",
            hint="See what is: mpsjobs state list",
            code=Code.UNKNOWN_ADDRESS,
        )
    current = [asset for asset in project.current(state) if address in {None, asset.address}]
    if output.json:
        output.document(
            {
                "format_version": 1,
                "environment": project.settings.environment_name,
                "outputs": {asset.address: _document(asset) for asset in current},
            }
        )
    elif address:
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


def _row(asset: Current) -> tuple[str, ...]:
    if asset.take is None:
        return (asset.address, str(asset.record.status), "-", "-", "-", "-")
    lengths = ", ".join(f"{o.duration_s:.1f} s" if o.duration_s else "?" for o in asset.take.outputs)
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
    return [output.key for output in asset.take.outputs] if asset.take else []


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
            }
            for o in (take.outputs if take else ())
        ],
        "published": [
            {"bucket": p.bucket, "region": p.region, "key": p.key, "take": p.take, "sha256": p.sha256}
            for p in asset.record.published or ()
        ],
    }
