"""The end of a project, or of one of its environments: everything is retired, and deleted when that was said."""

from collections.abc import Callable
from dataclasses import dataclass

from mpsjobs.apply.deletion import Doomed, unfinished
from mpsjobs.apply.mode import Mode
from mpsjobs.model.change import Kind, Plan
from mpsjobs.model.diagnostics import SpecError
from mpsjobs.model.events import AssetRetired
from mpsjobs.plan.limits import Limits
from mpsjobs.project import Options, Project
from mpsjobs.spec.load import Loaded
from mpsjobs.upkeep.gc import Collected, Garbage, deletable, erase, in_flight, other_states, used_objects
from mpsjobs.upkeep.operation import operation


@dataclass(frozen=True, slots=True)
class Ending:
    """What a destroy would do: the plan that retires everything, what would be deleted, and how many tasks are still on their way."""

    plan: Plan
    garbage: Garbage
    in_flight: int

    @property
    def addresses(self) -> list[str]:
        return [change.address for change in self.plan.changes if change.kind is Kind.RETIRE]

    @property
    def empty(self) -> bool:
        return not self.addresses and self.garbage.empty


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What was found; `collected` is None when nobody said yes."""

    ending: Ending
    collected: Collected | None


def destroy(
    project: Project,
    *,
    delete_outputs: bool,
    approve: Callable[[Ending], bool],
    report: Callable[[Doomed], None] = lambda _: None,
    lock_timeout_s: float = 0,
) -> Destroyed:
    """Retire every asset; with `delete_outputs` also delete all takes of this realm, but for those that another environment has.

    Without it nothing is lost: an apply brings everything back for free. What is in flight stays so; a later apply collects it.

    Raises:
        SpecError: something is protected from being retired. Nothing was done.
        LockHeldError, StateError: see `operation`.
    """
    others = other_states(project) if delete_outputs else ()
    with operation(project, "destroy", lock_timeout_s=lock_timeout_s) as held:
        realm = project.settings.provider.realm
        plan = project.plan_for(
            Loaded(()), held.state, Options(mode=Mode.WAIT, limits=Limits(max_retire=100))
        )
        if errors := [diagnostic for diagnostic in plan.diagnostics if diagnostic.is_error]:
            raise SpecError(*errors)
        garbage = Garbage(())
        if delete_outputs:
            takes = deletable(held.state, realm, used_objects(others), kept=set())
            garbage = Garbage(tuple(takes), tuple(unfinished(held.state, realm)))
        ending = Ending(plan, garbage, in_flight(held.state, realm))
        if ending.empty or not approve(ending):
            return Destroyed(ending, None)
        held.session.append(
            [held.begin(), *(AssetRetired(held.now(), address) for address in ending.addresses)]
        )
        deletion = erase(project, held, garbage, report) if not garbage.empty else None
        held.session.append([held.end(1 if deletion and deletion.failed else 0)])
        _clear_downloads(project)
        return Destroyed(ending, Collected(garbage, deletion))


def _clear_downloads(project: Project) -> None:
    """Take away our copies in the download folder; what somebody changed stays."""
    downloads = project.connections.downloads()
    if downloads:
        for _ in downloads.sync({}):
            pass
