"""What lies in the bucket of an encrypted state: AES-256-GCM, done by the library `cryptography`.

An encrypted object is made of these parts::

    mark          8 bytes: `mpsjobs` and a zero
    version       1 byte: that of this form, 1
    key id        8 bytes: which key it was encrypted with
    nonce        12 bytes: random
    content      as long as the plain one, and 16 bytes that prove that nothing was changed

The proof covers everything before the content, and the name under which the object lies in its bucket. So a changed object does not open, nor
does one that was copied to another name.
"""

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import StateError
from mpsjobs.state.keys import ID_SIZE, Key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_MARK: Final = b"mpsjobs\x00"
_VERSION: Final = b"\x01"
_ID: Final = slice(len(_MARK) + 1, len(_MARK) + 1 + ID_SIZE)
_NONCE: Final = slice(_ID.stop, _ID.stop + 12)
_PROOF_SIZE: Final = 16
OVERHEAD: Final = _NONCE.stop + _PROOF_SIZE


WANTING: Final = frozenset(
    {
        Code.BAD_STATE_KEY,
        Code.NO_ENCRYPTION_LIBRARY,
        Code.NO_STATE_KEY,
        Code.OTHER_STATE_KEY,
        Code.STATE_ENCRYPTED,
        Code.STATE_IS_NEWER,
    }
)
"""What stands between us and a state that may be sound."""


class TamperedError(Exception):
    """An encrypted object was changed since it was written, or lies under another name."""


def is_encrypted(data: bytes) -> bool:
    return data.startswith(_MARK)


class Encryption:
    """How the objects of one state are encrypted. Thread-safe. `keys` are asked for when the first of them is needed.

    Not `writes`: what is written from now on is plain. `reads_plain`: what is plain is read as well; otherwise only where a `Head` allows it.
    """

    def __init__(
        self, keys: Callable[[], tuple[Key, ...]], *, writes: bool = True, reads_plain: bool = False
    ) -> None:
        self._keys = keys
        self.writes = writes
        self.reads_plain = reads_plain or not writes

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """The first one encrypts. Raises StateError: there is none, or one cannot be right."""
        return self._keys()

    def require(self) -> None:
        """Raises StateError: there is no key, or no library."""
        self._ciphers  # noqa: B018  # made, if they can be

    def encrypt(self, content: bytes, name: str) -> bytes:
        """Raises StateError: there is no key, or no library."""
        key, nonce = self.keys[0], os.urandom(_NONCE.stop - _NONCE.start)
        head = _MARK + _VERSION + key.id
        return head + nonce + self._ciphers[key.id].encrypt(nonce, content, head + name.encode())

    def decrypt(self, data: bytes, name: str) -> bytes:
        """The content of what `encrypt` made.

        Raises:
            TamperedError: it was changed, or made for another name.
            StateError: it was made with a key that is not there or by a newer mpsjobs, or there is no library.
        """
        ciphers, key_id = self._ciphers, data[_ID]
        from cryptography.exceptions import InvalidTag

        if len(data) < OVERHEAD:
            raise TamperedError("it is cut off")
        if data[len(_MARK) : _ID.start] != _VERSION:
            raise _newer(name)
        cipher = ciphers.get(key_id)
        if cipher is None:
            raise _other_key(name, key_id, self.keys)
        try:
            return cipher.decrypt(data[_NONCE], data[_NONCE.stop :], data[: _ID.stop] + name.encode())
        except InvalidTag:
            raise TamperedError(
                "it was changed after it had been encrypted, or lies under another name"
            ) from None

    def is_current(self, data: bytes) -> bool:
        """Whether an object is as it would be written now: with this key, or plain."""
        if not self.writes:
            return not is_encrypted(data)
        return is_encrypted(data) and data[_ID] == self.keys[0].id

    @cached_property
    def _ciphers(self) -> "dict[bytes, AESGCM]":
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as error:
            raise StateError.of(
                "The library that encrypts the state is not installed",
                detail=f"The settings ask for encryption, which the package `cryptography` does. {error}.",
                hint="pip install 'mpsjobs[encryption]'",
                code=Code.NO_ENCRYPTION_LIBRARY,
            ) from None
        return {key.id: AESGCM(key.secret) for key in self.keys}


def key_needed(place: str) -> StateError:
    """The settings say nothing of encryption, and what is there is encrypted."""
    return StateError.of(
        "The state is encrypted",
        detail=f"{place} is encrypted, and the settings have no `state.encryption`. Nothing was changed.",
        hint="Get the settings of the project as they are now, with git pull. Or name the key: `encryption: {key_env: MPSJOBS_STATE_KEY}` under `state:`.",
        code=Code.STATE_ENCRYPTED,
    )


def not_encrypted(place: str) -> StateError:
    """The settings ask for encryption, and what is there is plain: it proves nothing about who wrote it."""
    return StateError.of(
        "The state is not encrypted",
        detail=f"{place} is plain, and the settings ask for encryption. Nothing was changed.",
        hint="If encryption is new here, encrypt the state: mpsjobs init --migrate-state. If it was encrypted before, somebody has put this object "
        "there without the key: do not trust it.",
        code=Code.STATE_NOT_ENCRYPTED,
    )


def _other_key(name: str, key_id: bytes, keys: tuple[Key, ...]) -> StateError:
    known = ", ".join(key.id.hex() for key in keys)
    return StateError.of(
        "The state was encrypted with another key",
        detail=f"{name} needs the key with the id {key_id.hex()}; given {'is' if len(keys) == 1 else 'are'} {known}. Nothing was changed.",
        hint="Give the right key. After a change of keys give both of them, the new one first, with a comma between them.",
        code=Code.OTHER_STATE_KEY,
    )


def _newer(name: str) -> StateError:
    return StateError.of(
        "The state was encrypted by a newer mpsjobs",
        detail=f"{name} has a form that this mpsjobs does not know.",
        hint="Install the newer mpsjobs.",
        code=Code.STATE_IS_NEWER,
    )
