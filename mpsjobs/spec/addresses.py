"""Addresses: the names of assets, with their groups, and what may be in them."""

import re
import unicodedata
from collections.abc import Iterable

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Related

MAX_LENGTH = 200
_SEGMENTS = re.compile(r"[\w-]+(?:\.[\w-]+)*")
_HINT = "Use letters, digits, `_` and `-`, with a dot between segments: `level1.boss-theme`."


def normal_address(group: str | None, name: str) -> str:
    """The group and the name joined by a dot, in NFC."""
    return unicodedata.normalize("NFC", f"{group}.{name}" if group else name)


def is_address(text: str) -> bool:
    return _SEGMENTS.fullmatch(unicodedata.normalize("NFC", text)) is not None


def bad_name(what: str, name: str, position: Position) -> Diagnostic | None:
    """What is wrong with a group or the name of an asset."""
    if is_address(name):
        return None
    odd = sorted({char for char in name if not re.match(r"[\w.-]", char)})
    detail = (
        f"It holds {' '.join(map(ascii, odd[:5]))}."
        if odd
        else "It is empty, or a dot stands at an end or beside another."
    )
    hint = "Put a space after the colon." if ":" in odd else _HINT
    return Diagnostic(
        f"This cannot be the name of {what}", detail, hint, position=position, code=Code.BAD_NAME
    )


def too_long(address: str, position: Position) -> Diagnostic | None:
    if len(address) <= MAX_LENGTH:
        return None
    detail = f"It has {len(address)} characters with its group; files are named after it, and {MAX_LENGTH} is the limit."
    return Diagnostic(
        "The address is too long",
        detail,
        "Shorten the name or the group.",
        position=position,
        code=Code.ADDRESS_TOO_LONG,
    )


def clashes(addresses: Iterable[tuple[str, Position]]) -> list[Diagnostic]:
    """Addresses that are there twice, or differ only in case (and would be one file on Windows and macOS)."""
    seen: dict[str, tuple[str, Position]] = {}
    found: list[Diagnostic] = []
    for address, position in addresses:
        first, place = seen.setdefault(address.casefold(), (address, position))
        if place is position:
            continue
        if first == address:
            code = Code.ADDRESS_TWICE
            summary, detail = f'The address "{address}" is there twice', f"{place} has it already."
        else:
            code = Code.ADDRESS_DIFFERS_IN_CASE
            summary = f'The address "{address}" differs only in case'
            detail = f'{place} has "{first}" already; on Windows and macOS both would be one file.'
        hint = "Rename one of the two, or put it into another group."
        related = (Related(place, "first written here"),)
        found.append(Diagnostic(summary, detail, hint, position=position, related=related, code=code))
    return found
