"""What to do next, for whoever runs `mpsjobs` alone. A look that costs little: large specs are not read."""

from collections.abc import Iterator
from pathlib import Path

import click

from mpsjobs.cli.addresses import is_quick
from mpsjobs.cli.options import open_project
from mpsjobs.cli.plan_words import counted, counts_text, price_text
from mpsjobs.model.diagnostics import MpsjobsError
from mpsjobs.model.state import AssetStatus, State
from mpsjobs.project import Project
from mpsjobs.spec.project_files import find_project


def next_lines() -> Iterator[str]:
    """Where one stands, and the command to run now."""
    try:
        project = open_project()
    except MpsjobsError as error:
        yield from _without_project(error)
        return
    yield f"Project {project.settings.project} in {project.root}"
    try:
        yield from _in_project(project, project.state())
    except MpsjobsError as error:
        yield f"{error.diagnostics[0].summary} Next: mpsjobs validate"


def _without_project(error: MpsjobsError) -> Iterator[str]:
    directory = click.get_current_context().obj
    if find_project(Path(directory) if directory else Path.cwd()) is None:
        yield "There is no project here. Next: mpsjobs init"
    else:
        yield f"{error.diagnostics[0].summary} Next: mpsjobs validate"


def _in_project(project: Project, state: State) -> Iterator[str]:
    if state.serial == 0:
        yield "Nothing has been generated yet. Next: mpsjobs plan"
        return
    running = sum(record.status is AssetStatus.IN_PROGRESS for record in state.assets.values())
    if any(take.in_flight for _, take in state.takes()):
        yield f"Tasks are still running, for {counted(max(running, 1), 'asset')}. Next: mpsjobs wait"
        return
    if not is_quick(project):
        yield f"{counted(len(state.assets), 'asset')} recorded. Next: mpsjobs plan"
        return
    plan = project.plan()
    if plan.has_changes:
        yield f"{counts_text(plan)[:1].upper()}{counts_text(plan)[1:]}. {price_text(plan)} Next: mpsjobs plan"
    elif counts_text(plan):
        yield f"{counts_text(plan)}. Next: mpsjobs plan, and to try again: mpsjobs apply --target failed:"
    else:
        yield "All assets are as the specs want them. Next: mpsjobs review --open"
