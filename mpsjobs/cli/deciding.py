"""What pick, reject and approve have in common: decide, show what was written, and say what comes next."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from mpsjobs.cli.options import common, open_project, variables
from mpsjobs.cli.output import Output
from mpsjobs.model.asset import Json

if TYPE_CHECKING:
    from mpsjobs.deciding import Decided, Verdict
    from mpsjobs.model.decisions import Decision

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def deciding(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that decides."""
    dry_run = click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
    return dry_run(variables(common(function)))


def settle(output: Output, verdicts: Sequence["Verdict"], *, dry_run: bool) -> None:
    """Decide, and tell."""
    decided = open_project().decide(verdicts, only_look=dry_run)
    if output.json:
        output.document(_document(decided, written=not dry_run))
        return
    if not decided.files:
        output.result("That is decided already; nothing was written.")
        return
    output.result(_coloured(decided.diff))
    output.result()
    for line in _told(decided):
        output.result(line)
    files = " and ".join(decided.files)
    output.result("Nothing was written." if dry_run else f"Next: commit {files}, and see mpsjobs plan.")


def _told(decided: "Decided") -> Iterator[str]:
    """What it means, an asset a line."""
    for address, after in decided.after.items():
        yield f"{address}: {_meaning(decided.before[address], after)}."


def _meaning(before: "Decision | None", after: "Decision | None") -> str:
    if after is None:
        return "its line is gone; the first good take is used" if before else "its spec has the pick"
    words = [
        f"take {after.take} is {'approved' if after.approved else 'picked'}"
        if after.take
        else "no take is picked"
    ]
    if after.rejected:
        numbers = ", ".join(map(str, sorted(after.rejected)))
        words.append(f"rejected: {numbers}")
    if before is not None and before.approved and not after.approved:
        words.append("approved no more")
    return "; ".join(words)


def _coloured(diff: str) -> str:
    return "\n".join(
        line if line.startswith(("+++", "---")) else click.style(line, fg=_COLOURS.get(line[:1]))
        for line in diff.splitlines()
    )


def _document(decided: "Decided", *, written: bool) -> dict[str, Json]:
    return {
        "format_version": 1,
        "written": written,
        "files": [*decided.files],
        "decisions": [
            {"address": address, "before": _decision(decided.before[address]), "after": _decision(after)}
            for address, after in decided.after.items()
        ],
        "diff": decided.diff,
    }


def _decision(decision: "Decision | None") -> Json:
    if decision is None:
        return None
    rejected: list[Json] = [
        {"take": take, "sha256": decision.rejected[take]} for take in sorted(decision.rejected)
    ]
    return {
        "fingerprint": decision.fingerprint,
        "take": decision.take,
        "sha256": decision.sha256,
        "approved": decision.approved,
        "rejected": rejected,
    }
