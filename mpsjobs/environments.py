"""The other environments of a project: what they have, and the stores where it lies."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock

from mpsjobs.model.change import Copy
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Severity
from mpsjobs.model.ports import Clock, ObjectRef, ObjectStore
from mpsjobs.model.settings import BASE_ENVIRONMENT, Settings
from mpsjobs.model.state import Output
from mpsjobs.plan.promotion import Source
from mpsjobs.spec.catalogue import Catalogue
from mpsjobs.spec.settings import load_settings
from mpsjobs.state.backend import StateBackend
from mpsjobs.wiring import SCRATCH, Connections, state_store


@dataclass(frozen=True)
class Sources:
    """The environments that `settings.reuse_from` names, each with settings, a state and a store of its own."""

    root: Path
    settings: Settings
    catalogue: Catalogue
    clock: Clock
    _stores: dict[str | None, ObjectStore] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @cached_property
    def _others(self) -> dict[str | None, Settings]:
        return {name: load_settings(self.root, name)[0] for name in self.settings.reuse_from}

    def read(self) -> tuple[tuple[Source, ...], tuple[Diagnostic, ...]]:
        """What they have now, read without their locks, and notices about those that can give nothing.

        Raises:
            SpecError: the settings of one of them hold mistakes.
            StateError: the state of one of them cannot be trusted.
        """
        sources, notices = [], list(self._of_other_realms())
        for name, other in self._others.items():
            if other.provider.realm != self.settings.provider.realm:
                continue
            state = self._state(other).read()
            sources.append(Source(name, state))
            if not state.serial:
                notices.append(
                    Diagnostic(
                        f"The environment {name or BASE_ENVIRONMENT} has no state yet",
                        f"There is none at {other.state.place}, so nothing is copied from it.",
                        severity=Severity.NOTICE,
                        code=Code.NOTHING_TO_REUSE,
                    )
                )
        return tuple(sources), tuple(notices)

    def _state(self, other: Settings) -> StateBackend:
        def connections() -> Connections:
            return Connections(self.root, other, self.catalogue, self.clock)

        return state_store(self.root, other, self.clock, connections)

    def _of_other_realms(self) -> Iterator[Diagnostic]:
        here = self.settings.provider.realm
        for name, other in self._others.items():
            if other.provider.realm != here:
                yield Diagnostic(
                    f"Nothing is copied from the environment {name or BASE_ENVIRONMENT}",
                    f"Its takes are of the realm {other.provider.realm}, and those here of {here}.",
                    "Remove it from `reuse_from`, or give both the same provider and account.",
                    Severity.WARNING,
                    code=Code.NOTHING_TO_REUSE,
                )

    def copy(self, to: ObjectStore, action: Copy, path: ObjectRef) -> tuple[Output, ...]:
        """Copy the outputs of another environment's take below `path`. Thread-safe.

        Raises:
            CloudError: see `copied_outputs`; or there are no credentials for the other store.
        """
        from mpsjobs.apply.copying import copied_outputs

        return copied_outputs(
            self._store(action.environment), to, action, path, self.root / SCRATCH / "scratch"
        )

    def _store(self, environment: str | None) -> ObjectStore:
        with self._lock:
            if environment not in self._stores:
                connections = Connections(self.root, self._others[environment], self.catalogue, self.clock)
                self._stores[environment] = connections.objects
            return self._stores[environment]
