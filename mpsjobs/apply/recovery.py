"""What an earlier run left in the middle of a submission, settled before anything is planned."""

from collections.abc import Iterator
from datetime import datetime

from mpsjobs.model.events import Event, SubmitUnknown, SubmitWithdrawn
from mpsjobs.model.state import State, TakeStatus, never_sent


def settle(state: State, *, host: str, boot_id: str, at: str) -> Iterator[Event]:
    """Events that settle every intent without an answer. To be appended by the holder of the lock, which knows that nobody sends.

    An intent of this host and boot without the mark before the last byte was never sent and is withdrawn. For any other a paid task may
    exist: it becomes unknown and is looked up, never sent again blindly.
    """
    for _, take in state.takes():
        if take.status is not TakeStatus.INTENDED:
            continue
        if never_sent(take, host, boot_id):
            yield SubmitWithdrawn(at, take.attempt_id)
        else:
            yield SubmitUnknown(at, take.attempt_id, "the run ended before the answer was recorded", None)


def seconds_between(earlier: str | None, later: datetime) -> float:
    """Age in seconds of a recorded time; 0 when it is not known or lies in the future (clocks jump)."""
    return max(0.0, (later - datetime.fromisoformat(earlier)).total_seconds()) if earlier else 0.0
