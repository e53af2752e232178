"""mpsjobs: infrastructure as code for generated audio.

>>> from mpsjobs import Project
>>> project = Project.open("my-game")
>>> project.plan().generations
3
>>> for event in project.apply():
...     print(event)

`docs/guide/python.md` has more. What stands in `__all__` is public: it stays as it is within a major version.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mpsjobs._version import __version__

if TYPE_CHECKING:
    from mpsjobs.apply import progress
    from mpsjobs.apply.mode import Mode
    from mpsjobs.apply.result import ApplyResult, ExitCode
    from mpsjobs.model.diagnostics import (
        CloudError,
        Diagnostic,
        LockHeldError,
        MpsjobsError,
        SpecError,
        StateError,
    )
    from mpsjobs.plan.limits import Limits
    from mpsjobs.plan.selection import Selection
    from mpsjobs.project import Options, Project
    from mpsjobs.project.applying import ApplyRun
    from mpsjobs.project.waiting import WaitRun
    from mpsjobs.spec.variables import Given

__all__ = [
    "ApplyResult",
    "ApplyRun",
    "CloudError",
    "Diagnostic",
    "ExitCode",
    "Given",
    "Limits",
    "LockHeldError",
    "Mode",
    "MpsjobsError",
    "Options",
    "Project",
    "Selection",
    "SpecError",
    "StateError",
    "WaitRun",
    "__version__",
    "progress",
]

_HOMES = {
    "apply.mode": ("Mode",),
    "apply.result": ("ApplyResult", "ExitCode"),
    "model.diagnostics": (
        "CloudError",
        "Diagnostic",
        "LockHeldError",
        "MpsjobsError",
        "SpecError",
        "StateError",
    ),
    "plan.limits": ("Limits",),
    "plan.selection": ("Selection",),
    "project": ("Options", "Project"),
    "project.applying": ("ApplyRun",),
    "project.waiting": ("WaitRun",),
    "spec.variables": ("Given",),
}


def __getattr__(name: str) -> Any:
    """Load what is asked for when it is asked for, so that `mpsjobs version` is quick."""
    if name == "progress":
        return import_module("mpsjobs.apply.progress")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"mpsjobs.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
