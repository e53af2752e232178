"""What an error code of the API means: for a paid request, and for a question.

One list of rules maps every code; the first rule that fits holds. A code that no rule knows is UNCERTAIN: after a Create, a paid task
may exist.
"""

from enum import Enum, auto
from fnmatch import fnmatchcase
from typing import Final, assert_never

from mpsjobs.model.ports import Ambiguous, Backoff, DescribeFailed, NotCreated, Refused, Scope


class Verdict(Enum):
    """THROTTLED: too many requests · SCARCE: nothing left for now · ACCOUNT, ASSET: refused for good · UNCERTAIN: anything else."""

    THROTTLED = auto()
    SCARCE = auto()
    ACCOUNT = auto()
    ASSET = auto()
    UNCERTAIN = auto()


# `X.` stands for X itself and everything below it; the rest are shell patterns.
_RULES: Final[tuple[tuple[str, Verdict], ...]] = (
    ("RequestLimitExceeded.", Verdict.THROTTLED),
    ("*.UserArrears", Verdict.ACCOUNT),
    ("UserArrears", Verdict.ACCOUNT),
    ("LimitExceeded.", Verdict.SCARCE),
    ("ResourceInsufficient.", Verdict.SCARCE),
    ("AuthFailure.", Verdict.ACCOUNT),
    ("Unauthorized*", Verdict.ACCOUNT),
    ("Ip*list", Verdict.ACCOUNT),
    ("NoSuch*", Verdict.ACCOUNT),
    # The request as such, not this asset's share of it: a wrong endpoint or version concerns all.
    ("InvalidAction", Verdict.ACCOUNT),
    ("ActionOffline", Verdict.ACCOUNT),
    ("UnsupportedProtocol", Verdict.ACCOUNT),
    ("UnsupportedRegion", Verdict.ACCOUNT),
    ("Invalid*", Verdict.ASSET),
    ("Missing*", Verdict.ASSET),
    ("Unknown*", Verdict.ASSET),
    ("Unsupported*", Verdict.ASSET),
    ("*ViolationContent", Verdict.ASSET),
    ("RequestSizeLimitExceeded", Verdict.ASSET),
)


def verdict(code: str) -> Verdict:
    """What the code says about the request. Total."""
    for pattern, found in _RULES:
        if pattern.endswith("."):
            if f"{code}.".startswith(pattern):
                return found
        elif fnmatchcase(code, pattern):
            return found
    return Verdict.UNCERTAIN


def create_refused(code: str, message: str, request_id: str | None) -> NotCreated | Refused | Ambiguous:
    """The outcome of a Create that the API answered with this error."""
    match verdict(code):
        case Verdict.THROTTLED:
            return NotCreated(Backoff.THROTTLED, code, message, request_id)
        case Verdict.SCARCE:
            return NotCreated(Backoff.LONG, code, message, request_id)
        case Verdict.ACCOUNT:
            return Refused(Scope.ACCOUNT, code, message, request_id)
        case Verdict.ASSET:
            return Refused(Scope.ASSET, code, message, request_id)
        case Verdict.UNCERTAIN:
            return Ambiguous(code, message, request_id)
        case never:
            assert_never(never)


def describe_refused(code: str, message: str, request_id: str | None) -> DescribeFailed:
    """The outcome of a Describe that the API answered with this error. It is idempotent: all but the permanent is tried again."""
    match verdict(code):
        case Verdict.THROTTLED:
            return DescribeFailed(code, message, request_id, Backoff.THROTTLED)
        case Verdict.SCARCE:
            return DescribeFailed(code, message, request_id, Backoff.LONG)
        case Verdict.ACCOUNT:
            return DescribeFailed(code, message, request_id, None, Scope.ACCOUNT)
        case Verdict.ASSET:
            return DescribeFailed(code, message, request_id, None, Scope.ASSET)
        case Verdict.UNCERTAIN:
            return DescribeFailed(code, message, request_id, Backoff.SHORT)
        case never:
            assert_never(never)
