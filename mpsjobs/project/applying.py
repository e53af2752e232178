"""Carrying out a plan: an iterator of what happens, for the command line and for any other program alike."""

import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Self

from mpsjobs.apply.download import Downloads
from mpsjobs.apply.job import Heard
from mpsjobs.apply.mode import Mode
from mpsjobs.apply.progress import ApplyEvent, Downloaded, Noticed, Planned, Progress, Tick
from mpsjobs.apply.recovery import LostTakes, settle
from mpsjobs.apply.result import ApplyResult, Missed, nothing_done
from mpsjobs.apply.runner import Runner
from mpsjobs.model.change import Plan, Risk, Submit
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError, Diagnostic
from mpsjobs.model.expectations import NOTHING
from mpsjobs.model.ports import StateSession
from mpsjobs.model.state import State, awaits_finishing, chosen_take, handed_out
from mpsjobs.plan.cost import cost_of
from mpsjobs.plan.parts import only_imports, only_waiting
from mpsjobs.plan.selection import EVERYTHING, Selection
from mpsjobs.project.assembly import NOTHING_HEARD, run_of, workers
from mpsjobs.project.checks import require_fit_plan, require_newest, require_whole_state
from mpsjobs.project.options import Options, Refresh
from mpsjobs.project.planning import Planner
from mpsjobs.project.refreshing import Refresher
from mpsjobs.spec.load import Loaded
from mpsjobs.state.identity import host_name, timestamp


