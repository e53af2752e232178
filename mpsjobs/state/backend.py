"""What every kind of state store does, beyond what an apply needs of it (`mpsjobs.model.ports.StateStore`)."""

from collections.abc import Callable, Iterator
from typing import Protocol

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.ports import LockInfo, StateSession
from mpsjobs.model.state import State
from mpsjobs.state.codec import Line


class StateBackend(Protocol):
    """Where the state of one project, in one environment, lives. `tests/contract/test_state_store.py` is run over each kind.

    Guarantees, whatever the kind. Of all that have it open, wherever they are, one may change it. What `append` made durable is seen by
    everybody who reads after it. A reader sees a state that was true at some moment: the fold of a beginning of the history that has no
    gap. Nothing that was written is ever changed or deleted by another command; what `replace` and `rebase` put aside can still be found.

    The caller's duties. A state that was opened is closed. It is confirmed before each act that cannot be taken back. Below the place of
    the state nobody else writes.
    """

    @property
    def name(self) -> str:
        """The place, as people know it."""
        ...

    @property
    def boot_id(self) -> str:
        """What marks an intent beside the host: where both are the same, what happened after it would be known here. See `never_sent`."""
        ...

    @property
    def gather_s(self) -> float:
        """For so many seconds it is worth gathering what is to be recorded, before the state is opened: as long as opening takes, about."""
        ...

    def read(self) -> State:
        """See `StateStore.read`."""
        ...

    def open(self, operation: str, *, lock_timeout_s: float, lineage: str | None = None) -> StateSession:
        """See `StateStore.open`. A state that begins now gets this lineage, else a new one."""
        ...

    def history(self, after: int = 0) -> Iterator[Line]:
        """The lines of the journal with numbers above `after`, one by one, read without the lock; none where nothing has ever happened.

        Raises:
            StateError: the journal is damaged, or a part of it is missing.
        """
        ...

    def at(self, serial: int) -> State:
        """The state as it was after the event with this number, read without the lock.

        Raises:
            StateError: no such event has happened, or what was before it cannot be found any more.
        """
        ...

    def move_away(self, to: str, put_there: Callable[[State], None], *, lock_timeout_s: float = 0) -> str:
        """Hold the state while `put_there` brings it to the place `to`; then leave everything, but so that nobody goes on from here.

        Returns the place where it is kept.

        Raises:
            LockHeldError: another run holds the state.
            StateError: it cannot be written. Whatever `put_there` raises: nothing was changed here.
        """
        ...

    def force_unlock(self, lock_id: str | None = None) -> LockInfo | None:
        """Take the lock away from a run that is dead, or that this machine knows nothing of; returns what it wrote about itself.

        Raises:
            LockHeldError: a living process of this machine holds it.
            StateError: `lock_id` is not the one that is held, or the lock cannot be written.
        """
        ...

    def replace(
        self, choose: Callable[[State | None], State | None], *, lock_timeout_s: float = 0
    ) -> str | None:
        """Let another state take the place of this one, with a new journal after it.

        `choose` is given what is here, None when it cannot be trusted, and returns the new state, None to leave everything. Its serial is
        higher than that of what is here. Returns the place where the history of before is kept; None where there was none, or nothing
        was done.

        Raises:
            LockHeldError: another run holds the state.
            StateError: it cannot be written.
        """
        ...

    def rebase(self, *, lock_timeout_s: float = 0) -> str | None:
        """Accept the last snapshot as the whole truth and begin a new journal after it; what was after the snapshot is no longer known.

        Returns the place where the journal of before is kept; None where there was none.

        Raises:
            LockHeldError: another run holds the state.
            StateError: there is no sound snapshot.
        """
        ...


def no_such_event(serial: int, last: int, place: str) -> StateError:
    return StateError.of(
        f"There is no state after event {serial}",
        detail=f"{place} ends with event {last}, and what is not in its history any more cannot be had.",
        hint="mpsjobs history shows the numbers of events.",
        code=Code.NO_SUCH_SERIAL,
    )
