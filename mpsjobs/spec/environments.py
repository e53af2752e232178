"""Environments: what is other in one place of work (`dev`, `prod`) than in the rest of the settings.

An environment is a block below `environments:` of mpsjobs.yaml, or a file `mpsjobs.NAME.yaml` beside it with the same keys; not both.
The rules of laying it over the settings:

- A section (`provider`, `store`, …) is merged key by key; what stands below a key is replaced as a whole. `null` takes back what the
  settings say.
- A section that names another `kind` begins anew: what the settings say there was meant for the other one.
- `defaults` lie over the project's defaults by the rules of defaults; `variables` are values of variables.
- Two environments never share a state: without a path of its own, an environment's name is put into the name of the state file.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related, SpecError
from mpsjobs.model.settings import BASE_ENVIRONMENT
from mpsjobs.spec.mistakes import check, locate
from mpsjobs.spec.notify_file import NotifyFile
from mpsjobs.spec.policy_file import PolicyFile
from mpsjobs.spec.prices import PricesFile
from mpsjobs.spec.project_files import PICKS_NAME
from mpsjobs.spec.section import Section
from mpsjobs.spec.settings_file import (
    CredentialsFile,
    EnvironmentFile,
    NetworkFile,
    ProviderFile,
    StateFile,
    StoreFile,
)
from mpsjobs.spec.source import read_text
from mpsjobs.spec.suggest import did_you_mean, listed
from mpsjobs.spec.templates import ENVIRONMENTS, read_templates, roots_in
from mpsjobs.spec.yaml import Elsewhere, Map, Mark, Seq, parse, position

Tell = Callable[[Diagnostic], None]

_NAME = re.compile(r"[A-Za-z0-9][\w-]{0,31}", re.ASCII)
_FILE = re.compile(r"mpsjobs\.([^.]+)\.yaml")
_SECTIONS: Final[Mapping[str, type[Section]]] = {
    "provider": ProviderFile,
    "store": StoreFile,
    "state": StateFile,
    "policy": PolicyFile,
    "prices": PricesFile,
    "credentials": CredentialsFile,
    "network": NetworkFile,
    "notify": NotifyFile,
}
_BY_OTHER_RULES = frozenset({"defaults", "variables"})
_KIND_OF_NONE = {"provider": "emulator"}
"""The `kind` of a section where none is written, if that does not depend on others."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A named block as read. Its marks know their file; `at` is where its name stands."""

    name: str
    node: Map
    at: Position

    def written(self, key: str) -> dict[str, Any]:
        value = self.node.get(key)
        return value if isinstance(value, dict) else {}


def read_environments(root: Path, settings: Any, settings_file: str, tell: Tell) -> dict[str, Environment]:
    """All environments of the project in the folder `root`, by name. What is wrong with them is told.

    `settings` is the document of `settings_file`, whose own blocks are checked with the rest of it.
    """
    found: dict[str, Environment] = {}
    blocks = settings.get(ENVIRONMENTS) if isinstance(settings, Map) else None
    if isinstance(blocks, Map):
        for name, node in blocks.items():
            key, value = blocks.places[name]
            at = position(key, settings_file)
            if problem := _bad_name(name, at):
                tell(problem)
            elif node is None or isinstance(node, Map):
                found[name] = Environment(name, Map(value) if node is None else node, at)
    for path in sorted(root.glob("mpsjobs.*.yaml")):
        match = _FILE.fullmatch(path.name)
        if match is None or path.name == PICKS_NAME:
            continue
        environment = _read_file(path, match[1], tell)
        if environment and environment.name in found:
            tell(
                Diagnostic(
                    f'The environment "{environment.name}" is there twice',
                    f"It is described here, and in {path.name}.",
                    "Keep one of the two.",
                    position=found[environment.name].at,
                    related=(Related(environment.at, "the other one"),),
                    code=Code.ENVIRONMENT_TWICE,
                )
            )
        elif environment:
            found[environment.name] = environment
    for problem in _shared_states(settings, found, settings_file):
        tell(problem)
    return found


def choose(environments: Mapping[str, Environment], name: str | None) -> Environment | None:
    """The environment of this name; None for the settings as they are.

    Raises:
        SpecError: there is no such environment.
    """
    if name in {None, BASE_ENVIRONMENT}:
        return None
    if name not in environments:
        raise SpecError(unknown(str(name), environments, None))
    return environments[name]


def unknown(name: str, environments: Mapping[str, Environment], at: Position | None) -> Diagnostic:
    """That there is no such environment, with those that there are."""
    if not environments:
        return Diagnostic(
            f'There is no environment "{name}"',
            "The project has none at all.",
            f"Describe it: `environments: {{{name}: …}}` in mpsjobs.yaml, or a file mpsjobs.{name}.yaml.",
            position=at,
            code=Code.UNKNOWN_ENVIRONMENT,
        )
    known = (BASE_ENVIRONMENT, *environments)
    return Diagnostic(
        f'There is no environment "{name}"',
        f"The project has {listed(known)}.",
        did_you_mean(name, known, "Use one of these, or describe it under `environments:`."),
        position=at,
        code=Code.UNKNOWN_ENVIRONMENT,
    )


def laid_over(settings: Map, environment: Environment) -> Map:
    """The settings as they are in an environment, each value with the place where it is written."""
    made = Map(environment.node.mark)
    made.places = {**settings.places, **environment.node.places}
    made.update({key: value for key, value in settings.items() if key != ENVIRONMENTS})
    made.places.update({key: settings.places[key] for key in _BY_OTHER_RULES if key in settings})
    for key, value in environment.node.items():
        if key in _BY_OTHER_RULES:
            continue
        if value is None:
            made.pop(key, None)
        elif key in _SECTIONS and isinstance(value, Map):
            made[key] = _section(key, made.get(key), value)
        else:
            made[key] = value
    return made


