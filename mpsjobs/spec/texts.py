"""Prompts and lyrics: the one form in which a text counts. And what stands in files of its own: texts, recordings, videos."""

import hashlib
import unicodedata
from difflib import get_close_matches
from pathlib import Path

from mpsjobs.model.asset import Reference, ReferenceKind, Sensitive
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Position, SpecError
from mpsjobs.spec.source import read_text

MAX_TEXT_BYTES = 1024 * 1024


def normal(text: str) -> str:
    """NFC, LF, and no newline at the end: what is sent, counted and fingerprinted."""
    if isinstance(text, Sensitive):
        return Sensitive(normal(text.clear), text.key)
    if text.isascii() and "\r" not in text:
        return text.rstrip("\n")
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).rstrip("\n")


class TextFiles:
    """The text files of a project, each read once."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._known: dict[Path, str] = {}

    def read(self, name: str, at: Position, beside: str) -> str:
        """The text of `name`, relative to the file `beside` it. `at` is where the name is written.

        Raises:
            SpecError: outside the project, or not a readable UTF-8 text of at most 1 MiB.
        """
        real = find(self._root, name, at, beside)
        if real not in self._known:
            label = real.relative_to(self._root).as_posix()
            self._known[real] = read_text(real, label, limit=MAX_TEXT_BYTES, at=at)
        return self._known[real]


class MediaFiles:
    """The recordings and videos of a project that models work from, each read once."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._known: dict[Path, str] = {}

    def reference(self, name: str, at: Position, beside: str) -> Reference:
        """The file `name`, relative to the file `beside` it, with its content hash. `at` is where the name is written.

        Raises:
            SpecError: outside the project, or not a readable file with something in it.
        """
        real = find(self._root, name, at, beside)
        label = real.relative_to(self._root).as_posix()
        if real not in self._known:
            try:
                empty = real.is_file() and not real.stat().st_size
                with real.open("rb") as content:
                    self._known[real] = hashlib.file_digest(content, "sha256").hexdigest()
            except OSError as error:
                why = (error.strerror or str(error)).lower()
                raise SpecError.of(
                    "The file cannot be read",
                    detail=f"{label}: {why}.",
                    hint="Check it.",
                    position=at,
                    code=Code.FILE_UNREADABLE,
                ) from error
            if empty:
                raise SpecError.of(
                    "The file is empty",
                    detail=f"`{label}` holds no recording.",
                    hint="Put one there, or name another file.",
                    position=at,
                    code=Code.EMPTY_FILE,
                )
        return Reference(ReferenceKind.FILE, label, self._known[real])


def find(root: Path, name: str, at: Position, beside: str) -> Path:
    """The file that `name` means, relative to the file `beside` it. `root` is resolved; so is the result, which lies in it.

    Raises:
        SpecError: outside the project, or not there.
    """
    path = root.joinpath(*Path(beside).parent.parts) / name
    try:
        real = path.resolve()
        inside = real.is_relative_to(root) and not Path(name).is_absolute()
        there = inside and real.exists()
    except (OSError, ValueError, RuntimeError):
        raise SpecError.of(
            "This is not a path",
            detail=f"`{name[:80]}` cannot name a file.",
            hint="Check the name.",
            position=at,
            code=Code.NOT_A_PATH,
        ) from None
    if not inside:
        raise SpecError.of(
            "The file is outside of the project",
            detail=f"`{name}` leads out of the project's folder, so others may not have it.",
            hint="Move the file into the project and name it relative to this file.",
            position=at,
            code=Code.FILE_OUTSIDE,
        )
    if not there:
        raise _missing(name, real, at)
    return real


def _missing(name: str, path: Path, at: Position) -> SpecError:
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = get_close_matches(path.name, siblings, n=1)
    return SpecError.of(
        "There is no such file",
        detail=f"`{name}` was not found; paths are relative to the file that names them.",
        hint=f'Did you mean "{near[0]}"?' if near else "Check the name.",
        position=at,
        code=Code.MISSING_FILE,
    )
