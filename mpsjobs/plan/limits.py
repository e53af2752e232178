"""The policy that holds for one plan: the project's, what the command line says in place of its limits, and the one from outside."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from mpsjobs.model.money import Cost
from mpsjobs.model.policy import Clause, PolicySettings, strictest
from mpsjobs.model.settings import Settings
from mpsjobs.spec.catalogue import Catalogue

_Amount = TypeVar("_Amount", int, Decimal)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is said for this once in place of limits of the project's policy; None: nothing. They never reach a policy from outside.

    `max_cost` is in the currency of the prices; `max_regenerate` and `max_retire` are percentages.
    """

    max_generations: int | None = None
    max_cost: Decimal | None = None
    max_regenerate: int | None = None
    max_retire: int | None = None

    def over(self, own: PolicySettings) -> PolicySettings:
        """The project's policy with these in place of its own."""
        return replace(
            own,
            max_generations_per_apply=_or(self.max_generations, own.max_generations_per_apply),
            max_cost_per_apply=_or(self.max_cost, own.max_cost_per_apply),
            max_regenerate_percent=_or(self.max_regenerate, own.max_regenerate_percent),
            max_retire_percent=_or(self.max_retire, own.max_retire_percent),
        )

    def left(self, policy: PolicySettings, generations: int, cost: Cost | None) -> "Limits":
        """What a second plan may still pay for, after one that came to so much under this policy."""
        return replace(
            self,
            max_generations=_left(policy.max_generations_per_apply, generations),
            max_cost=_left(policy.max_cost_per_apply, cost.amount if cost else Decimal(0)),
        )


NO_LIMITS = Limits()


def policy_of(settings: Settings, limits: Limits, catalogue: Catalogue) -> PolicySettings:
    """What may be done, with models by the names that they have in the catalogue."""
    policy = strictest(limits.over(settings.policy), settings.outside_policy)
    return replace(
        policy, allow_models=tuple(_by_known_names(each, catalogue) for each in policy.allow_models)
    )


def _by_known_names(clause: Clause, catalogue: Catalogue) -> Clause:
    parts = (word.partition("/") for word in clause.words)
    names = (f"{catalogue.entry(model).name}{slash}{version}" for model, slash, version in parts)
    return replace(clause, words=tuple(names))


def _or(said: _Amount | None, otherwise: _Amount | None) -> _Amount | None:
    return otherwise if said is None else said


def _left(limit: _Amount | None, spent: _Amount) -> _Amount | None:
    return None if limit is None else max(limit - limit, limit - spent)
