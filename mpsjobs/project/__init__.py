"""The composition root: a project on disk, and what can be done with it. The command line is one of its users.

`project` opens, reads and plans · `planning` has what a plan needs to know · `checks` are what may forbid an apply · `applying` carries a
plan out, as an iterator of events · `waiting` waits for what runs, in the same form · `assembly` puts together what carries it out.
"""

from mpsjobs.project.options import Options, Refresh
from mpsjobs.project.project import Current, Project

__all__ = ["Current", "Options", "Project", "Refresh"]
