"""The keys that encrypt a state in a bucket: where they come from, and how they are written."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Final

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.settings import EncryptionSettings

KEY_SIZE: Final = 32
ID_SIZE: Final = 8
MAKE_ONE: Final = "openssl rand -base64 32"


@dataclass(frozen=True)
class Key:
    """256 random bits. Its text form shows nothing of them; its id tells it from others and reveals nothing either."""

    secret: bytes = field(repr=False)

    @cached_property
    def id(self) -> bytes:
        return blake2b(self.secret, digest_size=ID_SIZE, person=b"mpsjobs key id").digest()


def read_keys(settings: EncryptionSettings, root: Path, environment: Mapping[str, str]) -> tuple[Key, ...]:
    """The keys that the settings of the project in the folder `root` name, at least one. The first one encrypts, all of them decrypt.

    Raises:
        StateError: there are none, or one cannot be right. No part of a key is told.
    """
    if settings.key_env is not None:
        place = f"the variable {settings.key_env}"
        text = environment.get(settings.key_env, "")
        if not text.strip():
            raise _no_key(f"The settings name {place}, and it is not set.")
        return parse_keys(text, place)
    file = root / Path(str(settings.key_file)).expanduser()
    try:
        text = file.read_text(encoding="ascii")
    except UnicodeDecodeError:
        raise _bad_key(f"The file {settings.key_file} is no text.") from None
    except (OSError, RuntimeError) as error:
        if _is_key(str(settings.key_file)):
            raise _bad_key(
                "`key_file` is a key itself, which must not stand in the settings: make another one."
            ) from None
        why = error.strerror if isinstance(error, OSError) else "there is no home folder"
        raise _no_key(
            f"The settings name the file {settings.key_file}, and it cannot be read: {why}."
        ) from None
    return parse_keys(text, f"the file {settings.key_file}")


def parse_keys(text: str, place: str) -> tuple[Key, ...]:
    """Keys in base64, each on a line of its own or with commas between them. Lines that begin with `#` are passed over.

    Raises:
        StateError: there is none, or one cannot be right. `place` says where they stand.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    written = [word for line in lines for word in line.replace(",", " ").split()]
    if not written:
        raise _no_key(f"There is none in {place}.")
    return tuple(_key(word, number, place) for number, word in enumerate(written, start=1))


def _is_key(text: str) -> bool:
    try:
        parse_keys(text, "")
    except StateError:
        return False
    return True


def _key(word: str, number: int, place: str) -> Key:
    try:
        secret = base64.b64decode(word.translate(_URL_SAFE) + "=" * (-len(word) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _bad_key(f"Key {number} in {place} is not base64.") from None
    if len(secret) != KEY_SIZE:
        raise _bad_key(f"Key {number} in {place} has {len(secret)} bytes; {KEY_SIZE} are needed.")
    return Key(secret)


_URL_SAFE: Final = str.maketrans("-_", "+/")


def _no_key(why: str) -> StateError:
    return StateError.of(
        "There is no key for the state",
        detail=why,
        hint="Put the key there that the state was encrypted with: whoever set this up has it. For a new state, or one that is plain yet, make "
        f"one and keep a copy of it: {MAKE_ONE}",
        code=Code.NO_STATE_KEY,
    )


def _bad_key(why: str) -> StateError:
    return StateError.of(
        "A key of the state cannot be right",
        detail=why,
        hint=f"A key is 32 random bytes in base64, as `{MAKE_ONE}` makes them; several stand on lines of their own, or with commas between them.",
        code=Code.BAD_STATE_KEY,
    )