def own_state(place: str, environment: Environment | None, field: Literal["path", "key"]) -> str:
    """Where the state of an environment is; `place` is what its settings say in this field."""
    if environment is None or field in environment.written("state"):
        return place
    head, name, tail = place, environment.name, ".state.json"
    if place.endswith(tail):
        return f"{head.removesuffix(tail)}.{name}{tail}"
    whole = PurePosixPath(place)
    return str(whole.with_name(f"{whole.stem}.{name}{whole.suffix}"))


def state_key(project: str) -> str:
    """What the objects of a state in a bucket are named by, where the settings say nothing."""
    return f"{project}/mpsjobs.state"


def without_templates(root: Any) -> Any:
    """A block of settings without the fields that have to be filled in before they can be checked."""
    if not isinstance(root, Map) or not roots_in(root):
        return root
    if isinstance(defaults := root.get("defaults"), Map):
        root = root.with_value("defaults", plain_fields(defaults))
    return root


def plain_fields(fields: Map) -> Map:
    for name, value in fields.items():
        if roots_in(value):
            fields = fields.without(name)
    return fields


def _section(name: str, base: Any, over: Map) -> Map:
    if not isinstance(base, Map) or (
        over.get("kind") is not None and over["kind"] != base.get("kind", _KIND_OF_NONE.get(name))
    ):
        return over
    made = Map(over.mark)
    made.places = {**base.places, **over.places}
    made.update(base)
    for key, value in over.items():
        if value is None and key not in _SECTIONS[name].MEANT:
            made.pop(key, None)
        else:
            made[key] = value
    return made


def _read_file(path: Path, name: str, tell: Tell) -> Environment | None:
    label = path.name
    if problem := _bad_name(name, Position(label)):
        tell(problem)
        return None
    try:
        text = read_text(path, label)
        document = parse(text, label)
    except SpecError as error:
        for problem in error.diagnostics:
            tell(problem)
        return Environment(name, Map(Elsewhere(0, 0, label)), Position(label))
    for problem in (*document.problems, *read_templates(document, text)):
        tell(problem)
    for problem in check(EnvironmentFile, without_templates(document.root), label).diagnostics:
        tell(problem)
    node = document.root if isinstance(document.root, Map) else Map(Elsewhere(0, 0, label))
    return Environment(name, _of_file(node, label, {}), Position(label))


def _of_file(value: Any, file: str, made: dict[int, Any]) -> Any:
    """A tree whose marks say which file they are of; what stands there by several aliases is made once."""
    if not isinstance(value, Map | Seq):
        return value
    if id(value) in made:
        return made[id(value)]
    copy: Any
    if isinstance(value, Map):
        copy = made[id(value)] = Map(_mark(value.mark, file))
        copy.update({key: _of_file(item, file, made) for key, item in value.items()})
        copy.places = {key: (_mark(a, file), _mark(b, file)) for key, (a, b) in value.places.items()}
    else:
        copy = made[id(value)] = Seq(_mark(value.mark, file))
        copy.extend(_of_file(item, file, made) for item in value)
        copy.places = [_mark(mark, file) for mark in value.places]
    return copy


def _mark(mark: Mark, file: str) -> Elsewhere:
    return Elsewhere(mark.line, mark.column, file)


def _bad_name(name: str, at: Position) -> Diagnostic | None:
    if name == BASE_ENVIRONMENT:
        return Diagnostic(
            f'"{name}" cannot be the name of an environment',
            "It stands for the settings that all environments share.",
            "Use another name, or write it all at the top of mpsjobs.yaml.",
            position=at,
            code=Code.BAD_ENVIRONMENT_NAME,
        )
    if not _NAME.fullmatch(name):
        return Diagnostic(
            "This cannot be the name of an environment",
            f"It is {name[:40]!r}; it becomes part of the names of files.",
            "Use up to 32 letters, digits, `_` and `-`, and begin with a letter or a digit.",
            position=at,
            code=Code.BAD_ENVIRONMENT_NAME,
        )
    return None


def _shared_states(settings: Any, environments: Mapping[str, Environment], file: str) -> Iterator[Diagnostic]:
    """Two environments with one state would take each other's assets for their own, and retire them."""
    if not environments or not isinstance(settings, Map):
        return
    users: dict[str, str] = {}
    for environment in (None, *environments.values()):
        root = laid_over(settings, environment) if environment else settings
        field, place, form = _state_of(root, environment)
        name = environment.name if environment else BASE_ENVIRONMENT
        if form in users and environment:
            mark = locate(environment.node, ("state", field))
            yield Diagnostic(
                f"The environments {users[form]} and {name} have the same state",
                f"Both keep it in {place}; each would retire what the other has made.",
                f"Give one of them another `state: {{{field}: …}}`, or none: it gets one by its name.",
                position=position(mark, file) if mark else environment.at,
                code=Code.SHARED_STATE,
            )
        users.setdefault(form, name)


def _state_of(root: Any, environment: Environment | None) -> tuple[Literal["path", "key"], str, str]:
    """The field that says where a state is, what it says, and a form that is the same for two that mean the same place."""
    written = root.get("state")
    told = (
        {key: value for key, value in written.items() if isinstance(value, str)}
        if isinstance(written, Map)
        else {}
    )
    if told.get("backend") != "cos":
        place = own_state(told.get("path") or "mpsjobs.state.json", environment, "path")
        return "path", place, str(PurePosixPath(place)).casefold()
    key = own_state(told.get("key") or state_key(str(root.get("project"))), environment, "key").strip("/")
    where = told.get("endpoint") or told.get("region") or ""
    return "key", f"{told.get('bucket')}/{key}", f"{where}/{told.get('bucket')}/{key}"
