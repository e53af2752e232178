"""Everything that a project has, in files that need no mpsjobs: takes, what they were made from, and a table."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import orjson

from mpsjobs.apply.download import numbered_names
from mpsjobs.model.asset import masked
from mpsjobs.model.file_names import stem_of
from mpsjobs.model.state import Output, Pool, State, Take, chosen_take
from mpsjobs.project import Project
from mpsjobs.upkeep.fetching import Fetched, NotFetched, fetch_files

COLUMNS: Final = (
    *("address", "status", "fingerprint", "take", "used", "take_status", "task_id", "request_id", "realm"),
    *("submitted_at", "finished_at", "file", "sha256", "size", "duration_s", "format", "request"),
)

README: Final = """\
Audio of the project {project}, exported by mpsjobs.

assets.csv   one line for each file of each asset, and for each task without files. UTF-8, separated by commas.
<address>/<sound>/take-<number>.<ext>
             the takes. A sound is one request; its folder is named after its fingerprint.
<address>/<sound>/request.json
             what was asked for, and for each take its TaskId, times and SHA-256.

In assets.csv, `status` is that of the asset (ready, partial, …), `retired` for one that nobody wanted any more, and `earlier` for
a sound that the asset had before. `used` is `yes` for the take that the asset uses. Sizes are in bytes, times in UTC, durations in seconds.
"""


@dataclass(frozen=True, slots=True)
class _Sound:
    """A pool, with the folder that it is exported to, and who uses it: address, status, and the number of the take in use."""

    fingerprint: str
    pool: Pool
    folder: PurePosixPath
    users: tuple[tuple[str, str, int | None], ...]


def export(
    project: Project,
    folder: Path,
    watched: Callable[[int], AbstractContextManager[Callable[[Fetched | NotFetched], None]]],
) -> tuple[Fetched | NotFetched, ...]:
    """Write every take, its request and `assets.csv` below `folder`. Doing it again fetches only what is new.

    `watched` is told how many files there are, and gives what is told of each. What cannot be fetched has a line in the table without a file.

    Raises:
        StateError, CloudError: see `Project.state`, `Connections.objects`.
        OSError: the folder cannot be written.
    """
    state = project.state()
    sounds = list(_sounds(state))
    files = {
        folder / sound.folder / name: output
        for sound in sounds
        for take in sound.pool.takes
        for name, output in _names(take).items()
    }
    with watched(len(files)) as report:
        found = fetch_files(project.connections.objects, files, report) if files else ()
    there = {each.file for each in found if isinstance(each, Fetched)}
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for sound in sounds:
        where = folder / sound.folder / "request.json"
        where.parent.mkdir(parents=True, exist_ok=True)
        _write(where, orjson.dumps(_request(sound), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    rows = [row for sound in sounds for row in _rows(sound, folder, there)]
    rows.sort(key=lambda row: row[:4])
    writer.writerows(rows)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "assets.csv", table.getvalue().encode())
    _write(folder / "README.txt", README.format(project=project.settings.project).encode())
    return found


def _sounds(state: State) -> Iterator[_Sound]:
    users: dict[str, list[tuple[str, str, int | None]]] = {}
    for address, record in sorted(state.assets.items()):
        used = chosen_take(state.pool(record.fingerprint), record.realm, record.pick)
        who = (address, str(record.status), used.take if used else None)
        users.setdefault(record.fingerprint, []).append(who)
    for address, gone in sorted(state.retired.items()):
        users.setdefault(gone.fingerprint, []).append((address, "retired", None))
    for fingerprint in sorted(state.pools.keys() | users.keys()):
        pool = state.pool(fingerprint)
        by = users.get(fingerprint) or [(take.address, "earlier", None) for take in pool.takes[:1]]
        if by:
            home = PurePosixPath(stem_of(by[0][0]), fingerprint.rpartition(":")[2][:12])
            yield _Sound(fingerprint, pool, home, tuple(by))


def _names(take: Take) -> dict[str, Output]:
    return numbered_names(f"take-{take.take}", take.outputs) if take.there else {}


def _rows(sound: _Sound, folder: Path, there: set[Path]) -> Iterator[tuple[str | int | float, ...]]:
    request = f"{sound.folder}/request.json"
    for address, status, used in sound.users:
        if not sound.pool.takes:
            nothing = [""] * (len(COLUMNS) - 4)
            yield (address, status, sound.fingerprint, 0, *nothing)
        for take in sound.pool.takes:
            about = (
                *(address, status, sound.fingerprint, take.take, "yes" if take.take == used else ""),
                "rejected" if take.rejected else str(take.status),
                *(take.task_id or "", take.request_id or "", take.realm),
                *(take.submitted_at or "", take.finished_at or ""),
            )
            names = _names(take)
            if not names:
                yield (*about, "", "", "", "", "", request)
            for name, output in names.items():
                file = f"{sound.folder}/{name}" if folder / sound.folder / name in there else ""
                length = "" if output.duration_s is None else output.duration_s
                yield (*about, file, output.sha256, output.size, length, output.format, request)


def _request(sound: _Sound) -> dict[str, object]:
    """What was asked for, without secrets: the state holds none, and digests of sensitive texts say nothing here."""
    return {
        "format_version": 1,
        "fingerprint": sound.fingerprint,
        "addresses": [address for address, _, _ in sound.users],
        "fields": {name: masked(value) for name, value in sound.pool.fields.items()},
        "takes": [
            {
                "take": take.take,
                "status": str(take.status),
                "rejected": take.rejected,
                "task_id": take.task_id,
                "request_id": take.request_id,
                "realm": take.realm,
                "submitted_at": take.submitted_at,
                "finished_at": take.finished_at,
                "message": take.message,
                "inputs": [
                    {"asset": each.asset, "take": each.take, "sha256": each.sha256} for each in take.inputs
                ],
                "files": {name: output.sha256 for name, output in _names(take).items()},
            }
            for take in sound.pool.takes
        ],
    }


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all."""
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(content)
    part.replace(file)
