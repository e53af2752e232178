"""What came of an apply."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import chain

from mpsjobs.apply.mode import Mode
from mpsjobs.apply.progress import Failed, Skipped, Unknown
from mpsjobs.model.change import Kind, Plan
from mpsjobs.model.diagnostics import Diagnostic
from mpsjobs.model.expectations import OnFail


class ExitCode(IntEnum):
    OK = 0
    ERROR = 1
    CHANGES = 2
    INCOMPLETE = 3
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Missed:
    """What the take that an asset uses misses of what is expected of it, in words."""

    address: str
    take: int
    misses: tuple[str, ...]
    on_fail: OnFail


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """`stopped` says why the run stopped before its end; `running` counts tasks that the next apply picks up.

    `held` counts takes that were not submitted because they wait for such tasks, which this run does not wait for.
    `abandoned` are the fingerprints of attempts that were given up and whose takes were not bought again yet.
    `unfit` are those whose takes came, miss what is expected, and are not used; `missed` are the assets whose take in use misses something.
    `still_failed` and `still_unknown` count planned changes that could not even begin: the cloud refused them before, or the outcome of
    an earlier request is unknown. `copied` counts takes of other environments, `published` assets whose stable keys were brought up to date,
    `unsent` takes that were not submitted because as many others had failed as were allowed to, `missing` takes or assets
    whose outputs are gone from the store and that are not bought again, `elsewhere` takes that this run waited for and another one recorded.
    """

    mode: Mode
    submitted: int
    finished: int
    recorded: int
    retired: int
    imported: int
    abandoned: tuple[str, ...]
    unfit: tuple[str, ...]
    failed: tuple[Failed, ...]
    skipped: tuple[Skipped, ...]
    held: int
    unknown: tuple[Unknown, ...]
    running: int
    still_failed: int
    still_unknown: int
    interrupted: bool
    stopped: tuple[Diagnostic, ...] = ()
    copied: int = 0
    published: int = 0
    mastered: int = 0
    unsent: int = 0
    missed: tuple[Missed, ...] = ()
    missing: int = 0
    elsewhere: int = 0

    @property
    def strictly_missed(self) -> tuple[Missed, ...]:
        """Those that count as a failure."""
        return tuple(each for each in self.missed if each.on_fail is not OnFail.WARN)

    def without_skipped(self, addresses: Collection[str]) -> "ApplyResult":
        """What is told of this run when these are tried again right after it."""
        return replace(self, skipped=tuple(each for each in self.skipped if each.address not in addresses))

    def then(self, later: "ApplyResult") -> "ApplyResult":
        """This run and the one after it, which was about other takes, as one."""
        return replace(
            later,
            submitted=self.submitted + later.submitted,
            finished=self.finished + later.finished,
            recorded=self.recorded + later.recorded,
            retired=self.retired + later.retired,
            imported=self.imported + later.imported,
            failed=self.failed + later.failed,
            skipped=self.skipped + later.skipped,
            held=self.held + later.held,
            unknown=self.unknown + later.unknown,
            running=self.running + later.running,
            still_failed=self.still_failed + later.still_failed,
            still_unknown=self.still_unknown + later.still_unknown,
            stopped=self.stopped + later.stopped,
            copied=self.copied + later.copied,
            published=self.published + later.published,
            mastered=self.mastered + later.mastered,
            unsent=self.unsent + later.unsent,
            elsewhere=self.elsewhere + later.elsewhere,
        )

    @property
    def troubled(self) -> frozenset[str]:
        """The addresses whose takes did not come in this run."""
        addresses = (
            (each.address for each in self.failed),
            (each.address for each in self.skipped),
            (each.address for each in self.unknown),
        )
        return frozenset(chain(*addresses))

    @property
    def exit_code(self) -> ExitCode:
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.stopped:
            return ExitCode.ERROR
        left = self.running if self.mode.waits else 0
        troubles = (
            *(self.failed, self.skipped, self.unknown, self.abandoned, self.unfit, self.strictly_missed),
            *(left, self.still_failed, self.still_unknown, self.unsent, self.missing),
        )
        return ExitCode.INCOMPLETE if any(troubles) else ExitCode.OK


def nothing_done(plan: Plan, mode: Mode) -> ApplyResult:
    """The result of a plan without actions."""
    return ApplyResult(
        mode=mode,
        submitted=0,
        finished=0,
        recorded=0,
        retired=0,
        imported=0,
        abandoned=(),
        unfit=(),
        failed=(),
        skipped=(),
        held=0,
        unknown=(),
        running=0,
        still_failed=plan.count([Kind.FAILED]),
        still_unknown=plan.count([Kind.UNRESOLVED]),
        interrupted=False,
    )
