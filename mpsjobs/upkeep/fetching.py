"""Outputs as files where somebody wants them: many at a time, whole or not at all, and only what is not there yet."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mpsjobs.apply.collect import sha256_of
from mpsjobs.apply.download import file_names, numbered_names
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError, Diagnostic, MpsjobsError
from mpsjobs.model.file_names import stem_of
from mpsjobs.model.ports import ObjectRef, ObjectStore
from mpsjobs.model.state import Output, State, chosen_take, handed_out

_AT_ONCE: Final = 8
_TRIES: Final = 2


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file in place. Not `new`: it was there already."""

    file: Path
    output: Output
    new: bool


@dataclass(frozen=True, slots=True)
class NotFetched:
    """A file that is not in place, and why."""

    file: Path
    output: Output
    problem: Diagnostic


def picked_files(state: State, addresses: Sequence[str], folder: Path) -> dict[Path, Output]:
    """`<address>.<ext>` for the take that each asset uses."""
    files = {}
    for address in addresses:
        record = state.assets[address]
        take = chosen_take(state.pool(record.fingerprint), record.realm, record.pick)
        for name, output in file_names(address, handed_out(record, take) if take else ()).items():
            files[folder / name] = output
    return files


def all_files(state: State, addresses: Sequence[str], folder: Path) -> dict[Path, Output]:
    """`<address>/take-<number>.<ext>` for every take that each asset has, rejected ones too."""
    files = {}
    for address in addresses:
        record = state.assets[address]
        for take in state.pool(record.fingerprint).of_realm(record.realm):
            if take.there:
                for name, output in numbered_names(f"take-{take.take}", take.outputs).items():
                    files[folder / stem_of(address) / name] = output
    return files


def fetch_files(
    store: ObjectStore, files: Mapping[Path, Output], report: Callable[[Fetched | NotFetched], None]
) -> tuple[Fetched | NotFetched, ...]:
    """Have each file hold its output, checked by SHA-256; in the order given. `report` is told of each as it is there.

    A file that holds something else is replaced when the whole output is there. What a transfer that breaks off leaves stands beside it, as
    `.<name>.<digest>.part`, and the next call goes on from there.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetch") as threads:
        begun = {threads.submit(_fetch, store, file, output): file for file, output in files.items()}
        found: dict[Path, Fetched | NotFetched] = {}
        try:
            for future in as_completed(begun):
                found[begun[future]] = result = future.result()
                report(result)
        except BaseException:
            threads.shutdown(wait=True, cancel_futures=True)
            raise
    return tuple(found[file] for file in files)


def _fetch(store: ObjectStore, file: Path, output: Output) -> Fetched | NotFetched:
    try:
        return _fetched(store, file, output)
    except MpsjobsError as error:
        return NotFetched(file, output, error.diagnostics[0])
    except OSError as error:
        return NotFetched(
            file,
            output,
            Diagnostic(
                f"{file} cannot be written.", f"{error.strerror or error}.", code=Code.FILE_NOT_WRITTEN
            ),
        )


def _fetched(store: ObjectStore, file: Path, output: Output) -> Fetched:
    if file.is_file() and file.stat().st_size == output.size and sha256_of(file) == output.sha256:
        return Fetched(file, output, new=False)
    part = file.with_name(f".{file.name}.{output.sha256[:16]}.part")
    for _ in range(_TRIES):
        if store.append_rest(ObjectRef(output.bucket, output.region, output.key), part) is None:
            part.unlink(missing_ok=True)
            raise CloudError.of(
                "An output is no longer in the store.",
                detail=f"{output.bucket}/{output.key}, for {file}.",
                code=Code.OUTPUT_CHANGED,
            )
        if sha256_of(part) == output.sha256:
            part.replace(file)
            return Fetched(file, output, new=True)
        part.unlink()  # what was left of an earlier try may have been wrong: once more, from the beginning
    raise CloudError.of(
        "An output in the store is not what was recorded.",
        detail=f"{output.bucket}/{output.key} has another SHA-256 than {output.sha256}; {file} is left as it is.",
        code=Code.OUTPUT_CHANGED,
    )
