"""Is everything there that an apply needs? Looks at settings, credentials, network, clock, API, store and state; pays for nothing.

`examine` yields one `Finding` after the other. It goes on after a failure; only what follows from the failure is skipped, and says so.
"""

from mpsjobs.doctor.examine import CHECKS, examine, without_settings
from mpsjobs.doctor.finding import Finding, Status, any_failed

__all__ = ["CHECKS", "Finding", "Status", "any_failed", "examine", "without_settings"]
