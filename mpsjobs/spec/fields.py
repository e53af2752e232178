"""Types of fields: what a value must be, said once, in the user's words."""

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from mpsjobs.model.codes import Code
from mpsjobs.model.durations import seconds_of
from mpsjobs.model.expectations import Range
from mpsjobs.spec.project_files import leads_outside
from mpsjobs.spec.scalars import UnusableNumberError, meaning
from mpsjobs.spec.yaml import Plain

_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?-[0-9]{5,20}")
_REGION = re.compile(r"[a-z0-9-]+")
_NAME = re.compile(r"[\w-]{1,64}")
AMOUNT = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_LEVEL = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{1,6})?")
_FOLDER = re.compile(r"[^\\\x00-\x1f\x7f]+")


def mistake(summary: str, detail: str = "", hint: str = "", *, code: Code) -> PydanticCustomError:
    """A mistake in our own words. In `summary`, `{name}` stands for the key."""
    return PydanticCustomError(
        "mistake", "{summary}", {"summary": summary, "detail": detail, "hint": hint, "code": code}
    )


def matching(fits: Callable[[str], object], what: str, hint: str) -> BeforeValidator:
    """A condition on a text; where it does not hold, the user reads what it must be, and the hint."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and not fits(value):
            raise mistake(
                f'"{{name}}" must be {what}',
                f"It is `{value[:80]}`." if value else "It is empty.",
                hint,
                code=Code.BAD_VALUE,
            )
        return value

    return BeforeValidator(check)


def matching_seconds(least: float, most: float, what: str, hint: str) -> AfterValidator:
    """Bounds of a duration, in the user's words."""

    def check(value: float) -> float:
        if not least <= value <= most:
            raise mistake(
                f'"{{name}}" must be {what}', f"It is {value:g} seconds.", hint, code=Code.BAD_VALUE
            )
        return value

    return AfterValidator(check)


def one_or_many(value: Any) -> Any:
    """A single item stands for a list of one."""
    return value if value is None or isinstance(value, list) else [value]


def bare_prefix(prefix: str) -> str:
    return prefix.strip("/")


def _decided(value: Any) -> Any:
    """The meaning of a plain scalar, for fields that are no text."""
    if type(value) is not Plain:
        return value
    try:
        return meaning(value)
    except UnusableNumberError as error:
        raise mistake(
            '"{name}" has an unusable number', str(error), "Write another number.", code=Code.UNUSABLE_NUMBER
        ) from None


def _is_prefix(text: str) -> bool:
    bare = bare_prefix(text)
    segments = bare.split("/") if bare else []
    return all(
        _FOLDER.fullmatch(segment) and segment.strip(" ") not in {"", ".", ".."} for segment in segments
    )


def _is_endpoint(text: str) -> bool:
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = parts.path in {"", "/"} and not (parts.query or parts.fragment or parts.username)
    return (
        parts.scheme in {"http", "https"} and bool(parts.hostname) and port_fits and plain and " " not in text
    )


def _is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and not re.search(r"\s", text)
    except ValueError:
        return False


def _seconds(value: Any) -> Any:
    seconds = seconds_of(value) if isinstance(value, str) else None
    if seconds is None:
        raise mistake(
            '"{name}" must be a duration',
            f"It is {value!r}.",
            "Write it like `90s`, `15m` or `2h`.",
            code=Code.BAD_VALUE,
        )
    return seconds


def _amount(value: Any) -> Any:
    if not (isinstance(value, str) and re.fullmatch(AMOUNT, value)):
        raise mistake(
            "This is no amount of money",
            f"It is {value[:40]!r}." if isinstance(value, str) else "It is no number.",
            "Write it like `0.035`, without a currency.",
            code=Code.BAD_VALUE,
        )
    return value


Duration: TypeAlias = Annotated[float, BeforeValidator(_seconds)]
"""Written as `90s`, `15m` or `2h`; seconds from then on."""


