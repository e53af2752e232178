"""Which files belong to a project."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import translate
from pathlib import Path, PurePosixPath

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, SpecError

SETTINGS_NAME = "mpsjobs.yaml"
PICKS_NAME = "mpsjobs.picks.yaml"
"""Where decisions about takes stand."""
_SETTINGS_FILE = re.compile(r"mpsjobs(\..+)?\.ya?ml")


def find_project(start: Path) -> Path | None:
    """The nearest folder with `mpsjobs.yaml`: `start` or one above it."""
    start = start.resolve()
    return next((folder for folder in (start, *start.parents) if (folder / SETTINGS_NAME).is_file()), None)


def is_settings_file(name: str) -> bool:
    """Whether a file of this name holds settings: `mpsjobs.yaml`, or what goes with it, such as `mpsjobs.prod.yaml`."""
    return name != PICKS_NAME and _SETTINGS_FILE.fullmatch(name) is not None


def leads_outside(pattern: str) -> bool:
    """Whether a path or glob, relative to the project, names something that is not in it."""
    return (
        pattern.startswith(("/", "~"))
        or ".." in PurePosixPath(pattern).parts
        or bool(re.match(r"[A-Za-z]:", pattern))
    )


def find_spec_files(root: Path, patterns: Iterable[str]) -> tuple[Path, ...]:
    """The files that match, sorted by path. `*` and `?` stay within a name, `**` stands for any folders.

    Hidden folders, nested projects (folders with their own `mpsjobs.yaml`), settings files and decisions are passed over; each folder is
    entered once, whatever symbolic links say.

    Raises:
        SpecError: a pattern, or a link below one, leads out of the project.
    """
    root = root.resolve()
    walk = _Walk(root)
    for pattern in patterns:
        if leads_outside(pattern):
            walk.problems.append(_outside(pattern, Position(SETTINGS_NAME)))
        else:
            walk.files(root, tuple(part for part in pattern.split("/") if part not in {"", "."}))
    if walk.problems:
        raise SpecError(*dict.fromkeys(walk.problems))
    return tuple(sorted(walk.found.values(), key=lambda path: path.relative_to(root).as_posix()))


class _Walk:
    """One search. `found` maps the real path of a file to the first path that led there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.found: dict[Path, Path] = {}
        self.problems: list[Diagnostic] = []
        self._done: set[tuple[Path, tuple[str, ...]]] = set()

    def files(self, folder: Path, parts: tuple[str, ...]) -> None:
        """Collect what matches `parts` in a folder, unless its real folder was searched for them already."""
        search = (folder.resolve(), parts)
        if not parts or search in self._done:
            return
        self._done.add(search)
        first, *rest = parts
        if first == "**":
            self.files(folder, tuple(rest))
            for child in self._folders(folder):
                self.files(child, parts)
            return
        matches = re.compile(translate(first)).match
        if rest:
            for child in self._folders(folder):
                if matches(child.name):
                    self.files(child, tuple(rest))
            return
        for child in _entries(folder):
            if matches(child.name) and child.name != PICKS_NAME and not is_settings_file(child.name):
                self._file(child)

    def _file(self, path: Path) -> None:
        if path.is_file():
            if self._inside(path):
                self.found.setdefault(path.resolve(), path)
        elif path.is_symlink() and not path.is_dir():
            self.problems.append(
                Diagnostic(
                    "This link leads nowhere",
                    "It has the name of a spec, so its assets would silently be missing.",
                    "Mend the link, or delete it.",
                    position=Position(path.relative_to(self.root).as_posix()),
                    code=Code.BROKEN_LINK,
                )
            )

    def _folders(self, folder: Path) -> Iterator[Path]:
        for child in _entries(folder):
            if child.is_dir() and not _is_project(child) and self._inside(child):
                yield child

    def _inside(self, path: Path) -> bool:
        if path.resolve().is_relative_to(self.root):
            return True
        label = path.relative_to(self.root).as_posix()
        self.problems.append(_outside(label, Position(label)))
        return False


def _is_project(folder: Path) -> bool:
    """By listing it, so that who follows what was read (see `mpsjobs.cli.recall`) sees that it was asked."""
    return any(entry.name == SETTINGS_NAME for entry in _entries(folder))


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, hidden things left out."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise SpecError.of(
            "A folder cannot be read",
            detail=f"`{folder.name}`: {error.strerror}.",
            hint="Check its permissions.",
            position=Position(folder.name),
            code=Code.FILE_UNREADABLE,
        ) from None


def _outside(name: str, position: Position) -> Diagnostic:
    return Diagnostic(
        "Specs must stand inside of the project",
        f"`{name}` leads out of the project's folder, so others may not have what it names.",
        "Move the files into the project, and name them relative to it.",
        position=position,
        code=Code.SPECS_OUTSIDE,
    )
