"""What commands print, down to the last word: see `transcript.py`."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mpsjobs.cli.reference import commands
from tests.conftest import Ran
from tests.transcripts.transcript import replay

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.txt"))
UPDATE = os.environ.get("UPDATE_TRANSCRIPTS") == "1"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_commands_print_what_the_transcript_says(
    file: Path, tmp_path: Path, mpsjobs: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "soundtrack"
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "100")
    expected = file.read_text(encoding="utf-8")
    found = replay(expected, root, mpsjobs)
    if UPDATE:
        file.write_text(found, encoding="utf-8")
    assert found == expected, "if that is meant: UPDATE_TRANSCRIPTS=1 pytest tests/transcripts"


def test_every_command_has_a_transcript() -> None:
    seen = "\n".join(file.read_text(encoding="utf-8") for file in FILES)
    missing = [
        context.command_path
        for context in commands()
        if not re.search(rf"^== \$ (\[[^]]*\] )?{context.command_path}\b", seen, re.MULTILINE)
    ]
    assert not missing
