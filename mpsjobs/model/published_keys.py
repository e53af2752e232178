"""Names of published objects: the key of an asset, and what becomes of it when a take has several files."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from mpsjobs.model.asset import FORMAT
from mpsjobs.model.state import Output, output_of

RESERVED: Final = ("takes", "receipts", "references", "finished", "probe", "doctor")
"""Folders below a store's prefix that are not for published keys."""


def below(prefix: str, key: str) -> str:
    return f"{prefix}/{key}" if prefix else key


def numbered(key: str, number: int) -> str:
    """The key of the n-th file: `music/band.mp3`, `music/band-2.mp3`."""
    if number == 1:
        return key
    folder, slash, name = key.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    return f"{folder}{slash}{stem}-{number}{dot}{extension}" if stem else f"{key}-{number}"


def with_format(key: str, file_format: str) -> str:
    return key.replace(FORMAT, file_format or "bin")


def published_keys(key: str, outputs: Sequence[Output]) -> Iterator[tuple[Output, str]]:
    """What is copied where. The first audio file has the key itself, the others follow in their order.

    They are numbered as far as they would have one key: those of each format, where `${format}` is a part of it.
    """
    first = output_of(outputs, video=False)
    rest = (each for each in outputs if each is not first)
    counts: Counter[str] = Counter()
    for output in (first, *rest):
        kind = output.format if FORMAT in key else ""
        counts[kind] += 1
        yield output, with_format(numbered(key, counts[kind]), output.format)
