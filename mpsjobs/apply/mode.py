"""How far a run goes."""

from enum import StrEnum


class Mode(StrEnum):
    """APPLY submits and waits · DETACH submits and leaves · DRAFT submits and waits, and changes nothing that is in use · WAIT only waits · REFRESH only looks, once · IMPORT only imports."""

    APPLY = "apply"
    DETACH = "apply --detach"
    DRAFT = "apply --draft"
    WAIT = "wait"
    REFRESH = "refresh"
    IMPORT = "import"

    @property
    def submits(self) -> bool:
        return self in {Mode.APPLY, Mode.DETACH, Mode.DRAFT}

    @property
    def looks(self) -> bool:
        """Whether tasks and attempts of earlier runs are asked for."""
        return self is not Mode.DETACH

    @property
    def waits(self) -> bool:
        return self in {Mode.APPLY, Mode.DRAFT, Mode.WAIT}
