"""What is told to the person who wrote the input, and the errors that carry it.

The tree of errors::

    MpsjobsError            what a user can mend; carries one or more diagnostics; never shown with a traceback
    ├── SpecError           settings and spec files, all mistakes at once
    ├── StateError          a state file or journal that cannot be trusted, or cannot be written
    │   └── LockLostError   this run no longer holds the state, or somebody changed it meanwhile
    ├── LockHeldError       another run holds the state
    └── CloudError          credentials, the network, or an answer that stops the run
        └── MissingInputError   what one asset is made from is gone or was changed: it concerns that asset alone

Anything else that reaches the user is a bug in mpsjobs and says so.

How to write one: the *summary* is one short sentence of our words, with no more user data in it than an address or a key; the
*detail* says what is wrong and why it matters; the *hint* says how to mend it, in the imperative; the *code* says which kind of mistake
it is, and never changes: see `codes`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from mpsjobs.model.codes import Code


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file: the path as shown to the user (relative to the project), line and column from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that a diagnostic names, such as the first of two definitions."""

    position: Position
    label: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    summary: str
    detail: str = ""
    hint: str = ""
    severity: Severity = Severity.ERROR
    position: Position | None = None
    related: tuple[Related, ...] = ()
    code: Code | None = None

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


def in_reading_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sort by file, line and column; what has no position comes first."""
    return tuple(
        sorted(diagnostics, key=lambda d: (d.position is not None, d.position or Position(""), d.summary))
    )


class MpsjobsError(Exception):
    """Something the user can mend. Raised with all diagnostics known at that moment."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("; ".join(d.summary for d in diagnostics))
        self.diagnostics = in_reading_order(diagnostics)

    @classmethod
    def of(
        cls,
        summary: str,
        *,
        detail: str = "",
        hint: str = "",
        position: Position | None = None,
        code: Code | None = None,
    ) -> Self:
        return cls(Diagnostic(summary, detail, hint, position=position, code=code))


class SpecError(MpsjobsError):
    """Settings or spec files hold mistakes."""


class StateError(MpsjobsError):
    """The recorded state cannot be read, trusted or written."""


class LockLostError(StateError):
    """The lock on the state was taken away, or its files were changed by somebody else: nothing more may be submitted."""


class LockHeldError(MpsjobsError):
    """Another run holds the lock on the state."""


class CloudError(MpsjobsError):
    """The cloud, or the way to it, stops the run. `code` is one word for the cause, the server's own where it gave one."""

    code: str = ""

    def coded(self, code: str) -> Self:
        """This error, with its code."""
        self.code = code
        return self


class MissingInputError(CloudError):
    """What an asset is made from is not there as it was planned; other assets go on."""
