"""Putting the state right by hand: other names, addresses and attempts that are given up. All of it are events; no file is edited."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, MpsjobsError
from mpsjobs.model.events import AssetForgotten, AssetRecorded, AttemptAbandoned
from mpsjobs.model.state import Take
from mpsjobs.plan.selection import matches
from mpsjobs.project import Project
from mpsjobs.spec.addresses import is_address, normal_address
from mpsjobs.spec.suggest import did_you_mean
from mpsjobs.upkeep.operation import operation

_LIST = "See what is: mpsjobs state list"


def move(project: Project, old: str, new: str, *, lock_timeout_s: float = 0) -> dict[str, str]:
    """Give recorded assets other names; returns the new name of each. Both may hold `*`, equally often; each stands for the same text.

    Raises:
        MpsjobsError: nothing has the old name, a new name is taken or is none. Nothing was changed.
        LockHeldError, StateError: see `operation`.
    """
    with operation(project, "state mv", lock_timeout_s=lock_timeout_s) as held:
        names = renamed(held.state.assets, old, new)
        held.commit(
            [
                AssetRecorded(
                    at=held.now(),
                    address=name,
                    fingerprint=(record := held.state.assets[address]).fingerprint,
                    realm=record.realm,
                    takes=record.takes,
                    pick=record.pick,
                    moved_from=address,
                )
                for address, name in names.items()
            ]
        )
        return names


def renamed(there: Mapping[str, object], old: str, new: str) -> dict[str, str]:
    """The new name of each address that `old` stands for.

    Raises:
        MpsjobsError: see `move`.
    """
    if old.count("*") != new.count("*"):
        raise MpsjobsError.of(
            "Both names need the same number of `*`.",
            detail=f"`{old}` and `{new}` do not: each stands for the same text in both.",
            hint="Write it like: mpsjobs state mv 'level1.*' 'stage1.*'",
            code=Code.CANNOT_MOVE,
        )
    form = re.compile("(.+)".join(map(re.escape, old.split("*"))), re.DOTALL)
    names = {}
    for address in sorted(there):
        if found := form.fullmatch(address):
            texts = iter(found.groups())
            name = "".join(next(texts) if piece == "*" else piece for piece in re.split(r"(\*)", new))
            names[address] = normal_address(None, name)
    if not names:
        raise _nothing(old, there)
    uses = Counter(names.values())
    problems = [
        *(
            Diagnostic(
                f"{name} is there already.",
                f"{address} cannot take its name.",
                "Choose another name.",
                code=Code.CANNOT_MOVE,
            )
            for address, name in names.items()
            if name in there
        ),
        *(
            Diagnostic(
                f"{number} assets would be called {name}.",
                hint="Move them one by one.",
                code=Code.CANNOT_MOVE,
            )
            for name, number in uses.items()
            if number > 1
        ),
        *(
            Diagnostic(
                f"`{name}` cannot be the name of an asset.",
                hint="Use letters, digits, `_` and `-`, with a dot between segments: `level1.boss-theme`.",
                code=Code.CANNOT_MOVE,
            )
            for name in uses
            if not is_address(name)
        ),
    ]
    if problems:
        raise MpsjobsError(*problems)
    return names


def forget(project: Project, patterns: Sequence[str], *, lock_timeout_s: float = 0) -> list[str]:
    """Remember nothing under these addresses any more, current or retired; returns them. Their takes stay in the state and the store.

    Raises:
        MpsjobsError: one of the patterns stands for nothing. Nothing was changed.
        LockHeldError, StateError: see `operation`.
    """
    with operation(project, "state rm", lock_timeout_s=lock_timeout_s) as held:
        there = held.state.assets.keys() | held.state.retired.keys()
        nothing = [each for each in patterns if not any(matches(address, [each]) for address in there)]
        if nothing:
            raise MpsjobsError(*(_nothing(each, there).diagnostics[0] for each in nothing))
        chosen = sorted(address for address in there if matches(address, patterns))
        held.commit([AssetForgotten(held.now(), address) for address in chosen])
        return chosen


@dataclass(frozen=True, slots=True)
class Abandoned:
    """An attempt that nobody waits for any more."""

    address: str
    take: int
    attempt_id: str
    task_id: str | None


def abandon(project: Project, ids: Sequence[str], *, lock_timeout_s: float = 0) -> list[Abandoned]:
    """Give up attempts, named by their id or their TaskId, that are in flight or unknown. The next apply may buy their takes again.

    They stay in the state: outputs that show after all become an extra take.

    Raises:
        MpsjobsError: there is no such attempt, or it has an answer already. Nothing was changed.
        LockHeldError, StateError: see `operation`.
    """
    with operation(project, "state rm --attempt", lock_timeout_s=lock_timeout_s) as held:
        takes = {name: take for _, take in held.state.takes() for name in (take.attempt_id, take.task_id)}
        if problems := list(_not_to_be_abandoned(ids, takes)):
            raise MpsjobsError(*problems)
        chosen = {takes[each].attempt_id: takes[each] for each in ids}
        held.commit([AttemptAbandoned(held.now(), attempt) for attempt in chosen])
        return [Abandoned(t.address, t.take, t.attempt_id, t.task_id) for t in chosen.values()]


def _not_to_be_abandoned(ids: Sequence[str], takes: Mapping[str | None, Take]) -> Iterator[Diagnostic]:
    for each in ids:
        take = takes.get(each)
        if take is None:
            yield Diagnostic(
                f"There is no attempt or task {each}.",
                hint="See the attempts of an asset: mpsjobs state show ADDRESS",
                code=Code.NOT_WAITED_FOR,
            )
        elif not (take.in_flight or take.unresolved):
            yield Diagnostic(
                f"The attempt {each} is {take.status}, so nobody waits for it.",
                hint="There is nothing to do.",
                code=Code.NOT_WAITED_FOR,
            )


def _nothing(pattern: str, there: Mapping[str, object] | set[str]) -> MpsjobsError:
    if "*" in pattern or "?" in pattern:
        return MpsjobsError.of(
            f"Nothing in the state is called {pattern}.", hint=_LIST, code=Code.UNKNOWN_ADDRESS
        )
    return MpsjobsError.of(
        f"{pattern} is not in the state.",
        hint=did_you_mean(pattern, sorted(there), _LIST),
        code=Code.UNKNOWN_ADDRESS,
    )
