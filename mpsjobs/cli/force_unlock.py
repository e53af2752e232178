"""`mpsjobs force-unlock`: take the lock on the state away from a run that is dead or elsewhere."""

from dataclasses import asdict

import click

from mpsjobs.cli.options import common, open_project
from mpsjobs.cli.output import Output


@click.command("force-unlock", epilog="Example: mpsjobs force-unlock")
@click.argument("lock_id", required=False)
@common
def command(output: Output, *, lock_id: str | None) -> None:
    """Take the lock on the state away from a run that no living process of this machine carries on.

    A process that has ended holds no lock, so this is for a run on another machine that shares the folder: it stops before its next
    paid request. With LOCK_ID only that very lock is taken.
    """
    holder = open_project().store.force_unlock(lock_id)
    if output.json:
        output.document({"format_version": 1, "released": asdict(holder) if holder else None})
        return
    if holder:
        output.result(
            f"The lock of {holder.who} ({holder.operation}, {holder.info}, since {holder.created}) is released."
        )
    else:
        output.result("Nobody held the lock.")
    output.result("If a run elsewhere still goes on, it stops before its next paid request.")
    output.result("Next: see what is left to do with mpsjobs plan.")
