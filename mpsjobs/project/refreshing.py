"""Looking whether what was paid for is still there, for a plan, for an apply, and for refresh."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mpsjobs._version import __version__
from mpsjobs.apply.drift import Drift, as_seen, look_for_drift
from mpsjobs.apply.progress import Noticed
from mpsjobs.apply.rescue import NotRescued, Rescued, Rescuer
from mpsjobs.apply.sightings import Lookout
from mpsjobs.cloud.pacer import Pacer
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError, Diagnostic
from mpsjobs.model.events import Event, OutputsRecorded, RunFinished, RunStarted
from mpsjobs.model.ports import StateSession
from mpsjobs.model.state import AssetStatus, State
from mpsjobs.plan.risks import EVERY_ADDRESS
from mpsjobs.plan.selection import Candidate
from mpsjobs.project.options import Options
from mpsjobs.project.planning import Planner
from mpsjobs.spec.load import Loaded
from mpsjobs.state.identity import TimeOrderedIds, timestamp, who
from mpsjobs.wiring import SCRATCH

MOST_NAMES = 20
"""So many takes are told one by one."""


@dataclass(frozen=True)
class Refresher:
    """Looks for the outputs in use of one project."""

    planner: Planner
    loaded: Loaded

    def look(self, state: State, options: Options) -> Drift:
        """What became of the outputs of the selected assets.

        Raises:
            CloudError: the store cannot be asked.
        """
        if not state.assets:
            return Drift((), {}, {})
        planner = self.planner
        connections = planner.connections
        lookout = Lookout(
            connections.objects, planner.targets(self.loaded), connections.root / SCRATCH / "scratch"
        )
        realm = planner.settings.provider.realm
        return look_for_drift(state, realm, lookout, self._includes(state, options))

    def seen(self, state: State, options: Options) -> tuple[State, Drift]:
        """The state as it would be if what became of the outputs were recorded; and what did. Changes nothing.

        Raises:
            CloudError: the store cannot be asked.
        """
        drift = self.look(state, options)
        return as_seen(state, drift.events(self._now())), drift

    def record(self, session: StateSession, options: Options) -> tuple[list[Noticed], int]:
        """Make history of what became of the outputs, after everything was collected again that the provider still has.

        Returns what there is to tell, and how many takes are missing now.

        Raises:
            CloudError: the store cannot be asked; or, where the lost is to be bought once more, the provider could not be asked for it.
            StateError: the state cannot be written.
        """
        drift, now = self.look(session.state, options), self._now()
        found = list(self._rescued(drift))
        back = {each.looked_for.take.attempt_id: each.outputs for each in found if isinstance(each, Rescued)}
        events: list[Event] = [
            each for each in drift.events(now) if getattr(each, "attempt_id", None) not in back
        ]
        events += [OutputsRecorded(now, attempt_id, outputs) for attempt_id, outputs in back.items()]
        missing = len(found) - len(back)
        if events:
            run_id, commit = TimeOrderedIds(self.planner.connections.clock).new(), session.state.commit
            begun = RunStarted(now, run_id, "refresh", __version__, who(), commit)
            session.append([begun, *events, RunFinished(now, run_id, 3 if missing else 0)])
        unsure = [each for each in found if isinstance(each, NotRescued) and not each.certain]
        if unsure and options.regenerate_missing:
            raise _unsure(unsure)
        return list(_told(drift, found)), missing

    def _rescued(self, drift: Drift) -> Iterator[Rescued | NotRescued]:
        lost = [(each, drift.missing_of(each.take)) for each in drift.lost]
        if not lost:
            return
        connections = self.planner.connections
        rate = self.planner.settings.provider.requests_per_second
        try:
            with connections.mps() as mps:
                rescuer = Rescuer(
                    mps,
                    connections.objects,
                    connections.fetcher(),
                    Pacer(rate),
                    connections.clock,
                    connections.root / SCRATCH / "scratch",
                )
                yield from rescuer.rescue(lost)
        except CloudError as error:  # there are no keys, say; what is missing is missing all the same
            yield from (NotRescued(each, str(error), certain=False) for each, _ in lost)

    def _includes(self, state: State, options: Options) -> Callable[[str], bool]:
        selection = options.selection
        if selection.everything:
            return lambda _: True
        known = {asset.address: asset for asset in self.loaded.assets}

        def includes(address: str) -> bool:
            failed = state.assets[address].status is AssetStatus.FAILED
            asset = known.get(address)
            candidate = Candidate.of(asset, failed=failed) if asset else Candidate(address, failed=failed)
            return selection.includes(candidate)

        return includes

    def _now(self) -> str:
        return timestamp(self.planner.connections.clock.utc())


def _told(drift: Drift, found: list[Rescued | NotRescued]) -> Iterator[Noticed]:
    for each in found[:MOST_NAMES]:
        address, number = each.looked_for.address, each.looked_for.take.take
        if isinstance(each, Rescued):
            yield Noticed(address, f"take {number} was missing in the store and is collected again, free")
        else:
            yield Noticed(address, f"take {number} is missing in the store, and used no more: {each.why}")
    if len(found) > MOST_NAMES:
        yield Noticed(None, f"and {len(found) - MOST_NAMES:,} more takes that were missing in the store")
    for gone in drift.lost_finished:
        yield Noticed(
            gone.address,
            f"finished files of take {gone.take.take} are missing in the store; apply makes them again, free",
        )
    for address, copy in drift.lost_copies:
        yield Noticed(address, f"its published copy {copy.place} is missing; apply brings it back, free")
    for risk in drift.risks(recorded=True):
        yield Noticed(None if risk.address == EVERY_ADDRESS else risk.address, risk.summary)
    if drift.checked:
        good = drift.checked - drift.missing - drift.changed - drift.unseen
        yield Noticed(None, f"{good:,} of {drift.checked:,} objects in use are there and unchanged")


def _unsure(found: list[NotRescued]) -> CloudError:
    first = found[0]
    return CloudError(
        Diagnostic(
            f"The provider could not be asked for {len(found):,} take{'s'[: len(found) != 1]} that the store lacks",
            f"{first.looked_for.address}, take {first.looked_for.take.take}: {first.why}. What it still has would be paid twice.",
            "Try again later; or apply without --regenerate-missing, which leaves them out.",
            code=Code.LOST_AND_UNSURE,
        )
    )
