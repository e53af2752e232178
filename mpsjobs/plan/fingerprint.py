"""The fingerprint: a name for a sound, in our own terms, that outlives releases.

Two assets with one fingerprint want the same sound and share its takes. The wire form of a request never enters, so that a change of
the API, of the catalogue or of mpsjobs itself never makes a paid change. `tests/testdata/fingerprints.json` holds it still.
"""

import unicodedata
from collections.abc import Mapping
from hashlib import blake2b
from typing import assert_never
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson

from mpsjobs.model.asset import Json, Reference, ReferenceKind, Sensitive, Sound

_EXACT = 2**53
"""Up to here every whole number is a float too."""

_SIGNATURE_PREFIXES = ("q-", "x-amz-", "x-cos-", "x-oss-", "x-goog-")
_SIGNATURE_NAMES = frozenset(
    {
        "sign",
        "signature",
        "sig",
        "token",
        "expires",
        "awsaccesskeyid",
        "ossaccesskeyid",
        "security-token",
        "key-pair-id",
        "policy",
    }
)


def canonical_fields(sound: Sound, fingerprints: Mapping[str, str] = {}) -> dict[str, Json]:
    """The fields that influence the sound, in canonical form, unset ones omitted.

    Text is NFC with LF and no trailing newline; a URL stands without its signature, a file by its content hash, another asset by its
    fingerprint (so a name is only a name); whole floats are integers; a sensitive text by its digest. The result holds no secret and
    goes into the state. `fingerprints` has those of the assets that the sound refers to, by address.

    Raises:
        KeyError: it lacks one.
    """
    fields: dict[str, Json] = {
        "model": sound.model,
        "version": sound.version,
        "scene": sound.scene,
        "prompt": _text(sound.prompt),
        "lyrics": _text(sound.lyrics),
        "instrumental": sound.instrumental,
        "reference_audio": [_reference(each, fingerprints) for each in sound.reference_audio],
        "reference_video": [_reference(each, fingerprints) for each in sound.reference_video],
        "format": sound.format,
        "extra_parameters": _json(dict(sound.extra_parameters)),
        "additional_parameters": _json(dict(sound.additional_parameters)),
        "variation": _text(sound.variation),
    }
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


def fingerprint(fields: Mapping[str, Json]) -> str:
    """`f1:` and 32 hex digits over the canonical fields."""
    canonical = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    return "f1:" + blake2b(canonical, digest_size=16).hexdigest()


def without_signature(url: str) -> str:
    """The URL without what only proves the right to read it: user info, fragment, signature parameters."""
    parts = urlsplit(url)
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if not _signs(key)]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, urlencode(query), ""))


def _signs(parameter: str) -> bool:
    name = parameter.lower()
    return name in _SIGNATURE_NAMES or name.startswith(_SIGNATURE_PREFIXES)


def _text(text: str | None) -> Json:
    if text is None:
        return None
    plain = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).rstrip("\n")
    return text.digest(plain) if isinstance(text, Sensitive) else plain


def _reference(reference: Reference, fingerprints: Mapping[str, str]) -> Json:
    match reference.kind:
        case ReferenceKind.URL:
            url = without_signature(reference.value)
            return {"url": reference.value.digest(url) if isinstance(reference.value, Sensitive) else url}
        case ReferenceKind.FILE:
            return {"sha256": reference.sha256}
        case ReferenceKind.ASSET:
            return {"asset": fingerprints[reference.value]}
        case _:
            assert_never(reference.kind)


def _json(value: Json) -> Json:
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    if isinstance(value, str):
        plain = unicodedata.normalize("NFC", value)
        return value.digest(plain) if isinstance(value, Sensitive) else plain
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {
            unicodedata.normalize("NFC", key): _json(item) for key, item in value.items() if item is not None
        }
    return value