class ApplyRun:
    """One apply, which holds the state's lock until it is gone through, or closed.

    ::

        with project.apply() as run:
            for event in run:
                print(event)
        print(run.result().finished)

    Nothing is done before there is the event `Planned`, with the plan, and the next one is asked for: leaving there declines it. Attempts
    that are given up lead to a second `Planned`, which buys their takes again.

    The work is done in a thread of its own, which never waits for who reads the events: a slow reader delays no request and no record.
    Leaving the iteration early, by `break`, by an error or by Ctrl-C, stops the run in good order: nothing more is submitted, answers in
    flight are awaited for a few seconds and recorded, tasks in the cloud run on, and the next apply picks them up.
    """

    def __init__(
        self,
        planner: Planner,
        session: StateSession,
        loaded: Loaded,
        options: Options,
        heard: Mapping[str, Heard] | None = None,
    ) -> None:
        """Plan under the lock. The session belongs to the run from now on, unless this raises.

        `heard`: it is only about these attempts, of which that was heard already; see `WaitRun`, which cares for the rest.

        Raises:
            SpecError, StateError, CloudError: see `Project.apply`.
        """
        self._planner = planner
        self._session = session
        self._loaded = loaded
        self._heard = heard
        self._options = options = planner.resolved(options, loaded, session.state)
        self._early: list[Progress] = []
        self._inbox: SimpleQueue[Progress | None] = SimpleQueue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="apply")
        self._work: Future[None] | None = None
        self._interrupt: Callable[[], None] = lambda: None
        self._begun = self._stopping = self._closed = False
        self._result: ApplyResult | None = None
        self._missing = 0
        self._settle()
        risks = self._look(options)
        if options.mode is Mode.REFRESH:  # whatever is in flight is collected, whomever the look was about
            self._options = options = replace(options, selection=EVERYTHING)
        plan = self._planned(options)
        self._plan = replace(plan, risks=(*plan.risks, *risks))

    @property
    def plan(self) -> Plan:
        """What is, or was, carried out; made while the lock is held, so nobody can change what it was made from."""
        return self._plan

    def __iter__(self) -> Iterator[ApplyEvent]:
        """What happens, in order. Once for each run.

        Raises:
            CloudError: the cloud cannot be used as the settings say.
            StateError: what was done cannot be saved.
        """
        if self._begun:
            raise RuntimeError("The events of a run can be gone through once.")
        self._begun = True
        options: Options | None = self._options
        try:
            while options and not self._stopping:
                yield from self._early
                self._early.clear()
                yield Planned(self._plan)
                if not self._stopping:
                    yield from self._pass(options)
                    options = self._again(options)
        finally:
            self.close()

    def result(self) -> ApplyResult:
        """What came of it. A run that nobody has gone through is carried out first.

        Raises what going through the events raises.
        """
        if not self._closed:
            deque(self, maxlen=0)
        if self._work:
            self._work.result()
        return self._result or replace(nothing_done(self._plan, self._options.mode), interrupted=True)

    def stop(self) -> None:
        """Stop in good order; the events that are left tell how. May be called from a signal handler, or another thread."""
        self._stopping = True
        self._interrupt()

    def close(self) -> None:
        """Stop, wait for the answers in flight, and let go of the lock. Call it as often as you like.

        Raises:
            StateError: what was done cannot be saved.
        """
        self.stop()
        self._thread.shutdown()
        if self._heard is None:
            self._planner.connections.rest()
        self._closed = True
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the reader's thread -----------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Before anything is planned: withdraw what was never sent, and take in what the store tells of attempts whose answer was lost."""
        session, connections, settings = self._session, self._planner.connections, self._planner.settings
        now = timestamp(connections.clock.utc())
        settled = list(settle(session.state, host=host_name(), boot_id=self._planner.store.boot_id, at=now))
        if settled:
            session.append(settled)
        if self._heard:
            return
        realm, songs = settings.provider.realm, self._planner.songs_of
        lost = LostTakes(session, connections.collector, realm, settings.owner, songs)
        self._early += lost.adopt(now, outputs_of_unknown=self._heard is None)

    def _look(self, options: Options) -> tuple[Risk, ...]:
        """Whether the outputs in use are still there. What an apply finds by the way it only tells: it never makes the plan do more."""
        refresher, state = Refresher(self._planner, self._loaded), self._session.state
        if options.records_drift:
            told, missing = refresher.record(self._session, options)
            self._early += told
            self._missing = missing if options.mode is Mode.REFRESH else 0
            return ()
        if not options.mode.submits or options.refresh is Refresh.OFF:
            return ()
        try:
            drift = refresher.look(state, options)
        except CloudError as error:
            words = f"The store does not say whether the outputs in use are still there: {error}"
            self._early.append(Noticed(None, words))
            return ()
        self._missing = sum(each.take.there for each in drift.lost)
        return drift.risks(recorded=False)

    def _planned(self, options: Options) -> Plan:
        plan = self._planner.plan(self._loaded, self._session.state, options)
        if not options.mode.submits:
            return only_imports(plan) if options.mode is Mode.IMPORT else only_waiting(plan, self._heard)
        require_fit_plan(plan, self._session.state, options)
        if plan.has_changes and not (options.allow_behind or plan.draft):
            require_newest(self._planner, self._session.state)
        if plan.generations:
            self._early += require_whole_state(self._planner, self._loaded, plan, self._session.state)
        return plan

    def _pass(self, options: Options) -> Iterator[Progress]:
        """Carry out the plan, and give what is told of it until the end."""
        self._work = self._thread.submit(copy_context().run, self._carry_out, options)
        self._work.add_done_callback(lambda _: self._inbox.put(None))
        while (told := self._inbox.get()) is not None:
            if not isinstance(told, Tick) or self._inbox.empty():  # where it stood is of no use any more
                yield told
        self._work.result()

    def _again(self, options: Options) -> Options | None:
        """What a further pass may do, and nothing else.

        It buys the takes of abandoned attempts, once, those in place of takes that miss what is expected, and what waited for these. All of it within what is left of the limit.
        """
        result = self._result
        if not (result and options.mode.submits) or result.interrupted or result.stopped:
            return None
        if not (result.abandoned or (result.unfit and self._plan.retakes)):
            return None
        allowed = self._options.max_failures
        if allowed and len(result.failed) >= allowed:
            return None
        again = self._buying_again(result, options)
        self._plan = self._planned(again)
        self._result = result.without_skipped(again.selection.targets)
        return again

    def _buying_again(self, result: ApplyResult, options: Options) -> Options:
        plan, state = self._plan, self._session.state
        sounds = {*result.abandoned, *result.unfit}
        users = [change.address for change in plan.changes if change.fingerprint in sounds]
        skipped, generations, cost = {each.address for each in result.skipped}, plan.generations, plan.cost
        prices = self._planner.prices
        for action in plan.actions:
            if isinstance(action, Submit) and action.asset.address in skipped:
                generations -= action.generations
                if cost and prices:
                    cost -= cost_of(action.fields, action.generations, prices)
                if all(
                    need.fingerprint in sounds
                    or chosen_take(state.pool(need.fingerprint), plan.realm, need.pick)
                    for need in action.needs
                ):
                    sounds.add(action.fingerprint)
                    users.append(action.asset.address)
        return replace(
            options,
            selection=Selection(
                targets=tuple(users) or ("",),
                retry=bool(options.resubmit),
                regenerate=options.selection.regenerate,
            ),
            saved=None,
            resubmit=(),
            limits=options.limits.left(self._planner.policy(options), generations, cost),
            max_failures=self._options.max_failures and self._options.max_failures - len(result.failed),
            patient=True,
        )

    # --- the thread of the run ---------------------------------------------------------------------------------------------------

    def _carry_out(self, options: Options) -> None:
        plan, session, connections = self._plan, self._session, self._planner.connections
        downloads = connections.downloads()
        result = nothing_done(plan, options.mode)
        if plan.actions:
            with workers(connections, downloads) as threads:
                self._interrupt = threads.interrupt
                if self._stopping:
                    threads.interrupt()
                run = run_of(
                    self._planner, session, threads, self._inbox.put, options, self._heard or NOTHING_HEARD
                )
                result = Runner(run).run(plan)
        if session.failed:
            result = replace(result, stopped=(*result.stopped, self._salvage()))
        result = replace(result, missed=tuple(missed(self._loaded, session.state)))
        missing = max(self._missing + plan.missing, self._result.missing if self._result else 0)
        result = self._result.then(result) if self._result else result
        self._result = replace(result, missing=missing)
        if downloads and self._heard is not None:
            downloads.save()
        elif downloads and not result.interrupted and not session.failed:
            for told in brought(downloads, session.state):
                self._inbox.put(told)

    def _salvage(self) -> Diagnostic:
        """Put what could not be recorded somewhere else, and say where."""
        root = self._planner.connections.root
        file = self._session.salvage((root, Path.cwd(), Path.home(), Path(tempfile.gettempdir())))
        if file is None:
            return Diagnostic(
                "No folder takes what could not be recorded; it follows.",
                detail=self._session.errored_document(),
                hint="Save this text as a file, mend the cause, and run: mpsjobs state push FILE",
                code=Code.STATE_SALVAGED,
            )
        return Diagnostic(
            f"What could not be recorded stands in {file}.",
            detail="Tasks that were submitted are in it: without it they may be paid a second time.",
            hint=f"Mend the cause, then put it back: mpsjobs state push {file}",
            code=Code.STATE_SALVAGED,
        )


def brought(downloads: Downloads, state: State) -> Iterator[Downloaded | Noticed]:
    """Bring what is in use to where a person looks for it; what awaits its finished files stays as it is."""
    used = {
        address: () if awaits_finishing(record, take) else handed_out(record, take)
        for address, record in state.assets.items()
        if (take := chosen_take(state.pool(record.fingerprint), record.realm, record.pick))
    }
    yield from downloads.sync(used, [address for address, outputs in used.items() if not outputs])


def missed(loaded: Loaded, state: State) -> Iterator[Missed]:
    """What the takes in use miss, of all assets that have them and want them."""
    for asset in loaded.assets:
        record = state.assets.get(asset.address)
        if record is None or asset.expect is NOTHING:
            continue
        take = chosen_take(state.pool(record.fingerprint), record.realm, record.pick)
        if take and take.misses:
            yield Missed(asset.address, take.take, take.misses, asset.expect.on_fail)
