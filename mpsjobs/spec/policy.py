"""A policy as read → what it allows; the project's own, and one from outside that a branch cannot change."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, SpecError
from mpsjobs.model.money import Prices
from mpsjobs.model.policy import Budget, Clause, OutsidePolicy, Per, PolicySettings
from mpsjobs.spec.mistakes import Path as KeyPath, check, locate
from mpsjobs.spec.policy_file import (
    BudgetFile,
    OutsidePolicyFile,
    PolicyFile,
    RulesFile,
    amount_and_currency,
)
from mpsjobs.spec.source import read_text
from mpsjobs.spec.yaml import parse, position

ENVIRONMENT_VARIABLE = "MPSJOBS_POLICY"
"""Names the policy file from outside."""

_AS_WRITTEN = frozenset(
    {
        "max_generations_per_apply",
        "attempts",
        "unknown",
        "generate",
        "max_regenerate_percent",
        "max_retire_percent",
    }
)


def own_policy(file: PolicyFile, generations: int | None) -> PolicySettings:
    """The project's policy; `generations` is the limit where the file says nothing of one."""
    silent = "max_generations_per_apply" not in file.model_fields_set
    return PolicySettings(
        max_generations_per_apply=generations if silent else file.max_generations_per_apply,
        attempts=file.attempts,
        unknown_wait_s=file.unknown_wait,
        unknown=file.unknown,
        generate=file.generate,
        max_cost_per_apply=_amount(file.max_cost_per_apply),
        budgets=(_budget(file.budget),) if file.budget else (),
        max_regenerate_percent=file.max_regenerate_percent,
        max_retire_percent=file.max_retire_percent,
        allow_models=() if file.allow_models is None else (Clause(tuple(file.allow_models)),),
        deny_prompt=() if file.deny_prompt is None else (Clause(tuple(file.deny_prompt)),),
    )


def other_currencies(file: RulesFile, prices: Prices | None) -> Iterator[tuple[KeyPath, str, str]]:
    """The limits that are in another currency than the prices: where in a policy, and what to say of it."""
    sums: tuple[tuple[KeyPath, str | None], ...] = (
        (("max_cost_per_apply",), file.max_cost_per_apply),
        (("budget", "cost"), file.budget.cost if file.budget else None),
    )
    for path, written in sums:
        currency = amount_and_currency(written)[1] if written else None
        if currency and prices and currency != prices.currency:
            yield (
                path,
                "The limit is in another currency than the prices",
                f"It is in {currency}, the prices are in {prices.currency}.",
            )


@dataclass(frozen=True, slots=True)
class Outside:
    """A policy file as read. `prices` are in place of the project's; None: those are good enough."""

    policy: OutsidePolicy
    prices: Prices | None
    file: OutsidePolicyFile
    root: Any

    def other_currencies(self, prices: Prices | None) -> Iterator[Diagnostic]:
        """Limits that are in another currency than the prices."""
        for path, summary, detail in other_currencies(self.file, prices):
            yield Diagnostic(
                summary,
                detail,
                SAME_CURRENCY,
                position=_at(self.root, path, self.policy.source),
                code=Code.BAD_VALUE,
            )


SAME_CURRENCY = "Write both in the currency of the bill."


def read_outside(name: str) -> Outside:
    """The policy file of this name, relative to the current folder.

    Raises:
        SpecError: it is not there, or holds mistakes: all of them.
    """
    path = Path(name).absolute()
    if not path.is_file():
        raise SpecError.of(
            "There is no such policy file",
            detail=f"{ENVIRONMENT_VARIABLE} names {name}, and nothing may be done without the policy.",
            hint="Name the file that is meant, relative to the current folder; an empty variable names none.",
            code=Code.MISSING_FILE,
        )
    label = str(path)
    document = parse(read_text(path, label), label)
    root: Any = {} if document.root is None else document.root
    checked = check(OutsidePolicyFile, root, label, name="The policy file")
    problems = [*document.problems, *checked.diagnostics]
    file = checked.value or OutsidePolicyFile()
    if file.prices and file.prices.any and file.prices.currency is None:
        problems.append(no_currency(_at(root, ("prices",), label)))
    if any(problem.is_error for problem in problems):
        raise SpecError(*problems)
    policy = OutsidePolicy(
        label,
        **{key: getattr(file, key) for key in _AS_WRITTEN & file.model_fields_set},
        max_cost_per_apply=_amount(file.max_cost_per_apply),
        budget=_budget(file.budget, label) if file.budget else None,
        allow_models=None if file.allow_models is None else Clause(tuple(file.allow_models), label),
        deny_prompt=None if file.deny_prompt is None else Clause(tuple(file.deny_prompt), label),
    )
    return Outside(policy, file.prices.prices if file.prices else None, file, root)


def no_currency(at: Position) -> Diagnostic:
    """That prices stand there without one."""
    return Diagnostic(
        'The prices need a "currency"',
        "An amount without one says nothing.",
        "Add `currency: USD`, or whatever the bill is in.",
        position=at,
        code=Code.MISSING_KEY,
    )


def _at(root: Any, path: KeyPath, file: str) -> Position:
    mark = locate(root, path)
    return position(mark, file) if mark else Position(file)


def _budget(file: BudgetFile, source: str | None = None) -> Budget:
    return Budget(Per(file.per), file.generations, _amount(file.cost), source)


def _amount(written: str | None) -> Decimal | None:
    return Decimal(amount_and_currency(written)[0]) if written else None
