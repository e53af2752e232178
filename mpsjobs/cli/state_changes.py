"""`mpsjobs state mv`, `rm`, `pull`, `push` and `rollback`: each under the lock, as events, with the snapshot of before as its backup."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mpsjobs.cli.addresses import any_addresses, recorded_addresses
from mpsjobs.cli.options import common, lock_timeout, open_project
from mpsjobs.cli.output import Output
from mpsjobs.model.asset import Json
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import StateError

if TYPE_CHECKING:
    from mpsjobs.model.settings import Settings
    from mpsjobs.state.adopt import Adopted

# What these commands need is loaded when one of them runs: `state list` does without.


@click.command("mv", epilog="Example: mpsjobs state mv 'level1.*' 'stage1.*'")
@click.argument("old", shell_complete=recorded_addresses)
@click.argument("new", shell_complete=any_addresses)
@lock_timeout
@common
def move(output: Output, *, old: str, new: str, lock_timeout: float) -> None:
    """Call what is recorded as OLD by the name NEW; a * in both stands for the same text.

    Its takes go with it. Refused where NEW is there already. The specs are yours to change: see mpsjobs plan.
    """
    from mpsjobs.upkeep.edits import move

    names = move(open_project(), old, new, lock_timeout_s=lock_timeout)
    if output.json:
        moved: list[Json] = [{"from": address, "to": name} for address, name in names.items()]
        output.document({"format_version": 1, "moved": moved})
        return
    for address, name in names.items():
        output.result(f"{address} is now {name}.")


@click.command("rm", epilog="Example: mpsjobs state rm 'level1.*'")
@click.argument("patterns", metavar="[ADDR]...", nargs=-1, shell_complete=recorded_addresses)
@click.option(
    "--attempt",
    "attempts",
    multiple=True,
    metavar="ID",
    help="Give up an attempt, by its id or its TaskId, that is still waited for.",
)
@lock_timeout
@common
def remove(
    output: Output, *, patterns: tuple[str, ...], attempts: tuple[str, ...], lock_timeout: float
) -> None:
    """Forget what is recorded as ADDR; * and ? are taken. Takes stay in the state and in the store.

    What the specs still want comes back with the next apply, for free. With --attempt, a task of which the provider tells nothing any more
    is no longer waited for: the next apply may buy its take again, and outputs that show after all become an extra take.
    """
    from mpsjobs.upkeep.edits import abandon, forget

    if bool(patterns) == bool(attempts):
        raise click.UsageError("Name either addresses or --attempt ID.")
    project = open_project()
    if attempts:
        given_up = abandon(project, attempts, lock_timeout_s=lock_timeout)
        if output.json:
            output.document(
                {
                    "format_version": 1,
                    "abandoned": [
                        {
                            "address": each.address,
                            "take": each.take,
                            "attempt_id": each.attempt_id,
                            "task_id": each.task_id,
                        }
                        for each in given_up
                    ],
                }
            )
            return
        for each in given_up:
            task = f" (TaskId {each.task_id})" if each.task_id else ""
            output.result(f"{each.address}, take {each.take}{task} is no longer waited for.")
        output.result("If the specs want it, the next apply pays for it again: see mpsjobs plan.")
        return
    forgotten = forget(project, patterns, lock_timeout_s=lock_timeout)
    if output.json:
        names: list[Json] = list(forgotten)
        output.document({"format_version": 1, "forgotten": names})
        return
    for address in forgotten:
        output.result(f"{address} is forgotten; its takes are kept.")


@click.command("pull", epilog="Example: mpsjobs state pull saved.state.json")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@common
def pull(output: Output, *, file: Path | None) -> None:
    """Print the whole state as JSON, or write it to FILE, which must not be there yet."""
    from mpsjobs.state.disk import new_file
    from mpsjobs.state.snapshot import Snapshot, encode_snapshot

    project = open_project()
    state = project.state()
    if not state.serial:
        raise StateError.of(
            "There is no state yet.",
            hint="The first apply makes one: mpsjobs apply",
            code=Code.UNKNOWN_ADDRESS,
        )
    data = encode_snapshot(Snapshot(state, 0))
    if file is None:
        click.echo(data, nl=False)
        _tell_plain(output, project.settings)
        return
    try:
        new_file(file, data)
    except FileExistsError:
        raise StateError.of(
            f"{file} is there already.",
            hint="Name a new file, or move that one away.",
            code=Code.FILE_NOT_WRITTEN,
        ) from None
    except OSError as error:
        raise StateError.of(
            f"{file} cannot be written.", detail=f"{error.strerror or error}.", code=Code.FILE_NOT_WRITTEN
        ) from error
    _tell_plain(output, project.settings)
    if output.json:
        output.document(
            {"format_version": 1, "file": str(file), "serial": state.serial, "lineage": state.lineage}
        )
    else:
        output.result(f"The state (serial {state.serial}) stands in {file}.")


def _tell_plain(output: Output, settings: "Settings") -> None:
    if settings.state.encryption is not None:
        output.say("It is not encrypted: whoever has it can read every prompt.")


@click.command("push", epilog="Example: mpsjobs state push errored.mpsjobs.state.json")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--force",
    is_flag=True,
    help="A pulled state takes the place of the one here although it is older, or of another history.",
)
@lock_timeout
@common
def push(output: Output, *, file: Path, force: bool, lock_timeout: float) -> None:
    """Put back what a run could not record, or a whole state.

    FILE is the errored.mpsjobs.state.json that a run wrote: its events are added. Or it is what `state pull` wrote: then it takes the place
    of the state here, whose journal is kept under another name. Doing it twice does nothing the second time.
    """
    from mpsjobs.state.adopt import adopt, is_snapshot

    store = open_project().store
    if not is_snapshot(file):
        _push_errored(output, file, lock_timeout)
        return
    adopted = adopt(store, file, force=force, lock_timeout_s=lock_timeout)
    _tell(output, adopted, f"that of {file}")


@click.command("rollback", epilog="Example: mpsjobs state rollback 120")
@click.argument("serial", type=click.IntRange(min=1))
@click.option("--force", is_flag=True, help="Even if paid takes are not known any more then.")
@lock_timeout
@common
def rollback(output: Output, *, serial: int, force: bool, lock_timeout: float) -> None:
    """Go back to the state as it was after event SERIAL; mpsjobs history shows the numbers.

    What happened since is kept in the bucket, or under another name beside the file, and is not known any more.
    """
    from mpsjobs.state.adopt import roll_back

    adopted = roll_back(open_project().store, serial, force=force, lock_timeout_s=lock_timeout)
    _tell(output, adopted, f"the one after event {serial}")


def _tell(output: Output, adopted: "Adopted", which: str) -> None:
    if output.json:
        output.document(
            {
                "format_version": 1,
                "serial": adopted.serial,
                "changed": adopted.changed,
                "kept": adopted.kept,
            }
        )
    elif not adopted.changed:
        output.result(f"The state is {which} already.")
    else:
        output.result(f"The state is now {which} (serial {adopted.serial}).")
        if adopted.kept:
            output.result(f"The journal of before is kept as {adopted.kept}.")
        output.result("Next: look at what mpsjobs plan wants to buy before you apply it.")


def _push_errored(output: Output, file: Path, lock_timeout: float) -> None:
    from mpsjobs.state.push import push as push_events

    pushed = push_events(open_project().store, file, lock_timeout_s=lock_timeout)
    if output.json:
        output.document(
            {
                "format_version": 1,
                "appended": pushed.appended,
                "present": pushed.present,
                "outdated": pushed.outdated,
                "serial": pushed.serial,
            }
        )
        return
    if not pushed.appended:
        output.result(f"The state has everything from {file} already.")
    else:
        output.result(f"{_events(pushed.appended)} put back into the state.")
    if pushed.outdated:
        output.result(f"{_events(pushed.outdated)} left out: the history went on without them.")
    output.result(f"{file} is not needed any more. Next: see what is left to do with mpsjobs plan.")


def _events(number: int) -> str:
    return f"{number} event{'s'[: number != 1]}"
