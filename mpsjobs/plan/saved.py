"""A plan in a file: reviewed now, applied later, and refused when what it was made from has changed meanwhile.

The file binds each asset that it touches: the fingerprint that is wanted and the serial of the asset's record. A change elsewhere does
not make it stale. It holds no secret: what is in it stands in the specs and the state too, and requests are built from the specs again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import orjson

from mpsjobs.model.asset import Json
from mpsjobs.model.change import Change, Kind, Plan
from mpsjobs.model.diagnostics import Diagnostic, SpecError
from mpsjobs.model.state import State
from mpsjobs.plan.document import plan_document
from mpsjobs.plan.selection import Selection

FORMAT = "mpsjobs-plan"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Binding:
    """What the plan wants of an address, and the record that it was made from (`serial` 0: there was none)."""

    kind: str
    fingerprint: str | None
    generations: int
    serial: int


@dataclass(frozen=True, slots=True)
class SavedPlan:
    realm: str
    lineage: str
    replace: tuple[str, ...]
    bindings: Mapping[str, Binding]

    @property
    def selection(self) -> Selection:
        """Just the assets of the file; none for a plan without changes."""
        return Selection(targets=tuple(self.bindings) or ("",), replace=self.replace)


def encode(plan: Plan, state: State, selection: Selection) -> bytes:
    """The file, with a checksum over all of it."""
    bindings: dict[str, Json] = {
        change.address: {
            "kind": str(change.kind),
            "fingerprint": change.fingerprint,
            "generations": change.generations,
            "serial": _serial(state, change),
        }
        for change in plan.changes
        if change.kind is not Kind.KEEP
    }
    document: dict[str, Json] = {
        "format": FORMAT,
        "version": VERSION,
        "replace": [*selection.replace],
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
        raise SpecError.of(f"{name} is not a plan file.", hint=again)
    if document.get("version") != VERSION:
        raise SpecError.of(f"{name} was made by another version of mpsjobs.", hint=again)
    if document.pop("sum") != _checksum(document):
        raise SpecError.of(
            f"{name} is damaged or was changed by hand.",
            detail="Its checksum does not match its content.",
            hint=again,
        )
    plan = document["plan"]
    bindings = {address: Binding(**binding) for address, binding in document["bindings"].items()}
    return SavedPlan(plan["realm"], plan["lineage"], tuple(document["replace"]), bindings)


def stale(saved: SavedPlan, plan: Plan, state: State) -> Iterator[Diagnostic]:
    """Why the file no longer fits the plan that the same selection gives now.

    What has been done meanwhile as the file wants it, or has become free, is no reason: an apply may do less, never more.
    """
    if saved.realm != plan.realm or (saved.lineage and saved.lineage != state.lineage):
        yield _stale("", "it was made for another state or another provider")
        return
    changes = {change.address: change for change in plan.changes}
    for address, binding in saved.bindings.items():
        change = changes.get(address)
        if change is None:
            if binding.kind != Kind.RETIRE:
                yield _stale(address, "it is not in the specs any more")
        elif change.fingerprint != binding.fingerprint:
            yield _stale(address, "its spec has changed")
        elif change.generations > binding.generations:
            yield _stale(address, "it would cost more than the plan says")
        elif change.kind is not Kind.KEEP and _serial(state, change) != binding.serial:
            yield _stale(address, "its state has changed")


def _serial(state: State, change: Change) -> int:
    record = state.assets.get(change.moved_from or change.address)
    return record.serial if record else 0


def _stale(address: str, why: str) -> Diagnostic:
    summary = f"Saved plan is stale: {address}" if address else "Saved plan is stale"
    return Diagnostic(summary, f"Since the plan was made, {why}.", "Make it again: mpsjobs plan --out FILE")


def _checksum(document: Mapping[str, Json]) -> str:
    return blake2b(orjson.dumps(document, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
