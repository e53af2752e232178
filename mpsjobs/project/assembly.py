"""Puts together what carries out a plan: threads around the cloud, the scheduler, and the one loop that changes the state."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import Final

from mpsjobs._version import __version__
from mpsjobs.apply.download import Downloads
from mpsjobs.apply.durations import Durations
from mpsjobs.apply.finishing import Finisher, Finishings
from mpsjobs.apply.forecast import Forecast
from mpsjobs.apply.job import Heard
from mpsjobs.apply.progress import Progress
from mpsjobs.apply.publish import Publications, Publisher
from mpsjobs.apply.records import Records
from mpsjobs.apply.recovery import UnknownPolicy
from mpsjobs.apply.run import Origin, Run, Wiring
from mpsjobs.apply.scheduler import Scheduler
from mpsjobs.apply.tally import Tally
from mpsjobs.apply.workers import Workers
from mpsjobs.cloud.pacer import Pacer
from mpsjobs.model.ports import StateSession
from mpsjobs.plan.selection import matches
from mpsjobs.project.options import Options
from mpsjobs.project.planning import Planner
from mpsjobs.state.identity import TimeOrderedIds, git_commit, host_name, who
from mpsjobs.wiring import SCRATCH, Connections

NOTHING_HEARD: Final[Mapping[str, Heard]] = MappingProxyType({})


@contextmanager
def workers(connections: Connections, downloads: Downloads | None) -> Iterator[Workers]:
    """Threads around the cloud, as the settings say.

    Raises:
        CloudError: it cannot be used like that.
    """
    with connections.mps() as mps:
        scratch, collector = connections.root / SCRATCH / "scratch", connections.collector()
        publisher = Publisher(connections.objects, scratch)
        finisher = Finisher(connections.objects, scratch, collector.described)
        yield Workers(mps, collector, downloads, publisher, finisher, connections.clock)


def run_of(
    planner: Planner,
    session: StateSession,
    threads: Workers,
    report: Callable[[Progress], None],
    options: Options,
    heard: Mapping[str, Heard] = NOTHING_HEARD,
) -> Run:
    """What the loop for one plan of this session works with."""
    connections, settings = planner.connections, planner.settings
    clock, realm, rate = connections.clock, settings.provider.realm, settings.provider.requests_per_second
    durations = Durations.of_state(session.state, realm)
    policy = planner.policy(options)
    # Who only waits applies nothing: the commit stays that of the last apply.
    commit = git_commit(connections.root) if options.mode.submits else session.state.commit
    return Run(
        session=session,
        scheduler=Scheduler(
            Pacer(rate),
            Pacer(rate),
            random.random,
            durations,
            in_flight=options.parallelism,
            failures_left=options.max_failures,
        ),
        workers=threads,
        clock=clock,
        origin=Origin(realm, host_name(), planner.store.boot_id, who(), __version__, commit),
        wiring=Wiring(
            project=settings.owner,
            new_id=TimeOrderedIds(clock).new,
            target=connections.target,
            body=connections.body,
            copy=partial(planner.sources.copy, connections.objects),
            songs=planner.songs_of,
            report=report,
            gives_up=lambda address: matches(address, options.resubmit),
            per_second=rate,
            mode=options.mode,
            unknown=UnknownPolicy(policy.unknown_wait_s, "stop" if options.patient else policy.unknown),
            heard=heard,
        ),
        records=Records(session.state, realm),
        publications=Publications(session.state, realm),
        finishings=Finishings(session.state, realm),
        tally=Tally(clock.monotonic(), Forecast(durations)),
    )
