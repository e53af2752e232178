"""A policy as a person may write it: `policy:` of the settings, and a policy file from outside of the project."""

import re
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from mpsjobs.model.codes import Code
from mpsjobs.model.patterns import compiled
from mpsjobs.model.policy import RETIRED_PERCENT
from mpsjobs.spec.fields import AMOUNT, Duration, Switch, Whole, Word, Words, mistake, one_or_many
from mpsjobs.spec.prices import PricesFile
from mpsjobs.spec.section import Section

_SUM = re.compile(rf"({AMOUNT})(?: ([A-Z]{{3}}))?", re.ASCII)


def _sum(value: Any) -> Any:
    if not (isinstance(value, str) and _SUM.fullmatch(value)):
        raise mistake(
            "This is no amount of money",
            f"It is {value[:40]!r}." if isinstance(value, str) else "It is no number.",
            "Write it like `20` or `20 USD`.",
            code=Code.BAD_VALUE,
        )
    return value


def amount_and_currency(written: str) -> tuple[str, str | None]:
    """The parts of `20 USD`; a sum without a currency is in that of the prices."""
    match = _SUM.fullmatch(written)
    assert match  # it has been checked  # noqa: S101
    return match[1], match[2]


def _pattern(value: Any) -> Any:
    if isinstance(value, str):
        try:
            compiled(value)
        except ValueError as error:
            raise mistake(
                "This pattern cannot be used",
                f"{str(error)[:1].upper()}{str(error)[1:]}.",
                "Patterns are those of RE2: without look-around and back references. Quote it: 'in the style of'.",
                code=Code.BAD_VALUE,
            ) from None
    return value


Sum: TypeAlias = Annotated[str, BeforeValidator(_sum)]
Percent: TypeAlias = Annotated[Whole, Field(ge=0, le=100)]
Pattern: TypeAlias = Annotated[Word, BeforeValidator(_pattern)]
Patterns: TypeAlias = Annotated[list[Pattern], BeforeValidator(one_or_many)]


class BudgetFile(Section):
    """What may be bought in one period. Everything counts that was or may have been paid."""

    TITLE: ClassVar[str] = "`budget`"
    generations: Annotated[Whole, Field(ge=0)] | None = Field(None, description="So many songs.")
    cost: Sum | None = Field(None, description="So much money, such as `20` or `20 USD`.")
    per: Literal["day", "week", "month"] = Field(
        "month", description="By the calendar of UTC; a week begins on Monday."
    )


class RulesFile(Section):
    """What every policy can say."""

    TITLE: ClassVar[str] = "`policy`"
    MEANT: ClassVar[frozenset[str]] = frozenset({"max_generations_per_apply", "max_retire_percent"})
    max_generations_per_apply: Annotated[Whole, Field(ge=0)] | None = Field(
        None,
        description="An apply that would pay for more is refused. 20 for tencent if unset; null: no limit.",
    )
    max_cost_per_apply: Sum | None = Field(
        None, description="An apply that would cost more is refused: `20`, or `20 USD`. Needs `prices`."
    )
    budget: BudgetFile | None = Field(
        None,
        description="What may be bought in a day, a week or a month: `{generations: 500, cost: 20, per: month}`.",
    )
    max_regenerate_percent: Percent | None = Field(
        None,
        description="An apply that would make more of the recorded assets anew is refused. A few are always allowed, unless it is 0.",
    )
    max_retire_percent: Percent | None = Field(
        RETIRED_PERCENT,
        description="An apply that would retire more of the recorded assets is refused. A few are always allowed, unless it is 0; null: "
        "no limit.",
    )
    allow_models: Words | None = Field(
        None, description="Only these are bought: `MODEL`, or `MODEL/VERSION`; globs are taken."
    )
    deny_prompt: Patterns | None = Field(
        None,
        description="Nothing is bought whose prompt or lyrics match one of these patterns (RE2), in capitals or not.",
    )
    attempts: Annotated[Whole, Field(ge=1, le=20)] = Field(3, description="How often a failed task is tried.")
    unknown: Literal["stop", "resubmit"] = Field(
        "stop",
        description="What happens when outputs of a request without an answer have not shown in time. `resubmit` may pay twice.",
    )
    generate: Switch = Field(
        True, description="False: nothing is bought here, takes only come from other environments."
    )


class PolicyFile(RulesFile):
    """What an apply may do."""

    unknown_wait: Duration | None = Field(
        None,
        description="For how long the outputs of a request without an answer are looked for, such as `15m`. "
        "Unset: three times what slow tasks of the model take, 15 minutes at least, 30 without history.",
    )


class OutsidePolicyFile(RulesFile):
    """The file that MPSJOBS_POLICY names."""

    TITLE: ClassVar[str] = "a policy file"
    ELSEWHERE: ClassVar[dict[str, str]] = {
        "unknown_wait": "`policy` in mpsjobs.yaml",
        "policy": "mpsjobs.yaml; here its keys stand at the top",
    }
    prices: PricesFile | None = Field(
        None, description="In place of the project's, so that nobody can make them cheap."
    )
