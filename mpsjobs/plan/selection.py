"""Which assets a command is about, as its options say it."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

FAILED = "failed:"
"""A target that means: whatever has failed, tried once more."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Addresses and globs (`level1.*`). Without targets every asset is meant.

    `replace` asks for new takes in place of those that are there; like `failed:` and `retry`, it also tries again what was given up.
    """

    targets: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    retry: bool = False

    def includes(self, address: str, *, failed: bool) -> bool:
        if not self.targets:
            return True
        return (failed and FAILED in self.targets) or matches(address, self.targets)

    def replaces(self, address: str) -> bool:
        return matches(address, self.replace)

    def retries(self, address: str) -> bool:
        """Whether a sound that failed for good may be tried again: only when that was said."""
        return self.retry or FAILED in self.targets or self.replaces(address)


EVERYTHING = Selection()


def matches(address: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(address, pattern) for pattern in patterns)
