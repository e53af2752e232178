"""Prompts and lyrics: the one form in which a text counts, and texts that stand in files of their own."""

import unicodedata
from difflib import get_close_matches
from pathlib import Path

from mpsjobs.model.diagnostics import Position, SpecError
from mpsjobs.spec.source import read_text

MAX_TEXT_BYTES = 1024 * 1024


def normal(text: str) -> str:
    """NFC, LF, and no newline at the end: what is sent, counted and fingerprinted."""
    if text.isascii() and "\r" not in text:
        return text.rstrip("\n")
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).rstrip("\n")


class TextFiles:
    """The text files of a project, each read once."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._known: dict[Path, str] = {}

    def read(self, name: str, at: Position) -> str:
        """The text of `name`, relative to the file that `at` stands in.

        Raises:
            SpecError: outside the project, or not a readable UTF-8 text of at most 1 MiB.
        """
        path = self._root.joinpath(*Path(at.file).parent.parts) / name
        try:
            real = path.resolve()
            inside = real.is_relative_to(self._root) and not Path(name).is_absolute()
            label = real.relative_to(self._root).as_posix() if inside else name
        except (OSError, ValueError, RuntimeError):
            raise SpecError.of(
                "This is not a path",
                detail=f"`{name[:80]}` cannot name a file.",
                hint="Check the name.",
                position=at,
            ) from None
        if not inside:
            raise SpecError.of(
                "The file is outside of the project",
                detail=f"`{name}` leads out of the project's folder, so others may not have it.",
                hint="Move the file into the project and name it relative to this file.",
                position=at,
            )
        if real not in self._known:
            if not real.exists():
                raise _missing(name, real, at)
            self._known[real] = read_text(real, label, limit=MAX_TEXT_BYTES, at=at)
        return self._known[real]


def _missing(name: str, path: Path, at: Position) -> SpecError:
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = get_close_matches(path.name, siblings, n=1)
    return SpecError.of(
        "There is no such file",
        detail=f"`{name}` was not found; paths are relative to the file that names them.",
        hint=f'Did you mean "{near[0]}"?' if near else "Check the name.",
        position=at,
    )