def _range(unit: str, what: str, example: str) -> BeforeValidator:
    return matching(
        lambda text: Range.of(text, unit),
        what,
        f"Write the smaller end first, like `{example}`; one end may be left out.",
    )


Seconds: TypeAlias = Annotated[str, _range("s", "a range of durations", "30s..90s")]
"""These are ranges, as they are written; `Range.of` reads them."""
Loudness: TypeAlias = Annotated[str, _range("LUFS", "a range of loudness", "-18..-14 LUFS")]
LoudnessRange: TypeAlias = Annotated[str, _range("LU", "a range of loudness ranges", "4..12 LU")]
TruePeak: TypeAlias = Annotated[str, _range("dBTP", "a range of true peaks", "..-1 dBTP")]


def _level(unit: str, least: float, most: float, example: str) -> BeforeValidator:
    """One figure with its unit, which may be left out."""

    def check(value: Any) -> Any:
        text = value.strip().removesuffix(unit).strip() if isinstance(value, str) else ""
        if not (_LEVEL.fullmatch(text) and least <= float(text) <= most):
            raise mistake(
                f'"{{name}}" must be a figure from {least:g} to {most:g} {unit}',
                f"It is `{value[:80]}`." if isinstance(value, str) else f"It is {value!r}.",
                f"Write it like `{example}`.",
                code=Code.BAD_VALUE,
            )
        return float(text)

    return BeforeValidator(check)


LoudnessLevel: TypeAlias = Annotated[float, _level("LUFS", -60, 0, "-16 LUFS")]
PeakLevel: TypeAlias = Annotated[float, _level("dBTP", -60, 0, "-1 dBTP")]
Whole: TypeAlias = Annotated[int, BeforeValidator(_decided)]
Number: TypeAlias = Annotated[float, BeforeValidator(_decided)]
Switch: TypeAlias = Annotated[bool, BeforeValidator(_decided)]
Word: TypeAlias = Annotated[str, matching(str.strip, "a word", "Write a word, or remove the key.")]
Words: TypeAlias = Annotated[list[Word], BeforeValidator(one_or_many)]
Name: TypeAlias = Annotated[
    str, matching(_NAME.fullmatch, "a name", "Use letters, digits, `_` and `-`, at most 64 of them.")
]
Amount: TypeAlias = Annotated[str, BeforeValidator(_amount)]
"""Its source text, for a Decimal."""
Currency: TypeAlias = Annotated[
    str,
    matching(re.compile("[A-Z]{3}").fullmatch, "a currency", "Write its three letters, such as `USD`."),
]
Bucket: TypeAlias = Annotated[
    str,
    matching(
        _BUCKET.fullmatch,
        "a bucket with the account's number",
        "Write `name-appid`, such as `aurora-1250000000`.",
    ),
]
Region: TypeAlias = Annotated[
    str, matching(_REGION.fullmatch, "a region", "Write it as the cloud does, such as `ap-guangzhou`.")
]
RoleArn: TypeAlias = Annotated[
    str,
    matching(
        re.compile(r"qcs::cam::uin/[0-9]+:role(?:Name)?/\S+").fullmatch,
        "the ARN of a role",
        "Copy it from the role's page: `qcs::cam::uin/<number>:roleName/<name>`.",
    ),
]
Prefix: TypeAlias = Annotated[
    str,
    matching(
        _is_prefix, "a folder in the bucket", "Write names with `/` between them, without `.` and `..`."
    ),
]
ProjectPath: TypeAlias = Annotated[
    str,
    matching(
        lambda text: text.strip() and not leads_outside(text) and "\\" not in text,
        "a path inside of the project",
        "Write it relative to mpsjobs.yaml, with `/` between folders.",
    ),
]
Endpoint: TypeAlias = Annotated[
    str,
    matching(
        _is_endpoint, "a host or an http(s) URL without a path", "Write it like `http://127.0.0.1:9000`."
    ),
]
WebUrl: TypeAlias = Annotated[
    str,
    matching(
        _is_web_url, "an http or https URL", "Write the whole URL, such as `https://example.com/hum.wav`."
    ),
]
