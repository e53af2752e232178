"""The vendor's profile file: `~/.tencentcloud/credentials`, or else `/etc/tencentcloud/credentials`.

Our own reader, because the vendor's ProfileCredential only knows the section `default`, stops with an AttributeError where that is missing,
and leaves a token out. What it reads, this reads alike (tests/cloud/test_credentials_vendor.py).
"""

import configparser
from pathlib import Path
from typing import Final

from mpsjobs.cloud.credentials import Credentials, Nothing, Source
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError, Position

_NAME: Final = ".tencentcloud/credentials"
_FOR_ALL: Final = Path("/etc/tencentcloud/credentials")
_FORM: Final = (
    "Write `[default]` on a line of its own, then `secret_id = …` and `secret_key = …`, a line each."
)


def from_profile(home: Path, section: str = "default", *, for_all: Path = _FOR_ALL) -> Source | Nothing:
    """The credentials of a section: `secret_id`, `secret_key` and, for temporary ones, `token`. The file is read anew for each set.

    Raises:
        CloudError: the file cannot be read or understood, or the section has but a part of them.
    """
    file = next((file for file in (home / _NAME, for_all) if file.exists()), None)
    if file is None:
        return Nothing(f"profile {section}", f"there is neither ~/{_NAME} nor {for_all}")
    shown = _shown(file, home)
    place = f"profile {section} of {shown}"
    profiles = _read(file, shown)
    if not profiles.has_section(section):
        names = ", ".join(profiles.sections()) or "none"
        return Nothing(place, f"there is no section [{section}]; sections: {names}")
    _credentials(profiles, section, file, shown)
    return Source(place, lambda: _credentials(_read(file, shown), section, file, shown))


def from_named_profile(home: Path, section: str, *, for_all: Path = _FOR_ALL) -> Source:
    """The same where the settings name the section, so that it must be there."""
    match from_profile(home, section, for_all=for_all):
        case Source() as source:
            return source
        case Nothing(_, why):
            raise CloudError.of(
                f"There is no profile {section}",
                detail=f"`credentials.profile` asks for it, and {why}.",
                hint="Correct the name in mpsjobs.yaml, or add the section to the file.",
                code=Code.BAD_PROFILE,
            )


def _read(file: Path, shown: str) -> configparser.ConfigParser:
    profiles = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        profiles.read_string(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CloudError.of(
            "The profile file cannot be read", detail=f"{shown}: {why}.", code=Code.BAD_PROFILE
        ) from error
    except configparser.Error as error:
        # `from None`: the parser's own words quote the line, which may hold a key.
        raise CloudError.of(
            "The profile file cannot be understood",
            detail=_mistake(error),
            hint=_FORM,
            position=Position(shown, _line(error)),
            code=Code.BAD_PROFILE,
        ) from None
    return profiles


def _mistake(error: configparser.Error) -> str:
    match error:
        case configparser.MissingSectionHeaderError():
            return "Something stands before the first [section]."
        case configparser.DuplicateSectionError():
            return f"The section [{error.section}] is there twice."
        case configparser.DuplicateOptionError():
            return f"`{error.option}` is there twice in [{error.section}]."
        case _:
            return "The line is neither `name = value` nor a [section]."


def _line(error: configparser.Error) -> int:
    errors = getattr(error, "errors", ())  # several lines, of which the first is told
    line = errors[0][0] if errors else getattr(error, "lineno", None)
    return line if isinstance(line, int) else 1


def _credentials(profiles: configparser.ConfigParser, section: str, file: Path, shown: str) -> Credentials:
    # The vendor's own example shows the values in quotes.
    known = profiles.items(section) if profiles.has_section(section) else ()
    values = {name: value.strip().strip("\"'") for name, value in known}
    missing = [name for name in ("secret_id", "secret_key") if not values.get(name)]
    if missing:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
        at = next((n for n, line in enumerate(lines, 1) if line.strip().startswith(f"[{section}]")), 1)
        raise CloudError.of(
            "The profile is incomplete",
            detail=f"Section [{section}] has no {' and no '.join(missing)}.",
            hint=_FORM,
            position=Position(shown, at),
            code=Code.BAD_PROFILE,
        )
    return Credentials(values["secret_id"], values["secret_key"], values.get("token") or None)


def _shown(file: Path, home: Path) -> str:
    return f"~/{file.relative_to(home)}" if file.is_relative_to(home) else str(file)
