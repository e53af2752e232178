"""Writing what people wrote, or will read: never half a file."""

import os
import tempfile
from pathlib import Path

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import MpsjobsError


def replace_text(path: Path, text: str, label: str) -> None:
    """Write a file as a whole or not at all; its permissions stay, and a link goes on pointing where it did. `label` is its name for the user.

    Raises:
        MpsjobsError: it cannot be written; it is as it was.
    """
    path = path.resolve()
    try:
        mode = path.stat().st_mode & 0o7777 if path.exists() else None
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), 0o644 if mode is None else mode)
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise MpsjobsError.of(
            "The file cannot be written.",
            detail=f"{label}: {error.strerror or error}. It is as it was.",
            hint="Check its permissions and those of its folder, and the free space on the disk.",
            code=Code.FILE_NOT_WRITTEN,
        ) from error
