"""`mpsjobs destroy`: the end of a project, or of one of its environments."""

from typing import TYPE_CHECKING

import click

from mpsjobs.cli.asking import ask
from mpsjobs.cli.gc import garbage_document, garbage_lines, reporter, summed_up
from mpsjobs.cli.options import common, lock_timeout, open_project, variables
from mpsjobs.cli.output import Output
from mpsjobs.cli.plan_text import Look, plan_lines
from mpsjobs.cli.plan_words import counted
from mpsjobs.model.asset import Json

if TYPE_CHECKING:
    from mpsjobs.upkeep.destroy import Ending


@click.command("destroy", epilog="Example: mpsjobs --env dev destroy --delete-outputs")
@click.option("--delete-outputs", is_flag=True, help="Also delete every take from the store, for good.")
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@lock_timeout
@variables
@common
def command(output: Output, *, delete_outputs: bool, auto_approve: bool, lock_timeout: float) -> int:
    """Retire every asset, whatever the specs say.

    Takes are kept, and the next apply brings all of it back for free, unless --delete-outputs deletes them: then it asks for the
    project's name. What another environment's state refers to stays.
    """
    from mpsjobs.cli.log import configure_log
    from mpsjobs.upkeep.destroy import destroy

    if output.json and not auto_approve:
        raise click.UsageError("--json needs --auto-approve: a question cannot be asked in JSON.")
    configure_log()
    project = open_project()
    name = project.settings.project

    def approve(ending: "Ending") -> bool:
        if not output.json:
            _show(output, ending)
        return auto_approve or ask(
            output, answer=name if delete_outputs else "yes", what="mpsjobs plan and mpsjobs output"
        )

    destroyed = destroy(
        project,
        delete_outputs=delete_outputs,
        approve=approve,
        report=reporter(output),
        lock_timeout_s=lock_timeout,
    )
    ending, collected = destroyed.ending, destroyed.collected
    deletion = collected.deletion if collected else None
    if output.json:
        retired: list[Json] = list(ending.addresses)
        output.document(
            {**garbage_document(ending.garbage, deletion), "retired": retired, "in_flight": ending.in_flight}
        )
    elif ending.empty:
        output.result("There is nothing to destroy.")
    elif collected is None:
        output.say("Destroy cancelled. Nothing was done.")
        return 1
    else:
        output.result(f"{counted(len(ending.addresses), 'asset')} retired.")
    return summed_up(output, deletion)


def _show(output: Output, ending: "Ending") -> None:
    for line in plan_lines(ending.plan, Look.of(output, verbose=False)):
        output.result(line)
    if not ending.garbage.empty:
        output.result()
        output.result(
            click.style("These takes will be deleted, and can never be made again:", fg="red", bold=True)
        )
        for line in garbage_lines(ending.garbage):
            output.result(line)
    if ending.in_flight:
        output.result()
        output.result(
            f"{counted(ending.in_flight, 'task')} may still be on the way. What they write stays in the store: mpsjobs wait collects it."
        )
