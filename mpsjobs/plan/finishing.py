"""Finished files: what is to be made of the take that an asset uses, and is not there. The plan and apply ask the same question."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from mpsjobs.model.change import Change, Finish, Kind, Reason
from mpsjobs.model.state import State, Take, chosen_take
from mpsjobs.plan.wanted import Wanted


def unfinished(want: Wanted, state: State, realm: str) -> Take | None:
    """The take that is used and of which the wanted files are not made yet."""
    if not want.asset.master:
        return None
    take = chosen_take(state.pool(want.fingerprint), realm, want.asset.pick)
    return take if take and take.finished(want.asset.master.name) is None else None


def with_finishing(change: Change, want: Wanted, state: State, realm: str) -> Change:
    """The change, with what is made by it: an asset that needs nothing else is updated, which is free."""
    take = unfinished(want, state, realm) if change.kind is Kind.KEEP else None
    if take is None:
        return change
    return replace(
        change,
        kind=Kind.UPDATE,
        reasons=(*change.reasons, Reason("master", None, want.asset.master.recorded)),
        message="; ".join(filter(None, (change.message, f"take {take.take} is finished"))),
    )


def finishes(
    changes: Iterable[Change], wanted: Mapping[str, Wanted], arriving: Collection[str | None]
) -> Iterator[Finish]:
    """What is made now, or may be when the takes arrive that this apply brings."""
    for change in changes:
        want = wanted.get(change.address)
        changes_something = change.kind not in {Kind.KEEP, Kind.FAILED} or change.fingerprint in arriving
        if want and want.asset.master and changes_something:
            yield Finish(change.address, want.fingerprint, want.asset.master)
