"""`picks.json`: decisions that were made elsewhere, such as on an exported listening page. See `mpsjobs schema picks`."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from mpsjobs.deciding.verdict import Verdict
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, SpecError
from mpsjobs.spec.addresses import normal_address
from mpsjobs.spec.decisions import Fingerprint, Sha256
from mpsjobs.spec.documents import Written
from mpsjobs.spec.fields import Switch, Whole, Word
from mpsjobs.spec.mistakes import check, locate
from mpsjobs.spec.source import read_text
from mpsjobs.spec.yaml import parse, position


class Rejected(Written):
    TITLE: ClassVar[str] = "a rejected take"
    take: Annotated[Whole, Field(ge=1)]
    sha256: Sha256


class Choice(Written):
    TITLE: ClassVar[str] = "a decision"
    address: Word
    fingerprint: Fingerprint
    take: Annotated[Whole, Field(ge=1)] | None = None
    sha256: Sha256 | None = None
    approved: Switch | None = None
    rejected: list[Rejected] | None = None
    note: str | None = None


class PicksFile(Written):
    TITLE: ClassVar[str] = "the file"
    format_version: Annotated[Whole, Field(ge=1, le=1)]
    project: str | None = None
    environment: str | None = None
    commit: str | None = None
    exported_at: str | None = None
    decisions: list[Choice]


def read_verdicts(path: Path, label: str) -> tuple[Verdict, ...]:
    """What the file says. `label` is its name for the user.

    Raises:
        SpecError: it is not such a file; everything that is wrong with it.
    """
    document = parse(read_text(path, label), label)
    checked = check(PicksFile, document.root, label)
    problems = [*document.problems, *checked.diagnostics]
    if problems or checked.value is None:
        raise SpecError(*problems)
    verdicts = []
    for index, each in enumerate(checked.value.decisions):
        mark = locate(document.root, ("decisions", index))
        at = position(mark, label) if mark else Position(label)
        if (each.take is None) != (each.sha256 is None):
            problems.append(_half(each.address, at))
        verdicts.append(
            Verdict(
                normal_address(None, each.address),
                each.take,
                each.sha256,
                {one.take: one.sha256 for one in each.rejected or ()},
                approved=each.approved,
                fingerprint=each.fingerprint,
                at=at,
            )
        )
    if problems:
        raise SpecError(*problems)
    return tuple(verdicts)


def _half(address: str, at: Position) -> Diagnostic:
    return Diagnostic(
        f'The pick of "{address}" is incomplete',
        "A take and its SHA-256 go together, so that no other recording is picked by mistake.",
        "Write both, or neither.",
        position=at,
        code=Code.CONTRADICTING_DECISION,
    )
