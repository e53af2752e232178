"""All checks, in the order in which one builds on the other."""

from collections.abc import Iterator
from typing import Final

from mpsjobs.doctor.account import account
from mpsjobs.doctor.finding import Finding, from_error, needs, ok
from mpsjobs.doctor.objects import objects
from mpsjobs.doctor.state import state
from mpsjobs.model.diagnostics import SpecError
from mpsjobs.model.ports import StateStore
from mpsjobs.model.settings import StoreKind
from mpsjobs.wiring import Connections

CHECKS: Final = (
    "settings",
    "credentials",
    "proxy",
    "network",
    "clock",
    "api",
    "role",
    "bucket",
    "put",
    "get",
    "list",
    "url",
    "delete",
    "conditional_write",
    "versioning",
    "state_folder",
    "state_lock",
    "state_key",
    "state",
    "git",
    "disk",
)
"""Every check's name, once each and in this order: the same in every report."""


def examine(connections: Connections, store: StateStore) -> Iterator[Finding]:
    """Check all that an apply of this project needs. Yields each finding as soon as it is known.

    Puts one small object under `<prefix>/doctor/` in the store and takes it away again; asks the API for a task that does not exist. Neither
    costs anything but a request. Nothing is raised for what is wrong.
    """
    settings = connections.settings
    told = f"mpsjobs.yaml: project {settings.project}; takes come from {settings.provider.realm} and go to {_place(connections)}."
    yield ok("settings", told)
    found = yield from account(connections)
    yield from objects(connections, found)
    yield from state(connections.root, settings.state, store, connections.clock)


def without_settings(error: SpecError) -> Iterator[Finding]:
    """The report on a project whose settings cannot be read."""
    name, *others = CHECKS
    yield from_error(name, error)
    yield from needs("settings", *others)


def _place(connections: Connections) -> str:
    store = connections.settings.store
    if store.kind is StoreKind.DIRECTORY:
        return f"the folder {store.path}"
    return f"the bucket {store.bucket} in {store.region}{f', under {store.prefix}/' if store.prefix else ''}"
