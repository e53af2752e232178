"""What is wrong with the settings, beyond one key, and where."""

from typing import Any, Literal

from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Position, Severity
from mpsjobs.spec.mistakes import locate
from mpsjobs.spec.project_files import SETTINGS_NAME
from mpsjobs.spec.settings_file import SettingsFile
from mpsjobs.spec.yaml import Map, position


class Problems:
    """The diagnostics so far. `root` is the file as written, which tells where each stands."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.found: list[Diagnostic] = []

    def place(self, path: tuple[str | int, ...], *, key: bool = False, root: Any = None) -> Position:
        """Where a value, or its key, is written; else what is around it. `root`: in that text instead."""
        mark = locate(self.root if root is None else root, path, key=key)
        return position(mark, SETTINGS_NAME) if mark else Position(SETTINGS_NAME)

    def add(  # noqa: PLR0913  # what a diagnostic says, one to one
        self,
        path: tuple[str | int, ...],
        summary: str,
        detail: str,
        hint: str,
        *,
        key: bool = False,
        root: Any = None,
        code: Code,
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Note a diagnostic about what is written at the path."""
        at = self.place(path, key=key, root=root)
        self.found.append(Diagnostic(summary, detail, hint, severity, at, code=code))

    def two_sources(self, path: tuple[str, ...], what: str, one: str, other: str) -> None:
        """Two keys say the same thing, each in its way."""
        self.add(
            path,
            f"{what} two sources",
            f"Both `{one}` and `{other}` are set.",
            "Remove one of them.",
            key=True,
            code=Code.TWO_SOURCES,
        )

    def needs_place(
        self, file: SettingsFile, section: Literal["store", "state"], why: str, code: Code
    ) -> None:
        """A section that means a bucket says which."""
        place = file.store if section == "store" else file.state
        for name, example in (("bucket", "aurora-1250000000"), ("region", "ap-guangzhou")):
            # What was written but wrong has its diagnostic already.
            if getattr(place, name) is None and locate(self.root, (section, name)) is locate(
                self.root, (section,)
            ):
                self.add(
                    (section,),
                    f'The {section} needs a "{name}"',
                    why,
                    f"Add `{name}: {example}` under `{section}:`.",
                    key=True,
                    code=code,
                )

    def written(self, key: str) -> dict[str, Any]:
        """A section as it is written; empty where there is none."""
        value = self.root.get(key) if isinstance(self.root, Map) else None
        return value if isinstance(value, dict) else {}
