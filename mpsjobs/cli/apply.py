"""`mpsjobs apply`."""

from pathlib import Path

import click

from mpsjobs.cli.addresses import recorded_addresses
from mpsjobs.cli.limiting import limited
from mpsjobs.cli.options import common, lock_timeout, quiet, strict, variables, verbose
from mpsjobs.cli.output import Output
from mpsjobs.cli.running import carry_out
from mpsjobs.cli.selecting import guarded, looking, mode_of, selected
from mpsjobs.plan.limits import Limits
from mpsjobs.plan.saved import decode
from mpsjobs.plan.selection import EVERYTHING, Selection
from mpsjobs.project import Options, Refresh


@click.command("apply", epilog="Example: mpsjobs apply --auto-approve")
@click.argument("plan_file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--detach", is_flag=True, help="Submit, record, and leave; `mpsjobs wait` collects.")
@click.option(
    "--draft",
    is_flag=True,
    help="Only generate, to listen before a merge: nothing that is in use changes. The apply after the merge adopts the takes.",
)
@click.option(
    "--resubmit-unknown",
    is_flag=False,
    flag_value="*",
    metavar="[ADDR]",
    shell_complete=recorded_addresses,
    help="Buy takes again whose answer was lost and whose outputs do not show. They may be paid twice.",
)
@click.option(
    "--allow-local-state",
    is_flag=True,
    help="In CI: the state file is kept somewhere, although the runner goes.",
)
@click.option(
    "--allow-delete",
    is_flag=True,
    help="With --auto-approve: takes of removed assets with `on_remove: delete` may be deleted for good.",
)
@click.option(
    "--allow-behind",
    is_flag=True,
    help="In CI: apply although the commit that was applied last is not part of this checkout.",
)
@click.option(
    "--refresh/--no-refresh",
    default=None,
    help="Record what became of the outputs in use, and plan with it; or do not look at all. Else apply looks, and only tells.",
)
@looking
@limited
@lock_timeout
@guarded
@selected
@strict
@variables
@verbose
@common
@quiet
def command(  # noqa: PLR0913  # the options of the command, one to one
    output: Output,
    *,
    plan_file: Path | None,
    auto_approve: bool,
    detach: bool,
    draft: bool,
    resubmit_unknown: str | None,
    allow_local_state: bool,
    allow_delete: bool,
    refresh: bool | None,
    regenerate_missing: bool,
    max_failures: int | None,
    parallelism: int | None,
    allow_behind: bool,
    limits: Limits,
    lock_timeout: float,
    selection: Selection,
    strict: bool,
    verbose: bool,
) -> int:
    """Generate what is new or changed, and record what came out; with PLAN_FILE just what was planned and reviewed there."""
    if output.json and not (auto_approve or plan_file):
        raise click.UsageError("--json needs --auto-approve: a question cannot be asked in JSON.")
    if resubmit_unknown and (detach or plan_file):
        raise click.UsageError(
            "--resubmit-unknown looks for outputs first; it goes with neither --detach nor a saved plan."
        )
    if plan_file and selection != EVERYTHING:
        raise click.UsageError(
            "A saved plan says which assets it is about; --target, --exclude, --replace and --limit go with mpsjobs plan --out."
        )
    if plan_file and (refresh or regenerate_missing):
        raise click.UsageError(
            "A saved plan says whether the store was looked into; --refresh and --regenerate-missing go with mpsjobs plan --out."
        )
    if regenerate_missing and refresh is False:
        raise click.UsageError(
            "--regenerate-missing looks into the store first: it goes without --no-refresh."
        )
    if detach and parallelism:
        raise click.UsageError("--detach waits for nothing, so it cannot keep to --parallelism.")
    options = Options(
        mode=mode_of(selection, draft=draft, detach=detach, plan_file=plan_file),
        strict=strict,
        selection=selection,
        saved=decode(plan_file.read_bytes(), plan_file.name) if plan_file else None,
        resubmit=(resubmit_unknown,) if resubmit_unknown else (),
        refresh=_refresh(refresh, regenerate_missing=regenerate_missing),
        regenerate_missing=regenerate_missing,
        max_failures=max_failures,
        parallelism=parallelism,
        limits=limits,
        allow_behind=allow_behind,
        lock_timeout_s=lock_timeout,
        local_state=allow_local_state,
        allow_delete=allow_delete or not auto_approve or plan_file is not None,
    )
    return carry_out(output, options, auto_approve=auto_approve or plan_file is not None, verbose=verbose)


def _refresh(asked: bool | None, *, regenerate_missing: bool) -> Refresh:  # noqa: FBT001  # as the option gives it
    if asked or regenerate_missing:
        return Refresh.RECORD
    return Refresh.AS_USUAL if asked is None else Refresh.OFF
