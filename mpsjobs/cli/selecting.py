"""Options that say which assets a command is about, and how far an apply goes with them."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from mpsjobs.apply.mode import Mode
from mpsjobs.cli.addresses import any_addresses
from mpsjobs.plan.selection import Selection

_PATTERNS: Final = "an address or glob, tag:NAME, file:PATH, failed: or changed-since:REVISION"


def narrowed(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--target` and `--exclude`; the command gets a `Selection`."""

    @click.option(
        "--target",
        multiple=True,
        metavar="PATTERN",
        shell_complete=any_addresses,
        help=f"Only these: {_PATTERNS}. `failed:` also tries again.",
    )
    @click.option(
        "--exclude",
        multiple=True,
        metavar="PATTERN",
        shell_complete=any_addresses,
        help="All but these; patterns as for --target, which it goes before.",
    )
    @wraps(function)
    def command(*arguments: Any, target: tuple[str, ...], exclude: tuple[str, ...], **rest: Any) -> Any:
        return function(*arguments, selection=Selection(target, exclude=exclude), **rest)

    return command


def selected(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--target`, `--exclude`, `--replace`, `--allow-regenerate` and `--limit`; the command gets a `Selection`."""

    @click.option(
        "--replace",
        "replaced",
        multiple=True,
        metavar="ADDR",
        shell_complete=any_addresses,
        help="Buy new takes for these addresses in place of those they have.",
    )
    @click.option(
        "--allow-regenerate",
        "regenerate",
        multiple=True,
        metavar="ADDR",
        shell_complete=any_addresses,
        help="Say yes to another sound for these addresses, although they are approved.",
    )
    @click.option(
        "--limit",
        type=click.IntRange(min=1),
        metavar="N",
        help="Buy for so many assets at most, in the order of the plan; the rest is left to later.",
    )
    @wraps(function)
    def command(
        *arguments: Any,
        selection: Selection,
        replaced: tuple[str, ...],
        regenerate: tuple[str, ...],
        limit: int | None,
        **rest: Any,
    ) -> Any:
        chosen = replace(selection, replace=replaced, regenerate=regenerate, limit=limit)
        return function(*arguments, selection=chosen, **rest)

    return narrowed(command)


def looking(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--regenerate-missing`, which the command gets as a flag of its own; it goes with a look into the store."""
    return click.option(
        "--regenerate-missing",
        is_flag=True,
        help="Takes that are gone from the store, and that the provider has no more, may be bought once more. Looks into the store first.",
    )(function)


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--fail-fast` and `--max-failures`, which the command gets as one number or None; and `--parallelism`."""

    @click.option(
        "--fail-fast",
        is_flag=True,
        help="Submit nothing more after the first failure. What is in flight is still collected.",
    )
    @click.option(
        "--max-failures",
        type=click.IntRange(min=1),
        metavar="N",
        help="Submit nothing more after N failures.",
    )
    @click.option(
        "--parallelism",
        type=click.IntRange(min=1),
        metavar="N",
        help="Have so many takes in flight at once, at most. No limit if unset.",
    )
    @wraps(function)
    def command(*arguments: Any, fail_fast: bool, max_failures: int | None, **rest: Any) -> Any:
        if fail_fast and max_failures not in {None, 1}:
            raise click.UsageError(
                "--fail-fast stops after the first failure: it goes without --max-failures."
            )
        return function(*arguments, max_failures=1 if fail_fast else max_failures, **rest)

    return command


def mode_of(
    selection: Selection, *, draft: bool, detach: bool = False, plan_file: Path | None = None
) -> Mode:
    """How far an apply goes. Raises UsageError for what a draft cannot do."""
    if draft and selection.replace:
        raise click.UsageError(
            "--replace takes away what is in use, and a draft never does. For more to choose from, ask for more `takes`."
        )
    if draft and (detach or plan_file):
        raise click.UsageError("--draft goes with neither --detach nor a saved plan.")
    if draft:
        return Mode.DRAFT
    return Mode.DETACH if detach else Mode.APPLY
