"""Keys that every kind of store can hold."""

from typing import Final

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError

TEMPORARY: Final = ".tmp-"
"""What the names of unfinished files begin with. Whoever writes here renames them when they are whole; nobody else looks at them."""


def check_key(key: str) -> None:
    """Refuse keys that could not be files of a folder.

    Raises:
        CloudError: a part of the key is empty, `.` or `..`, holds a NUL, or names an unfinished file.
    """
    for segment in key.split("/"):
        if segment in {"", ".", ".."}:
            raise bad_key(key, "it has an empty part, `.` or `..`")
        if "\0" in segment or segment.startswith(TEMPORARY):
            raise bad_key(key, f"a part of it holds a NUL or begins with `{TEMPORARY}`")


def bad_key(key: str, why: str) -> CloudError:
    return CloudError.of(
        "The object store cannot hold this key", detail=f"{key!r}: {why}.", code=Code.BAD_OBJECT_KEY
    )
