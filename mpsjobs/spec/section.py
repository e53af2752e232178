"""A part of the settings."""

from typing import Any, ClassVar

from pydantic import model_validator

from mpsjobs.spec.documents import Written


class Section(Written):
    """A part of the settings, in which `null` is the same as nothing, but where it has a meaning of its own."""

    MEANT: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if data is None:
            return {}
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None or key in cls.MEANT}
        return data
