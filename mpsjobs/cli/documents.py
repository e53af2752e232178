"""Which JSON each command prints: the names of the schemas that describe it."""

from collections.abc import Mapping
from typing import Final

DOCUMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "apply": ("apply-events",),
    "approve": ("decided",),
    "check": ("check",),
    "completion": ("completion",),
    "destroy": ("destroy",),
    "doctor": ("doctor",),
    "download": ("download",),
    "explain": ("explain",),
    "export": ("export",),
    "fmt": ("fmt",),
    "force-unlock": ("force-unlock",),
    "gc": ("gc", "gc-published"),
    "graph": ("graph",),
    "history": ("history", "history-address"),
    "import": ("apply-events",),
    "init": ("init", "init-migrate-state"),
    "models": ("models",),
    "output": ("output", "manifest"),
    "pick": ("decided",),
    "plan": ("plan",),
    "refresh": ("apply-events",),
    "reject": ("decided",),
    "review": ("review",),
    "schema": ("schema", "schema-list"),
    "show": ("show", "show-spec"),
    "state list": ("state-list",),
    "state mv": ("state-mv",),
    "state pull": ("state", "state-pull"),
    "state push": ("state-push", "state-push-errored"),
    "state rebase": ("state-rebase",),
    "state rebuild": ("state-rebuild",),
    "state rollback": ("state-rollback",),
    "state rm": ("state-rm", "state-rm-attempt"),
    "state show": ("state-show", "state-show-many"),
    "validate": ("validate",),
    "version": ("version",),
    "wait": ("apply-events",),
}
"""By command. Any of them may print an `error` instead."""

PRINTED: Final = (*sorted({name for names in DOCUMENTS.values() for name in names}), "error")
