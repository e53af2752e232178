"""Addresses on the command line: which of the state are meant, and what a shell may complete.

Whoever presses Tab wants names or silence: no error is told, and nothing slow is begun.
"""

from collections.abc import Callable, Iterable, Sequence

import click
from click.shell_completion import CompletionItem

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, MpsjobsError
from mpsjobs.model.state import State
from mpsjobs.plan.selection import matches
from mpsjobs.project import Project
from mpsjobs.spec.suggest import did_you_mean

QUICK_BYTES = 300_000
"""So much YAML is read while somebody waits at the keyboard: some tenths of a second."""


def chosen_addresses(state: State, patterns: Sequence[str]) -> frozenset[str]:
    """The recorded addresses that are meant; all of them where nothing is said.

    Raises:
        MpsjobsError: one of the patterns stands for nothing.
    """
    hint = "See what is: mpsjobs state list"
    nothing = [each for each in patterns if not any(matches(address, [each]) for address in state.assets)]
    if nothing:
        raise MpsjobsError(
            *(
                Diagnostic(
                    f"{each} is not in the state.",
                    hint=did_you_mean(each, state.assets, hint),
                    code=Code.UNKNOWN_ADDRESS,
                )
                for each in nothing
            )
        )
    return frozenset(address for address in state.assets if not patterns or matches(address, patterns))


def recorded_addresses(
    context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The addresses of the state that begin like this."""
    return _items(context, begun, _recorded)


def any_addresses(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The addresses of the state and, where these are read quickly, of the specs."""
    return _items(context, begun, lambda project: {*_recorded(project), *_wanted(project)})


def addresses_then_folder(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The addresses of the state that begin like this, and folders."""
    return [CompletionItem(begun, type="dir"), *recorded_addresses(context, parameter, begun)]


def environments(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The environments that begin like this."""
    return _items(context, begun, lambda project: project.settings.environments)


def is_quick(project: Project) -> bool:
    """Whether the specs are small enough to be read on the side."""
    from mpsjobs.spec.project_files import find_spec_files

    return (
        sum(file.stat().st_size for file in find_spec_files(project.root, project.settings.specs))
        <= QUICK_BYTES
    )


def _items(
    context: click.Context, begun: str, names: Callable[[Project], Iterable[str]]
) -> list[CompletionItem]:
    try:
        whole = context.find_root().params
        environment = context.params.get("environment") or whole.get("environment")
        project = Project.open(whole.get("directory"), environment=environment)
        return [CompletionItem(name) for name in sorted(names(project)) if name.startswith(begun)]
    except Exception:  # noqa: BLE001  # a shell has no place to show what is wrong
        return []


def _recorded(project: Project) -> Iterable[str]:
    return project.state().assets.keys()


def _wanted(project: Project) -> Iterable[str]:
    return [asset.address for asset in project.load().assets] if is_quick(project) else []
