"""`mpsjobs check`: takes against what is expected of them, without generating anything."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mpsjobs.apply.result import ExitCode
from mpsjobs.cli.addresses import chosen_addresses, recorded_addresses
from mpsjobs.cli.figures import HEAD, figure_row
from mpsjobs.cli.options import common, open_project, variables
from mpsjobs.cli.output import Output
from mpsjobs.cli.plan_words import counted
from mpsjobs.cli.table import table_lines
from mpsjobs.model.asset import Json

if TYPE_CHECKING:
    from mpsjobs.upkeep.checking import Checked


@click.command("check", epilog="Example: mpsjobs check 'level1.*'")
@click.argument("patterns", metavar="[ADDR]...", nargs=-1, shell_complete=recorded_addresses)
@variables
@common
def command(output: Output, *, patterns: tuple[str, ...]) -> int:
    """Hold the takes in use of all assets, or of those called ADDR, against what the specs expect of them; * and ? are taken.

    Nothing is bought. What is not measured yet is measured. Exit code 3: something is not as expected.
    """
    from mpsjobs.cli.log import configure_log
    from mpsjobs.upkeep.checking import check

    configure_log()
    project = open_project()
    checked = check(project, sorted(chosen_addresses(project.state(), patterns)))
    missing = [each for each in checked if each.misses]
    if output.json:
        output.document({"format_version": 1, "assets": [_document(each) for each in checked]})
    else:
        _show(checked, output)
    return ExitCode.INCOMPLETE if missing else ExitCode.OK


def _show(checked: Sequence["Checked"], output: Output) -> None:
    rows = [
        row
        for each in checked
        for file in (each.take.outputs if each.take else ())
        if (row := figure_row(f"{each.address}#{each.take.take}" if each.take else each.address, file))
    ]
    for line in table_lines(HEAD, rows) if rows else ():
        output.result(line)
    missing = [each for each in checked if each.misses]
    if missing:
        output.result()
    for each in missing:
        for miss in each.misses:
            output.result(f"{click.style(each.address, bold=True)}: {miss}")
    silent = sum(each.take is None for each in checked)
    expecting = sum(each.expects and each.take is not None for each in checked)
    if rows:
        output.result()
    if not expecting:
        said = "No asset that has a take has expectations: see `expect` in docs/guide/audio.md."
    elif missing:
        are = "is" if len(missing) == 1 else "are"
        said = f"{len(missing)} of {counted(expecting, 'asset')} with expectations {are} not as expected."
    else:
        said = f"{counted(expecting, 'asset')} with expectations, and nothing is missed."
    output.result(said)
    if silent:
        output.result(f"{counted(silent, 'asset')} without a take.")


def _document(each: "Checked") -> Json:
    return {
        "address": each.address,
        "take": each.take.take if each.take else None,
        "expects": each.expects,
        "passed": not each.misses,
        "misses": [*each.misses],
        "on_fail": str(each.on_fail),
    }
