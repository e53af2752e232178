"""Addresses for the shell to complete. Whoever presses Tab wants names or silence: no error is told, and nothing slow is begun."""

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from mpsjobs.project import Project

QUICK_BYTES = 300_000
"""So much YAML is read while somebody waits at the keyboard: some tenths of a second."""


def recorded_addresses(
    context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The addresses of the state that begin like this."""
    return _items(context, begun, _recorded)


def any_addresses(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The addresses of the state and, where these are read quickly, of the specs."""
    return _items(context, begun, lambda project: {*_recorded(project), *_wanted(project)})


def is_quick(project: Project) -> bool:
    """Whether the specs are small enough to be read on the side."""
    from mpsjobs.spec.project_files import find_spec_files

    return (
        sum(file.stat().st_size for file in find_spec_files(project.root, project.settings.specs))
        <= QUICK_BYTES
    )


def _items(
    context: click.Context, begun: str, addresses: Callable[[Project], Iterable[str]]
) -> list[CompletionItem]:
    try:
        whole = context.find_root().params
        environment = context.params.get("environment") or whole.get("environment")
        project = Project.open(whole.get("directory"), environment=environment)
        return [
            CompletionItem(address) for address in sorted(addresses(project)) if address.startswith(begun)
        ]
    except Exception:  # noqa: BLE001  # a shell has no place to show what is wrong
        return []


def _recorded(project: Project) -> Iterable[str]:
    return project.state().assets.keys()


def _wanted(project: Project) -> Iterable[str]:
    return [asset.address for asset in project.load().assets] if is_quick(project) else []
