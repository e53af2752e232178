"""Where a checkout stands to the commit that was applied last."""

from enum import StrEnum


class Standing(StrEnum):
    """AHEAD: it contains that commit, or is not in git · BEHIND: it does not · SHALLOW, UNKNOWN: the commit is not there to be compared."""

    AHEAD = "ahead"
    BEHIND = "behind"
    SHALLOW = "shallow"
    UNKNOWN = "unknown"
