"""A change of the state that is no apply: under the lock, and in history with who did it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from mpsjobs._version import __version__
from mpsjobs.cloud.clock import SystemClock
from mpsjobs.model.events import Event, RunFinished, RunStarted
from mpsjobs.model.ports import Clock, StateSession
from mpsjobs.model.state import State
from mpsjobs.project import Project
from mpsjobs.state.identity import TimeOrderedIds, timestamp, who


@dataclass(slots=True)
class Operation:
    """One command on a state that is held under its lock."""

    session: StateSession
    command: str
    clock: Clock = field(default_factory=SystemClock)
    _run_id: str = ""

    @property
    def state(self) -> State:
        return self.session.state

    def now(self) -> str:
        return timestamp(self.clock.utc())

    def begin(self) -> RunStarted:
        """Who does what; to be appended first. What was last applied stays what it is."""
        self._run_id = TimeOrderedIds(self.clock).new()
        return RunStarted(self.now(), self._run_id, self.command, __version__, who(), self.state.commit)

    def end(self, exit_code: int = 0) -> RunFinished:
        return RunFinished(self.now(), self._run_id, exit_code)

    def commit(self, events: Sequence[Event]) -> None:
        """Append it all at once; nothing where there is nothing to say.

        Raises:
            StateError: it cannot be made durable, or does not follow from what is there.
        """
        if events:
            self.session.append([self.begin(), *events, self.end()])


@contextmanager
def operation(project: Project, command: str, *, lock_timeout_s: float = 0) -> Iterator[Operation]:
    """Hold the state for a command.

    Raises:
        LockHeldError: another run holds it for longer than the time-out.
        StateError: it cannot be trusted or written.
    """
    session = project.store.open(command, lock_timeout_s=lock_timeout_s)
    try:
        yield Operation(session, command)
    finally:
        session.close()
