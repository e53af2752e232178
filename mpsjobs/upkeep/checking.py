"""Checking what is there: what is not measured yet is measured, and every take in use is held against what is expected of it now."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from mpsjobs.model.diagnostics import LockHeldError
from mpsjobs.model.events import OutputsMeasured
from mpsjobs.model.expectations import NOTHING, OnFail, verdict
from mpsjobs.model.state import Output, State, Take, chosen_take
from mpsjobs.project import Project
from mpsjobs.upkeep.operation import operation

_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Checked:
    """An asset with the take that it uses, if there is one; `misses` is in words, `expects` whether it has any expectations."""

    address: str
    take: Take | None
    expects: bool
    misses: tuple[str, ...]
    on_fail: OnFail


def check(project: Project, addresses: Sequence[str]) -> tuple[Checked, ...]:
    """In the given order; addresses are of the state. Nothing is bought or changed, but measures are recorded.

    Raises:
        SpecError, StateError, CloudError: the specs, the state or the store cannot be read.
    """
    expected = {asset.address: asset.expect for asset in project.load().assets}
    state = project.state()
    takes = {address: _used(state, address) for address in addresses}
    measured = _measured(project, [take for take in takes.values() if take])
    checked = []
    for address, used in takes.items():
        take = measured.get(used.attempt_id, used) if used else None
        expect = expected.get(address)
        outputs = take.outputs if take else ()
        misses = verdict([expect], outputs).misses if expect else ()
        wants = expect is not None and expect is not NOTHING
        checked.append(Checked(address, take, wants, misses, expect.on_fail if expect else OnFail.WARN))
    return tuple(checked)


def _used(state: State, address: str) -> Take | None:
    record = state.assets[address]
    return chosen_take(state.pool(record.fingerprint), record.realm, record.pick)


def _measured(project: Project, takes: Sequence[Take]) -> dict[str, Take]:
    """By attempt, the takes that nobody had measured, with measures; those are recorded unless somebody else holds the state now."""
    lacking = {take.attempt_id: take for take in takes if not all(map(_is_measured, take.outputs))}
    if not lacking:
        return {}
    connections = project.connections
    try:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="measure") as threads:
            outputs = [
                output for take in lacking.values() for output in take.outputs if not _is_measured(output)
            ]
            found = dict(zip(outputs, threads.map(connections.measured, outputs), strict=True))
    finally:
        connections.rest()
    measured = {
        attempt: replace(take, outputs=tuple(found.get(output, output) for output in take.outputs))
        for attempt, take in lacking.items()
    }
    with suppress(LockHeldError):
        _record(project, lacking, measured)
    return measured


def _record(project: Project, before: Mapping[str, Take], measured: Mapping[str, Take]) -> None:
    """Of what is still there as it was."""
    with operation(project, "check") as held:
        held.commit(
            [
                OutputsMeasured(held.now(), take.attempt_id, measured[take.attempt_id].outputs)
                for _, take in held.state.takes()
                if take.there
                and take.attempt_id in measured
                and take.outputs == before[take.attempt_id].outputs
            ]
        )


def _is_measured(output: Output) -> bool:
    return output.measures is not None or output.unmeasured is not None
