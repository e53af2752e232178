"""`${…}` in strings: kept free for variables, which this version does not have; `$${` is a literal `${`."""

import re
from typing import Any

from mpsjobs.model.diagnostics import Diagnostic
from mpsjobs.spec.yaml import Document, Map, Mark, Seq, position

_SPECIAL = re.compile(r"\$\$\{|\$\{")


def interpolate(document: Document, text: str) -> tuple[Diagnostic, ...]:
    """Replace the escapes in place; name every `${` that is none. `text` is what the document was read from."""
    if "${" not in text:
        return ()
    found: list[Diagnostic] = []
    root: Any = document.root
    if isinstance(root, Map | Seq):
        _walk(root, document.file, found, set())
    return tuple(dict.fromkeys(found))


def _walk(container: Map | Seq, file: str, found: list[Diagnostic], seen: set[int]) -> None:
    if id(container) in seen:  # an alias of what was done already
        return
    seen.add(id(container))
    for key, value, mark in _entries(container):
        if isinstance(value, Map | Seq):
            _walk(value, file, found, seen)
        elif isinstance(value, str) and "${" in value:
            if any(match[0] == "${" for match in _SPECIAL.finditer(value)):
                found.append(_not_yet(mark, file))
            container[key] = type(value)(value.replace("$${", "${"))
    if isinstance(container, Map):
        found.extend(_not_yet(container.places[key][0], file) for key in container if "${" in key)


def _entries(container: Any) -> list[tuple[Any, Any, Mark]]:
    if isinstance(container, Map):
        return [(key, value, container.places[key][1]) for key, value in container.items()]
    return [(index, value, container.places[index]) for index, value in enumerate(container)]


def _not_yet(mark: Mark, file: str) -> Diagnostic:
    return Diagnostic(
        '"${" is not supported yet',
        "It will insert a variable; this version of mpsjobs has none.",
        "Write the value itself, or `$${` for a literal `${`.",
        position=position(mark, file),
    )
