"""A plan in a file: reviewed now, applied later, and refused when what it was made from has changed meanwhile.

The file binds each asset that it touches: the fingerprint that is wanted and the serial of the asset's record. A change elsewhere does
not make it stale. It holds no secret: what is in it stands in the specs and the state too, and requests are built from the specs again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

import orjson

from mpsjobs.model.asset import Json
from mpsjobs.model.change import Change, Kind, Plan, Publish, Record
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, SpecError
from mpsjobs.model.settings import BASE_ENVIRONMENT
from mpsjobs.model.state import State
from mpsjobs.plan.document import plan_document
from mpsjobs.plan.selection import FAILED, Selection, matches

FORMAT = "mpsjobs-plan"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Binding:
    """What the plan wants of an address, and what it was made from.

    `serial` is that of the asset's record (0: there was none), `next_take` the number that the next take of the sound would have had.
    `takes`, `pick` and `lifecycle` are what is to be recorded, None where nothing is; `publish` is the key to publish to; `deletes` is
    how many takes are deleted.
    """

    kind: str
    fingerprint: str | None
    generations: int
    serial: int
    next_take: int
    takes: int | None
    pick: int | None
    publish: str | None = None
    lifecycle: Mapping[str, Json] | None = None
    deletes: int = 0


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """`replace` are the globs of the replacements, `retry` says that what was given up is tried again.

    `regenerate` are globs of what may get another sound although it is approved.
    `refreshed`: it was made from what is in the store. `regenerate_missing`: what is gone there may be bought once more.
    """

    realm: str
    environment: str | None
    lineage: str
    replace: tuple[str, ...]
    retry: bool
    bindings: Mapping[str, Binding]
    regenerate: tuple[str, ...] = ()
    refreshed: bool = False
    regenerate_missing: bool = False

    def selection(self, state: State) -> Selection:
        """Just the assets of the file; none for a plan without changes. What it replaces is replaced once, not with each apply."""
        replace = tuple(
            address
            for address, binding in self.bindings.items()
            if matches(address, self.replace) and binding.next_take == _next_take(state, binding.fingerprint)
        )
        targets = tuple(self.bindings) or ("",)
        return Selection(targets, replace, self.retry, regenerate=self.regenerate)


def encode(
    plan: Plan,
    state: State,
    selection: Selection,
    *,
    refreshed: bool = False,
    regenerate_missing: bool = False,
) -> bytes:
    """The file, with a checksum over all of it."""
    records, keys = _records(plan), _keys(plan)
    bindings: dict[str, Json] = {}
    for change in plan.changes:
        mentioned = change.kind in {Kind.RESUME, Kind.UNRESOLVED} and not change.fields
        if change.kind is not Kind.KEEP and not mentioned:
            takes, pick, lifecycle = records.get(change.address, (None, None, None))
            bindings[change.address] = {
                "kind": str(change.kind),
                "fingerprint": change.fingerprint,
                "generations": change.generations,
                "serial": _serial(state, change),
                "next_take": _next_take(state, change.fingerprint),
                "takes": takes,
                "pick": pick,
                "publish": keys.get(change.address),
                "lifecycle": lifecycle,
                "deletes": change.deletes,
            }
    document: dict[str, Json] = {
        "format": FORMAT,
        "version": VERSION,
        "replace": [*selection.replace],
        "retry": selection.retry or FAILED in selection.targets,
        "regenerate": [*selection.regenerate],
        "refreshed": refreshed,
        "regenerate_missing": regenerate_missing,
        "bindings": bindings,
        "plan": plan_document(plan),
    }
    return orjson.dumps(
        {**document, "sum": _checksum(document)}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )


def decode(data: bytes, name: str) -> SavedPlan:
    """Read a plan file.

    Raises:
        SpecError: it is not one, is damaged, or comes from a newer version.
    """
    again = "Make it again: mpsjobs plan --out FILE"
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict) or document.get("format") != FORMAT or "sum" not in document:
        raise SpecError.of(f"{name} is not a plan file.", hint=again, code=Code.NO_PLAN_FILE)
    if document.get("version") != VERSION:
        raise SpecError.of(
            f"{name} was made by another version of mpsjobs.", hint=again, code=Code.NO_PLAN_FILE
        )
    if document.pop("sum") != _checksum(document):
        raise SpecError.of(
            f"{name} is damaged or was changed by hand.",
            detail="Its checksum does not match its content.",
            hint=again,
            code=Code.NO_PLAN_FILE,
        )
    plan = document["plan"]
    bindings = {address: Binding(**binding) for address, binding in document["bindings"].items()}
    return SavedPlan(
        plan["realm"],
        plan.get("environment"),
        plan["lineage"],
        tuple(document["replace"]),
        document["retry"],
        bindings,
        tuple(document.get("regenerate", ())),
        document.get("refreshed", False),
        document.get("regenerate_missing", False),
    )


def stale(saved: SavedPlan, plan: Plan, state: State) -> Iterator[Diagnostic]:
    """Why the file no longer fits the plan that the same selection gives now.

    What has been done meanwhile as the file wants it, or has become free, is no reason: an apply may do less, never more.
    """
    if saved.environment != plan.environment:
        made, now = (name or "no environment" for name in (saved.environment, plan.environment))
        yield Diagnostic(
            "The saved plan is for another environment",
            f"It was made for {made}; this is {now}.",
            f"Name the environment that it is for: mpsjobs --env {saved.environment or BASE_ENVIRONMENT} apply FILE",
            code=Code.STALE_PLAN,
        )
        return
    if saved.realm != plan.realm or (saved.lineage and saved.lineage != state.lineage):
        yield _stale("", "it was made for another state or another provider")
        return
    changes = {change.address: change for change in plan.changes}
    records, keys = _records(plan), _keys(plan)
    for address, binding in saved.bindings.items():
        other_key = address in keys and keys[address] != binding.publish
        why = "its published key has changed" if other_key else None
        if why := why or _outdated(binding, changes.get(address), records.get(address), state):
            yield _stale(address, why)
    for change in plan.changes:
        if change.generations and change.address not in saved.bindings:
            yield _stale(
                change.address, "it has become necessary for what is in the plan, and would cost something"
            )


def _outdated(
    binding: Binding, change: Change | None, record: "_Recorded | None", state: State
) -> str | None:
    if change is None:
        return None if binding.kind == Kind.RETIRE else "it is not in the specs any more"
    reasons = {
        "its spec has changed": change.fingerprint != binding.fingerprint
        or (change.kind is Kind.RETIRE) != (binding.kind == Kind.RETIRE)
        or (
            record is not None
            and binding.takes is not None
            and record != (binding.takes, binding.pick, binding.lifecycle or {})
        ),
        "it would cost more than the plan says": change.generations > binding.generations,
        "it would delete more than the plan says": change.deletes > binding.deletes,
        "its state has changed": change.kind not in {Kind.KEEP, Kind.RESUME, Kind.UNRESOLVED, Kind.FAILED}
        and (_serial(state, change), _next_take(state, change.fingerprint))
        != (binding.serial, binding.next_take),
    }
    return next((why for why, holds in reasons.items() if holds), None)


_Recorded: TypeAlias = tuple[int, int | None, dict[str, Json]]


def _records(plan: Plan) -> dict[str, _Recorded]:
    """Address → how many takes, which one, and which lifecycle the plan records for it."""
    return {
        action.address: (action.takes, action.pick, dict(action.lifecycle))
        for action in plan.actions
        if isinstance(action, Record)
    }


def _keys(plan: Plan) -> dict[str, str | None]:
    """Address → the key that the plan publishes to, None where it publishes no more."""
    return {action.address: action.key for action in plan.actions if isinstance(action, Publish)}


def _next_take(state: State, fingerprint: str | None) -> int:
    return state.pool(fingerprint or "").next_number


def _serial(state: State, change: Change) -> int:
    record = state.assets.get(change.moved_from or change.address)
    return record.serial if record else 0


def _stale(address: str, why: str) -> Diagnostic:
    summary = f"Saved plan is stale: {address}" if address else "Saved plan is stale"
    return Diagnostic(
        summary,
        f"Since the plan was made, {why}.",
        "Make it again: mpsjobs plan --out FILE",
        code=Code.STALE_PLAN,
    )


def _checksum(document: Mapping[str, Json]) -> str:
    return blake2b(orjson.dumps(document, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
