"""`mpsjobs.picks.yaml`: decisions about takes, one line an address. Committed, though no spec."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from mpsjobs.model.codes import Code
from mpsjobs.model.decisions import Decision
from mpsjobs.model.diagnostics import Diagnostic, Position, Related, Severity, SpecError
from mpsjobs.spec.addresses import bad_name, normal_address
from mpsjobs.spec.documents import Written
from mpsjobs.spec.fields import Switch, Whole, matching, mistake
from mpsjobs.spec.layers import Fields, Said
from mpsjobs.spec.mistakes import check
from mpsjobs.spec.project_files import PICKS_NAME
from mpsjobs.spec.source import read_text
from mpsjobs.spec.suggest import did_you_mean
from mpsjobs.spec.yaml import Map, parse, position

SHORTEST_SUM: Final = 12
"""So many digits of a SHA-256 are enough to tell one recording from all others of a project."""
MOST_SUGGESTIONS: Final = 20

_MARKS = re.compile(r"^(<{7}|={7}|>{7}|\|{7})(?= |\r?$)", re.MULTILINE)

Fingerprint = Annotated[
    str,
    matching(
        re.compile(r"f[0-9]+:[0-9a-f]{8,64}").fullmatch,
        "a fingerprint",
        "Let mpsjobs write the line: mpsjobs pick ADDRESS NUMBER",
    ),
]
Sha256 = Annotated[
    str,
    matching(
        re.compile(f"[0-9a-f]{{{SHORTEST_SUM},64}}").fullmatch,
        f"a SHA-256, or its first {SHORTEST_SUM} digits or more",
        "Write it in hex, or leave it out: then the number alone counts.",
    ),
]


def _rejected(value: Any) -> Any:
    """Numbers with their SHA-256 (`{1: 0f3c…}`), or numbers alone (`[1]`)."""
    if value is None or not isinstance(value, list | dict):
        return value
    items = value.items() if isinstance(value, dict) else ((each, None) for each in value)
    found: dict[int, Any] = {}
    for number, sha256 in items:
        if not (isinstance(number, str) and number.isascii() and number.isdecimal() and int(number)):
            raise mistake(
                '"{name}" must hold numbers of takes',
                f"`{str(number)[:40]}` is none.",
                "Write it like `rejected: [1, 3]`.",
                code=Code.BAD_VALUE,
            )
        found[int(number)] = sha256
    return found


class DecisionLine(Written):
    """What one line says."""

    TITLE: ClassVar[str] = "a decision"
    take: Annotated[Whole, Field(ge=1)] | None = Field(None, description="Number of the take that is used.")
    fingerprint: Fingerprint = Field(
        description="The sound that was listened to. For any other sound the line means nothing."
    )
    sha256: Sha256 | None = Field(
        None, description="Of the first file of the take, so that a number never means another recording."
    )
    approved: Switch = Field(
        default=False, description="True: no plan buys another sound in place of this one unasked."
    )
    rejected: Annotated[dict[int, Sha256 | None] | None, BeforeValidator(_rejected)] = Field(
        None, description="Takes that are never used again: their numbers, each with its SHA-256."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        lacking = "approved" if self.approved else "sha256" if self.sha256 else None
        if self.take is None and lacking:
            raise mistake(
                f'"{lacking}" without "take"',
                "Nobody knows which take is meant.",
                "Add `take:`, or remove the key.",
                code=Code.CONTRADICTING_DECISION,
            )
        if self.take in (self.rejected or {}):
            raise mistake(
                f"Take {self.take} is picked and rejected",
                "It cannot be both.",
                "Remove one of the two.",
                code=Code.CONTRADICTING_DECISION,
            )
        return self


@dataclass(frozen=True, slots=True)
class Read:
    """The decisions of a project by address, and what is wrong with the file."""

    decisions: Mapping[str, Decision] = field(default_factory=dict)
    problems: tuple[Diagnostic, ...] = ()


def read_decisions(root: Path) -> Read:
    """Read the decisions of the project in the folder `root`; none where there is no file."""
    path = root / PICKS_NAME
    if not path.exists():
        return Read()
    try:
        return decisions_in(read_text(path, PICKS_NAME))
    except SpecError as error:
        return Read(problems=error.diagnostics)


def decisions_in(text: str, file: str = PICKS_NAME) -> Read:
    """What the text of such a file says. Lines with mistakes are left out, and told."""
    if merge := _unfinished_merge(text, file):
        return Read(problems=(merge,))
    try:
        document = parse(text, file)
    except SpecError as error:
        return Read(problems=error.diagnostics)
    root, problems = document.root, [*document.problems]
    if root is None:
        return Read(problems=tuple(problems))
    if not isinstance(root, Map):
        problems.append(
            Diagnostic(
                "The file must be a mapping",
                "Each line decides about one asset.",
                "Let mpsjobs write it: mpsjobs pick ADDRESS NUMBER",
                position=Position(file),
                code=Code.WRONG_TYPE,
            )
        )
        return Read(problems=tuple(problems))
    decisions: dict[str, Decision] = {}
    for name, node in root.items():
        at = position(root.places[name][0], file)
        if bad := bad_name("an asset", name, at):
            problems.append(bad)
            continue
        checked = check(DecisionLine, node, file, name=f'"{name}"', whole=at)
        problems += checked.diagnostics
        if (line := checked.value) is not None and not checked.diagnostics:
            decisions[normal_address(None, name)] = Decision(
                line.fingerprint, line.take, line.sha256, line.approved, line.rejected or {}, at
            )
    return Read(decisions, tuple(problems))


def check_decisions(
    decisions: Mapping[str, Decision], wanted: Mapping[str, Fields], *, complete: bool
) -> Iterator[Diagnostic]:
    """What is wrong with decisions, given the fields of the assets by address; whether these are `complete`."""
    suggestions = 0
    for address, decision in decisions.items():
        fields = wanted.get(address)
        if fields is not None:
            yield from _picked_twice(address, decision, fields.get("pick"))
        elif complete:
            suggestions += 1
            hint = "Remove the line, or correct the address."
            if suggestions <= MOST_SUGGESTIONS:
                hint = did_you_mean(address, wanted.keys(), hint)
            yield Diagnostic(
                f'There is no "{address}" to decide about',
                "No spec has an asset of this address, so the line means nothing.",
                hint,
                Severity.WARNING,
                decision.at,
                code=Code.DECIDED_FOR_NOBODY,
            )


def _picked_twice(address: str, decision: Decision, said: Said | None) -> Iterable[Diagnostic]:
    if said is None or decision.take is None or said.value == decision.take:
        return
    yield Diagnostic(
        f'"{address}" has two picks',
        f"Take {decision.take} is picked here, and take {said.value} in its spec.",
        "Write the same number in both, or remove `pick:` from the spec.",
        position=decision.at,
        related=(Related(said.at(), "the other pick"),),
        code=Code.PICKED_TWICE,
    )


def _unfinished_merge(text: str, file: str) -> Diagnostic | None:
    marks = list(_MARKS.finditer(text))
    if not any(mark[1][0] in "<>" for mark in marks):
        return None
    first, last = (Position(file, text.count("\n", 0, mark.start()) + 1) for mark in (marks[0], marks[-1]))
    return Diagnostic(
        "A merge was not finished here",
        "Both sides stand in the file, with git's marks around them.",
        "Keep the lines that are meant, one for each asset, and delete the marks; then run: mpsjobs fmt",
        position=first,
        related=(Related(last, "up to here"),) if last != first else (),
        code=Code.UNFINISHED_MERGE,
    )
