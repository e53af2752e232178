"""The options that many commands share."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from mpsjobs.cli.addresses import environments
from mpsjobs.cli.github import on_github
from mpsjobs.cli.output import Output, wants_colour
from mpsjobs.model.durations import seconds_of
from mpsjobs.project import Project
from mpsjobs.spec.variables import Given


def _seconds(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    seconds = seconds_of(value)
    if seconds is None:
        raise click.BadParameter("write a duration like 30s, 5m or 1h")
    return seconds


LOG_LEVELS = ("debug", "info", "warning", "error")


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """For commands that open a project: `--env`, which `open_project` takes from the context, and what `printing` gives."""

    @click.option(
        "--env",
        "environment",
        metavar="NAME",
        shell_complete=environments,
        help="The environment to work in.",
    )
    @wraps(function)
    def command(*arguments: Any, environment: str | None, **rest: Any) -> Any:
        if environment is not None:
            click.get_current_context().meta["mpsjobs.environment"] = environment
        return function(*arguments, **rest)

    return printing(command)


def printing(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`, `--no-color`, `--log-level`, `--log-format`; the command gets an `Output` as its first argument."""

    @click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
    @click.option("--no-color", is_flag=True, help="No colours (as the variable NO_COLOR does).")
    @click.option(
        "--log-level",
        type=click.Choice(LOG_LEVELS),
        default="warning",
        envvar="MPSJOBS_LOG_LEVEL",
        show_default=True,
        help="How much is logged to stderr.",
    )
    @click.option(
        "--log-format",
        type=click.Choice(("text", "json")),
        default="text",
        show_default=True,
        help="How it is logged.",
    )
    @wraps(function)
    def command(*, as_json: bool, no_color: bool, log_level: str, log_format: str, **rest: Any) -> Any:
        context = click.get_current_context()
        colour = not no_color and wants_colour()
        output = Output(
            as_json, colour, log_level == "debug", directory=context.obj, github=on_github(os.environ)
        )
        context.meta["mpsjobs.log"] = (log_level, log_format)
        return function(output, **rest)

    return command


def recalled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--no-cache`, which `mpsjobs.cli.recall` looks for before any command is loaded."""

    @click.option(
        "--no-cache", is_flag=True, help="Look at everything anew, and keep nothing for the next time."
    )
    @wraps(function)
    def command(*arguments: Any, no_cache: bool, **rest: Any) -> Any:  # noqa: ARG001
        return function(*arguments, **rest)

    return command


def variables(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--var` and `--var-file`; `open_project` takes them from the context."""

    @click.option(
        "--var",
        "assignments",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_assignments,
        help="Set a variable.",
    )
    @click.option(
        "--var-file",
        "files",
        multiple=True,
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Set variables from a YAML file; --var goes before it, and it before MPSJOBS_VAR_NAME.",
    )
    @wraps(function)
    def command(
        *arguments: Any, assignments: tuple[tuple[str, str], ...], files: tuple[Path, ...], **rest: Any
    ) -> Any:
        click.get_current_context().meta["mpsjobs.variables"] = (assignments, files)
        return function(*arguments, **rest)

    return command


def _assignments(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    if any("=" not in value for value in values):
        raise click.BadParameter("write it like --var name=value")
    return tuple((name.strip(), value) for name, _, value in (each.partition("=") for each in values))


def quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--quiet`, for a command that gets an `Output`: stands below `common`."""

    @click.option("--quiet", "-q", is_flag=True, help="Say only what went wrong, and the last line.")
    @wraps(function)
    def command(output: Output, *arguments: Any, quiet: bool, **rest: Any) -> Any:
        return function(replace(output, quiet=quiet), *arguments, **rest)

    return command


lock_timeout = click.option(
    "--lock-timeout",
    callback=_seconds,
    default="0s",
    metavar="DURATION",
    help="Wait so long for another run, such as 30s or 5m.",
)

verbose = click.option(
    "--verbose", "-v", is_flag=True, help="Show every detail of every change, however many there are."
)

strict = click.option("--strict", is_flag=True, help="Unknown models, versions and parameters are errors.")


def open_project() -> Project:
    """The project and the environment that the command line names, with the values of variables that it gives."""
    context = click.get_current_context()
    assignments, files = context.meta.get("mpsjobs.variables", ((), ()))
    given = Given(assignments, files, os.environ)
    project = Project.open(context.obj, given=given, environment=context.meta.get("mpsjobs.environment"))
    project.tell = lambda words: click.echo(words, err=True)
    return project
