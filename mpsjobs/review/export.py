"""The page as files, with nothing that it needs from elsewhere: for a CI artifact, a bucket, or a colleague's disk."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from mpsjobs.review.listening import Listening
from mpsjobs.review.page_files import DATA, data_script, page_files
from mpsjobs.upkeep.fetching import Fetched, NotFetched, fetch_files

AUDIO: Final = "audio"
_OURS: Final = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,8}")


def export_page(
    listening: Listening,
    folder: Path,
    watched: Callable[[int], AbstractContextManager[Callable[[Fetched | NotFetched], None]]],
) -> tuple[Fetched | NotFetched, ...]:
    """Write the page, its document and its audio below `folder`. Doing it again fetches only what is new, and drops audio of before.

    `watched` is told how many files of audio there are, and gives what is told of each. The document comes last, so that a page that is
    there has what it shows, but for what could not be fetched.

    Raises:
        SpecError, StateError, CloudError: see `Listening.document`, `Connections.objects`.
        OSError: the folder cannot be written.
    """
    document = listening.document("exported")
    outputs = listening.outputs()
    (folder / AUDIO).mkdir(parents=True, exist_ok=True)
    for old in (folder / AUDIO).iterdir():
        if _OURS.fullmatch(old.name) and old.name not in outputs:
            old.unlink()
    files = {folder / AUDIO / name: output for name, output in outputs.items()}
    with watched(len(files)) as report:
        found = fetch_files(listening.project.connections.objects, files, report) if files else ()
    for name, content in page_files().items():
        _write(folder / name, content)
    _write(folder / DATA, data_script(document))
    return found


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all."""
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(content)
    part.replace(file)
