"""Bytes of a file as text, or a diagnostic that says which byte is in the way."""

import os
import re
import stat
from pathlib import Path

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Position, SpecError

MAX_BYTES = 32 * 1024 * 1024

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_HINT = "Save the file as UTF-8."


def read_text(
    path: Path, label: str, *, limit: int = MAX_BYTES, at: Position | None = None, utf16: bool = False
) -> str:
    """The text of a file, without a byte order mark. With `utf16` such files are read too, by their byte order mark.

    `label` is the name shown to the user. `at` is where the file is named, if it is named anywhere: errors about the file as a whole
    point there. The size is looked at before anything is read.

    Raises:
        SpecError: no such file, not a regular file, too large, not readable, not UTF-8, or with control characters.
    """
    whole = at or Position(label)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SpecError.of(
                "Not a file",
                detail=f"`{label}` is a folder or a device.",
                hint="Name a text file.",
                position=whole,
                code=Code.FILE_UNREADABLE,
            )
        if status.st_size > limit:
            raise _too_large(label, limit, whole)
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        hint = "Check the name; it is relative to the file that names it."
        raise SpecError.of(
            "There is no such file",
            detail=f"`{label}` was not found.",
            hint=hint,
            position=whole,
            code=Code.MISSING_FILE,
        ) from None
    except (OSError, ValueError) as error:
        reason = (
            os.strerror(error.errno)
            if isinstance(error, OSError) and error.errno
            else "the name is not valid"
        )
        raise SpecError.of(
            "The file cannot be read",
            detail=f"`{label}`: {reason}.",
            hint="Check its permissions.",
            position=whole,
            code=Code.FILE_UNREADABLE,
        ) from None
    if len(data) > limit:
        raise _too_large(label, limit, whole)
    return decode(data, label, utf16=utf16)


def decode(data: bytes, label: str, *, utf16: bool = False) -> str:
    """UTF-8 (or with `utf16` that, by its byte order mark) without a byte order mark and without control characters.

    Raises:
        SpecError: at the line and column of the first byte that does not fit.
    """
    if utf16 and data.startswith(_UTF16):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError:
            raise SpecError.of(
                "The file is cut off, or not UTF-16",
                detail="It begins as UTF-16, and does not go on as such.",
                hint="Save it again.",
                position=Position(label),
                code=Code.FILE_ENCODING,
            ) from None
    if data.startswith(_UTF16):
        raise SpecError.of(
            "The file is saved as UTF-16",
            detail="Files are read as UTF-8.",
            hint=_UTF8_HINT,
            position=Position(label),
            code=Code.FILE_ENCODING,
        )
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise SpecError.of(
            "The file is not UTF-8",
            detail=f"The byte 0x{data[error.start]:02x} here is not part of a character.",
            hint=_UTF8_HINT,
            position=_position(data[: error.start].decode(), label),
            code=Code.FILE_ENCODING,
        ) from None
    if found := _CONTROL.search(text):
        raise SpecError.of(
            "A control character",
            detail=f"The character U+{ord(found[0]):04X} cannot be seen and does not belong into text.",
            hint="Delete it.",
            position=_position(text[: found.start()], label),
            code=Code.FILE_ENCODING,
        )
    return text


def _position(before: str, label: str) -> Position:
    before = before.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return Position(label, before.count("\n") + 1, len(before) - before.rfind("\n"))


def _too_large(label: str, limit: int, position: Position) -> SpecError:
    size = f"{limit // 1024**2} MiB" if limit >= 1024**2 else f"{limit // 1024} KiB"
    return SpecError.of(
        "The file is too large",
        detail=f"`{label}` has more than {size}; it was not read.",
        hint="Split it, or check that this is the right file.",
        position=position,
        code=Code.FILE_TOO_LARGE,
    )
