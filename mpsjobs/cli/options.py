"""The options that many commands share."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from mpsjobs.cli.output import Output
from mpsjobs.model.durations import seconds_of
from mpsjobs.plan.selection import Selection
from mpsjobs.project import Project


def _seconds(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    seconds = seconds_of(value)
    if seconds is None:
        raise click.BadParameter("write a duration like 30s, 5m or 1h")
    return seconds


LOG_LEVELS = ("debug", "info", "warning", "error")


def common(function: Callable[..., Any]) -> Callable[..., Any]:
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
        output = Output(as_json, not (no_color or os.environ.get("NO_COLOR")), log_level == "debug")
        click.get_current_context().meta["mpsjobs.log"] = (log_level, log_format)
        return function(output, **rest)

    return command


def selected(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--target` and `--replace`; the command gets a `Selection`."""

    @click.option(
        "--target",
        multiple=True,
        metavar="ADDR",
        help="Only these addresses; * and ? are taken. `failed:` tries again what has failed.",
    )
    @click.option(
        "--replace",
        "replaced",
        multiple=True,
        metavar="ADDR",
        help="Buy new takes for these addresses in place of those they have.",
    )
    @wraps(function)
    def command(*arguments: Any, target: tuple[str, ...], replaced: tuple[str, ...], **rest: Any) -> Any:
        return function(*arguments, selection=Selection(target, replaced), **rest)

    return command


lock_timeout = click.option(
    "--lock-timeout",
    callback=_seconds,
    default="0s",
    metavar="DURATION",
    help="Wait so long for another run, such as 30s or 5m.",
)

strict = click.option("--strict", is_flag=True, help="Unknown models, versions and parameters are errors.")


def open_project() -> Project:
    """The project that the command line names."""
    return Project.open(click.get_current_context().obj)
