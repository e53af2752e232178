"""A state that was read without its lock, for who only looks."""

from collections.abc import Sequence
from typing import Final, NoReturn

from mpsjobs.model.events import Event
from mpsjobs.model.ports import LockInfo
from mpsjobs.model.state import State
from mpsjobs.state.fold import Fold
from mpsjobs.state.session import Session

_NOT_HELD: Final = "this state is not held: nothing may be appended to it"


class Glance(Session):
    """What a session shows, and nothing that it does: others may have changed the state since, and nobody may change it here."""

    def __init__(self, state: State) -> None:
        super().__init__(Fold(state), state.lineage, ())

    @property
    def lock_info(self) -> LockInfo | None:
        return None

    @property
    def intents_ahead(self) -> int:
        return 1

    @property
    def _durable(self) -> int:
        return self.state.serial

    def _confirm(self) -> NoReturn:
        raise AssertionError(_NOT_HELD)

    def _write(self, folded: Sequence[tuple[int, Event]], *, sync: bool) -> NoReturn:  # noqa: ARG002  # nothing is
        raise AssertionError(_NOT_HELD)

    def _save(self) -> None: ...

    def _release(self) -> None: ...
