"""Waiting for what runs: nobody's lock is held meanwhile, only for the moments in which something is recorded."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Self

from mpsjobs.apply.progress import ApplyEvent, Noticed, Planned, Progress, Tick
from mpsjobs.apply.result import ApplyResult, nothing_done
from mpsjobs.apply.waiting import Waiting
from mpsjobs.model.change import Plan
from mpsjobs.model.diagnostics import LockHeldError
from mpsjobs.model.ports import StateSession
from mpsjobs.model.state import State, TakeStatus
from mpsjobs.plan.parts import only_waiting
from mpsjobs.project.applying import ApplyRun, brought, missed
from mpsjobs.project.assembly import run_of, workers
from mpsjobs.project.options import Options
from mpsjobs.project.planning import Planner
from mpsjobs.spec.load import Loaded
from mpsjobs.state.glance import Glance

SHORTEST_PATIENCE_S: Final = 60.0
"""What was heard waits at least so long for the state, whatever `--lock-timeout` says: another run may be recording the very same."""

_WITHOUT_ANSWER: Final = frozenset({TakeStatus.INTENDED, TakeStatus.UNKNOWN, TakeStatus.ABANDONED})
_HELD: Final = "another run holds the state; what is done is recorded as soon as that one lets go of it, or has recorded it itself"


class WaitRun:
    """Waits for the tasks that ran, and the attempts without an answer, when it began. Used like an `ApplyRun`, and submits nothing.

    Tasks are asked for without the lock, so that anybody may apply or wait meanwhile. When some have ended, the lock is taken, the state
    is read anew, and what nobody else has recorded by then is collected and recorded, from what was heard already. While another run holds
    the lock, it goes on asking; what that run records needs no more recording.
    """

    def __init__(self, planner: Planner, loaded: Loaded, options: Options) -> None:
        """Raises SpecError, StateError, CloudError: see `Project.apply`."""
        self._planner = planner
        self._loaded = loaded
        self._options = options
        self._early: list[Progress] = []
        self._waiting: Waiting | None = None
        self._recording: ApplyRun | None = None
        self._recorded: ApplyResult | None = None
        self._held_since: float | None = None
        self._begun = self._stopping = self._complete = False
        state = planner.store.read()
        if any(take.status in _WITHOUT_ANSWER for _, take in state.takes()):
            state = self._settled(state)
        self._state = state
        self._plan = self._planned(state)

    @property
    def plan(self) -> Plan:
        """What was waited for when it began."""
        return self._plan

    def __iter__(self) -> Iterator[ApplyEvent]:
        """What happens, in order. Once for each run.

        Raises:
            CloudError: the cloud cannot be used as the settings say.
            LockHeldError: something is to be recorded, and another run holds the state for longer than the options say.
            StateError: what was found cannot be recorded.
        """
        if self._begun:
            raise RuntimeError("The events of a run can be gone through once.")
        self._begun = True
        try:
            yield from self._early
            yield Planned(self._plan)
            if self._plan.actions and not self._stopping:
                yield from self._wait()
            if not self._stopping:
                yield from self._end()
        finally:
            self.close()

    def result(self) -> ApplyResult:
        """What came of it. A run that nobody has gone through is carried out first. Raises what going through the events raises."""
        if not self._begun:
            deque(self, maxlen=0)
        nothing = nothing_done(self._plan, self._options.mode)
        own = self._waiting.result(self._plan) if self._waiting else nothing
        result = _together(own, self._recorded or nothing)
        return replace(
            result,
            missed=tuple(missed(self._loaded, self._state)),
            still_unknown=0,
            interrupted=result.interrupted or not self._complete,
        )

    def stop(self) -> None:
        """Stop in good order; the events that are left tell how. May be called from a signal handler, or another thread."""
        self._stopping = True
        if self._recording:
            self._recording.stop()
        if self._waiting:
            self._waiting.run.workers.interrupt()

    def close(self) -> None:
        """Stop waiting. Call it as often as you like."""
        self.stop()
        self._planner.connections.rest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _planned(self, state: State) -> Plan:
        return only_waiting(self._planner.plan(self._loaded, state, self._options))

    def _settled(self, state: State) -> State:
        """What only the holder of the state can say of attempts without an answer; as it is, where another run holds it: that one knows."""
        try:
            session = self._open()
        except LockHeldError:
            return state
        self._early += [event for event in self._record(session) if not isinstance(event, Planned)]
        return session.state

    def _wait(self) -> Iterator[Progress]:
        planner, told = self._planner, deque[Progress]()
        with workers(planner.connections, None) as threads:
            run = run_of(planner, Glance(self._state), threads, told.append, self._options)
            self._waiting = waiting = Waiting(run, told, planner.store.gather_s)
            waiting.begin(self._plan, self._state)
            try:
                while not waiting.over:
                    if self._stopping:
                        threads.interrupt()
                    yield from waiting.watch()
                    if waiting.heard or waiting.unsettled:
                        yield from self._try_to_record(waiting)
                    while told:
                        yield told.popleft()
            finally:
                threads.close()

    def _try_to_record(self, waiting: Waiting) -> Iterator[Progress]:
        if self._stopping:
            return
        self._look(waiting, self._planner.store.read())
        if not (waiting.heard or waiting.unsettled):
            return
        begun = waiting.run.now()
        try:
            session = self._open()
        except LockHeldError:
            now = waiting.run.now()
            if waiting.heard and self._held_since is None:
                self._held_since = now
                yield Noticed(None, _HELD)
            patience_s = max(self._options.lock_timeout_s, SHORTEST_PATIENCE_S)
            if self._held_since is not None and now - self._held_since >= patience_s:
                raise
            waiting.later()
            return
        for event in self._record(session, waiting):
            if not isinstance(event, Planned | Tick):
                yield event
        waiting.recorded(waiting.run.now() - begun)
        self._look(waiting, session.state)

    def _look(self, waiting: Waiting, state: State) -> None:
        self._state = state
        waiting.follow(self._planned(state), state)
        if not waiting.heard:
            self._held_since = None

    def _open(self) -> StateSession:
        return self._planner.store.open(str(self._options.mode), lock_timeout_s=0)

    def _record(self, session: StateSession, waiting: Waiting | None = None) -> Iterator[ApplyEvent]:
        """Collect and record, as the holder of the state."""
        try:
            heard = dict(waiting.heard) if waiting else {}
            self._recording = run = ApplyRun(self._planner, session, self._loaded, self._options, heard)
        except BaseException:
            session.close()
            raise
        with run:
            if self._stopping:
                run.stop()
            yield from run
        self._recording = None
        result = run.result()
        self._recorded = _together(self._recorded, result) if self._recorded else result
        if waiting:
            waiting.failed += len(result.failed)
            if result.stopped:
                waiting.run.scheduler.stop()

    def _end(self) -> Iterator[Progress]:
        """What others recorded meanwhile is brought here too."""
        self._complete = True
        downloads = self._planner.connections.downloads()
        if downloads and not self.result().stopped:
            yield from brought(downloads, self._state)


def _together(one: ApplyResult, other: ApplyResult) -> ApplyResult:
    return replace(
        one.then(other),
        unfit=tuple(dict.fromkeys((*one.unfit, *other.unfit))),
        interrupted=one.interrupted or other.interrupted,
    )
