"""mpsjobs: infrastructure as code for generated audio.

>>> from mpsjobs import Project
>>> project = Project.open("my-game")
>>> project.plan().generations
3
"""

from typing import TYPE_CHECKING, Any

from mpsjobs._version import __version__

if TYPE_CHECKING:
    from mpsjobs.project import Project

__all__ = ["Project", "__version__"]


def __getattr__(name: str) -> Any:
    """Load the project only when it is asked for, so that `mpsjobs version` is quick."""
    if name == "Project":
        from mpsjobs.project import Project  # see above

        return Project
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
