"""What may forbid an apply, beside the plan itself."""

import contextlib
import os
from collections.abc import Iterator
from typing import Final

from mpsjobs.apply.progress import Noticed
from mpsjobs.model.change import Plan, Submit
from mpsjobs.model.checkout import Standing
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError, SpecError, StateError
from mpsjobs.model.settings import ProviderKind, Settings
from mpsjobs.model.state import State
from mpsjobs.plan.saved import stale
from mpsjobs.project.options import Options
from mpsjobs.project.planning import Planner, left_in_file
from mpsjobs.spec.load import Loaded
from mpsjobs.state.checkout import standing

_MOVED: Final = "If the state was brought into a bucket since, get the settings as they are now. Else: "


def require_lasting_state(settings: Settings) -> None:
    """A state file on a runner of CI vanishes with it, and with it the memory of what was paid.

    Raises:
        StateError: that is the case here.
    """
    if _in_ci() and settings.provider.kind is ProviderKind.TENCENT and settings.state.backend == "file":
        raise StateError.of(
            "The state is a file of this machine, and this is a CI run.",
            detail="When the runner goes, so does the memory of what was paid: the next run would buy it all again.",
            hint="If the file is kept, say so with --allow-local-state.",
            code=Code.STATE_IN_CI,
        )


def require_fit_plan(plan: Plan, state: State, options: Options) -> None:
    """A plan that submits is carried out only if nothing speaks against it.

    Raises:
        SpecError: the saved plan is stale, the plan breaks a rule, or it deletes and nobody said that it may.
    """
    if options.saved and (reasons := tuple(stale(options.saved, plan, state))):
        raise SpecError(*reasons)
    if errors := [diagnostic for diagnostic in plan.diagnostics if diagnostic.is_error]:
        raise SpecError(*errors)
    if plan.deletes and not options.allow_delete:
        raise _deletes_unasked(plan)


def require_newest(planner: Planner, state: State) -> None:
    """A pipeline that runs late, or again, must not take back what a newer commit has brought.

    Raises:
        SpecError: this is CI, and the checkout does not contain the commit that was applied last.
    """
    if _in_ci() and standing(planner.connections.root, state.commit) is Standing.BEHIND:
        raise SpecError.of(
            "This checkout is behind what was applied last.",
            detail=f"It does not contain {str(state.commit)[:12]}, the commit of the last apply, so it may undo what that brought.",
            hint="Apply the newest commit. If going back is meant, say so with --allow-behind.",
            code=Code.BEHIND,
        )


def require_whole_state(planner: Planner, loaded: Loaded, plan: Plan, state: State) -> Iterator[Noticed]:
    """Before anything is bought: does the store have receipts of takes that this state does not know, or is there another state?

    Raises:
        StateError: it does, or there is.
        CloudError: the store cannot be read.
    """
    from mpsjobs.apply.receipts import unknown_takes

    settings = planner.settings
    if not state.pools:
        if left := left_in_file(planner.connections.root, settings, state):
            raise StateError(left)
        _require_first_name(planner, loaded, plan)
    unknown = unknown_takes(
        planner.connections.objects,
        settings.owner,
        planner.targets(loaded),
        state,
        settings.provider.realm,
    )
    for ref in unknown.unreadable:
        yield Noticed(None, f"{ref.bucket}/{ref.key} is no receipt, and left out")
    if unknown.takes:
        first, number = unknown.takes[0], len(unknown.takes)
        raise StateError.of(
            f"The state does not know {number:,} take{'s'[: number != 1]} that the store has receipts of.",
            detail=f"The state is missing, or older than the store ({first.bucket}/{first.key}). "
            "What it does not know would be bought again.",
            hint=f"{_MOVED if settings.state.backend == 'file' else ''}Bring back the right state, or take them in with: mpsjobs state rebuild",
            code=Code.STATE_BEHIND_STORE,
        )


def _require_first_name(planner: Planner, loaded: Loaded, plan: Plan) -> None:
    """Raises StateError: nothing was ever bought here, and a project of another name has bought the same in this store."""
    from mpsjobs.apply.receipts import under_another_name

    settings, wanted = planner.settings, {a.fingerprint for a in plan.actions if isinstance(a, Submit)}
    with contextlib.suppress(CloudError):  # a store that does not let us look around tells nothing
        found = under_another_name(
            planner.connections.objects,
            settings.owner,
            planner.targets(loaded),
            frozenset(wanted),
            settings.provider.realm,
        )
        if found:
            name, ref = found
            raise StateError.of(
                f'The state is empty, and the project "{name}" has bought the same sounds.',
                detail=f"{ref.bucket}/{ref.key} says so. If this project had that name before, its state is still at the place of that name, "
                "and all of it would be bought again.",
                hint="Then say where: the `key` or `path` of before, under `state:`. If these are two projects, give this one a `prefix` of its "
                "own under `store:`.",
                code=Code.STATE_BEHIND_STORE,
            )


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"true", "1"}


def _deletes_unasked(plan: Plan) -> SpecError:
    addresses = [change.address for change in plan.changes if change.deletes]
    return SpecError.of(
        f"This plan deletes {plan.deletes:,} take{'s'[: plan.deletes != 1]} for good.",
        detail=f"They belong to {', '.join(addresses[:20])}{' and others' if len(addresses) > 20 else ''}. What is deleted can never be made "
        "again, so --auto-approve alone does not do it.",
        hint="Apply without --auto-approve, or a plan that was saved and looked at, or say --allow-delete.",
        code=Code.DELETES_FOR_GOOD,
    )
