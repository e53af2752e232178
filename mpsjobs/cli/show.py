"""`mpsjobs show`: an asset and all its takes, or the project at a glance."""

from collections import Counter
from collections.abc import Iterator

import click

from mpsjobs.cli.addresses import any_addresses, chosen_addresses
from mpsjobs.cli.figures import HEAD, figure_row
from mpsjobs.cli.options import common, open_project, variables
from mpsjobs.cli.output import Output, shown
from mpsjobs.cli.plan_words import counted, value_text
from mpsjobs.cli.table import table_lines
from mpsjobs.model.asset import Json, masked
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import MpsjobsError, Position
from mpsjobs.model.state import Output as Made, State, Take, chosen_take, finished_of
from mpsjobs.project import Project
from mpsjobs.spec.described import described
from mpsjobs.spec.suggest import did_you_mean
from mpsjobs.state.codec import asset_document


@click.command("show", epilog="Example: mpsjobs show level1.boss")
@click.argument("address", metavar="[ADDR]", required=False, shell_complete=any_addresses)
@click.option(
    "--spec",
    "spec",
    is_flag=True,
    help="Show what the specs want of one ADDR: each field, and where it is written.",
)
@variables
@common
def command(output: Output, *, address: str | None, spec: bool) -> None:
    """Show what is known of ADDR and its takes, or of the whole project; * and ? are taken."""
    project = open_project()
    if spec:
        if address is None:
            raise click.UsageError("--spec shows one asset: name its address.")
        _show_spec(project, address, output)
        return
    state = project.state()
    if address in state.retired and not output.json:
        gone = state.retired[address]
        output.result(f"{address} was retired at {gone.retired_at}; its takes are kept ({gone.fingerprint}).")
        return
    addresses = sorted(chosen_addresses(state, [address] if address else ()))
    if output.json:
        output.document(
            {
                "format_version": 1,
                "environment": project.settings.environment_name,
                "assets": {each: asset_document(state, each) for each in addresses},
            }
        )
        return
    if address is None:
        for line in _project_lines(project, state):
            output.result(line)
        return
    for number, each in enumerate(addresses):
        if number:
            output.result()
        for line in _asset_lines(project, state, each):
            output.result(line)


def _show_spec(project: Project, address: str, output: Output) -> None:
    loaded = project.load()
    asset = next((each for each in loaded.assets if each.address == address), None)
    if asset is None:
        near = did_you_mean(address, [each.address for each in loaded.assets], "See what is: mpsjobs plan")
        raise MpsjobsError.of(f"{address} is not in the specs.", hint=near, code=Code.UNKNOWN_ADDRESS)
    fields = list(described(loaded.fields[address]))
    if output.json:
        output.document(
            {
                "format_version": 1,
                "address": address,
                "origin": _place(asset.origin),
                "source": _place(asset.source) if asset.source else None,
                "fields": [
                    {"path": each.path, "value": each.value, "said_by": each.said_by, **_place(each.at)}
                    for each in fields
                ],
            }
        )
        return
    row = f", row {_line(asset.source)}" if asset.source else ""
    output.result(f"{click.style(address, bold=True)}: {_line(asset.origin)}{row}")
    rows = [(each.path, value_text(each.value), f"{_line(each.at)} ({each.said_by})") for each in fields]
    for line in table_lines(("FIELD", "VALUE", "WRITTEN AT"), rows):
        output.result(f"  {line}")


def _place(at: Position) -> dict[str, Json]:
    return {"file": at.file, "line": at.line, "column": at.column}


def _line(at: Position) -> str:
    return f"{at.file}:{at.line}"


def _project_lines(project: Project, state: State) -> Iterator[str]:
    takes = [take for _, take in state.takes() if take.realm == project.settings.provider.realm]
    environment = project.settings.environment_name
    where = f", environment {environment}" if environment else ""
    yield f"Project {project.settings.project} in {project.root}{where}"
    lost = sum(take.unresolved for take in takes)
    unknown = f", {lost} more may exist" if lost else ""
    yield f"Takes come from {project.settings.provider.realm}: {counted(sum(take.usable for take in takes), 'take')}{unknown}."
    statuses = Counter(str(record.status) for record in state.assets.values())
    yield f"{len(state.assets)} assets: " + (
        ", ".join(f"{n} {status}" for status, n in sorted(statuses.items())) or "none yet"
    )
    if state.retired:
        yield f"{len(state.retired)} retired assets, whose takes are kept."


def _asset_lines(project: Project, state: State, address: str) -> Iterator[str]:
    record = state.assets[address]
    pool = state.pool(record.fingerprint)
    yield f"{click.style(address, bold=True)}: {record.status}"
    yield f"  fingerprint  {record.fingerprint}"
    yield f"  realm        {record.realm}"
    for name, value in pool.fields.items():
        yield f"  {name.ljust(12)} {masked(value)}"
    for each in record.published or ():
        yield f"  published    {each.key} (take {each.take})"
    takes = pool.of_realm(record.realm)
    if takes:
        used = chosen_take(pool, record.realm, record.pick)
        yield ""
        rows = [_take_row(project, _name(address, take, used), take) for take in takes]
        yield from (
            f"  {line}" for line in table_lines(("TAKE", "STATUS", "TASK ID", "SUBMITTED", "OUTPUT"), rows)
        )
        finished = (
            [(f"{address}#{used.take} finished", each) for each in finished_of(record, used)] if used else []
        )
        for name, output in finished:
            yield f"  {name}: {_file(project, output)}"
        outputs = [(_name(address, take, used), output) for take in takes for output in take.outputs]
        if figures := [row for name, output in (*outputs, *finished) if (row := figure_row(name, output))]:
            yield ""
            yield from (f"  {line}" for line in table_lines(HEAD, figures))
        for take in takes:
            if take.misses:
                unused = " (not used)" if take.unfit and take is not used else ""
                yield f"  {address}#{take.take} misses: {'; '.join(take.misses)}{unused}"
            if take.inputs:
                names = ", ".join(f"{each.asset}#{each.take}" for each in take.inputs)
                yield f"  {address}#{take.take} was made from {names}"


def _name(address: str, take: Take, used: Take | None) -> str:
    marks = {"used": take is used, "rejected": take.declined, "draft": take.draft}
    said = ", ".join(mark for mark, holds in marks.items() if holds)
    return f"{address}#{take.take}" + (f" ({said})" if said else "")


def _take_row(project: Project, name: str, take: Take) -> tuple[str, ...]:
    files = [_file(project, output) for output in take.outputs]
    what = ", ".join(files) or take.message or "-"
    return (name, str(take.status), take.task_id or "-", take.submitted_at or "-", what)


def _file(project: Project, output: Made) -> str:
    """Where it is: a file of this machine, else its key in the store."""
    file = project.connections.file_of(output)
    return shown(file) if file else output.key
