"""What an apply may do, and which of two policies is the stricter, key by key."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal, TypeVar

RETIRED_PERCENT = 20
"""So much of a project may be retired by one apply where nobody said otherwise."""

_Number = TypeVar("_Number", int, Decimal)


class Per(StrEnum):
    """A period of a budget, by the calendar of UTC. A week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def begin(self, now: datetime) -> date:
        """The first day of the period that `now` (time zone aware) lies in."""
        today = now.astimezone(UTC).date()
        match self:
            case Per.DAY:
                return today
            case Per.WEEK:
                return today - timedelta(days=today.weekday())
            case Per.MONTH:
                return today.replace(day=1)

    def end(self, now: datetime) -> date:
        """The first day of the next one."""
        match self:
            case Per.DAY:
                return self.begin(now) + timedelta(days=1)
            case Per.WEEK:
                return self.begin(now) + timedelta(days=7)
            case Per.MONTH:
                return (self.begin(now) + timedelta(days=31)).replace(day=1)


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be bought in one period; None: as much as one likes. `cost` is in the currency of the prices.

    `source` is the policy file that says so; None: the settings.
    """

    per: Per = Per.MONTH
    generations: int | None = None
    cost: Decimal | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """A list of a policy. `source` as with a budget."""

    words: tuple[str, ...]
    source: str | None = None


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """What a limit of None means: no limit.

    `attempts` is how often a task that ended FAIL is tried per fingerprint. `unknown_wait_s`: for so many seconds after its submission
    the outputs of an attempt without an answer are looked for; None follows what tasks of that model have taken. `unknown` says what comes
    then. Without `generate` nothing is bought at all. Each of `budgets` holds. What is bought is allowed by each of `allow_models` (`MODEL`
    or `MODEL/VERSION`, globs), and denied by any pattern (RE2) of `deny_prompt`. `sources` has the policy files of the keys that are theirs:
    no flag goes beyond those.
    """

    max_generations_per_apply: int | None = None
    attempts: int = 3
    unknown_wait_s: float | None = None
    unknown: Literal["stop", "resubmit"] = "stop"
    generate: bool = True
    max_cost_per_apply: Decimal | None = None
    budgets: tuple[Budget, ...] = ()
    max_regenerate_percent: int | None = None
    max_retire_percent: int | None = RETIRED_PERCENT
    allow_models: tuple[Clause, ...] = ()
    deny_prompt: tuple[Clause, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutsidePolicy:
    """A policy from outside of the project: what it says nothing of is None or empty. `source` is its file."""

    source: str
    max_generations_per_apply: int | None = None
    attempts: int | None = None
    unknown: Literal["stop", "resubmit"] | None = None
    generate: bool | None = None
    max_cost_per_apply: Decimal | None = None
    budget: Budget | None = None
    max_regenerate_percent: int | None = None
    max_retire_percent: int | None = None
    allow_models: Clause | None = None
    deny_prompt: Clause | None = None


def strictest(own: PolicySettings, outside: OutsidePolicy | None) -> PolicySettings:
    """Both policies in one: key by key the stricter, so that whatever it allows is allowed by either."""
    if outside is None:
        return own
    sources, source = dict[str, str](), outside.source

    def least(key: str, ours: _Number | None, theirs: _Number | None) -> _Number | None:
        if theirs is None or (ours is not None and ours < theirs):
            return ours
        sources[key] = source
        return theirs

    return replace(
        own,
        max_generations_per_apply=least(
            "max_generations_per_apply", own.max_generations_per_apply, outside.max_generations_per_apply
        ),
        attempts=own.attempts if outside.attempts is None else min(own.attempts, outside.attempts),
        unknown="stop" if outside.unknown == "stop" else own.unknown,
        generate=own.generate and outside.generate is not False,
        max_cost_per_apply=least("max_cost_per_apply", own.max_cost_per_apply, outside.max_cost_per_apply),
        budgets=_and(own.budgets, outside.budget),
        max_regenerate_percent=least(
            "max_regenerate_percent", own.max_regenerate_percent, outside.max_regenerate_percent
        ),
        max_retire_percent=least("max_retire_percent", own.max_retire_percent, outside.max_retire_percent),
        allow_models=_and(own.allow_models, outside.allow_models),
        deny_prompt=_and(own.deny_prompt, outside.deny_prompt),
        sources=sources,
    )


_Held = TypeVar("_Held")


def _and(ours: tuple[_Held, ...], theirs: _Held | None) -> tuple[_Held, ...]:
    return ours if theirs is None else (*ours, theirs)
