"""Assets, takes and states for tests of plans."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mpsjobs.model.asset import Asset, Sound
from mpsjobs.model.change import Kind, Plan
from mpsjobs.model.diagnostics import Position
from mpsjobs.model.state import AssetRecord, AssetStatus, Output, Pool, State, Take, TakeStatus
from mpsjobs.plan.fingerprint import canonical_fields, fingerprint
from mpsjobs.plan.terms import Terms

REALM = "emulator"
TERMS = Terms(
    realm=REALM,
    songs=lambda s: int(str(s.additional_parameters.get("n", 1))),
    host="h",
    boot_id="b",
)
OUTPUT = Output("local-1", "local", "takes/a/1.mp3", "e", 10, "00", "mp3", 30.0)


def asset(
    address: str, prompt: str = "a song", *, takes: int = 1, pick: int | None = None, **sound: Any
) -> Asset:
    return Asset(
        address, Sound("GL", prompt=prompt, **sound), Position("specs/a.yaml"), takes=takes, pick=pick
    )


def name(of: Asset) -> str:
    return fingerprint(canonical_fields(of.sound))


def take(number: int = 1, status: TakeStatus = TakeStatus.DONE, *, realm: str = REALM, **more: Any) -> Take:
    base = Take(
        take=number,
        realm=realm,
        attempt_id=f"attempt-{number}",
        bucket="local-1",
        region="local",
        cos_path=f"takes/attempt-{number}/",
        status=status,
        host="h",
        boot_id="b",
        intended_at="2026-01-01T00:00:00.000Z",
        address="a",
        sending=True,
        task_id=f"task-{number}",
        outputs=(OUTPUT,) if status is TakeStatus.DONE else (),
    )
    return replace(base, **more)


def state_of(*known: tuple[Asset, Sequence[Take]], realm: str = REALM) -> State:
    state = State("lineage", serial=7)
    for serial, (each, takes) in enumerate(known, 1):
        state.pools[name(each)] = Pool(canonical_fields(each.sound), tuple(takes))
        state.assets[each.address] = AssetRecord(
            name(each), realm, AssetStatus.READY, takes=each.takes, pick=each.pick, serial=serial
        )
    return state


def kinds(plan: Plan) -> dict[str, Kind]:
    return {change.address: change.kind for change in plan.changes}
