"""What a plan does that the policy does not allow: errors of the plan, all at once, each with the way to have it all the same."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import islice

from mpsjobs.model.asset import Asset, Sensitive, Sound
from mpsjobs.model.change import Change, Kind
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic
from mpsjobs.model.money import Cost, Prices, money
from mpsjobs.model.patterns import compiled
from mpsjobs.model.policy import Budget, Clause, PolicySettings
from mpsjobs.model.state import State
from mpsjobs.plan.budget import Spent, spent
from mpsjobs.plan.cost import cost_of
from mpsjobs.plan.promotion import Copies, not_to_be_bought
from mpsjobs.plan.terms import Terms
from mpsjobs.plan.wanted import Wanted
from mpsjobs.spec.suggest import listed

ALWAYS = 5
"""So many assets may be regenerated or retired whatever the percentage, unless it is 0: in a small project one is a large part of it."""
MOST = 20
"""So many assets are told one by one."""


def breaches(
    changes: Sequence[Change], wanted: Mapping[str, Wanted], state: State, terms: Terms, copies: Copies
) -> Iterator[Diagnostic]:
    """Every breach of the policy. What buys nothing breaches no limit on buying."""
    policy = terms.policy
    yield from _percentages(changes, len(state.assets), policy)
    bought = [change for change in changes if change.generations]
    if not any(change.generations or change.retakes for change in changes):
        return
    if bought and not policy.generate:
        yield from not_to_be_bought(changes, copies)
        return
    yield from _limits([change for change in changes if change.generations or change.retakes], state, terms)
    assets = [wanted[change.address].asset for change in bought]
    yield from _told([*_not_allowed(assets, policy.allow_models)], Code.MODEL_NOT_ALLOWED)
    yield from _told([*_denied(assets, policy.deny_prompt)], Code.PROMPT_DENIED)


# --- how much ------------------------------------------------------------------------------------------------------------------------


def _limits(bought: Sequence[Change], state: State, terms: Terms) -> Iterator[Diagnostic]:
    """Held against the most that it may come to, with what may have to be taken again."""
    policy, most, dearest = (
        terms.policy,
        terms.policy.max_generations_per_apply,
        terms.policy.max_cost_per_apply,
    )
    retakes = sum(change.retakes for change in bought)
    generations = sum(change.generations for change in bought) + retakes
    again = f", {retakes} of them only in place of takes that miss what is expected" if retakes else ""
    if most is not None and generations > most:
        yield Diagnostic(
            f"This plan pays for {generations} generations{again}; the policy allows {most} in one apply.",
            hint=_permit(policy, "max_generations_per_apply", "--max-generations", generations),
            code=Code.TOO_MANY_GENERATIONS,
        )
    cost = sum(_costs(bought, terms.prices), Cost(terms.prices.currency if terms.prices else ""))
    if dearest is not None and cost.amount > dearest:
        yield Diagnostic(
            f"This plan costs {cost}; the policy allows {money(dearest, cost.currency)} in one apply.",
            hint=_permit(policy, "max_cost_per_apply", "--max-cost", f"{cost.amount.normalize():f}"),
            code=Code.COSTS_TOO_MUCH,
        )
    used = [(budget, spent(state, terms, budget.per.begin(terms.now))) for budget in policy.budgets]
    for budget, before in used:
        yield from _overspent(budget, before, generations, cost, terms)
    in_money = [before for budget, before in used if budget.cost is not None]
    if dearest is not None or in_money:
        yield from _unpriced(bought, in_money)


def _costs(bought: Iterable[Change], prices: Prices | None) -> Iterator[Cost]:
    """What each may come to."""
    if prices is not None:
        yield from (cost_of(change.fields, change.generations + change.retakes, prices) for change in bought)


def _overspent(
    budget: Budget, before: Spent, generations: int, cost: Cost, terms: Terms
) -> Iterator[Diagnostic]:
    since, until = budget.per.begin(terms.now), budget.per.end(terms.now)
    raised = f"have the budget raised in {budget.source}" if budget.source else "raise policy.budget"
    hint = f"Buy less with --target, wait until {until}, or {raised}."
    counted = f"since {since} (UTC); retakes, failed tasks and lost answers count."
    if budget.generations is not None and before.generations + generations > budget.generations:
        left = max(0, budget.generations - before.generations)
        yield Diagnostic(
            f"This plan pays for {generations} generations; the budget of this {budget.per} has {left} left.",
            f"{before.generations} of {budget.generations} were submitted {counted}",
            hint,
            code=Code.BUDGET_SPENT,
        )
    if budget.cost is not None and before.cost and before.cost.amount + cost.amount > budget.cost:
        rest = money(max(budget.cost - before.cost.amount, budget.cost * 0), cost.currency)
        yield Diagnostic(
            f"This plan costs {cost}; the budget of this {budget.per} has {rest} left.",
            f"{before.cost} of {money(budget.cost, cost.currency)} were spent {counted}",
            hint,
            code=Code.BUDGET_SPENT,
        )


def _unpriced(bought: Iterable[Change], before: Iterable[Spent]) -> Iterator[Diagnostic]:
    """A limit in money cannot be held where nobody knows what something costs."""
    lacking = [each for each in bought if each.cost is None or each.cost.unpriced]
    earlier = max((each.cost.unpriced if each.cost else each.generations for each in before), default=0)
    if not (lacking or earlier):
        return
    generations = sum(change.generations for change in lacking)
    models = sorted({_model(change.fields.get("model"), change.fields.get("version")) for change in lacking})
    parts = [f"{generations} of this plan ({listed(models)})"] if lacking else []
    parts += [f"{earlier} that the budget counts"] if earlier else []
    yield Diagnostic(
        "The policy limits the cost, and some generations have no price",
        f"No price: {' and '.join(parts)}. They are not free, so nobody can tell whether the limit holds.",
        "Say in `prices` what they cost, or give a `default` there.",
        code=Code.NO_PRICE,
    )


def _percentages(changes: Sequence[Change], known: int, policy: PolicySettings) -> Iterator[Diagnostic]:
    for kind, percent, word, code in (
        (Kind.REGENERATE, policy.max_regenerate_percent, "regenerate", Code.TOO_MANY_REGENERATED),
        (Kind.RETIRE, policy.max_retire_percent, "retire", Code.TOO_MANY_RETIRED),
    ):
        found = [change.address for change in changes if change.kind is kind]
        if percent is None or len(found) <= _allowed(percent, known):
            continue
        share = -(-len(found) * 100 // known)
        more = f" and {len(found) - MOST:,} more" if len(found) > MOST else ""
        yield Diagnostic(
            f"This plan would {word} {len(found):,} of {known:,} assets ({share}%); the policy allows {percent}%",
            f"They are {', '.join(found[:MOST])}{more}.",
            _permit(policy, f"max_{word}_percent", f"--max-{word}", share),
            code=code,
        )


def _allowed(percent: int, known: int) -> int:
    return max(ALWAYS, known * percent // 100) if percent else 0


def _permit(policy: PolicySettings, key: str, flag: str, value: object) -> str:
    if source := policy.sources.get(key):
        return f"That is {key} of {source}, and no flag goes beyond it. Do less with --target, or have it raised there."
    return f"If that is wanted: mpsjobs apply {flag} {value}, or raise policy.{key}."


# --- what ----------------------------------------------------------------------------------------------------------------------------


def _not_allowed(assets: Iterable[Asset], clauses: Sequence[Clause]) -> Iterator[Diagnostic]:
    for asset in assets:
        sound = asset.sound
        clause = next((each for each in clauses if not any(_fits(sound, word) for word in each.words)), None)
        if clause:
            named = _model(sound.model, sound.version)
            yield Diagnostic(
                f"{asset.address} would be made by {named}, which the policy does not allow",
                f"It allows {listed(clause.words)}." if clause.words else "It allows no model at all.",
                f"Use one of these, or {_amended(clause, 'allow_models')}.",
                position=asset.source or asset.origin,
                code=Code.MODEL_NOT_ALLOWED,
            )


def _fits(sound: Sound, word: str) -> bool:
    model, slash, version = word.partition("/")
    return fnmatchcase(sound.model, model) and (not slash or fnmatchcase(sound.version or "", version))


def _denied(assets: Iterable[Asset], clauses: Sequence[Clause]) -> Iterator[Diagnostic]:
    """Texts that match a pattern. Of a sensitive one, the message does not say which: that would tell what is in it."""
    patterns = [(word, compiled(word), clause) for clause in clauses for word in clause.words]
    for asset in assets:
        for what, text in (("prompt", asset.sound.prompt), ("lyrics", asset.sound.lyrics)):
            clear = text.clear if isinstance(text, Sensitive) else text or ""
            found = next(
                ((word, clause) for word, pattern, clause in patterns if pattern.search(clear)), None
            )
            if found:
                word, clause = found
                which = "a pattern" if isinstance(text, Sensitive) else f"`{word}`"
                yield Diagnostic(
                    f"The policy denies the {what} of {asset.address}",
                    f"It matches {which} of deny_prompt.",
                    f"Write it in other words, or {_amended(clause, 'deny_prompt')}.",
                    position=asset.source or asset.origin,
                    code=Code.PROMPT_DENIED,
                )


def _amended(clause: Clause, key: str) -> str:
    return f"have {key} changed in {clause.source}" if clause.source else f"change policy.{key}"


def _told(found: Sequence[Diagnostic], code: Code) -> Iterator[Diagnostic]:
    yield from islice(found, MOST)
    if len(found) > MOST:
        yield Diagnostic(
            f"{len(found) - MOST:,} more assets are against the policy in the same way", code=code
        )


def _model(model: object, version: object) -> str:
    return f"{model}" if version is None else f"{model} {version}"
