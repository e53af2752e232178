"""The page as files, with nothing that it needs from elsewhere: for a CI artifact, a bucket, or a colleague's disk."""

import os
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import MpsjobsError
from mpsjobs.review.document import review_document
from mpsjobs.review.listening import Listening
from mpsjobs.review.page_files import DATA, INDEX, data_script, page_files
from mpsjobs.review.pictures import WAVEFORMS, pictures
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
    there has what it shows, but for what could not be fetched. `waveforms/` has a picture for each asset, for use elsewhere.

    Raises:
        MpsjobsError: the folder has a page of something else, which stays as it is.
        SpecError, StateError, CloudError: see `Listening.look`, `Connections.objects`.
        OSError: the folder cannot be written.
    """
    _require_ours(folder)
    subject = listening.look()
    outputs = listening.outputs()
    (folder / AUDIO).mkdir(parents=True, exist_ok=True)
    for old in (folder / AUDIO).iterdir():
        if _OURS.fullmatch(old.name) and old.name not in outputs:
            old.unlink()
    files = {folder / AUDIO / name: output for name, output in outputs.items()}
    with watched(len(files)) as report:
        found = fetch_files(listening.project.connections.objects, files, report) if files else ()
    _measure(listening, [each for each in found if isinstance(each, Fetched)])
    for name, content in page_files().items():
        _write(folder / name, content)
    document = review_document(subject, "exported", only_changed=listening.only_changed)
    (folder / WAVEFORMS).mkdir(exist_ok=True)
    for old in (folder / WAVEFORMS).glob("*.svg"):
        old.unlink()
    for name, picture in pictures(document).items():
        _write(folder / WAVEFORMS / name, picture)
    _write(folder / DATA, data_script(document))
    return found


def _require_ours(folder: Path) -> None:
    index = folder / INDEX
    if index.exists() and DATA.encode() not in index.read_bytes():
        raise MpsjobsError.of(
            "The folder has another page",
            detail=f"{index} was not written by mpsjobs review, and stays as it is.",
            hint="Name a folder that is empty or not there yet: mpsjobs review --export DIR",
            code=Code.FILE_NOT_WRITTEN,
        )


def _measure(listening: Listening, files: Iterable[Fetched]) -> None:
    """Measure what was not measured on this machine, so that its waveform is there."""
    measurer = listening.project.connections.measurer
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="measure") as threads:
        for _ in threads.map(lambda each: measurer.measure(each.file, each.output.sha256), files):
            pass


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all."""
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(content)
    part.replace(file)
