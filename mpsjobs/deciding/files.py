"""Decisions come into files: lines of `mpsjobs.picks.yaml`, and the `pick:` of an asset that has one in its spec."""

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from mpsjobs.model.codes import Code
from mpsjobs.model.decisions import Decision
from mpsjobs.model.diagnostics import Diagnostic, MpsjobsError, Position
from mpsjobs.spec.decision_lines import edited
from mpsjobs.spec.layers import Fields, Said
from mpsjobs.spec.project_files import PICKS_NAME
from mpsjobs.spec.writing import replace_text

_PATIENCE_S: Final = 10
_NUMBER = re.compile(r"""(?P<quote>["']?)(?P<number>\d+)(?P=quote)""")


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided, by address: before (None: nothing) and after (None: nothing any more). `files` are the texts by path below the project.

    Nothing is written yet: see `write`.
    """

    before: Mapping[str, Decision | None]
    after: Mapping[str, Decision | None]
    files: Mapping[str, tuple[str, str]]

    @property
    def diff(self) -> str:
        """What changes in the files, as `git diff` shows it; empty where nothing does."""
        return diff_of(self.files)


def diff_of(files: Mapping[str, tuple[str, str]]) -> str:
    """The texts before and after, by path below the project, as `git diff` shows them."""
    return "".join(_diff(name, before, after) for name, (before, after) in files.items() if before != after)


def plan_files(
    root: Path,
    decisions: Mapping[str, Decision],
    made: Mapping[str, Decision],
    fields: Mapping[str, Fields],
) -> Decided:
    """The texts that come of new decisions. A pick in a spec is changed there; a line is only added for what cannot be said there.

    Raises:
        MpsjobsError: a pick stands in a place that stands for several assets, or that cannot be changed by machine.
    """
    before = {address: decisions.get(address) for address in made}
    after: dict[str, Decision | None] = {}
    inline: dict[Position, tuple[int, int]] = {}
    users = Counter(each["pick"].at() for each in fields.values() if "pick" in each)
    problems: list[Diagnostic] = []
    for address, decision in made.items():
        after[address] = None if decision.empty else decision
        said: Said | None = fields.get(address, {}).get("pick")
        if said is None or decision.take is None:
            continue
        if not (decision.approved or decision.rejected or address in decisions):
            after[address] = None
        if said.value != decision.take:
            if users[said.at()] > 1:
                problems.append(_shared(address, said.at()))
            inline[said.at()] = (said.value, decision.take)
    changed = {address: each for address, each in after.items() if each != before[address]}
    files = dict(_picks(root, changed))
    for at, (old, new) in inline.items():
        _, text = files.get(at.file) or (None, _text(root / at.file))
        replaced = _with_number(text, at, old, new)
        if replaced is None:
            problems.append(_by_hand(at, new))
        else:
            files[at.file] = (files[at.file][0] if at.file in files else text, replaced)
    if problems:
        raise MpsjobsError(*problems)
    return Decided(
        {address: before[address] for address in made},
        {address: after[address] for address in made},
        {name: texts for name, texts in files.items() if texts[0] != texts[1]},
    )


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Keeps others on this machine, such as a second page, from deciding between what is read here and what is written.

    Where that cannot be had, or somebody takes too long, it goes on without: `write` notices most of what others do.
    """
    lock = FileLock(folder / "deciding.lock")
    with suppress(Timeout, OSError):
        folder.mkdir(exist_ok=True)
        lock.acquire(timeout=_PATIENCE_S)
    try:
        yield
    finally:
        lock.release()


def write(root: Path, decided: Decided) -> None:
    """Write the files, each as a whole or not at all.

    Raises:
        MpsjobsError: one cannot be written, or was changed by somebody else meanwhile.
    """
    for name, (before, _) in decided.files.items():
        if _text(root / name) != before:
            raise MpsjobsError.of(
                f"{name} was changed meanwhile.",
                detail="Somebody else wrote it since it was read; nothing was decided.",
                hint="Run the command again.",
                code=Code.FILE_NOT_WRITTEN,
            )
    for name, (_, after) in decided.files.items():
        replace_text(root / name, after, name)


def _picks(root: Path, changed: Mapping[str, Decision | None]) -> Iterator[tuple[str, tuple[str, str]]]:
    if changed:
        text = _text(root / PICKS_NAME)
        yield PICKS_NAME, (text, edited(text, changed))


def _text(path: Path) -> str:
    """What stands in the file, with its own line breaks; nothing where it is not there. It was read before, and is known to be text."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""


def _with_number(text: str, at: Position, old: int, new: int) -> str | None:
    """The text with another number at a place; None where the old one is not written there as such."""
    lines = text.split("\n")
    if not 0 < at.line <= len(lines):
        return None
    line = lines[at.line - 1]
    found = _NUMBER.match(line, at.column - 1 + line.startswith("\ufeff"))
    if found is None or int(found["number"]) != old:
        return None
    lines[at.line - 1] = f"{line[: found.start('number')]}{new}{line[found.end('number') :]}"
    return "\n".join(lines)


def _shared(address: str, at: Position) -> Diagnostic:
    return Diagnostic(
        f"The pick of {address} is shared with other assets",
        "It stands where it holds for several of them, so it cannot be changed for one.",
        f"Remove `pick:` there; then each has its own line in {PICKS_NAME}.",
        position=at,
        code=Code.CANNOT_DECIDE,
    )


def _by_hand(at: Position, new: int) -> Diagnostic:
    return Diagnostic(
        "This pick cannot be changed by machine",
        "It is not written as a plain number.",
        f"Write {new} there, or remove `pick:` and decide again.",
        position=at,
        code=Code.CANNOT_DECIDE,
    )


def _diff(name: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{name}" if before else "/dev/null",
        f"b/{name}",
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
