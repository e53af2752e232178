"""The protocol of the lock in a bucket, as a model that is explored in every possible order: `mpsjobs.state.shared_lock` in small.

Writers read, write, wait, and look; they crash, give up, or are paused between any two steps for any time; what they send arrives late, after
their death, or after another one holds the lock. Any lock may be taken for dead at any time, so that nothing rests on heartbeats or clocks.
The protocol asks for no listing, so a late one cannot hurt. Time is in ticks; ages are counted no further than they matter.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

import pytest


class Phase(StrEnum):
    IDLE = "idle"
    FOUND = "found the lock free or dead"
    SENT = "sent its id"
    WAITING = "knows that its id was written"
    LOOKING = "began to read"
    HOLDING = "holds"
    CHECKING = "holds, and began to read again"


class Writer(NamedTuple):
    """`age`: ticks since its id was written, or since it began to read what it trusts; `look`: since it began to read again."""

    phase: Phase = Phase.IDLE
    tries: int = 0
    fresh: bool = False
    age: int = 0
    look: int = 0


Id = tuple[int, int]


class Way(NamedTuple):
    """A request on its way: who sent it, whether it deletes, creates or overwrites, and how long ago it was allowed."""

    verb: str
    id: Id
    age: int = 0


class World(NamedTuple):
    writers: tuple[Writer, ...]
    lock: Id | None
    ways: frozenset[Way]
    refused: frozenset[Id]


@dataclass(frozen=True)
class Rules:
    """`atomic`: the server honours If-None-Match. `late_deletes`: a DELETE may arrive at any time, not only within `settle`.

    `trust` and `settle` are in ticks; so many writers try so often.
    """

    writers: int = 2
    tries: int = 2
    trust: int = 1
    settle: int = 2
    atomic: bool = False
    late_deletes: bool = True


def _with(world: World, number: int, phase: Phase, **changes: Any) -> World:
    """The world with this writer in another phase."""
    writer = world.writers[number]._replace(phase=phase, **changes)
    return world._replace(writers=(*world.writers[:number], writer, *world.writers[number + 1 :]))


def may_act(rules: Rules, writer: Writer) -> bool:
    return writer.phase in {Phase.HOLDING, Phase.CHECKING} and writer.age <= rules.trust


def steps(rules: Rules, world: World) -> Iterator[World]:  # noqa: C901, PLR0912  # one rule after the other
    """Every world that can come next."""
    for way in world.ways:
        left = world.ways - {way}
        if way.verb == "delete":
            yield world._replace(ways=left, lock=None)
        elif way.verb == "create" and world.lock is not None:
            yield world._replace(ways=left, refused=world.refused | {way.id})
        else:
            yield world._replace(ways=left, lock=way.id)
    for number, writer in enumerate(world.writers):
        own = (number, writer.tries)

        become, forget = (
            partial(_with, world, number),
            partial(_with, world, number, Phase.IDLE, age=0, look=0, fresh=False),
        )
        if writer.phase is not Phase.IDLE:  # it dies, or gives up; what it sent goes on
            yield forget()
        match writer.phase:
            case Phase.IDLE if writer.tries < rules.tries:
                yield become(Phase.FOUND, tries=writer.tries + 1, fresh=world.lock is None)
            case Phase.FOUND:
                verb = "create" if rules.atomic and writer.fresh else "write"
                yield become(Phase.SENT)._replace(ways=world.ways | {Way(verb, own)})
            case Phase.SENT if own in world.refused:
                yield forget()._replace(refused=world.refused - {own})
            case Phase.SENT if not any(way.id == own for way in world.ways):
                yield become(Phase.WAITING, age=0)
            case Phase.WAITING if writer.age >= rules.settle or (rules.atomic and writer.fresh):
                yield become(Phase.LOOKING, age=0)
            case Phase.LOOKING:
                seen = world.lock == own
                yield become(Phase.HOLDING) if seen else forget()
            case Phase.HOLDING:
                yield become(Phase.CHECKING, look=0)
                if may_act(rules, writer):  # it is done, and lets go
                    gone = forget()
                    yield gone._replace(ways=world.ways | {Way("delete", own, writer.age)})
            case Phase.CHECKING:
                seen = world.lock == own
                yield (become(Phase.HOLDING, age=writer.look, look=0) if seen else forget())
            case _:
                pass
    if (later := ticked(rules, world)) is not None:
        yield later


def ticked(rules: Rules, world: World) -> World | None:
    """A tick later; None where a request must arrive before."""
    ways = set()
    for way in world.ways:
        age = 0
        if way.verb == "delete" and not rules.late_deletes:
            age = way.age + 1
            if age >= rules.settle:
                return None
        ways.add(way._replace(age=age))
    most = max(rules.settle, rules.trust + 1)
    return world._replace(
        writers=tuple(
            writer
            if writer.phase in {Phase.IDLE, Phase.FOUND, Phase.SENT}
            else writer._replace(
                age=min(writer.age + 1, most),
                look=min(writer.look + 1, most) if writer.phase is Phase.CHECKING else 0,
            )
            for writer in world.writers
        ),
        ways=frozenset(ways),
    )


@dataclass(frozen=True)
class Explored:
    """`trouble`: a world in which two may act at once. `holders`: who ever held the lock."""

    worlds: int
    trouble: World | None
    holders: frozenset[Id]


def explore(rules: Rules) -> Explored:
    first = World((Writer(),) * rules.writers, None, frozenset(), frozenset())
    seen, todo, holders = {first}, deque([first]), set()
    while todo:
        world = todo.popleft()
        acting = [(n, writer.tries) for n, writer in enumerate(world.writers) if may_act(rules, writer)]
        holders.update(acting)
        if len(acting) > 1:
            return Explored(len(seen), world, frozenset(holders))
        for following in steps(rules, world):
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return Explored(len(seen), None, frozenset(holders))


ONE_KEY, CREATED = Rules(), Rules(atomic=True, late_deletes=False)
LARGE = [
    pytest.param(replace(rules, writers=writers, tries=tries), marks=pytest.mark.slow)
    for rules in (ONE_KEY, CREATED)
    for writers, tries in ((3, 1), (2, 2), (2, 3))
]


@pytest.mark.parametrize("rules", [replace(ONE_KEY, tries=1), replace(CREATED, tries=1), *LARGE], ids=str)
def test_no_two_may_act_at_once_in_whatever_order_things_happen(
    rules: Rules, record_property: Callable[[str, object], None]
) -> None:
    explored = explore(rules)
    record_property("worlds", explored.worlds)
    assert explored.trouble is None
    assert len(explored.holders) == rules.writers * rules.tries


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(replace(ONE_KEY, tries=1, settle=1), id="who waits no longer than others trust"),
        pytest.param(
            replace(CREATED, tries=2, late_deletes=True),
            id="deletes that arrive late",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_model_finds_what_the_protocol_must_not_do(rules: Rules) -> None:
    assert explore(rules).trouble is not None
