"""Which files of a project are formatted."""

from pathlib import Path

from mpsjobs.model.diagnostics import SpecError
from mpsjobs.model.settings import SPEC_PATTERNS
from mpsjobs.spec.project_files import PICKS_NAME, SETTINGS_NAME, find_spec_files, is_settings_file
from mpsjobs.spec.source import read_text
from mpsjobs.spec.yaml import Map, Seq, parse

_SUFFIXES = frozenset({".yaml", ".yml"})


def files_of_project(root: Path) -> tuple[Path, ...]:
    """The settings, the decisions and the specs of the project in the folder `root`. Settings with mistakes are no obstacle.

    Raises:
        SpecError: the patterns of the specs lead out of the project.
    """
    settings = sorted(each for each in root.iterdir() if is_settings_file(each.name) and each.is_file())
    decisions = (root / PICKS_NAME,) if (root / PICKS_NAME).is_file() else ()
    return (*settings, *decisions, *find_spec_files(root, _patterns(root / SETTINGS_NAME)))


def files_below(folder: Path) -> tuple[Path, ...]:
    """All YAML files in a folder and below it, hidden ones left out."""
    found = (each for each in folder.rglob("*") if each.suffix in _SUFFIXES and each.is_file())
    return tuple(
        sorted(
            each for each in found if not any(part.startswith(".") for part in each.relative_to(folder).parts)
        )
    )


def _patterns(settings: Path) -> tuple[str, ...]:
    try:
        root = parse(read_text(settings, settings.name), settings.name).root
    except SpecError:  # said when the file is formatted
        return SPEC_PATTERNS
    written = root.get("specs") if isinstance(root, Map) else None
    patterns = written if isinstance(written, Seq) else [written]
    return tuple(each for each in patterns if isinstance(each, str)) or SPEC_PATTERNS
