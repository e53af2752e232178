"""Is a refused signature the fault of a clock? Signatures hold for five minutes; the answer's Date tells the server's time."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

_TOLERATED_S: Final = 300
_NEARLY_S: Final = 240
"""From here on the clock is under suspicion: a request is under way for some time too."""


def explained(code: str, message: str, now: datetime, date: str | None) -> str:
    """The message of an error, with a word about the clock where that is what is wrong.

    `now` is this machine's time, `date` the Date header of the answer. A wrong clock mostly shows as AuthFailure.SignatureExpire; around
    midnight it can show as another failure to authenticate.
    """
    expired = code.startswith("AuthFailure.SignatureExpire")
    if not (expired or code.startswith("AuthFailure")):
        return message
    server = time_of(date)
    if server is None:
        why = (
            "This machine's clock and the server's differ by more than five minutes. Set the clock (NTP)."
            if expired
            else ""
        )
    elif abs(ahead := (now - server).total_seconds()) >= (_NEARLY_S if expired else _TOLERATED_S):
        side = "ahead of" if ahead > 0 else "behind"
        why = f"This machine's clock is {_span(abs(ahead))} {side} the server's. Set the clock (NTP)."
    else:
        why = "The clocks agree: the request was held up for minutes on its way." if expired else ""
    return f"{message.rstrip()} {why}".strip()


def time_of(date: str | None) -> datetime | None:
    """The time that a Date header tells, in whole seconds; None where it tells none."""
    try:
        found = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


def _span(seconds: float) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * length or unit == "minute":
            count = round(seconds / length)
            return f"{count} {unit}{'s'[: count != 1]}"
    raise AssertionError(seconds)
